/* sendmail_submit: one message from standard input into the queue. */
#ifndef SENDMAIL_SENDMAIL_SUBMIT_H
#define SENDMAIL_SENDMAIL_SUBMIT_H

#include "sendmail/sendmail_options.h"

/* Returns the exit status; fatal errors end the program. */
int sendmail_submit(const struct sendmail_options *o);

#endif
