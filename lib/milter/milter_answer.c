/* What a filter says, and what is made of it when it says nothing. */
#include "base/xmem.h"
#include "milter/milter_dial.h"
#include "milter/milter_params.h"
#include "milter/milter_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char tempfail_text[] = "451 4.7.1 Service unavailable - try again later";
static const char config_text[] = "451 4.3.5 Server configuration problem - try again later";
static const char reject_text[] = "550 5.7.1 Command rejected";
static const char fallback_reject_text[] = "550 5.5.0 Service unavailable";
static const char shutdown_text[] = "421 4.7.0 Server closing connection";

static void warn(struct milter *m, const char *fmt, ...) PRINTF(2, 3);
static void warn(struct milter *m, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(4096);
    va_list ap;
    va_start(ap, fmt);
    strbuf_addf(&text, "milter %s: ", m->spec->name);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    m->events->on_warning(m->owner, text.s);
}

void milter_hang_up(struct milter *m)
{
    /* What another process knows of this connection is right no more: shutdown() reaches it,
     * close() does not. */
    if (m->is_adopted && m->stream && (m->phase != PHASE_READY || m->is_confused))
        shutdown(stream_fd(m->stream), SHUT_RDWR);
    milter_dial_cancel(m->dial);
    m->dial = NULL;
    stream_free(m->stream);
    m->stream = NULL;
    timer_stop(m->timer);
    if (m->suspended_fd >= 0)
        close(m->suspended_fd);
    m->suspended_fd = -1;
}

static struct milter_outcome outcome_text(enum milter_outcome_kind kind, const char *text)
{
    return (struct milter_outcome){.kind = kind, .text = text, .wire = text};
}

static struct milter_outcome fallback(struct milter *m)
{
    switch (m->spec->fallback) {
    case MILTER_FALLBACK_ACCEPT:
        return outcome_text(MILTER_OUTCOME_ACCEPT, NULL);
    case MILTER_FALLBACK_REJECT:
        return outcome_text(MILTER_OUTCOME_REFUSE, fallback_reject_text);
    case MILTER_FALLBACK_TEMPFAIL:
        return outcome_text(MILTER_OUTCOME_REFUSE, tempfail_text);
    case MILTER_FALLBACK_QUARANTINE:
        return outcome_text(MILTER_OUTCOME_HOLD, NULL);
    case MILTER_FALLBACK_SHUTDOWN:
        return outcome_text(MILTER_OUTCOME_SHUTDOWN, shutdown_text);
    case MILTER_FALLBACK_BROKEN:
        break;
    }
    warn(m, "unrecognized default action: %s", milter_params.milter_default_action);
    return outcome_text(MILTER_OUTCOME_REFUSE, config_text);
}

/* No more questions: OUTCOME answers them all. */
static void finish(struct milter *m, struct milter_outcome outcome)
{
    m->phase = PHASE_OVER;
    milter_hang_up(m);
    m->outcome = outcome;
}

void milter_break(struct milter *m, const char *why, struct milter_outcome *ret_outcome)
{
    if (why)
        warn(m, "%s", why);
    finish(m, fallback(m));
    *ret_outcome = m->outcome;
}

/* The pending question is answered. */
static void answer(struct milter *m, struct milter_outcome outcome)
{
    timer_stop(m->timer);
    if (m->phase == PHASE_WAITING || m->phase == PHASE_DRAINING)
        m->phase = PHASE_READY;
    m->events->on_outcome(m->owner, m, &outcome);
}

static void fail(struct milter *m, const char *why)
{
    struct milter_outcome outcome;
    milter_break(m, why, &outcome);
    answer(m, outcome);
}

static void fail_reading(struct milter *m, const char *why)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(1024);
    int command = m->phase == PHASE_AGREEING ? MILTER_NEGOTIATE : m->command;
    strbuf_setf(&text, "can't read %s reply packet header: %s", milter_command_name(command), why);
    if (m->phase == PHASE_AGREEING) {
        struct milter_outcome outcome;
        milter_break(m, text.s, &outcome);
        warn(m, "read error in initial handshake");
        answer(m, outcome);
        return;
    }
    fail(m, text.s);
}

int64_t milter_time_limit(const struct milter *m)
{
    return strchr("LNBE", m->command) ? m->spec->content_ms : m->spec->command_ms;
}

static bool is_of_connection(int command)
{
    return command == MILTER_CONNECT || command == MILTER_HELO;
}

