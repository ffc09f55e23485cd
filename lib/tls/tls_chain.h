/* tls_chain: private keys and certificate chains from PEM files. */
#ifndef TLS_TLS_CHAIN_H
#define TLS_TLS_CHAIN_H

#include "base/err.h"
#include "base/slice.h"

struct ssl_ctx_st;
struct ssl_st;

/* FILES: a list of PEM files that hold, over all of them, each private key followed by its
 * certificate and those that certify it. Several keys, of different kinds, may follow each other.
 */
bool tls_chain_load_files(struct ssl_ctx_st *ctx, const char *files, struct err *err);
/* The same from the content of such files, for one session, whose other keys are dropped. TITLE
 * says in errors where it comes from. */
bool tls_chain_load_text(struct ssl_st *ssl, struct slice text, const char *title, struct err *err);
/* The historic form: a certificate (with those that certify it) and a key in files of their own,
 * or in the same one. */
bool tls_chain_load_pair(struct ssl_ctx_st *ctx, const char *cert_file, const char *key_file,
                         struct err *err);

#endif
