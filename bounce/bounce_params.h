/* bounce_params: the parameters of bounce; filled at start, then read-only. */
#ifndef BOUNCE_BOUNCE_PARAMS_H
#define BOUNCE_BOUNCE_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER bounce
#define PARAM_FILE  "bounce/bounce_params.def"
#include "config/param_struct.h"

#endif
