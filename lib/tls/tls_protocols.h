/*
 * tls_protocols: the protocol versions that a parameter such as smtpd_tls_protocols allows.
 *
 * Items are names, of which only the named ones stay; names after '!', which go; and bounds,
 * ">=TLSv1.2" and "<=TLSv1.3" (names or OpenSSL's numbers). An empty list allows all.
 */
#ifndef TLS_TLS_PROTOCOLS_H
#define TLS_TLS_PROTOCOLS_H

#include "base/err.h"

struct tls_protocols {
    int lowest, highest; /* OpenSSL's version numbers; 0: no bound */
    uint64_t excluded;   /* SSL_OP_NO_ bits */
};

bool tls_protocols_parse(const char *list, struct tls_protocols *ret, struct err *err);

#endif
