/*
 * smtp_params: the parameters of the SMTP and LMTP client; filled at start, then read-only.
 *
 * The program runs as smtp or as lmtp. Its code reads one struct with the names of the SMTP client;
 * as lmtp the values of the lmtp_ parameters are put there.
 */
#ifndef SMTP_SMTP_PARAMS_H
#define SMTP_SMTP_PARAMS_H

#include "config/param.h"

struct smtp_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "smtp/smtp_params.def"
#undef PARAM
    bool lmtp_assume_final;
};

extern struct smtp_params smtp_params;
extern const struct param_row smtp_param_rows[];
extern const struct param_row lmtp_param_rows[];

/* Read the lmtp_ parameters over the smtp_ ones. */
bool smtp_params_use_lmtp(struct config *cfg, struct err *err);

#endif
