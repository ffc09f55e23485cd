/* tls_error: what OpenSSL has to say about a failure. */
#ifndef TLS_TLS_ERROR_H
#define TLS_TLS_ERROR_H

#include "base/strbuf.h"

/* Append the errors of this thread's queue, each as a line to be logged ("TLS library problem:
 * error:0A00010B:SSL routines::wrong version number:FILE:LINE:"), and empty it. */
void tls_error_take(struct strbuf *out);

#endif
