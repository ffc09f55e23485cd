/*
 * sendmail_sink: where the records of a submission go: straight into maildrop/ when the caller may
 * write there, else to postdrop.
 */
#ifndef SENDMAIL_SENDMAIL_SINK_H
#define SENDMAIL_SENDMAIL_SINK_H

#include "base/err.h"
#include "base/strbuf.h"

struct sendmail_sink;

struct sendmail_sink *sendmail_sink_new(const char *config_dir, struct err *err);
bool sendmail_sink_add(struct sendmail_sink *s, int type, struct slice data, struct err *err);
bool sendmail_sink_addf(struct sendmail_sink *s, struct err *err, int type, const char *fmt, ...)
    PRINTF(4, 5);
/* True: the message is stored. False: RET_STATUS is the exit status to use. */
bool sendmail_sink_commit(struct sendmail_sink *s, int *ret_status, struct err *err);
void sendmail_sink_free(struct sendmail_sink *s); /* without commit: nothing stays behind */

#endif
