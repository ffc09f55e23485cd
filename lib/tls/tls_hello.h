/* tls_hello: what a client's first message says of the session it would like to go on with. */
#ifndef TLS_TLS_HELLO_H
#define TLS_TLS_HELLO_H

#include "base/slice.h"

struct ssl_st;

/* The identity of the first pre-shared key of the extension (RFC 8446, section 4.2.11), in TLSv1.3
 * a ticket, or the id of a session the server keeps. Empty: none. */
struct slice tls_hello_first_identity(struct slice extension);

/* Within OpenSSL's ClientHello callback. Either is empty when the client has none. */
void tls_hello_read(struct ssl_st *ssl, struct slice *ret_ticket, struct slice *ret_id);

#endif
