/* common_params: the parameters that every program reads; filled at start, then read-only. */
#ifndef CONFIG_COMMON_PARAMS_H
#define CONFIG_COMMON_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER common
#define PARAM_FILE  "config/common_params.def"
#include "config/param_struct.h"

/* Compute the host's defaults (myhostname, mydomain, ...), then load common_params from CFG. */
bool common_params_load(struct config *cfg, struct err *err);

#endif
