/* postscreen_params: the parameters of postscreen; filled at start, then read-only. */
#ifndef POSTSCREEN_PARAMS_H
#define POSTSCREEN_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER postscreen
#define PARAM_FILE  "postscreen/postscreen_params.def"
#include "config/param_struct.h"

#endif
