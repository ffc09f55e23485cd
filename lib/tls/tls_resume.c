#include "tls/tls_resume.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "tls/tls_hello.h"
#include "tls/tls_session_private.h"
#include "tls/tls_tickets.h"
#include "tls/tlsmgr_client.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { RETRY_MS = 10 * 1000, COMPLAIN_MS = 60 * 1000 };

struct tls_resume {
    SSL_CTX *ctx;
    char *tlsmgr, *cache, *service;
    int64_t seed_size;
    struct tls_tickets tickets;
    bool has_cache, always_gives_ids;
    struct loop *loop;
    struct client *client; /* NULL: not started */
    struct call *state_call;
    struct tls_session *waiting; /* for it */
    int64_t fresh_until_ms, retry_at_ms, complain_at_ms;
    void (*on_problem)(const char *text);
};

/* OpenSSL's callbacks get a session. */
static struct tls_resume *resume_of(SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* --- what tlsmgr says to all ---------------------------------------------------------------- */

static void apply_cache_mode(struct tls_resume *resume)
{
    bool ids = resume->has_cache || resume->always_gives_ids;
    SSL_CTX_set_session_cache_mode(resume->ctx, ids ? SSL_SESS_CACHE_SERVER |
                                                          SSL_SESS_CACHE_NO_INTERNAL |
                                                          SSL_SESS_CACHE_NO_AUTO_CLEAR
                                                    : SSL_SESS_CACHE_OFF);
}

static void use_state(struct tls_resume *resume, const struct tlsmgr_state *state)
{
    tls_tickets_set(&resume->tickets, state);
    resume->has_cache = state->has_cache && state->lifetime > 0;
    resume->fresh_until_ms = clock_now_ms() + MAX(state->fresh_s, (int64_t)1) * 1000;
    if (state->lifetime > 0)
        SSL_CTX_set_timeout(resume->ctx, (long)state->lifetime);
    if (state->seed.len > 0)
        RAND_add(state->seed.s, (int)state->seed.len, 0);
    apply_cache_mode(resume);
}

static void do_without_state(struct tls_resume *resume, const struct err *err)
{
    int64_t now = clock_now_ms();
    resume->retry_at_ms = now + RETRY_MS;
    if (now >= resume->fresh_until_ms) { /* keys that are overdue are not used for ever */
        resume->tickets.count = 0;
        resume->has_cache = false;
        apply_cache_mode(resume);
    }
    if (now < resume->complain_at_ms)
        return;
    resume->complain_at_ms = now + COMPLAIN_MS;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "problem talking to %s: %s; TLS sessions are not resumed", resume->tlsmgr,
                err->reason);
    resume->on_problem(text.s);
}

static void on_state(void *owner, uint16_t kind, struct slice body, const struct err *failure)
{
    struct tls_resume *resume = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("tls_resume");
    struct tlsmgr_state state;
    struct err err = ERR_INIT;
    resume->state_call = NULL;
    if (tlsmgr_client_read_state(kind, body, failure, arena, &state, &err))
        use_state(resume, &state);
    else
        do_without_state(resume, &err);
    struct tls_session *t, *next;
    DL_FOREACH_SAFE2(resume->waiting, t, next, wait.next)
    {
        DL_DELETE2(resume->waiting, t, wait.prev, wait.next);
        t->wait.for_state = false;
        tls_session_go_on(t);
    }
}

static void ask_state(struct tls_resume *resume, int64_t seed_size)
{
    if (!resume->state_call)
        resume->state_call =
            tlsmgr_client_ask_state(resume->client, resume->cache, seed_size, on_state, resume);
}

void tls_resume_start(struct tls_resume *resume, struct loop *loop,
                      void (*on_problem)(const char *text))
{
    resume->loop = loop;
    resume->on_problem = on_problem;
    resume->client = tlsmgr_client_new(loop, resume->tlsmgr);
    ask_state(resume, resume->seed_size);
}

