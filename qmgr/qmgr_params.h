/* qmgr_params: the parameters of qmgr as a struct. */
#ifndef QMGR_PARAMS_H
#define QMGR_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER qmgr
#define PARAM_FILE  "qmgr/qmgr_params.def"
#include "config/param_struct.h"

#endif
