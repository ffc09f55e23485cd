/*
 * tls_client_cache: sessions that a client may go on with: those of this process, and those that
 * tlsmgr keeps for all when smtp_tls_session_cache_database or its like is set.
 */
#ifndef TLS_TLS_CLIENT_CACHE_H
#define TLS_TLS_CLIENT_CACHE_H

#include "base/base.h"

struct loop;
struct ssl_ctx_st;
struct tls_client_cache;
struct tls_client_settings;
struct tls_session;

struct tls_client_cache *tls_client_cache_new(struct ssl_ctx_st *ctx,
                                              const struct tls_client_settings *settings);
void tls_client_cache_start(struct tls_client_cache *cache, struct loop *loop);
void tls_client_cache_free(struct tls_client_cache *cache); /* NULL is fine */

/* Before the handshake of T, which waits while tlsmgr is asked. */
void tls_client_cache_find(struct tls_session *t);
/* The server of T is not what was expected: nobody goes on with that, unless sessions of any are
 * kept. */
void tls_client_cache_refuse(struct tls_session *t);
bool tls_client_cache_is_empty(const struct tls_client_cache *cache); /* in this process */

#endif
