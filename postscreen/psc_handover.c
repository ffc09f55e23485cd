#include "postscreen/psc_handover.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/sock.h"
#include "log/log.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"
#include "service/pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    TAKE_LIMIT_MS = 100 * 1000, /* until some SMTP server has a free place */
    TRIES = 3,                  /* servers that die with the connection in their hands */
};

struct psc_handover {
    struct psc_session *session;
    int carrier;
    struct watch *watch;
    int tries;
};

void psc_handover_free(struct psc_handover *h)
{
    if (!h)
        return;
    h->session->server->passed_count--;
    watch_free(h->watch);
    fd_done(&h->carrier);
    free(h);
}

/* The client hears of it, but no DISCONNECT is logged: Postfix has no such line here. */
static void give_up(struct psc_session *s)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    psc_session_format(s, "421 4.3.2 All server ports are busy", &text);
    send(s->fd, text.s, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    psc_session_free(s);
}

static void on_answer(void *owner, unsigned events);

static bool try(struct psc_handover *h)
{
    struct psc_session *s = h->session;
    struct err err = ERR_INIT;
    h->tries++;
    watch_free(h->watch);
    h->watch = NULL;
    fd_done(&h->carrier);
    h->carrier = sock_connect_unix_start(s->server->smtpd_path, &err);
    if (h->carrier < 0) {
        log_warn(NULL, "cannot connect to service %s: %s", s->server->smtpd_path, strerror(errno));
        return false;
    }
    if (!pass_send(h->carrier, s->fd, &s->ends, &err)) {
        log_warn(NULL, "%s: %s", s->server->smtpd_path, err.reason);
        return false;
    }
    h->watch = watch_new(s->server->loop, h->carrier, WATCH_READ, on_answer, h);
    return true;
}

static void on_answer(void *owner, unsigned events)
{
    (void)events;
    struct psc_handover *h = owner;
    struct psc_session *s = h->session;
    char taken = 0;
    ssize_t n = recv(h->carrier, &taken, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == 1 && taken == PASS_TAKEN) {
        psc_session_free(s);
        return;
    }
    /* It died before it said a word to the client. */
    if (h->tries >= TRIES || !try(h))
        give_up(s);
}

static void on_timeout(void *owner)
{
    struct psc_session *s = owner;
    log_warn(NULL, "timeout connecting to service %s", s->server->smtpd_path);
    give_up(s);
}

void psc_handover_start(struct psc_session *s)
{
    struct psc_server *server = s->server;
    struct psc_handover *h = xzalloc(sizeof *h);
    *h = (struct psc_handover){.session = s, .carrier = -1};
    s->handover = h;
    server->passed_count++;
    if (s->is_checked) {
        s->is_checked = false;
        psc_server_check_ends(server);
    }
    watch_free(s->watch);
    timer_free(s->timer);
    s->watch = NULL;
    s->timer = timer_new(server->loop, on_timeout, s);
    timer_start(s->timer, TAKE_LIMIT_MS);
    if (!try(h))
        give_up(s);
}
