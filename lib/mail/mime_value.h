/* mime_value: the parts of Content-Type: and Content-Transfer-Encoding: values (RFC 2045). */
#ifndef MAIL_MIME_VALUE_H
#define MAIL_MIME_VALUE_H

#include "base/strbuf.h"
#include "mail/mime.h"

struct mime_type {
    struct slice type, subtype; /* of the header's text; empty when malformed */
};

/* BOUNDARY (unquoted) is left empty when there is none; its own maximum bounds it. */
void mime_value_type(struct slice value, struct mime_type *ret, struct strbuf *ret_boundary);
enum mime_encoding mime_value_encoding(struct slice value);

#endif
