/* The rows of smtpd_params.def as a table. */
#include "smtpd/smtpd_params.h"

#define PARAM_OWNER smtpd
#define PARAM_FILE  "smtpd/smtpd_params.def"
#include "config/param_rows.h"
