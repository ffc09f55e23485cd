/* milter_params: the parameters of milters that smtpd and cleanup share. */
#ifndef MILTER_MILTER_PARAMS_H
#define MILTER_MILTER_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER milter
#define PARAM_FILE  "milter/milter_params.def"
#include "config/param_struct.h"

#endif
