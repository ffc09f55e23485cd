/* esmtp_args: the parameters after an address in MAIL and RCPT (RFC 5321, section 4.1.2). */
#ifndef ESMTP_ESMTP_ARGS_H
#define ESMTP_ESMTP_ARGS_H

#include "base/slice.h"

/* Take one KEYWORD or KEYWORD=value off the front of *IN; false at the end of the line. */
bool esmtp_next_arg(struct slice *in, struct slice *ret_keyword, struct slice *ret_value);
/* Take one word; blanks and tabs separate. */
bool esmtp_next_word(struct slice *in, struct slice *ret_word);

#endif
