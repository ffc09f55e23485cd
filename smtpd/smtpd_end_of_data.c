/* Content on its way to the sink, and the reply at its end. */
#include "config/common_params.h"
#include "mail/record.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"

void smtpd_content_begin(struct smtpd_session *s)
{
    if (s->tx->content_began)
        return;
    s->tx->content_began = true;
    struct strbuf *out = smtpd_sink_buffer(s->tx->sink);
    record_add(out, REC_MESSAGE, SLICE_EMPTY);
    smtpd_received_add(s, out);
}

void smtpd_content_add(struct smtpd_session *s, int type, struct slice text)
{
    struct smtpd_tx *tx = s->tx;
    int64_t limit = common_params.message_size_limit;
    bool is_first = tx->content_size == 0;
    tx->content_size += (int64_t)text.len + (type == REC_LINE ? 2 : 0);
    if (limit > 0 && tx->content_size > limit)
        tx->too_big = true;
    if (tx->too_big || tx->failure)
        return; /* read to the end, so that the client sees the reply */
    if (is_first && text.len > 0 && (text.s[0] == ' ' || text.s[0] == '\t')) /* no header */
        record_add(smtpd_sink_buffer(tx->sink), REC_LINE, SLICE_EMPTY);
    record_add(smtpd_sink_buffer(tx->sink), type, text);
}

/* A record is longer than its line was with CR LF when the line is longer than RECORD_SHORT; in
 * front of the last one there is room for what a look at it may copy. */
static size_t lines_room(size_t input)
{
    return input + input / RECORD_SHORT * RECORD_HEADER_MAX + RECORD_HEADER_MAX + ESMTP_DATA_ROOM;
}

void smtpd_content_add_lines(struct smtpd_session *s, struct slice *in)
{
    struct smtpd_tx *tx = s->tx;
    int64_t limit = common_params.message_size_limit;
    bool fits = limit <= 0 || tx->content_size + (int64_t)in->len <= limit;
    if (tx->content_size == 0 || !fits || tx->too_big || tx->failure)
        return;
    /* copies, since stores of char may be to anything else */
    struct strbuf *out = smtpd_sink_buffer(tx->sink);
    char *room = strbuf_room(out, lines_room(in->len)), *at = room;
    struct esmtp_data data = tx->data;
    struct slice rest = *in, line;
    size_t len, before;
    if (!room)
        return;
    do {
        before = rest.len;
        while ((len = esmtp_data_plain(&data, &rest, at + RECORD_SHORT_HEADER)) > 0) {
            record_short_header(at, REC_LINE, len);
            at += RECORD_SHORT_HEADER + len;
        }
        while ((line = esmtp_data_plain_long(&data, &rest)).len > 0)
            at += record_put(at, REC_LINE, line);
    } while (rest.len < before);
    tx->content_size += (int64_t)(in->len - rest.len);
    tx->data = data;
    *in = rest;
    strbuf_grew(out, (size_t)(at - room));
}

static struct reply refuse_content(struct smtpd_session *s, const char *text)
{
    smtpd_tx_reset(s);
    s->where = "END-OF-MESSAGE";
    return reply_text(text);
}

static struct reply content_reply(struct smtpd_session *s, const char *text)
{
    smtpd_notice_flush_after_reply(s);
    return refuse_content(s, text);
}

static const char *accepted_text(struct smtpd_session *s, const char *queue_id)
{
    if (s->command && s->command->counter == SMTPD_COUNT_BDAT)
        return smtpd_session_text(s, "250 2.0.0 Ok: %lld bytes queued as %s",
                                  (long long)s->tx->content_size, queue_id);
    return smtpd_session_text(s, "250 2.0.0 Ok: queued as %s", queue_id);
}

