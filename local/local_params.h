/* local_params: the parameters of local(8) as a struct. */
#ifndef LOCAL_PARAMS_H
#define LOCAL_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER local
#define PARAM_FILE  "local/local_params.def"
#include "config/param_struct.h"

#endif
