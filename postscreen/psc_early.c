/*
 * Tests before the greeting: does the client talk before its turn, and what do DNS lists say of it?
 * Both run while the client waits for the rest of a greeting whose first line it has got.
 */
#include "base/clock.h"
#include "base/text.h"
#include "base/xmem.h"
#include "log/log.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_dnsbl.h"
#include "postscreen/psc_engine.h"
#include "postscreen/psc_handover.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PEEK_MAX = 1023, SHOWN_MAX = 100 };

static bool has_todo(const struct psc_session *s, enum psc_test test)
{
    return s->todo & ~s->passed & ~s->failed & 1u << test;
}

/* --- DNS lists -------------------------------------------------------------------------------- */

/* The list's name as clients may see it: the real one may hold a password. */
static void add_public_name(const struct psc_session *s, const char *domain, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status =
        maps_find(s->server->dnsbl_replies, domain, MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    strbuf_add_str(out, status == MAP_FOUND ? value.s : domain);
}

static bool fail_dnsbl(struct psc_session *s, const struct psc_dnsbl_result *result)
{
    CLEANUP(strbuf_done) struct strbuf refusal = STRBUF_ANY;
    log_info(NULL, "DNSBL rank %lld for " PSC_CLIENT_FMT, (long long)result->score, PSC_CLIENT(s));
    strbuf_setf(&refusal, "%s 5.7.1 Service unavailable; client [%s] blocked using ",
                s->server->actions[PSC_DNSBL] == PSC_DROP ? "521" : "550", s->ends.client_address);
    add_public_name(s, result->domain, &refusal);
    return psc_session_fail(s, PSC_DNSBL, refusal.s);
}

/* A list of good clients vouches for this one: the other tests are as good as passed. */
static void vouch(struct psc_session *s)
{
    s->is_vouched = true;
    s->passed = s->todo;
}

/* Take what the lists have said so far. False: the session is gone. */
static bool settle_dnsbl(struct psc_session *s)
{
    const struct postscreen_params *p = &postscreen_params;
    if (!s->dnsbl)
        return true;
    struct psc_dnsbl_result result = psc_dnsbl_result(s->dnsbl);
    psc_dnsbl_forget(s->dnsbl);
    s->dnsbl = NULL;
    if (result.ttl >= 0)
        s->dnsbl_ttl =
            MAX(MIN(result.ttl, p->postscreen_dnsbl_max_ttl), p->postscreen_dnsbl_min_ttl);
    if (result.score >= p->postscreen_dnsbl_threshold && result.domain)
        return fail_dnsbl(s, &result);
    s->passed |= 1u << PSC_DNSBL;
    int64_t good = p->postscreen_dnsbl_allowlist_threshold;
    if (good < 0 && result.score <= good && !s->failed && !s->is_denied && !s->is_vetoed)
        vouch(s);
    return true;
}

/* --- the decision ----------------------------------------------------------------------------- */

/* A client that failed a test whose failure is ignored goes to an SMTP server like others, but has
 * passed nothing. */
static bool must_meet_engine(const struct psc_session *s)
{
    return s->refusal || s->is_vetoed || (s->todo & ~s->passed & ~s->failed & PSC_DEEP);
}

static void decide(struct psc_session *s)
{
    if (s->timer)
        timer_stop(s->timer);
    if (!settle_dnsbl(s))
        return;
    if (must_meet_engine(s)) {
        psc_engine_start(s);
        return;
    }
    psc_session_conclude(s);
    psc_handover_start(s);
}

/* Time is up: who has been silent until now may talk. */
static void on_time(void *owner)
{
    struct psc_session *s = owner;
    if (has_todo(s, PSC_PREGREET))
        s->passed |= 1u << PSC_PREGREET;
    decide(s);
}

static void on_dnsbl(void *owner)
{
    struct psc_session *s = owner;
    s->dnsbl_is_done = true;
    if (!has_todo(s, PSC_PREGREET))
        decide(s);
}

static void on_pregreet(struct psc_session *s, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf elapsed = STRBUF_INIT(32), text = STRBUF_ANY;
    psc_session_add_elapsed(s, &elapsed);
    text_add_escaped(&text, slice_first(data, SHOWN_MAX));
    log_info(NULL, "PREGREET %zu after %s from " PSC_CLIENT_FMT ": %s", data.len, elapsed.s,
             PSC_CLIENT(s), text.s);
    s->spoke_early = true;
    watch_set(s->watch, 0);
    const char *reply = s->server->actions[PSC_PREGREET] == PSC_DROP ? "521 5.5.1 Protocol error"
                                                                     : "550 5.5.1 Protocol error";
    if (psc_session_fail(s, PSC_PREGREET, reply) && (!s->dnsbl || s->dnsbl_is_done))
        decide(s);
}

/* Input stays where it is: an SMTP server, ours or the real one, is going to read it. */
static void on_input(void *owner, unsigned events)
{
    (void)events;
    struct psc_session *s = owner;
    char data[PEEK_MAX];
    ssize_t n = recv(s->fd, data, sizeof data, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        psc_session_hang_up(s, "tests before SMTP handshake");
    else if (has_todo(s, PSC_PREGREET))
        on_pregreet(s, (struct slice){data, (size_t)n});
    else
        watch_set(s->watch, 0); /* early, but nobody asked it to wait */
}

static void send_teaser(struct psc_session *s)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_setf(&text, "220-%s\r\n", postscreen_params.postscreen_greet_banner);
    /* the first bytes of a connection: there is room */
    send(s->fd, text.s, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void psc_early_start(struct psc_session *s)
{
    struct psc_server *server = s->server;
    s->phase_began_ms = clock_now_ms();
    if (!(s->todo & PSC_EARLY)) {
        decide(s);
        return;
    }
    if (has_todo(s, PSC_PREGREET))
        send_teaser(s);
    s->watch = watch_new(server->loop, s->fd, WATCH_READ, on_input, s);
    s->timer = timer_new(server->loop, on_time, s);
    timer_start(s->timer, psc_server_limits(server)->greet_wait_ms);
    if (has_todo(s, PSC_DNSBL))
        s->dnsbl = psc_dnsbl_ask(server->dnsbl, s->ends.client_address, on_dnsbl, s);
}
