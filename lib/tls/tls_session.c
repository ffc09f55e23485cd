#include "base/strbuf.h"
#include "base/xmem.h"
#include "tls/tls_client.h"
#include "tls/tls_error.h"
#include "tls/tls_info.h"
#include "tls/tls_resume.h"
#include "tls/tls_session_private.h"
#include "tls/tls_trace.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_MAX = 16 * 1024 };

void tls_session_note(struct tls_session *t, int level, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(NOTE_MAX);
    va_list ap;
    if (t->loglevel < level || !t->owner)
        return;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    t->events->on_note(t->owner, level == 0, text.s);
}

void tls_session_detach(struct tls_session *t)
{
    if (t)
        t->owner = NULL;
}

void tls_session_hold(struct tls_session *t)
{
    stream_pause(t->stream, true);
}

void tls_session_go_on(struct tls_session *t)
{
    t->goes_on = true; /* tls_session_has_input() */
    stream_pause(t->stream, false);
}

/* What a call that did not work means for the stream: 0 the end, -1 with errno. */
static ssize_t tls_session_result(struct tls_session *t, int result)
{
    int error = errno;
    t->wants_write = false;
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        t->wants_write = true;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: /* tlsmgr is asked */
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        t->has_failed = true; /* no close_notify any more */
        errno = error;
        return error ? -1 : 0;
    default:
        t->has_failed = true;
        errno = EPROTO;
        return -1;
    }
}

/* The first line is the one that matters; "lost connection" when the peer just went. */
static void tls_session_tell_failure(struct tls_session *t, ssize_t result)
{
    CLEANUP(strbuf_done) struct strbuf errors = STRBUF_ANY;
    const char *reason = "-1";
    int error = errno;
    tls_error_take(&errors);
    if (result == 0)
        reason = "lost connection";
    else if (error != EPROTO)
        reason = strerror(error);
    t->has_failed = true;
    t->events->on_failed(t->owner, reason, errors.s);
    errno = error;
}

static void tls_session_tell_ready(void *owner)
{
    struct tls_session *t = owner;
    t->is_ready = true;
    stream_poke(t->stream); /* what came with the last message of the handshake */
    t->events->on_ready(t->owner, &t->info);
}

/* Reading waits until the owner knows that the handshake is over. */
static ssize_t tls_session_handshake(struct tls_session *t)
{
    t->goes_on = false;
    ERR_clear_error();
    errno = EAGAIN;
    if (t->wait.call) { /* a client's: is there an older session to go on with? */
        tls_session_hold(t);
        return -1;
    }
    errno = 0;
    int result = t->is_done ? 1 : SSL_do_handshake(t->ssl);
    if (result == 1) {
        if (!t->is_done) {
            t->is_done = true;
            t->wants_write = false;
            tls_info_read(t->ssl, t->context->asks_for_certificates, t->context->fingerprint,
                          &t->info);
            t->context->on_done(t);
            tls_trace_end(t);
            loop_later(t->loop, &t->tell);
        }
        errno = EAGAIN;
        return -1;
    }
    ssize_t status = tls_session_result(t, result);
    if (status == 0 || errno != EAGAIN)
        tls_session_tell_failure(t, status);
    return status;
}

static ssize_t tls_session_read(void *ctx, void *data, size_t len)
{
    struct tls_session *t = ctx;
    if (t->has_failed)
        return 0;
    if (!t->is_ready)
        return tls_session_handshake(t);
    ERR_clear_error();
    errno = 0;
    int n = SSL_read(t->ssl, data, (int)MIN(len, (size_t)INT32_MAX));
    return n > 0 ? n : tls_session_result(t, n);
}

static ssize_t tls_session_write(void *ctx, const void *data, size_t len)
{
    struct tls_session *t = ctx;
    if (!t->is_ready || t->has_failed) {
        errno = t->has_failed ? EPIPE : EAGAIN;
        return -1;
    }
    ERR_clear_error();
    errno = 0;
    int n = SSL_write(t->ssl, data, (int)MIN(len, (size_t)INT32_MAX));
    if (n > 0)
        return n;
    ssize_t status = tls_session_result(t, n);
    if (status == 0)
        errno = EPIPE;
    return -1;
}

static bool tls_session_has_input(void *ctx)
{
    struct tls_session *t = ctx;
    return t->goes_on || (t->is_ready && !t->has_failed && SSL_has_pending(t->ssl));
}

static bool tls_session_wants_write(void *ctx)
{
    struct tls_session *t = ctx;
    return t->wants_write;
}

void tls_session_free(struct tls_session *t)
{
    if (!t)
        return;
    loop_later_cancel(t->loop, &t->tell);
    tls_resume_cancel(t->context->resume, t);
    tls_client_forget(t);
    ERR_clear_error();
    if (t->is_done && !t->has_failed)
        SSL_shutdown(t->ssl); /* one close_notify; nobody waits for the peer's */
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t->peer);
    free(t->sni);
    free(t);
}

static void tls_session_free_ctx(void *ctx)
{
    tls_session_free(ctx);
}

static const struct stream_transport transport = {
    .read = tls_session_read,
    .write = tls_session_write,
    .free = tls_session_free_ctx,
    .has_input = tls_session_has_input,
    .wants_write = tls_session_wants_write,
};

struct tls_session *tls_session_new(struct tls_context *context, struct loop *loop, int fd,
                                    const struct tls_session_options *options,
                                    const struct tls_session_events *events, void *owner)
{
    struct tls_session *t = xzalloc(sizeof *t);
    t->context = context;
    t->events = events;
    t->owner = owner;
    t->loop = loop;
    t->tell = (struct later){.fn = tls_session_tell_ready, .owner = t};
    t->peer = xstrdup(options->peer);
    t->loglevel = tls_trace_admit(context, options->loglevel);
    t->is_over_rate = t->loglevel < options->loglevel;
    t->match_level = options->tells_match ? 1 : 2;
    t->cache_level = options->tells_cache ? 1 : INT_MAX;
    t->trace_left = options->trace_size;
    t->ssl = SSL_new(context->ctx);
    if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1) {
        tls_session_free(t);
        return NULL;
    }
    SSL_set_app_data(t->ssl, t);
    return t;
}

struct tls_session *tls_session_new_server(struct tls_server *server, struct loop *loop, int fd,
                                           const struct tls_session_options *options,
                                           const struct tls_session_events *events, void *owner)
{
    struct tls_session *t = tls_session_new(&server->base, loop, fd, options, events, owner);
    if (t)
        SSL_set_accept_state(t->ssl);
    return t;
}

bool tls_session_begin(struct tls_session *t, struct stream *s)
{
    stream_flush(s);
    if (stream_output_pending(s) > 0) {
        tls_session_free(t);
        return false;
    }
    stream_consume(s, stream_input(s).len);
    t->stream = s;
    tls_trace_begin(t);
    stream_set_transport(s, &transport, t);
    if (!SSL_is_server(t->ssl)) { /* the client speaks first */
        t->goes_on = true;
        stream_poke(s);
    }
    return true;
}
