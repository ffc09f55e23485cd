/* smtp_generic: smtp_generic_maps: local addresses become ones that the outside knows. */
#ifndef SMTP_SMTP_GENERIC_H
#define SMTP_SMTP_GENERIC_H

#include "smtp/smtp_delivery.h"

/* Fill in the addresses of the envelope as they will be sent. False: a table cannot answer. */
bool smtp_generic_envelope(struct smtp_delivery *d, struct err *err);
bool smtp_generic_is_on(void);
/* One whole header (lines separated by LF); true: OUT has the new one. ERR is filled when a table
 * cannot answer. */
bool smtp_generic_header(struct slice header, struct strbuf *out, struct err *err);

#endif
