/* verify_params: the parameters of verify; filled at start, then read-only. */
#ifndef VERIFY_VERIFY_PARAMS_H
#define VERIFY_VERIFY_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER verify
#define PARAM_FILE  "verify/verify_params.def"
#include "config/param_struct.h"

#endif
