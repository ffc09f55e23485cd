/*
 * A complete message on its way through the mail filters, one after the other: each sees what those
 * before it made of it.
 *
 * The message is read from its queue file piece by piece, and the next piece is read when the
 * filter has answered for the one before: a large message and a slow filter cost one piece of
 * memory.
 */
#include "base/xmem.h"
#include "cleanup/cleanup_milter.h"
#include "cleanup/cleanup_params.h"
#include "config/common_params.h"
#include "io/work.h"
#include "mail/queue_file.h"
#include "milter/milter_params.h"
#include "milter/milters.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RESOLVE_THREADS = 2 };

/* What a filter hears; the first four only if it was not smtpd that asked it about the envelope. */
enum stage { CONNECT, HELO, MAIL, RCPT, DATA, HEADERS, EOH, BODY, EOM };

struct cleanup_filtering {
    struct cleanup_message *m;
    const struct cleanup_milters *from_smtpd; /* NULL: non_smtpd_milters */
    cleanup_filtered_fn done;
    void *owner;
    struct milter **at;
    size_t count, next;
    enum stage stage;
    size_t rcpt;                 /* the next one to be told of */
    struct queue_reader *reader; /* of the content, from HEADERS on */
    bool is_first_header, has_more_body;
    struct strbuf header; /* the one being gathered: its first line is known already */
    struct strbuf body;   /* what is left of the last record read */
    struct later later;   /* the start */
};

static struct loop *filter_loop;
static struct work_pool *pool;

void cleanup_milter_start(struct loop *loop)
{
    filter_loop = loop;
    if (cleanup_milter_specs()->count > 0)
        pool = work_pool_new(loop, RESOLVE_THREADS);
}

/* ---- macros ---- */

static const char *local_macro(const struct cleanup_filtering *f, struct slice name)
{
    const struct cleanup_message *m = f->m;
    const struct {
        const char *name, *value;
    } macros[] = {
        {"i", m->log.queue_id},
        {"j", common_params.myhostname},
        {"v", milter_params.milter_macro_v},
        {"_", "localhost [127.0.0.1]"},
        {"{daemon_name}", milter_params.milter_macro_daemon_name},
        {"{daemon_addr}", "127.0.0.1"},
        {"{daemon_port}", "0"},
        {"{client_addr}", "127.0.0.1"},
        {"{client_name}", "localhost"},
        {"{client_port}", "0"},
        {"{client_ptr}", "localhost"},
        {"{mail_addr}", m->env.sender},
        {"{rcpt_addr}", m->heard_at},
        {"{auth_type}", m->env.sasl_method[0] ? m->env.sasl_method : NULL},
        {"{auth_authen}", m->env.sasl_username[0] ? m->env.sasl_username : NULL},
        {"{auth_author}", m->env.sasl_sender[0] ? m->env.sasl_sender : NULL},
    };
    bool is_early = f->stage < MAIL;
    for (size_t i = 0; i < COUNT_OF(macros); i++)
        if (slice_eq(name, macros[i].name))
            return is_early && (i == 0 || slice_eq(name, "{mail_addr}")) ? NULL : macros[i].value;
    return NULL;
}

static const char *find_macro(void *ctx, struct slice name, struct strbuf *value)
{
    (void)value;
    const struct cleanup_filtering *f = ctx;
    if (!f->from_smtpd)
        return local_macro(f, name);
    for (size_t i = 0; i < f->from_smtpd->macros_count; i++)
        if (slice_eq(name, f->from_smtpd->macros[i].name))
            return f->from_smtpd->macros[i].value;
    return NULL;
}

/* ---- the content ---- */

static void read_failed(struct cleanup_filtering *f, const struct err *err)
{
    cleanup_message_warn(f->m, "read queue file for a milter: %s", err->reason);
    f->m->status |= CLEANUP_STAT_WRITE;
}

/* The next line or piece of content; false at its end. */
static bool next_record(struct cleanup_filtering *f, int *ret_type, struct slice *ret_data)
{
    struct err err = ERR_INIT;
    do {
        if (queue_reader_next(f->reader, ret_type, ret_data, NULL, &err) != QUEUE_READ_OK) {
            read_failed(f, &err);
            return false;
        }
    } while (*ret_type == REC_PADDING);
    return *ret_type == REC_LINE || *ret_type == REC_LINE_PART;
}

