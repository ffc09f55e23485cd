/*
 * smtp_params: the parameters of the SMTP and LMTP client; filled at start, then read-only.
 *
 * The program runs as smtp or as lmtp. Its code reads one struct with the names of the SMTP client;
 * as lmtp the values of the lmtp_ parameters are put there.
 */
#ifndef SMTP_SMTP_PARAMS_H
#define SMTP_SMTP_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER smtp
#define PARAM_FILE  "smtp/smtp_params.def"
#define PARAM_EXTRA bool lmtp_assume_final;
#include "config/param_struct.h"

#define PARAM_OWNER lmtp
#define PARAM_FILE  "smtp/lmtp_params.def"
#include "config/param_struct.h"

/* Read the lmtp_ parameters over the smtp_ ones. */
bool smtp_params_use_lmtp(struct config *cfg, struct err *err);

#endif
