/* postmulti_params: the parameters of postmulti(1). */
#ifndef POSTMULTI_POSTMULTI_PARAMS_H
#define POSTMULTI_POSTMULTI_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER postmulti
#define PARAM_FILE  "postmulti/postmulti_params.def"
#include "config/param_struct.h"

#endif
