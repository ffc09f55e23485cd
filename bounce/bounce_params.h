/* bounce_params: the parameters of bounce; filled at start, then read-only. */
#ifndef BOUNCE_BOUNCE_PARAMS_H
#define BOUNCE_BOUNCE_PARAMS_H

#include "config/param.h"

struct bounce_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "bounce/bounce_params.def"
#undef PARAM
};

extern struct bounce_params bounce_params;
extern const struct param_row bounce_param_rows[];

#endif
