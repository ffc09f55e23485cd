/* Asking a filter, and handing its connection from process to process. */
#include "milter/milter_private.h"

#include "base/xmem.h"
#include "milter/milter_dial.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024 };

struct milter *milter_new(struct loop *loop, struct work_pool *pool, const struct milter_spec *spec,
                          const struct milter_events *events, void *owner)
{
    struct milter *m = xzalloc(sizeof *m);
    m->loop = loop;
    m->pool = pool;
    m->spec = spec;
    m->events = events;
    m->owner = owner;
    m->suspended_fd = -1;
    m->timer = timer_new(loop, milter_on_timer, m);
    strbuf_init(&m->packet, MILTER_PACKET_MAX);
    strbuf_init(&m->text, TEXT_MAX);
    strbuf_init(&m->wire, TEXT_MAX);
    return m;
}

void milter_free(struct milter *m)
{
    if (!m)
        return;
    if (m->phase == PHASE_READY && m->stream && !m->is_adopted) {
        milter_packet(stream_output(m->stream), MILTER_QUIT, SLICE_EMPTY);
        stream_output_changed(m->stream);
        stream_close_after_output(m->stream);
        m->stream = NULL;
    }
    milter_hang_up(m);
    timer_free(m->timer);
    for (int i = 0; i < MILTER_STAGES; i++)
        free(m->macros[i]);
    if (m->is_adopted)
        free(m->own_spec.name);
    strbuf_done(&m->packet);
    strbuf_done(&m->text);
    strbuf_done(&m->wire);
    free(m);
}

const struct milter_spec *milter_spec_of(const struct milter *m)
{
    return m->spec;
}

/* The packets of the current question leave. True: there is no answer to wait for. */
static bool send_question(struct milter *m, struct milter_outcome *ret_outcome)
{
    bool is_wanted = milter_wants(m, m->command);
    strbuf_add_slice(stream_output(m->stream), strbuf_slice(&m->packet));
    stream_output_changed(m->stream);
    strbuf_done(&m->packet);
    strbuf_init(&m->packet, MILTER_PACKET_MAX);
    bool is_answered = is_wanted && !(m->protocol & milter_unanswered_bit(m->command));
    timer_start(m->timer, milter_time_limit(m));
    m->phase = is_answered ? PHASE_WAITING : PHASE_DRAINING;
    if (is_answered || stream_output_is_full(m->stream))
        return false;
    timer_stop(m->timer);
    m->phase = PHASE_READY;
    *ret_outcome = (struct milter_outcome){.kind = MILTER_OUTCOME_NONE};
    return true;
}

static void add_macros(struct milter *m, int command, milter_macro_fn macros, void *ctx)
{
    int stage = milter_stage_of(command);
    struct slice names = slice_of(stage >= 0 && m->macros[stage] ? m->macros[stage]
                                                                 : milter_macros_default(command));
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_INIT(MILTER_PACKET_MAX);
    milter_macros_add(&data, command, names, macros, ctx);
    milter_packet(&m->packet, MILTER_MACROS, strbuf_slice(&data));
}

/* What came with a later version is not even announced by its macros. */
static bool version_has(const struct milter *m, int command)
{
    return !(command == MILTER_DATA && m->version < 4) &&
           !(command == MILTER_UNKNOWN && m->version < 3);
}

bool milter_ask(struct milter *m, int command, struct slice data, milter_macro_fn macros, void *ctx,
                struct milter_outcome *ret_outcome)
{
    *ret_outcome = (struct milter_outcome){.kind = MILTER_OUTCOME_NONE};
    m->command = command;
    if (m->phase == PHASE_NEW) {
        m->phase = PHASE_DIALING;
        timer_start(m->timer, m->spec->connect_ms);
        m->dial = milter_dial_start(m->loop, m->pool, m->spec->name, milter_on_dialed, m);
        return false;
    }
    if (m->phase == PHASE_OVER) {
        *ret_outcome = m->outcome;
        return true;
    }
    if (m->is_done) {
        ret_outcome->kind = MILTER_OUTCOME_ACCEPT;
        return true;
    }
    if ((command == MILTER_RCPT && m->skips_rcpts) || !version_has(m, command))
        return true;
    if (m->phase != PHASE_READY || m->is_confused) {
        CLEANUP(strbuf_done) struct strbuf why = STRBUF_INIT(1024);
        strbuf_setf(&why, "can't read %s reply packet header: %s", milter_command_name(command),
                    m->is_confused ? "Broken pipe" : "asked while it was busy");
        milter_break(m, why.s, ret_outcome);
        return true;
    }
    add_macros(m, command, macros, ctx);
    if (milter_wants(m, command))
        milter_packet(&m->packet, command, data);
    return send_question(m, ret_outcome);
}

