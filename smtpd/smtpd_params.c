/* The rows of smtpd_params.def as a table. */
#include "smtpd/smtpd_params.h"

struct smtpd_params smtpd_params;

const struct param_row smtpd_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose)                                                  \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct smtpd_params, name)},
#include "smtpd/smtpd_params.def"
#undef PARAM
    {0},
};
