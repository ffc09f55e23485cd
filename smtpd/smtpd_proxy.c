/*
 * What the dialogue asks of the before-queue filter, and content on its way there. What goes wrong
 * with it is logged; the client learns only that its mail could not be taken, unless the filter
 * itself refused it.
 *
 * Should the process die here, no mail is lost: the client has no reply to the end of its message
 * yet and sends it again, perhaps for the second time.
 */
#include "smtpd/smtpd_proxy_private.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/record.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_proxy_file.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"

#include <stdlib.h>

static bool is_fast(void)
{
    struct slice rest = slice_of(smtpd_params.smtpd_proxy_options), item;
    bool fast = false;
    while (slice_next_item(&rest, &item)) {
        if (!slice_eq_nocase(item, "speed_adjust"))
            log_fatal("unknown smtpd_proxy_options value \"%.*s\" in \"%s\"", SLICE_ARG(item),
                      smtpd_params.smtpd_proxy_options);
        fast = true;
    }
    return fast;
}

void smtpd_proxy_configure(struct smtpd_server *server)
{
    const char *filter = smtpd_params.smtpd_proxy_filter;
    CLEANUP(strbuf_done) struct strbuf endpoint = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!filter[0])
        return;
    bool has_type =
        slice_starts(slice_of(filter), "inet:") || slice_starts(slice_of(filter), "unix:");
    strbuf_addf(&endpoint, "%s%s", has_type ? "" : "inet:", filter);
    size_t type = strlen("inet:"); /* a port alone is one of this host */
    if (slice_starts(strbuf_slice(&endpoint), "inet:") && !strchr(endpoint.s + type, ':'))
        strbuf_insert(&endpoint, type, slice_of(":"));
    if (!connect_check(endpoint.s, &err))
        log_fatal("smtpd_proxy_filter: %s", err.reason);
    server->proxy = strbuf_take(&endpoint);
    server->proxy_is_late = is_fast();
}

bool smtpd_proxy_needs_file(void)
{
    return smtpd_params.smtpd_proxy_filter[0] && is_fast();
}

struct smtpd_proxy *smtpd_proxy_new(struct smtpd_session *s)
{
    struct smtpd_proxy *p = xzalloc(sizeof *p);
    p->s = s;
    p->step = SMTPD_PROXY_CONNECTING;
    p->file = -1;
    strbuf_init(&p->sent, SIZE_MAX / 4);
    strbuf_init(&p->script, SIZE_MAX / 4);
    strbuf_init(&p->records, SIZE_MAX / 4);
    strbuf_init(&p->recipients, SIZE_MAX / 4);
    esmtp_reply_init(&p->reply);
    return p;
}

void smtpd_proxy_free(struct smtpd_proxy *p)
{
    if (!p)
        return;
    connect_cancel(p->connect);
    smtpd_proxy_hang_up(p);
    fd_done(&p->file);
    strbuf_done(&p->sent);
    strbuf_done(&p->script);
    strbuf_done(&p->records);
    strbuf_done(&p->recipients);
    esmtp_reply_done(&p->reply);
    free(p);
}

static struct smtpd_proxy *proxy_of(struct smtpd_session *s)
{
    return smtpd_sink_proxy(s->tx->sink);
}

bool smtpd_proxy_is_pending(const struct smtpd_proxy *p)
{
    return p->next != NULL;
}

struct reply smtpd_proxy_mail(struct smtpd_session *s, smtpd_next_fn next)
{
    struct smtpd_proxy *p = proxy_of(s);
    struct err err = ERR_INIT;
    if (!s->server->proxy_is_late)
        return smtpd_proxy_dial(p, next);
    p->file = smtpd_proxy_file_open(&err);
    if (p->file >= 0)
        return next(s, NULL);
    log_warn(NULL, "%s", err.reason);
    struct reply trouble = reply_text(SMTPD_PROXY_TROUBLE);
    return next(s, &trouble);
}

struct reply smtpd_proxy_rcpt(struct smtpd_session *s, smtpd_next_fn next)
{
    struct smtpd_proxy *p = proxy_of(s);
    if (!s->server->proxy_is_late)
        return smtpd_proxy_ask(p, SMTPD_PROXY_RCPT, slice_of(s->tx->rcpt_command), next);
    strbuf_addf(&p->recipients, "%s\n", s->tx->rcpt_command);
    return next(s, NULL);
}

struct reply smtpd_proxy_data(struct smtpd_session *s, smtpd_next_fn next)
{
    struct smtpd_proxy *p = proxy_of(s);
    return s->server->proxy_is_late ? next(s, NULL)
                                    : smtpd_proxy_ask(p, SMTPD_PROXY_DATA, slice_of("DATA"), next);
}

struct reply smtpd_proxy_finish(struct smtpd_session *s, smtpd_next_fn next)
{
    struct smtpd_proxy *p = proxy_of(s);
    struct reply trouble = reply_text(SMTPD_PROXY_TROUBLE);
    smtpd_proxy_flush(p);
    if (p->is_dead)
        return next(s, &trouble);
    p->is_late = s->server->proxy_is_late;
    if (!p->is_late) {
        p->says_no_quit = false;
        return smtpd_proxy_ask(p, SMTPD_PROXY_DOT, slice_of("."), next);
    }
    return smtpd_proxy_dial(p, next);
}

struct strbuf *smtpd_proxy_buffer(struct smtpd_proxy *p)
{
    return &p->records;
}

/* Records as lines of SMTP, dots doubled. */
static void add_lines(struct smtpd_proxy *p, struct strbuf *out)
{
    struct slice in = strbuf_slice(&p->records), text;
    int type;
    size_t size;
    while (record_peek(in, &type, &text, &size) == RECORD_READY) {
        in = slice_from(in, size);
        if (type != REC_LINE && type != REC_LINE_PART)
            continue;
        if (!p->in_line && slice_starts(text, "."))
            strbuf_add_char(out, '.');
        strbuf_add_slice(out, text);
        if (type == REC_LINE)
            strbuf_add_str(out, "\r\n");
        p->in_line = type != REC_LINE;
    }
    strbuf_reset(&p->records);
}

void smtpd_proxy_flush(struct smtpd_proxy *p)
{
    CLEANUP(strbuf_done) struct strbuf lines = STRBUF_ANY;
    struct err err = ERR_INIT;
    add_lines(p, &lines);
    if (p->is_dead || lines.len == 0)
        return;
    if (p->file < 0) {
        stream_write(p->stream, strbuf_slice(&lines));
    } else if (!smtpd_proxy_file_add(p->file, strbuf_slice(&lines), &err)) {
        log_warn(NULL, "%s", err.reason);
        p->is_dead = true;
        p->s->tx->failure = SMTPD_PROXY_TROUBLE;
    }
}

bool smtpd_proxy_is_full(const struct smtpd_proxy *p)
{
    if (!p->stream || !stream_output_is_full(p->stream))
        return false;
    stream_deadline(p->stream, smtpd_proxy_timeout_ms());
    return true;
}

void smtpd_proxy_log_end(struct smtpd_session *s, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    struct slice rest = slice_of(text), part;
    while (slice_next_line(&rest, &part))
        strbuf_addf(&line, "%s%.*s", line.len ? "\r\n" : "", SLICE_ARG(part));
    strbuf_add_char(&line, ';');
    smtpd_log_add_envelope(s, s->tx->first_accepted, &line);
    log_info(smtpd_session_plain_tag(s), "proxy-%s: END-OF-MESSAGE: %s",
             text[0] == '2' ? "accept" : "reject", line.s);
}
