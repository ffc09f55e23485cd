/* flush_params: the parameters of flush; filled at start, then read-only. */
#ifndef FLUSH_FLUSH_PARAMS_H
#define FLUSH_FLUSH_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER flush
#define PARAM_FILE  "flush/flush_params.def"
#include "config/param_struct.h"

#endif
