/* tls_library: OpenSSL's own start, with or without its configuration file. */
#ifndef TLS_TLS_LIBRARY_H
#define TLS_TLS_LIBRARY_H

#include "base/err.h"

/* Before anything else of OpenSSL is used. FILE: "default", "none" or a path; NAME: the name of the
 * application in that file, "" for OpenSSL's. A file that cannot be used is an error. */
bool tls_library_start(const char *file, const char *name, struct err *err);
struct strbuf;
/* PROBLEMS gets a line: the parameter NAME asks for raw public keys (RFC 7250), and there are none.
 */
void tls_library_refuse_keys(const char *name, struct strbuf *problems);
const char *tls_library_version(void); /* "OpenSSL 3.0.2 ..." */

#endif
