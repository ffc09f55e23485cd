#include "tls/tls_client_cache.h"

#include "base/clock.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "tls/tls_client_private.h"
#include "tls/tls_params.h"
#include "tls/tls_session_private.h"
#include "tls/tlsmgr_client.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { KEPT_MAX = 100, RETRY_MS = 10 * 1000 };

struct kept {
    char *key;
    SSL_SESSION *session;
    struct kept *prev, *next;
};

struct tls_client_cache {
    char *name;    /* in tlsmgr */
    char *context; /* sessions are for those only that have the same */
    struct kept *kept;
    size_t count;
    struct client *tlsmgr; /* NULL: not started */
    struct call *asking;
    bool tlsmgr_keeps; /* sessions of ours */
    bool keeps_any;    /* as tls_client_settings has it */
    int64_t ask_at_ms;
};

/* --- in this process ------------------------------------------------------------------------ */

static struct kept *kept_find(struct tls_client_cache *cache, const char *key)
{
    struct kept *k;
    DL_FOREACH (cache->kept, k) {
        if (strcmp(k->key, key) == 0)
            return k;
    }
    return NULL;
}

static void kept_remove(struct tls_client_cache *cache, struct kept *k)
{
    if (!k)
        return;
    DL_DELETE(cache->kept, k);
    cache->count--;
    SSL_SESSION_free(k->session);
    free(k->key);
    free(k);
}

static void kept_put(struct tls_client_cache *cache, const char *key, SSL_SESSION *session)
{
    kept_remove(cache, kept_find(cache, key));
    if (cache->count >= KEPT_MAX)
        kept_remove(cache, cache->kept);
    struct kept *k = xzalloc(sizeof *k);
    SSL_SESSION_up_ref(session);
    k->session = session;
    k->key = xstrdup(key);
    DL_APPEND(cache->kept, k);
    cache->count++;
}

static bool is_current(const SSL_SESSION *session)
{
    struct timeval now;
    clock_wall(&now);
    return SSL_SESSION_is_resumable(session) == 1 &&
           (int64_t)now.tv_sec <
               (int64_t)SSL_SESSION_get_time(session) + (int64_t)SSL_SESSION_get_timeout(session);
}

/* A ticket of TLSv1.3 is for one use (RFC 8446, appendix C.4). */
static bool use_kept(struct tls_session *t)
{
    struct tls_client_cache *cache = t->expect->client->cache;
    const char *key = t->expect->cache_key;
    struct kept *k = kept_find(cache, key);
    tls_session_note(t, t->cache_level, "looking for session %s in memory cache", key);
    if (!k)
        return false;
    bool is_good = is_current(k->session) && SSL_set_session(t->ssl, k->session) == 1;
    if (!is_good || SSL_SESSION_get_protocol_version(k->session) >= TLS1_3_VERSION)
        kept_remove(cache, k);
    if (is_good)
        tls_session_note(t, t->cache_level, "reloaded session %s from memory cache", key);
    t->expect->was_offered = is_good;
    return is_good;
}

/* --- in tlsmgr ------------------------------------------------------------------------------ */

/* The key as tlsmgr can have it, whatever is in a policy. */
static void add_id(const struct tls_session *t, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    strbuf_addf(&text, "%s\n%s", t->expect->client->cache->context, t->expect->cache_key);
    if (EVP_Digest(text.s, text.len, digest, &size, EVP_sha256(), NULL) != 1)
        size = 0;
    for (unsigned i = 0; i < size; i++)
        strbuf_addf(out, "%02X", digest[i]);
    strbuf_addf(out, "&l=%lu", OpenSSL_version_num());
}

static void on_state(void *owner, uint16_t kind, struct slice body, const struct err *failure)
{
    struct tls_client_cache *cache = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("tls_client_cache");
    struct tlsmgr_state state;
    struct err err = ERR_INIT;
    cache->asking = NULL;
    bool came = tlsmgr_client_read_state(kind, body, failure, arena, &state, &err);
    cache->tlsmgr_keeps = came && state.has_cache && state.lifetime > 0;
    cache->ask_at_ms = came ? INT64_MAX : clock_now_ms() + RETRY_MS;
}

static void ask_state(struct tls_client_cache *cache)
{
    if (cache->tlsmgr && !cache->asking && clock_now_ms() >= cache->ask_at_ms)
        cache->asking = tlsmgr_client_ask_state(cache->tlsmgr, cache->name, 0, on_state, cache);
}