static bool needs_state(const struct tls_resume *resume, struct slice ticket)
{
    int64_t now = clock_now_ms();
    if (now < resume->retry_at_ms)
        return false;
    /* a ticket of a key we have not got: tlsmgr may have begun anew since we asked */
    return now >= resume->fresh_until_ms || resume->state_call ||
           (resume->tickets.cipher && ticket.len > 0 &&
            !tls_tickets_key_of(&resume->tickets, ticket));
}

/* --- sessions that tlsmgr keeps ------------------------------------------------------------- */

/* The id in the cache: that of the session, the service, and who can read it. */
static void add_id(const struct tls_resume *resume, struct slice id, struct strbuf *out)
{
    for (size_t i = 0; i < id.len; i++)
        strbuf_addf(out, "%02X", (unsigned char)id.s[i]);
    strbuf_addf(out, "&s=%.100s&l=%lu", resume->service, OpenSSL_version_num());
}

static void on_session(void *owner, uint16_t kind, struct slice body, const struct err *failure)
{
    struct tls_session *t = owner;
    struct err err = ERR_INIT;
    struct slice session = SLICE_EMPTY;
    t->wait.call = NULL;
    if (!tlsmgr_client_read_session(kind, body, failure, &session, &err)) {
        tls_session_note(t, 0, "%s: TLS session cache: %s", t->peer, err.reason);
    } else if (session.len > 0) {
        const unsigned char *data = (const unsigned char *)session.s;
        t->wait.found = d2i_SSL_SESSION(NULL, &data, (long)session.len);
    }
    tls_session_go_on(t);
}

static void ask_session(struct tls_resume *resume, struct tls_session *t, struct slice id)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    add_id(resume, id, &key);
    tls_session_note(t, 2, "%s: looking up session %s in %s cache", t->peer, key.s, resume->cache);
    t->wait.call = tlsmgr_client_find(resume->client, resume->cache, key.s, on_session, t);
}

static SSL_SESSION *on_lookup(SSL *ssl, const unsigned char *id, int len, int *copy)
{
    struct tls_session *t = SSL_get_app_data(ssl);
    SSL_SESSION *found = t->wait.found;
    unsigned found_len;
    *copy = 0;
    if (!found)
        return NULL;
    const unsigned char *found_id = SSL_SESSION_get_id(found, &found_len);
    if (found_len != (unsigned)len || memcmp(found_id, id, found_len) != 0)
        return NULL;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    add_id(resume_of(ssl), (struct slice){(const char *)id, (size_t)len}, &key);
    tls_session_note(t, 2, "%s: reloaded session %s from %s cache", t->peer, key.s,
                     resume_of(ssl)->cache);
    t->wait.found = NULL; /* OpenSSL's now */
    return found;
}

/* In TLSv1.3 this is called for tickets as well, which need no cache. */
static int on_new(SSL *ssl, SSL_SESSION *session)
{
    struct tls_session *t = SSL_get_app_data(ssl);
    struct tls_resume *resume = resume_of(ssl);
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    unsigned id_len;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_len);
    bool is_ticket =
        SSL_version(ssl) >= TLS1_3_VERSION && !(SSL_get_options(ssl) & SSL_OP_NO_TICKET);
    int size = i2d_SSL_SESSION(session, NULL);
    if (!resume->has_cache || is_ticket || id_len == 0 || size <= 0 || size > TLSMGR_SESSION_MAX)
        return 0;
    unsigned char *data = xmalloc((size_t)size), *end = data;
    i2d_SSL_SESSION(session, &end);
    add_id(resume, (struct slice){(const char *)id, id_len}, &key);
    tls_session_note(t, 2, "%s: save session %s to %s cache", t->peer, key.s, resume->cache);
    tlsmgr_client_save(resume->client, resume->cache, key.s,
                       (struct slice){(const char *)data, (size_t)size});
    OPENSSL_cleanse(data, (size_t)size);
    free(data);
    return 0; /* the session stays OpenSSL's */
}

/* --- the handshake -------------------------------------------------------------------------- */

static void apply_means(const struct tls_resume *resume, SSL *ssl)
{
    if (resume->tickets.count > 0)
        return;
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    if (!resume->has_cache)
        SSL_set_num_tickets(ssl, 0);
}