/* A reason comes with its enhanced code in front, whose first digit tells the reply code. */
const char *smtpd_sink_refusal(struct smtpd_session *s, const struct cleanup_done *done)
{
    int code = 451;
    const char *text = "4.3.0 Error: queue file write error";
    if (done)
        cleanup_status_text(done->status, &code, &text);
    if (!done || !done->reason[0])
        return smtpd_session_text(s, "%d %s", code, text);
    if (done->smtp_code >= 400 && done->smtp_code <= 599)
        code = (int)done->smtp_code;
    const char *dsn = esmtp_reply_dsn_length(slice_of(done->reason)) ? ""
                      : code < 500                                   ? "4.7.1 "
                                                                     : "5.7.1 ";
    return smtpd_session_text(s, "%d %s%s", code, dsn, done->reason);
}

/* For the postmaster. */
static unsigned trouble_of(const struct cleanup_done *done)
{
    int64_t status = done ? done->status : CLEANUP_STAT_WRITE;
    if (status & (CLEANUP_STAT_DEFER | CLEANUP_STAT_WRITE))
        return NOTICE_RESOURCE;
    if (status & (CLEANUP_STAT_SIZE | CLEANUP_STAT_HOPS))
        return NOTICE_BOUNCE;
    return status & CLEANUP_STAT_CONTENT ? NOTICE_POLICY : NOTICE_SOFTWARE;
}

void smtpd_sink_done(struct smtpd_session *s, const struct cleanup_done *done)
{
    struct smtpd_tx *tx = s->tx;
    bool finished = s->phase == SMTPD_PHASE_START;
    if (done && done->status == 0 && finished) {
        const char *text = accepted_text(s, tx->queue_id[0] ? tx->queue_id : done->queue_id);
        s->errors = 0;
        s->junk = 0;
        smtpd_notice_forgive(s);
        smtpd_session_answer(s, content_reply(s, text));
        return;
    }
    const char *text = smtpd_sink_refusal(s, done);
    smtpd_notice_class(s, trouble_of(done));
    if (finished) {
        smtpd_session_answer(s, content_reply(s, text));
        return;
    }
    tx->failure = arena_strdup(tx->arena, text);
    if (s->stream) {
        stream_pause(s->stream, false); /* on_room will not come any more */
        stream_poke(s->stream);
    }
}

/* The before-queue filter has the last word. */
static struct reply filter_done(struct smtpd_session *s, const struct reply *reply)
{
    struct reply copy = *reply;
    smtpd_proxy_log_end(s, reply->text);
    copy.text = smtpd_session_keep(s, reply->text);
    if (copy.text[0] == '2') {
        s->errors = s->junk = 0;
        smtpd_notice_forgive(s);
    }
    content_reply(s, copy.text);
    return copy;
}

/* It did not get as far as that. */
static struct reply end_early(struct smtpd_session *s, const char *text)
{
    if (smtpd_sink_proxy(s->tx->sink))
        smtpd_proxy_log_end(s, text);
    return content_reply(s, text);
}

static struct reply end_checked(struct smtpd_session *s, const struct reply *refusal)
{
    struct smtpd_tx *tx = s->tx;
    if (refusal)
        return refuse_content(s, refusal->text);
    if (smtpd_sink_proxy(tx->sink))
        return smtpd_proxy_finish(s, filter_done);
    smtpd_envelope_extracted(s, smtpd_sink_buffer(tx->sink));
    s->phase = SMTPD_PHASE_START; /* of the next command; the transaction lasts until the outcome */
    smtpd_sink_finish(tx->sink);
    return reply_pending();
}

struct reply smtpd_end_of_data(struct smtpd_session *s)
{
    struct smtpd_tx *tx = s->tx;
    if (tx->failure)
        return end_early(s, smtpd_session_text(s, "%s", tx->failure));
    if (tx->too_big) {
        log_warn(NULL, "%s: queue file size limit exceeded", smtpd_session_tag(s)->queue_id);
        return end_early(s, "552 5.3.4 Error: message file too big");
    }
    return smtpd_check(s, SMTPD_STAGE_END_OF_DATA, end_checked);
}