static void on_session(void *owner, uint16_t kind, struct slice body, const struct err *failure)
{
    struct tls_session *t = owner;
    struct err err = ERR_INIT;
    struct slice found = SLICE_EMPTY;
    t->wait.call = NULL;
    if (!tlsmgr_client_read_session(kind, body, failure, &found, &err))
        tls_session_note(t, 0, "%s: TLS session cache: %s", t->peer, err.reason);
    const unsigned char *data = (const unsigned char *)found.s;
    SSL_SESSION *session = found.len > 0 ? d2i_SSL_SESSION(NULL, &data, (long)found.len) : NULL;
    if (session && is_current(session)) {
        tls_session_note(t, 2, "%s: reloaded a session from the %s cache", t->peer,
                         t->expect->client->cache->name);
        t->expect->was_offered = SSL_set_session(t->ssl, session) == 1;
    }
    SSL_SESSION_free(session);
    tls_session_go_on(t);
}

static void save(struct tls_session *t, SSL_SESSION *session)
{
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    const struct tls_client_cache *cache = t->expect->client->cache;
    int size = i2d_SSL_SESSION(session, NULL);
    if (size <= 0 || size > TLSMGR_SESSION_MAX)
        return;
    unsigned char *data = xmalloc((size_t)size), *end = data;
    i2d_SSL_SESSION(session, &end);
    add_id(t, &id);
    tlsmgr_client_save(cache->tlsmgr, cache->name, id.s,
                       (struct slice){(const char *)data, (size_t)size});
    OPENSSL_cleanse(data, (size_t)size);
    free(data);
}

/* --- sessions ------------------------------------------------------------------------------- */

void tls_client_cache_find(struct tls_session *t)
{
    struct tls_client_cache *cache = t->expect->client->cache;
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    ask_state(cache);
    if (use_kept(t) || !cache->tlsmgr_keeps)
        return;
    add_id(t, &id);
    t->wait.call = tlsmgr_client_find(cache->tlsmgr, cache->name, id.s, on_session, t);
}

/* Before TLSv1.3 at the end of the handshake, then with each ticket that comes. */
static int on_new(SSL *ssl, SSL_SESSION *session)
{
    struct tls_session *t = SSL_get_app_data(ssl);
    const struct tls_expect *e = t->expect;
    bool expects = e->has_names || e->fingerprints.count > 0;
    if (t->is_done && expects && !t->info.is_matched && !e->client->cache->keeps_any)
        return 0;
    tls_session_note(t, t->cache_level, "save session %s to memory cache", e->cache_key);
    kept_put(e->client->cache, e->cache_key, session);
    if (e->client->cache->tlsmgr_keeps)
        save(t, session);
    return 0; /* the session stays OpenSSL's */
}

void tls_client_cache_refuse(struct tls_session *t)
{
    struct tls_client_cache *cache = t->expect->client->cache;
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    if (cache->keeps_any)
        return;
    kept_remove(cache, kept_find(cache, t->expect->cache_key));
    if (!cache->tlsmgr_keeps)
        return;
    add_id(t, &id);
    tlsmgr_client_remove(cache->tlsmgr, cache->name, id.s);
}

bool tls_client_cache_is_empty(const struct tls_client_cache *cache)
{
    return cache->count == 0;
}

/* --- set-up --------------------------------------------------------------------------------- */

struct tls_client_cache *tls_client_cache_new(SSL_CTX *ctx,
                                              const struct tls_client_settings *settings)
{
    struct tls_client_cache *cache = xzalloc(sizeof *cache);
    const struct tls_files *files = &settings->files;
    cache->name = xstrdup(settings->cache);
    cache->keeps_any = settings->keeps_any;
    cache->context = xasprintf("%s\n%s\n%s\n%s\n%s\n%s\n%d\n%d\n%s", files->CAfile, files->CApath,
                               files->chain_files, files->cert_file, files->eccert_file,
                               files->dcert_file, tls_params.tls_append_default_CA,
                               settings->verify_depth, settings->fingerprint_digest);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL |
                                            SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_new_cb(ctx, on_new);
    return cache;
}

void tls_client_cache_start(struct tls_client_cache *cache, struct loop *loop)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "private/%s", tls_params.tlsmgr_service_name);
    cache->tlsmgr = tlsmgr_client_new(loop, path.s);
    ask_state(cache);
}

void tls_client_cache_free(struct tls_client_cache *cache)
{
    if (!cache)
        return;
    while (cache->kept)
        kept_remove(cache, cache->kept);
    client_free(cache->tlsmgr);
    free(cache->name);
    free(cache->context);
    free(cache);
}