/* Called again when the handshake goes on. */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    struct tls_resume *resume = arg;
    struct tls_session *t = SSL_get_app_data(ssl);
    struct slice ticket, id;
    if (t->wait.for_state || t->wait.call)
        return SSL_CLIENT_HELLO_RETRY;
    tls_hello_read(ssl, &ticket, &id);
    if (resume->client && !t->wait.state_asked && needs_state(resume, ticket)) {
        t->wait.state_asked = t->wait.for_state = true;
        DL_APPEND2(resume->waiting, t, wait.prev, wait.next);
        ask_state(resume, 0);
        tls_session_hold(t);
        return SSL_CLIENT_HELLO_RETRY;
    }
    if (resume->has_cache && id.len > 0 && !t->wait.session_asked) {
        t->wait.session_asked = true;
        ask_session(resume, t, id);
        tls_session_hold(t);
        return SSL_CLIENT_HELLO_RETRY;
    }
    apply_means(resume, ssl);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int encrypts)
{
    struct tls_session *t = SSL_get_app_data(ssl);
    const struct tls_ticket_key *key = NULL;
    int result = tls_tickets_use(&resume_of(ssl)->tickets, encrypts, name, iv, cipher, mac, &key);
    if (key)
        tls_session_note(t, 2, "%s: %s session ticket, key expiration: %lld", t->peer,
                         encrypts ? "Issuing" : "Decrypting", (long long)key->until);
    if (key && !encrypts)
        t->used_ticket = true;
    return result;
}

void tls_resume_cancel(struct tls_resume *resume, struct tls_session *t)
{
    if (t->wait.for_state)
        DL_DELETE2(resume->waiting, t, wait.prev, wait.next);
    t->wait.for_state = false;
    call_cancel(t->wait.call);
    t->wait.call = NULL;
    SSL_SESSION_free(t->wait.found);
    t->wait.found = NULL;
}

/* --- set-up --------------------------------------------------------------------------------- */

/* Sessions are bound to what a certificate of the client had to be worth when they were made. */
static void set_context(SSL_CTX *ctx, const struct tls_resume_settings *settings)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(settings->context, settings->context_size, digest, &size, EVP_sha256(), NULL) ==
        1)
        SSL_CTX_set_session_id_context(ctx, digest, MIN(size, (unsigned)SSL_MAX_SID_CTX_LENGTH));
}

static void set_tickets(struct tls_resume *resume, const char *cipher, struct strbuf *problems)
{
    struct err err = ERR_INIT;
    if (!cipher[0] || SSL_CTX_get_options(resume->ctx) & SSL_OP_NO_TICKET)
        return;
    if (tls_tickets_init(&resume->tickets, cipher, &err))
        SSL_CTX_set_tlsext_ticket_key_evp_cb(resume->ctx, on_ticket_key);
    else
        strbuf_addf(problems, "%s\n", err.reason);
}

struct tls_resume *tls_resume_new(SSL_CTX *ctx, const struct tls_resume_settings *settings,
                                  struct strbuf *problems)
{
    struct tls_resume *resume = xzalloc(sizeof *resume);
    resume->ctx = ctx;
    resume->tlsmgr = xstrdup(settings->tlsmgr);
    resume->cache = xstrdup(settings->cache);
    resume->service = xstrdup(settings->service);
    resume->seed_size = settings->seed_size;
    resume->always_gives_ids = settings->always_gives_ids;
    set_context(ctx, settings);
    set_tickets(resume, settings->ticket_cipher, problems);
    apply_cache_mode(resume);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_app_data(ctx, resume);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, resume);
    SSL_CTX_sess_set_get_cb(ctx, on_lookup);
    SSL_CTX_sess_set_new_cb(ctx, on_new);
    return resume;
}

void tls_resume_free(struct tls_resume *resume)
{
    if (!resume)
        return;
    client_free(resume->client);
    tls_tickets_done(&resume->tickets);
    free(resume->tlsmgr);
    free(resume->cache);
    free(resume->service);
    free(resume);
}
