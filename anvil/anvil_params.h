/* anvil_params: the parameters of anvil; filled at start, then read-only. */
#ifndef ANVIL_ANVIL_PARAMS_H
#define ANVIL_ANVIL_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER anvil
#define PARAM_FILE  "anvil/anvil_params.def"
#include "config/param_struct.h"

#endif
