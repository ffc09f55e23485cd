#include "postscreen/psc_tls.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/msg.h"
#include "log/log.h"
#include "mail/tlsproxy_msg.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_engine.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ANSWER_LIMIT_MS = 10 * 1000, FRAME_MAX = 2048 };

struct psc_tls {
    struct psc_engine *engine;
    int fd; /* to tlsproxy */
    struct watch *watch;
    struct timer *timer;
    struct strbuf in;
};

void psc_tls_free(struct psc_tls *t)
{
    if (!t)
        return;
    t->engine->tls = NULL;
    watch_free(t->watch);
    timer_free(t->timer);
    fd_done(&t->fd);
    strbuf_done(&t->in);
    free(t);
}

/* The session goes on without TLS. */
static void refuse(struct psc_tls *t)
{
    struct psc_engine *e = t->engine;
    struct stream *stream = e->stream;
    psc_tls_free(t);
    if (psc_engine_answer(e, "454 4.7.0 TLS not available due to local problem")) {
        stream_pause(stream, false);
        stream_poke(stream);
    }
}

/* What the client sent ahead is thrown away with the stream: it was not protected. */
static void go_ahead(struct psc_tls *t)
{
    struct psc_engine *e = t->engine;
    struct psc_session *s = e->session;
    stream_write_str(e->stream, "220 2.0.0 Ready to start TLS\r\n");
    stream_flush(e->stream);
    bool is_out = stream_output_pending(e->stream) == 0;
    CLEANUP(fd_done) int client = stream_take_fd(e->stream);
    e->stream = NULL;
    int plain = fd_take(&t->fd);
    if (!is_out || !fd_send(plain, client)) {
        log_warn(NULL, "%s: send connection: %s", s->server->tlsproxy_path, strerror(errno));
        fd_done(&plain);
        psc_tls_free(t);
        psc_session_hang_up(s, "tests after SMTP handshake");
        return;
    }
    psc_tls_free(t);
    psc_engine_resume(e, plain);
}

static void take_answer(struct psc_tls *t, struct slice body)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("psc_tls");
    struct tlsproxy_answer answer;
    struct err err = ERR_INIT;
    const char *path = t->engine->session->server->tlsproxy_path;
    if (!msg_decode(&tlsproxy_answer_type, body, arena, &answer, &err)) {
        log_warn(NULL, "%s: %s", path, err.reason);
        refuse(t);
    } else if (!answer.ready) {
        log_warn(NULL, "%s: %s", path, answer.reason);
        refuse(t);
    } else {
        go_ahead(t);
    }
}

static void on_input(void *owner, unsigned events)
{
    (void)events;
    struct psc_tls *t = owner;
    const char *path = t->engine->session->server->tlsproxy_path;
    char data[FRAME_MAX];
    uint16_t kind;
    struct slice body;
    size_t size;
    ssize_t n = recv(t->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        strbuf_add(&t->in, data, (size_t)n);
    enum msg_frame_status status = msg_frame_next(strbuf_slice(&t->in), &kind, &body, &size);
    if (status == MSG_FRAME_READY && kind == TLSPROXY_ANSWER && size == t->in.len) {
        take_answer(t, body);
    } else if (n <= 0 || status != MSG_FRAME_MORE || t->in.overflow) {
        log_warn(NULL, "%s: %s", path, n <= 0 ? "lost connection" : "unexpected answer");
        refuse(t);
    }
}

static void on_timeout(void *owner)
{
    struct psc_tls *t = owner;
    log_warn(NULL, "%s: timeout", t->engine->session->server->tlsproxy_path);
    refuse(t);
}

static bool ask(struct psc_tls *t)
{
    const struct psc_session *s = t->engine->session;
    CLEANUP(xfree_ptr) char *remote = xasprintf(PSC_CLIENT_FMT, PSC_CLIENT(s));
    const struct tlsproxy_ask question = {.role = "server",
                                          .service = "smtpd",
                                          .remote = remote,
                                          .timeout = postscreen_params.postscreen_starttls_timeout};
    CLEANUP(strbuf_done) struct strbuf frame = STRBUF_INIT(FRAME_MAX);
    msg_frame(TLSPROXY_ASK, &tlsproxy_ask_type, &question, &frame);
    return send(t->fd, frame.s, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)frame.len;
}

void psc_tls_start(struct psc_engine *e)
{
    struct psc_server *server = e->session->server;
    struct psc_tls *t = xzalloc(sizeof *t);
    struct err err = ERR_INIT;
    *t = (struct psc_tls){.engine = e, .in = STRBUF_INIT(FRAME_MAX)};
    e->tls = t;
    t->timer = timer_new(server->loop, on_timeout, t);
    t->fd = sock_connect_unix_start(server->tlsproxy_path, &err);
    if (t->fd < 0 || !ask(t)) {
        log_warn(NULL, "connect to %s service: %s", server->tlsproxy_path, strerror(errno));
        refuse(t);
        return;
    }
    t->watch = watch_new(server->loop, t->fd, WATCH_READ, on_input, t);
    timer_start(t->timer, ANSWER_LIMIT_MS);
}
