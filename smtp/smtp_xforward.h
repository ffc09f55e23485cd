/* smtp_xforward: telling a content filter who sent the message (smtp_send_xforward_command). */
#ifndef SMTP_SMTP_XFORWARD_H
#define SMTP_SMTP_XFORWARD_H

#include "smtp/smtp_session.h"

/* The bit of an attribute's name in the EHLO reply; 0: unknown. */
unsigned smtp_xforward_attribute(struct slice name);
/* The next command with as many attributes as fit on a line; false: all is said. */
bool smtp_xforward_next(struct smtp_session *s, struct strbuf *line);

#endif
