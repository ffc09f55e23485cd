/* cleanup_params: the parameters of cleanup(8) alone; filled at start, then read-only. */
#ifndef CLEANUP_CLEANUP_PARAMS_H
#define CLEANUP_CLEANUP_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER cleanup
#define PARAM_FILE  "cleanup/cleanup_params.def"
#include "config/param_struct.h"

#endif
