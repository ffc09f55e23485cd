#include "postscreen/psc_engine.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"
#include "postscreen/psc_tls.h"

#include <stdlib.h>
#include <string.h>

static const char phase[] = "tests after SMTP handshake";
enum { REPLY_MAX = 4096, SHOWN_MAX = 100, INPUT_MAX = 16 * 1024 };

void psc_engine_free(struct psc_engine *e)
{
    if (!e)
        return;
    psc_tls_free(e->tls);
    if (e->stream)
        stream_close_after_output(e->stream);
    free(e->helo);
    free(e->sender);
    strbuf_done(&e->line);
    strbuf_done(&e->reply);
    free(e);
}

/* The time for one command runs from now. */
static void start_clock(struct psc_engine *e)
{
    stream_deadline(e->stream, psc_server_limits(e->session->server)->command_ms);
}

static void end(struct psc_engine *e)
{
    struct psc_session *s = e->session;
    psc_session_conclude(s);
    psc_session_end(s);
}

static void write_reply(struct psc_engine *e, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    psc_session_format(e->session, text, &out);
    stream_write(e->stream, strbuf_slice(&out));
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Is this the first time? Later ones are not logged, and change nothing. */
static bool is_first(struct psc_engine *e, enum psc_test test)
{
    bool first = !(e->noted & 1u << test);
    e->noted |= 1u << test;
    return first;
}

/* Note a failure. False: the client is to be dropped. */
static bool fail(struct psc_engine *e, enum psc_test test)
{
    struct psc_session *s = e->session;
    if (s->server->actions[test] == PSC_DROP) {
        s->failed |= 1u << test;
        return false;
    }
    return psc_session_fail(s, test, "550 5.5.1 Protocol error");
}

static bool note_bare_newline(struct psc_engine *e, struct slice line)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (!is_first(e, PSC_BARE_NEWLINE))
        return true;
    text_add_printable(&text, slice_first(line, SHOWN_MAX));
    log_info(NULL, "BARE NEWLINE from " PSC_CLIENT_FMT " after %s", PSC_CLIENT(e->session), text.s);
    return fail(e, PSC_BARE_NEWLINE);
}

bool psc_engine_is_in_step(struct psc_engine *e)
{
    struct slice input = stream_input(e->stream);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (input.len == 0 || !is_first(e, PSC_PIPELINING))
        return true;
    text_add_escaped(&text, slice_first(input, SHOWN_MAX));
    log_info(NULL, "COMMAND PIPELINING from " PSC_CLIENT_FMT " after %s: %s",
             PSC_CLIENT(e->session), e->where, text.s);
    return fail(e, PSC_PIPELINING);
}

/* --- commands --------------------------------------------------------------------------------- */

/* Say why, and end. */
static void close_with(struct psc_engine *e, const char *reply)
{
    write_reply(e, reply);
    end(e);
}

static void over_limit(struct psc_engine *e, const char *what)
{
    log_info(NULL, "COMMAND %s LIMIT from " PSC_CLIENT_FMT " after %s", what,
             PSC_CLIENT(e->session), e->where);
    strbuf_setf(&e->reply, "421 %s Service unavailable - try again later",
                common_params.myhostname);
    close_with(e, e->reply.s);
}

bool psc_engine_answer(struct psc_engine *e, const char *reply)
{
    if (e->closes) {
        close_with(e, reply);
        return false;
    }
    write_reply(e, reply);
    start_clock(e);
    return true;
}

/* The line in e->line. False: the session is gone, or waits. */
static bool run(struct psc_engine *e, bool is_bare)
{
    struct slice line = strbuf_slice(&e->line);
    if (is_bare && !note_bare_newline(e, line)) {
        close_with(e, PSC_PROTOCOL_ERROR);
        return false;
    }
    if (++e->command_count > postscreen_params.postscreen_command_count_limit) {
        over_limit(e, "COUNT");
        return false;
    }
    const char *reply = psc_command(e, line);
    if (!reply) {
        stream_pause(e->stream, true);
        stream_deadline(e->stream, 0); /* psc_tls has a limit of its own */
        psc_tls_start(e);
        return false;
    }
    return psc_engine_answer(e, reply);
}

/* Take one line off the input. False: there is none, or the session is gone. */
static bool take_line(struct psc_engine *e, bool *ret_is_bare)
{
    struct slice in = stream_input(e->stream);
    size_t lf = slice_find(in, '\n');
    size_t len = lf == SIZE_MAX ? in.len : lf;
    if (len > (size_t)common_params.line_length_limit) {
        over_limit(e, "LENGTH");
        return false;
    }
    if (lf == SIZE_MAX)
        return false;
    *ret_is_bare = lf == 0 || in.s[lf - 1] != '\r';
    strbuf_set_slice(&e->line, slice_trim(slice_first(in, lf)));
    stream_consume(e->stream, lf + 1);
    return true;
}

static void on_input(void *owner, struct stream *stream)
{
    (void)stream;
    struct psc_engine *e = owner;
    bool is_bare;
    /* over_limit() ends the session: E is gone when either says no */
    while (take_line(e, &is_bare) && run(e, is_bare))
        continue;
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    struct psc_engine *e = owner;
    psc_session_hang_up(e->session, phase);
}

static void on_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    struct psc_engine *e = owner;
    log_info(NULL, "COMMAND TIME LIMIT from " PSC_CLIENT_FMT " after %s", PSC_CLIENT(e->session),
             e->where);
    strbuf_setf(&e->reply, "421 4.4.2 %s Error: timeout exceeded", common_params.myhostname);
    close_with(e, e->reply.s);
}

static const struct stream_events events = {
    .on_input = on_input, .on_closed = on_closed, .on_timeout = on_timeout};

static void talk_over(struct psc_engine *e, int fd)
{
    e->stream = stream_new(e->session->server->loop, fd, &events, e);
    stream_input_max(e->stream, INPUT_MAX);
    start_clock(e);
}

/* RFC 3207, section 4.2: nothing that was said before counts. */
void psc_engine_resume(struct psc_engine *e, int fd)
{
    free(e->helo);
    free(e->sender);
    e->helo = e->sender = NULL;
    e->is_esmtp = false;
    e->has_tls = true;
    talk_over(e, fd);
}

void psc_engine_start(struct psc_session *s)
{
    struct psc_engine *e = xzalloc(sizeof *e);
    e->session = s;
    e->where = "CONNECT";
    e->ehlo_discard = s->server->ehlo_discard;
    strbuf_init(&e->line, (size_t)common_params.line_length_limit + 1);
    strbuf_init(&e->reply, REPLY_MAX);
    s->engine = e;
    s->phase_began_ms = clock_now_ms();
    watch_free(s->watch);
    timer_free(s->timer);
    s->watch = NULL;
    s->timer = NULL;
    talk_over(e, fd_take(&s->fd));
    /* who talked before its turn does not wait for this line */
    if (!s->spoke_early) {
        strbuf_setf(&e->reply, "220 %s", s->server->greeting);
        write_reply(e, e->reply.s);
    }
}