static void on_reply_code(struct milter *m, struct slice data)
{
    strbuf_set_slice(&m->wire, slice_first(data, slice_find(data, '\0')));
    if (!milter_parse_reply(data, &m->text)) {
        warn(m, "malformed reply: %.*s", SLICE_ARG(slice_first(strbuf_slice(&m->wire), 200)));
        finish(m, outcome_text(MILTER_OUTCOME_REFUSE, config_text));
        answer(m, m->outcome);
        return;
    }
    strbuf_reset(&m->wire);
    milter_add_unescaped(&m->wire, slice_first(data, slice_find(data, '\0')));
    struct milter_outcome outcome = {MILTER_OUTCOME_REFUSE, m->text.s, m->wire.s};
    if (is_of_connection(m->command))
        finish(m, outcome);
    answer(m, outcome);
}

static void on_refusal(struct milter *m, const char *text)
{
    struct milter_outcome outcome = outcome_text(MILTER_OUTCOME_REFUSE, text);
    if (is_of_connection(m->command))
        finish(m, outcome);
    answer(m, outcome);
}

static void on_accept(struct milter *m)
{
    struct milter_outcome outcome = outcome_text(MILTER_OUTCOME_ACCEPT, NULL);
    if (is_of_connection(m->command))
        finish(m, outcome);
    else if (m->command == MILTER_UNKNOWN)
        outcome.kind = MILTER_OUTCOME_NONE; /* of no message */
    else
        m->is_done = true;
    answer(m, outcome);
}

static void on_discard(struct milter *m)
{
    if (is_of_connection(m->command)) {
        warn(m, "DISCARD action is not allowed for connect or helo");
        answer(m, outcome_text(MILTER_OUTCOME_NONE, NULL));
        return;
    }
    m->is_done = m->command != MILTER_UNKNOWN;
    answer(m, outcome_text(MILTER_OUTCOME_DISCARD, NULL));
}

/* An edit, or what has no meaning here. */
static void on_other(struct milter *m, int letter, struct slice data)
{
    struct milter_edit edit;
    CLEANUP(strbuf_done) struct strbuf why = STRBUF_INIT(1024);
    if ((m->command != MILTER_EOM && letter != MILTER_QUARANTINE) ||
        !milter_parse_edit(letter, data, &edit)) {
        strbuf_setf(&why, "unexpected filter response %s after event %s",
                    milter_answer_name(letter), milter_command_name(m->command));
        fail(m, why.s);
        return;
    }
    const char *problem = m->events->on_edit(m->owner, m, &edit);
    if (problem) {
        strbuf_set(&why, problem);
        fail(m, why.s);
        return;
    }
    timer_start(m->timer, milter_time_limit(m)); /* there is more to come */
}

static void on_packet(struct milter *m, int letter, struct slice data)
{
    switch (letter) {
    case MILTER_GO_ON:
        answer(m, outcome_text(MILTER_OUTCOME_NONE, NULL));
        return;
    case MILTER_SKIP:
        m->skips_rcpts = m->skips_rcpts || m->command == MILTER_RCPT;
        answer(m, outcome_text(MILTER_OUTCOME_SKIP, NULL));
        return;
    case MILTER_PROGRESS:
        timer_start(m->timer, milter_time_limit(m));
        return;
    case MILTER_ACCEPT:
        on_accept(m);
        return;
    case MILTER_DISCARD:
        on_discard(m);
        return;
    case MILTER_REJECT:
        on_refusal(m, reject_text);
        return;
    case MILTER_TEMPFAIL:
        on_refusal(m, tempfail_text);
        return;
    case MILTER_REPLY:
        on_reply_code(m, data);
        return;
    case MILTER_SHUTDOWN:
        finish(m, outcome_text(MILTER_OUTCOME_SHUTDOWN, shutdown_text));
        answer(m, m->outcome);
        return;
    default:
        on_other(m, letter, data);
    }
}