static void start_content(struct cleanup_filtering *f)
{
    queue_reader_free(f->reader);
    f->reader = queue_reader_new(f->m->fd);
    queue_reader_seek(f->reader, f->m->data_offset);
    f->is_first_header = true;
    f->has_more_body = true;
    strbuf_reset(&f->header);
    strbuf_reset(&f->body);
}

/* Gather one header into OUT, lines separated by LF. False: there is none any more. The line after
 * it, which has to be read to see its end, stays in f->header. */
static bool next_header(struct cleanup_filtering *f, struct strbuf *out)
{
    int type;
    struct slice data;
    bool in_parts = false;
    strbuf_set_slice(out, strbuf_slice(&f->header));
    strbuf_reset(&f->header);
    while (next_record(f, &type, &data)) {
        bool continues = in_parts || (data.len > 0 && (data.s[0] == ' ' || data.s[0] == '\t'));
        if (out->len > 0 && !continues) {
            strbuf_set_slice(&f->header, data);
            f->has_more_body = data.len > 0;
            return true;
        }
        if (out->len == 0 && data.len == 0)
            return false;
        if (out->len > 0 && !in_parts)
            strbuf_add_char(out, '\n');
        strbuf_add_slice(out, data);
        in_parts = type == REC_LINE_PART;
    }
    return out->len > 0;
}

/* The next event of the header: name and value. False: they are over. */
static bool header_event(struct cleanup_filtering *f, struct milter *m, struct strbuf *data)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice name, value;
    while (f->has_more_body && next_header(f, &text)) {
        bool is_first = f->is_first_header;
        f->is_first_header = false;
        if (!header_parse(strbuf_slice(&text), &name, &value))
            continue;
        if (is_first && slice_eq_nocase(name, "Received")) /* our own */
            continue;
        if (!milter_wants_leading_space(m) && value.len > 0 && value.s[0] == ' ')
            value = slice_from(value, 1);
        milter_add_text(data, name);
        milter_add_text(data, value);
        return true;
    }
    return false;
}

/* Up to one packet of the body, with CR LF. */
static bool body_event(struct cleanup_filtering *f, struct strbuf *data)
{
    int type;
    struct slice piece;
    while (f->body.len < MILTER_BODY_CHUNK && f->has_more_body) {
        f->has_more_body = next_record(f, &type, &piece);
        if (!f->has_more_body)
            break;
        strbuf_add_slice(&f->body, piece);
        if (type == REC_LINE)
            strbuf_add_str(&f->body, "\r\n");
    }
    size_t len = MIN(f->body.len, (size_t)MILTER_BODY_CHUNK);
    strbuf_add_slice(data, slice_first(strbuf_slice(&f->body), len));
    strbuf_remove_front(&f->body, len);
    return len > 0;
}

/* ---- one filter ---- */

/* Move to the body: over headers that this filter did not want to hear. */
static void skip_headers(struct cleanup_filtering *f)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    while (f->has_more_body && next_header(f, &text))
        continue;
    strbuf_reset(&f->header);
    f->has_more_body = true;
}

static const int commands[] = {
    [CONNECT] = MILTER_CONNECT, [HELO] = MILTER_HELO, [MAIL] = MILTER_MAIL,
    [RCPT] = MILTER_RCPT,       [DATA] = MILTER_DATA, [HEADERS] = MILTER_HEADER,
    [EOH] = MILTER_EOH,         [BODY] = MILTER_BODY, [EOM] = MILTER_EOM,
};

/* The data of the next event of this stage. False: the stage is over. */
static bool event_data(struct cleanup_filtering *f, struct milter *m, struct strbuf *data)
{
    switch (f->stage) {
    case CONNECT:
        milters_add_connect(data, "localhost", AF_INET, 0, "127.0.0.1");
        return true;
    case HELO:
        milter_add_text(data, slice_of("localhost"));
        return true;
    case MAIL:
        milter_add_text(data, slice_of(f->m->env.sender));
        return true;
    case RCPT:
        if (f->rcpt == f->m->heard_count)
            return false;
        f->m->heard_at = f->m->heard[f->rcpt];
        milter_add_text(data, slice_of(f->m->heard_at));
        return true;
    case HEADERS:
        return milter_wants(m, MILTER_HEADER) && header_event(f, m, data);
    case EOH:
        return milter_wants(m, MILTER_EOH);
    case BODY:
        return milter_wants(m, MILTER_BODY) && body_event(f, data);
    case DATA:
    case EOM:
        break;
    }
    return true;
}

