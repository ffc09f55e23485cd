/* anvil_params: the parameters of anvil; filled at start, then read-only. */
#ifndef ANVIL_ANVIL_PARAMS_H
#define ANVIL_ANVIL_PARAMS_H

#include "config/param.h"

struct anvil_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "anvil/anvil_params.def"
#undef PARAM
};

extern struct anvil_params anvil_params;
extern const struct param_row anvil_param_rows[];

#endif
