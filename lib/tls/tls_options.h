/* tls_options: OpenSSL's options by their names in main.cf, or as "0x" and a number. */
#ifndef TLS_TLS_OPTIONS_H
#define TLS_TLS_OPTIONS_H

#include "base/strbuf.h"

/* tls_ssl_options: options to be switched on. A name that is not known is left out; PROBLEMS gets a
 * line about it. */
uint64_t tls_options_parse(const char *list, struct strbuf *problems);
/* tls_disable_workarounds: those of SSL_OP_ALL that stay. */
uint64_t tls_options_workarounds(const char *disabled, struct strbuf *problems);

#endif
