/* cleanup_params: the parameters of cleanup(8) alone; filled at start, then read-only. */
#ifndef CLEANUP_CLEANUP_PARAMS_H
#define CLEANUP_CLEANUP_PARAMS_H

#include "config/param.h"

struct cleanup_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "cleanup/cleanup_params.def"
#undef PARAM
};

extern struct cleanup_params cleanup_params;
extern const struct param_row cleanup_param_rows[];

#endif
