/*
 * tls_dane: which certificates a server may have, as DNS (RFC 6698, RFC 7671) or a file of trust
 * anchors says. OpenSSL does the matching; where the records come from, and whether they are to be
 * believed, is for the caller.
 */
#ifndef TLS_TLS_DANE_H
#define TLS_TLS_DANE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"

struct ssl_ctx_st;
struct tls_session;

enum tls_dane_usage { TLS_DANE_TA = 2, TLS_DANE_EE = 3 };

struct tls_dane_record {
    unsigned usage, selector, matching; /* one byte each */
    struct slice data;
};

struct tls_dane {
    const struct tls_dane_record *records;
    size_t count;
    const char *base; /* the name the records were found at; NULL: they are from a file */
    /* When OpenSSL can use none of the records, any certificate will do. */
    bool may_fall_back;
};

/* Let sessions of CTX use DANE. DIGESTS: tls_dane_digests, the best one first; PROBLEMS gets a line
 * about each item that cannot be used, and full certificates and keys alone are matched then. */
bool tls_dane_set_up(struct ssl_ctx_st *ctx, const char *digests, struct strbuf *problems);

/* The trust anchors in PEM files, certificates and public keys, as records. All that is returned
 * lives in ARENA. False: a file cannot be read, or has none. */
bool tls_dane_load_anchors(const char *files, struct arena *arena, struct tls_dane *ret,
                           struct err *err);

/* The session will match WANTS, or *RET_USABLE is false; each record that cannot be used is noted.
 * To be called before the names the certificate may have are set. */
bool tls_dane_enable(struct tls_session *t, const struct tls_dane *wants, bool *ret_usable,
                     struct err *err);
/* The handshake is over: note which record has matched. */
void tls_dane_tell(struct tls_session *t);

/* "3 1 1 0123AB...", the middle of long data left out. */
void tls_dane_print(const struct tls_dane_record *record, struct strbuf *out);

#endif