static void on_terms(struct milter *m, int letter, struct slice data)
{
    struct milter_terms terms;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf why = STRBUF_INIT(1024);
    if (letter != MILTER_NEGOTIATE) {
        strbuf_setf(&why, "unexpected reply \"%c\" in initial handshake",
                    letter > ' ' && letter < 127 ? letter : '?');
        fail(m, why.s);
        return;
    }
    bool good = milter_parse_terms(data, &terms, &err);
    if (good && terms.version > m->spec->version)
        good = err_set(&err, ERR_TEMP, "protocol version %u conflict with MTA protocol version %u",
                       terms.version, m->spec->version);
    if (good && (terms.actions & ~(uint32_t)MILTER_ACTIONS))
        good = err_set(&err, ERR_TEMP, "request mask 0x%x conflict with MTA request mask 0x%x",
                       terms.actions, (unsigned)MILTER_ACTIONS);
    terms.protocol &= MILTER_EVENTS; /* Postfix pays no heed to others */
    if (good && (terms.protocol & ~m->spec->events))
        good = err_set(&err, ERR_TEMP, "requests protocol options 0x%x, we offered 0x%x",
                       terms.protocol, m->spec->events);
    if (!good) {
        fail(m, err.reason);
        return;
    }
    if (terms.strange_stage)
        warn(m, "ignoring unknown macro type %u", terms.strange_stage);
    if (terms.version < 2) {
        warn(m, "unexpected protocol version %u", terms.version);
        terms.version = m->spec->version;
    }
    m->version = terms.version;
    m->actions = terms.actions;
    m->protocol = terms.protocol;
    for (int i = 0; i < MILTER_STAGES; i++)
        if (terms.macros[i].len > 0) /* an empty list asks for none in particular */
            m->macros[i] = slice_dup(terms.macros[i]);
    m->phase = PHASE_READY;
    /* The question waited for this; its macros may be others now, so its owner asks again. */
    timer_stop(m->timer);
    m->events->on_outcome(m->owner, m, NULL);
}

static void on_input(void *owner, struct stream *stream)
{
    struct milter *m = owner;
    if (m->phase != PHASE_AGREEING && m->phase != PHASE_WAITING) {
        m->is_confused = m->phase == PHASE_READY || m->phase == PHASE_DRAINING;
        stream_pause(stream, true);
        return;
    }
    int letter;
    struct slice data;
    size_t size;
    switch (milter_packet_next(stream_input(stream), &letter, &data, &size)) {
    case MILTER_PACKET_MORE:
        return;
    case MILTER_PACKET_BAD:
        fail(m, "bad packet length");
        return;
    case MILTER_PACKET_READY:
        break;
    }
    /* the owner may free the milter from inside: nothing of it is touched afterwards */
    CLEANUP(xfree_ptr) char *copy = slice_dup(data);
    data.s = copy;
    stream_consume(stream, size);
    if (stream_input(stream).len > 0)
        stream_poke(stream);
    if (m->phase == PHASE_AGREEING)
        on_terms(m, letter, data);
    else
        on_packet(m, letter, data);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    struct milter *m = owner;
    const char *why = err->kind == ERR_NONE ? "Application error" : err->reason;
    if (m->phase == PHASE_AGREEING || m->phase == PHASE_WAITING || m->phase == PHASE_DRAINING)
        fail_reading(m, why);
    else
        m->is_confused = true; /* told at the next question */
}

static void on_room(void *owner, struct stream *stream)
{
    (void)stream;
    struct milter *m = owner;
    if (m->phase == PHASE_DRAINING)
        answer(m, outcome_text(MILTER_OUTCOME_NONE, NULL));
}

void milter_on_timer(void *owner)
{
    struct milter *m = owner;
    if (m->phase == PHASE_DIALING) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(1024);
        strbuf_setf(&text, "connect to Milter service %s: Connection timed out", m->spec->name);
        m->events->on_warning(m->owner, text.s);
        fail(m, NULL);
        return;
    }
    fail_reading(m, "Connection timed out");
}

const struct stream_events milter_stream_events = {
    .on_input = on_input, .on_closed = on_closed, .on_room = on_room};

void milter_open_stream(struct milter *m, int fd)
{
    m->stream = stream_new(m->loop, fd, &milter_stream_events, m);
    stream_input_max(m->stream, MILTER_PACKET_MAX + sizeof(uint32_t));
}

void milter_on_dialed(void *owner, int fd, const struct err *err)
{
    struct milter *m = owner;
    m->dial = NULL;
    if (fd < 0) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(1024);
        strbuf_setf(&text, "connect to Milter service %s: %s", m->spec->name, err->reason);
        m->events->on_warning(m->owner, text.s);
        fail(m, NULL);
        return;
    }
    milter_open_stream(m, fd);
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    milter_add_u32(&data, m->spec->version);
    milter_add_u32(&data, MILTER_ACTIONS);
    milter_add_u32(&data, m->spec->events);
    milter_packet(stream_output(m->stream), MILTER_NEGOTIATE, strbuf_slice(&data));
    stream_output_changed(m->stream);
    m->phase = PHASE_AGREEING;
}