static bool is_repeated(enum stage stage)
{
    return stage == RCPT || stage == HEADERS || stage == BODY;
}

static void next_stage(struct cleanup_filtering *f)
{
    f->stage++;
    if (f->stage == HEADERS)
        start_content(f);
    if (f->stage == BODY)
        skip_headers(f);
}

static void next_filter(struct cleanup_filtering *f)
{
    cleanup_edit_end(f->m);
    f->next++;
    f->rcpt = 0;
    f->stage = f->from_smtpd ? HEADERS : CONNECT;
    if (f->stage == HEADERS)
        start_content(f);
}

/* ---- verdicts ---- */

static void hold(struct cleanup_filtering *f)
{
    if (!(f->m->flags & CLEANUP_FLAG_HOLD))
        cleanup_milter_log(f->m, "milter-hold", commands[f->stage], "milter triggers HOLD action");
    f->m->flags |= CLEANUP_FLAG_HOLD;
}

static void refuse(struct cleanup_filtering *f, const struct milter_outcome *outcome)
{
    struct cleanup_message *m = f->m;
    CLEANUP(strbuf_done) struct strbuf reason = STRBUF_ANY;
    bool is_temporary = outcome->text[0] == '4';
    cleanup_milter_log(m, "milter-reject", commands[f->stage], outcome->wire + 4);
    m->reason_code =
        (outcome->text[0] - '0') * 100 + (outcome->text[1] - '0') * 10 + (outcome->text[2] - '0');
    strbuf_set(&reason, outcome->text + 4);
    if (!f->from_smtpd) /* it goes into a bounce, as one line */
        for (size_t i = 0; i < reason.len; i++)
            reason.s[i] = reason.s[i] == '\n' ? ' ' : reason.s[i];
    if (!f->from_smtpd && f->stage == RCPT) {
        cleanup_message_warn(
            m, "milter configuration error: can't reject recipient in non-smtpd(8) submission");
        cleanup_message_warn(m, "message not accepted, try again later");
        is_temporary = true;
    }
    /* What was not sent by SMTP is tried again by who sent it. */
    cleanup_message_fail(
        m, is_temporary && !f->from_smtpd ? CLEANUP_STAT_DEFER : CLEANUP_STAT_CONTENT, reason.s);
}

/* True: the message's fate is clear. */
static bool apply(struct cleanup_filtering *f, const struct milter_outcome *outcome)
{
    switch (outcome->kind) {
    case MILTER_OUTCOME_NONE:
        if (f->stage == EOM)
            next_filter(f);
        else if (f->stage == RCPT)
            f->rcpt++;
        else if (!is_repeated(f->stage))
            next_stage(f);
        return false;
    case MILTER_OUTCOME_SKIP:
        if (f->stage == EOM)
            next_filter(f);
        else if (f->stage == RCPT)
            f->rcpt++;
        else
            next_stage(f);
        return false;
    case MILTER_OUTCOME_HOLD:
        hold(f);
        next_filter(f);
        return false;
    case MILTER_OUTCOME_ACCEPT:
        next_filter(f);
        return false;
    case MILTER_OUTCOME_DISCARD:
        cleanup_milter_log(f->m, "milter-discard", commands[f->stage],
                           "milter triggers DISCARD action");
        f->m->flags |= CLEANUP_FLAG_DISCARD;
        return true;
    case MILTER_OUTCOME_REFUSE:
    case MILTER_OUTCOME_SHUTDOWN:
        refuse(f, outcome);
        return true;
    }
    return true;
}

static void over(struct cleanup_filtering *f)
{
    cleanup_filtered_fn done = f->done;
    void *owner = f->owner;
    struct cleanup_message *m = f->m;
    cleanup_edit_end(m);
    m->heard_at = NULL;
    cleanup_filtering_free(f);
    done(owner, m);
}

/* Ask until there is something to wait for. False: it is all over. */
static bool ask_on(struct cleanup_filtering *f)
{
    struct milter_outcome outcome;
    while (f->next < f->count) {
        if (f->m->status) /* it cannot be read, or not be changed */
            return false;
        struct milter *m = f->at[f->next];
        CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
        if (!event_data(f, m, &data)) {
            next_stage(f);
            continue;
        }
        f->m->edits.has_leading_space = milter_wants_leading_space(m);
        if (!milter_ask(m, commands[f->stage], strbuf_slice(&data), find_macro, f, &outcome))
            return true;
        if (apply(f, &outcome))
            return false;
    }
    return false;
}