bool milter_wants(const struct milter *m, int command)
{
    return !(m->protocol & milter_unwanted_bit(command));
}

bool milter_wants_leading_space(const struct milter *m)
{
    return m->protocol & MILTER_LEADING_SPACE;
}

bool milter_wants_rejected(const struct milter *m)
{
    return m->phase == PHASE_READY && !m->is_done && (m->protocol & MILTER_WANTS_REJECTED);
}

bool milter_may(const struct milter *m, uint32_t action_bit)
{
    return m->actions & action_bit;
}

void milter_abort(struct milter *m)
{
    m->is_done = m->skips_rcpts = false;
    if (m->phase != PHASE_READY || m->is_confused)
        return;
    milter_packet(stream_output(m->stream), MILTER_ABORT, SLICE_EMPTY);
    stream_output_changed(m->stream);
}

/* ---- two processes ---- */

void milter_get_state(const struct milter *m, struct milter_state *ret)
{
    bool is_over = m->phase == PHASE_OVER;
    *ret = (struct milter_state){
        .name = m->spec->name,
        .version = m->version,
        .actions = m->actions,
        .protocol = m->protocol,
        .content_ms = m->spec->content_ms,
        .fallback = (int)m->spec->fallback,
        .has_connection = m->phase == PHASE_READY && !m->is_done && !m->is_confused,
        .outcome = is_over      ? (int)m->outcome.kind
                   : m->is_done ? MILTER_OUTCOME_ACCEPT
                                : MILTER_OUTCOME_NONE,
        .text = is_over ? m->outcome.text : NULL,
    };
    for (int i = 0; i < MILTER_STAGES; i++)
        if (m->macros[i])
            ret->macros[i] = slice_of(m->macros[i]);
}

int milter_fd(const struct milter *m)
{
    return m->stream ? stream_fd(m->stream) : -1;
}

void milter_suspend(struct milter *m)
{
    if (m->phase != PHASE_READY || m->is_confused)
        return;
    stream_flush(m->stream);
    m->suspended_fd = stream_take_fd(m->stream);
    m->stream = NULL;
    m->phase = PHASE_SUSPENDED;
}

void milter_resume(struct milter *m, bool is_lost)
{
    if (m->phase != PHASE_SUSPENDED)
        return;
    int fd = m->suspended_fd;
    m->suspended_fd = -1;
    m->phase = PHASE_READY;
    if (is_lost)
        shutdown(fd, SHUT_RDWR);
    m->is_confused = is_lost;
    milter_open_stream(m, fd);
}

struct milter *milter_adopt(struct loop *loop, int fd, const struct milter_state *state,
                            const struct milter_events *events, void *owner)
{
    struct milter *m = milter_new(loop, NULL, NULL, events, owner);
    m->spec = &m->own_spec;
    m->own_spec = (struct milter_spec){
        .name = xstrdup(state->name),
        .connect_ms = state->content_ms,
        .command_ms = state->content_ms,
        .content_ms = state->content_ms,
        .fallback = (enum milter_fallback)state->fallback,
        .version = state->version,
    };
    m->is_adopted = true;
    m->version = state->version;
    m->actions = state->actions;
    m->protocol = state->protocol;
    for (int i = 0; i < MILTER_STAGES; i++)
        if (state->macros[i].s)
            m->macros[i] = slice_dup(state->macros[i]);
    if (fd >= 0 && state->has_connection) {
        milter_open_stream(m, fd);
        m->phase = PHASE_READY;
        return m;
    }
    if (fd >= 0)
        close(fd);
    m->phase = PHASE_OVER;
    strbuf_set(&m->text, state->text ? state->text : "");
    const char *text = m->text.len ? m->text.s : NULL;
    m->outcome = (struct milter_outcome){(enum milter_outcome_kind)state->outcome, text, text};
    return m;
}
