/* virtual_params: the parameters of virtual(8) as a struct. */
#ifndef VIRTUAL_PARAMS_H
#define VIRTUAL_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER virtual
#define PARAM_FILE  "virtual/virtual_params.def"
#include "config/param_struct.h"

#endif
