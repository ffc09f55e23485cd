/* smtpd_params: the parameters of the SMTP server; filled at start, then read-only. */
#ifndef SMTPD_SMTPD_PARAMS_H
#define SMTPD_SMTPD_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER smtpd
#define PARAM_FILE  "smtpd/smtpd_params.def"
#include "config/param_struct.h"

#endif
