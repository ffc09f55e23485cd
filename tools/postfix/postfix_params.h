/* postfix_params: the parameters of postfix(1). */
#ifndef POSTFIX_POSTFIX_PARAMS_H
#define POSTFIX_POSTFIX_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER postfix
#define PARAM_FILE  "postfix/postfix_params.def"
#include "config/param_struct.h"

#endif
