/* flush_params: the parameters of flush; filled at start, then read-only. */
#ifndef FLUSH_FLUSH_PARAMS_H
#define FLUSH_FLUSH_PARAMS_H

#include "config/param.h"

struct flush_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "flush/flush_params.def"
#undef PARAM
};

extern struct flush_params flush_params;
extern const struct param_row flush_param_rows[];

#endif
