/* tls_ciphers: cipher grades of main.cf as OpenSSL's cipher lists (TLSv1.2 and older). */
#ifndef TLS_TLS_CIPHERS_H
#define TLS_TLS_CIPHERS_H

#include "base/err.h"
#include "base/strbuf.h"

/* GRADE: high, medium, null, or the historic low and export, which mean medium. EXCLUDE: a list of
 * ciphers and of cipher properties ("MD5, aDSS"). NEED_CERTIFICATES also excludes what has none. */
bool tls_ciphers_list(const char *grade, const char *exclude, bool need_certificates,
                      struct strbuf *out, struct err *err);

#endif