static void go_on(void *owner)
{
    struct cleanup_filtering *f = owner;
    if (!ask_on(f))
        over(f);
}

static void on_outcome(void *owner, struct milter *m, const struct milter_outcome *outcome)
{
    (void)m;
    struct cleanup_filtering *f = owner;
    if (outcome && apply(f, outcome)) { /* NULL: connected; the question is asked once more */
        over(f);
        return;
    }
    go_on(f);
}

static const char *on_edit(void *owner, struct milter *m, const struct milter_edit *edit)
{
    (void)m;
    struct cleanup_filtering *f = owner;
    return cleanup_edit(f->m, edit);
}

static void on_warning(void *owner, const char *text)
{
    (void)owner;
    log_warn(NULL, "%s", text);
}

static const struct milter_events milter_events = {on_outcome, on_edit, on_warning};

/* ---- life ---- */

static struct milter *adopt(struct cleanup_filtering *f, const struct cleanup_milter *from, int fd)
{
    struct milter_state state = {
        .name = from->name,
        .version = (uint32_t)from->version,
        .actions = (uint32_t)from->actions,
        .protocol = (uint32_t)from->protocol,
        .content_ms = from->content_ms > 0 ? from->content_ms : 1,
        .fallback = from->fallback >= 0 && from->fallback < MILTER_FALLBACK_BROKEN
                        ? (int)from->fallback
                        : MILTER_FALLBACK_BROKEN,
        .has_connection = from->has_connection,
        .outcome = from->outcome >= 0 && from->outcome <= MILTER_OUTCOME_SHUTDOWN
                       ? (int)from->outcome
                       : MILTER_OUTCOME_ACCEPT,
        .text = from->text,
    };
    bool needs_text = state.outcome >= MILTER_OUTCOME_REFUSE;
    if (needs_text && strlen(from->text) < 4)
        state.text = "451 4.3.5 Server configuration problem - try again later";
    state.macros[milter_stage_of(MILTER_EOH)] = slice_of(from->header_macros);
    state.macros[milter_stage_of(MILTER_EOM)] = slice_of(from->end_macros);
    return milter_adopt(filter_loop, fd, &state, &milter_events, f);
}

struct cleanup_filtering *cleanup_milter_filter(struct cleanup_message *m,
                                                const struct cleanup_milters *from_smtpd,
                                                const int *fds, size_t fd_count,
                                                cleanup_filtered_fn done, void *owner)
{
    const struct milter_specs *specs = cleanup_milter_specs();
    struct cleanup_filtering *f = xzalloc(sizeof *f);
    f->m = m;
    f->from_smtpd = from_smtpd;
    f->done = done;
    f->owner = owner;
    strbuf_init(&f->header, SIZE_MAX / 4);
    strbuf_init(&f->body, SIZE_MAX / 4);
    f->later = (struct later){.fn = go_on, .owner = f};
    size_t count = from_smtpd ? MIN(from_smtpd->milters_count, fd_count) : specs->count;
    f->at = xrealloc_array(NULL, count + 1, sizeof(struct milter *));
    for (; f->count < count; f->count++)
        f->at[f->count] =
            from_smtpd ? adopt(f, &from_smtpd->milters[f->count], fds[f->count])
                       : milter_new(filter_loop, pool, &specs->at[f->count], &milter_events, f);
    for (size_t i = count; from_smtpd && i < fd_count; i++)
        close(fds[i]);
    f->stage = from_smtpd ? HEADERS : CONNECT;
    cleanup_write_flush(m);
    if (f->stage == HEADERS)
        start_content(f);
    loop_later(filter_loop, &f->later);
    return f;
}

void cleanup_filtering_free(struct cleanup_filtering *f)
{
    if (!f)
        return;
    loop_later_cancel(filter_loop, &f->later);
    for (size_t i = 0; i < f->count; i++)
        milter_free(f->at[i]);
    free(f->at);
    queue_reader_free(f->reader);
    strbuf_done(&f->header);
    strbuf_done(&f->body);
    free(f);
}
