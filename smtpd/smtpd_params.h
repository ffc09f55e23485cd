/* smtpd_params: the parameters of the SMTP server; filled at start, then read-only. */
#ifndef SMTPD_SMTPD_PARAMS_H
#define SMTPD_SMTPD_PARAMS_H

#include "config/param.h"

struct smtpd_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "smtpd/smtpd_params.def"
#undef PARAM
};

extern struct smtpd_params smtpd_params;
extern const struct param_row smtpd_param_rows[];

#endif
