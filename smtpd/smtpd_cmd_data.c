/* DATA: the command, and the lines up to the final dot. */
#include "config/common_params.h"
#include "mail/record.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"

enum { FLUSH_AT = 64 * 1024 }; /* few large pieces wake cleanup less often than many small ones */

static struct reply data_opened(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return *refusal;
    bool strict = (s->flags & SMTPD_SESSION_STRICT_LF) != 0;
    esmtp_data_init(&s->tx->data, strict, (size_t)common_params.line_length_limit);
    smtpd_content_begin(s);
    s->phase = SMTPD_PHASE_DATA;
    return reply_text("354 End data with <CR><LF>.<CR><LF>");
}

static struct reply milters_asked(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal || !smtpd_sink_proxy(s->tx->sink))
        return data_opened(s, refusal);
    return smtpd_proxy_data(s, data_opened);
}

static struct reply data_checked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? *refusal : smtpd_milter_data(s, milters_asked);
}

struct reply smtpd_cmd_data(struct smtpd_session *s, struct slice args)
{
    if (s->phase == SMTPD_PHASE_BDAT)
        return reply_text("503 5.5.1 Error: DATA after BDAT");
    if (s->tx->recipient_count == 0)
        return reply_text("554 5.5.1 Error: no valid recipients");
    if (args.len)
        return reply_text("501 5.5.4 Syntax: DATA");
    return smtpd_check(s, SMTPD_STAGE_DATA, data_checked);
}

/* The final dot came. */
static void data_end(struct smtpd_session *s)
{
    bool refuse = s->tx->data.saw_bare_lf && smtpd_session_bare_lf(s);
    s->phase = SMTPD_PHASE_RCPT;
    if (refuse) {
        smtpd_session_answer(s, smtpd_session_refuse_bare_lf(s, "DATA"));
        return;
    }
    struct reply reply = smtpd_end_of_data(s);
    if (!reply.is_pending) {
        smtpd_session_answer(s, reply);
    } else if (s->stream) {
        stream_pause(s->stream, true);
        stream_deadline(s->stream, 0);
    }
}

void smtpd_data_input(struct smtpd_session *s)
{
    struct smtpd_tx *tx = s->tx;
    struct slice in = stream_input(s->stream), piece;
    size_t size = in.len;
    enum esmtp_data_status status = ESMTP_DATA_MORE;
    for (;;) {
        smtpd_content_add_lines(s, &in);
        status = esmtp_data_next(&tx->data, &in, &piece);
        if (status == ESMTP_DATA_MORE || status == ESMTP_DATA_END)
            break;
        smtpd_content_add(s, status == ESMTP_DATA_LINE ? REC_LINE : REC_LINE_PART, piece);
    }
    stream_consume(s->stream, size - in.len);
    if (smtpd_sink_buffer(tx->sink)->len >= FLUSH_AT) /* the end flushes the rest */
        smtpd_sink_flush(tx->sink);
    if (status == ESMTP_DATA_END)
        data_end(s);
    else if (smtpd_sink_is_full(tx->sink) && !tx->failure)
        stream_pause(s->stream, true); /* until on_room of the sink */
}
