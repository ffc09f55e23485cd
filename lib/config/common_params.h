/* common_params: the parameters that every program reads; filled at start, then read-only. */
#ifndef CONFIG_COMMON_PARAMS_H
#define CONFIG_COMMON_PARAMS_H

#include "config/param.h"

struct common_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "config/common_params.def"
#undef PARAM
};

extern struct common_params common_params;
extern const struct param_row common_param_rows[];

/* Compute the host's defaults (myhostname, mydomain, ...), then load common_params from CFG. */
bool common_params_load(struct config *cfg, struct err *err);

#endif
