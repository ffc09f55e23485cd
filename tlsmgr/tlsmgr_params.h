/* tlsmgr_params: the parameters of tlsmgr(8). */
#ifndef TLSMGR_TLSMGR_PARAMS_H
#define TLSMGR_TLSMGR_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER tlsmgr
#define PARAM_FILE  "tlsmgr/tlsmgr_params.def"
#include "config/param_struct.h"

#endif
