/* smtp_tlsrpt_text: the datagram for a collector of TLS reports, in the words of RFC 8460, section
 * 4.4. docs/protocol/tlsrpt.md. */
#ifndef SMTP_SMTP_TLSRPT_TEXT_H
#define SMTP_SMTP_TLSRPT_TEXT_H

#include "smtp/smtp_tls_policy.h"

enum { SMTP_TLSRPT_MAX = 60000 }; /* octets of a datagram */

struct smtp_tlsrpt_result {
    const struct smtp_tls_policy *policy;
    const char *domain; /* the destination */
    const char *host, *host_address;
    const char *own_address; /* "": not known */
    const char *type;        /* of the failure; NULL: it is a success */
    const char *reason;      /* NULL: none */
};

/* Append the members "policy" and "result". */
void smtp_tlsrpt_text_result(const struct smtp_tlsrpt_result *result, struct strbuf *out);
/* Append the datagram. RECORD is DOMAIN's, BODY the members that smtp_tlsrpt_text_result() made. */
void smtp_tlsrpt_text_whole(const char *domain, const char *record, const char *body,
                            struct strbuf *out);

#endif
