/* BDAT (RFC 3030): chunks of content, counted in bytes. */
#include "base/num.h"
#include "config/common_params.h"
#include "esmtp/esmtp_args.h"
#include "mail/record.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_ehlo.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"

#include <stdio.h>
#include <string.h>

static bool parse_args(struct slice args, uint64_t *ret_size, bool *ret_last)
{
    struct slice count, word;
    *ret_last = false;
    if (!esmtp_next_word(&args, &count) || !num_parse_u64(count, 10, ret_size) ||
        *ret_size > INT64_MAX)
        return false;
    if (!esmtp_next_word(&args, &word))
        return true;
    *ret_last = slice_eq_nocase(word, "LAST");
    return *ret_last && !esmtp_next_word(&args, &word);
}

static void chunk_done(struct smtpd_session *s)
{
    struct smtpd_tx *tx = s->tx;
    s->phase = SMTPD_PHASE_BDAT;
    if (tx->data.saw_bare_lf && smtpd_session_bare_lf(s)) {
        smtpd_session_answer(s, smtpd_session_refuse_bare_lf(s, "BDAT"));
        return;
    }
    if (!tx->chunk_last) {
        const char *text =
            smtpd_session_text(s, "250 2.0.0 Ok: %llu bytes", (unsigned long long)tx->chunk_size);
        if (tx->failure || tx->too_big) {
            struct reply reply = smtpd_end_of_data(s);
            smtpd_session_answer(s, reply);
            return;
        }
        smtpd_session_answer(s, reply_text(text));
        return;
    }
    if (tx->partial.len) { /* the last line has no line end */
        smtpd_content_add(s, REC_LINE, strbuf_slice(&tx->partial));
        strbuf_reset(&tx->partial);
    }
    struct reply reply = smtpd_end_of_data(s);
    if (!reply.is_pending) {
        smtpd_session_answer(s, reply);
    } else if (s->stream) {
        stream_pause(s->stream, true);
        stream_deadline(s->stream, 0);
    }
}

/* The bytes of a chunk that gets an error reply are read and dropped. */
static struct reply ignore_chunk(struct smtpd_session *s, struct reply reply)
{
    if (s->chunk_left == 0)
        return reply;
    snprintf(s->chunk_text, sizeof s->chunk_text, "%s", reply.text);
    s->chunk_is_raw = reply.is_raw;
    s->chunk_ignored = true;
    s->chunk_phase = s->phase;
    s->phase = SMTPD_PHASE_CHUNK;
    return reply_silent();
}

static struct reply bdat_opened(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return ignore_chunk(s, *refusal);
    smtpd_content_begin(s);
    s->phase = SMTPD_PHASE_CHUNK;
    return reply_silent();
}

static struct reply milters_asked(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal || !smtpd_sink_proxy(s->tx->sink))
        return bdat_opened(s, refusal);
    return smtpd_proxy_data(s, bdat_opened);
}

static struct reply bdat_checked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? bdat_opened(s, refusal) : smtpd_milter_data(s, milters_asked);
}

struct reply smtpd_cmd_bdat(struct smtpd_session *s, struct slice args)
{
    uint64_t size;
    bool is_last;
    if (s->ehlo_discard & SMTPD_EHLO_CHUNKING)
        return reply_and_close("521 5.5.1 Error: command not implemented");
    if (!parse_args(args, &size, &is_last)) {
        log_warn(NULL, "%s: malformed BDAT command syntax from %s: BDAT%s%.*s",
                 smtpd_session_tag(s)->queue_id, s->peer.namaddr, args.len ? " " : "",
                 SLICE_ARG(slice_first(args, 100)));
        return reply_and_close("521 5.5.4 Syntax: BDAT count [LAST]");
    }
    s->chunk_left = size;
    s->chunk_ignored = false;
    if (!s->tx)
        return ignore_chunk(s, reply_text("503 5.5.1 Error: need RCPT command"));
    if (s->tx->recipient_count == 0)
        return ignore_chunk(s, reply_text("554 5.5.1 Error: no valid recipients"));
    s->tx->chunk_size = size;
    s->tx->chunk_last = is_last;
    if (s->phase == SMTPD_PHASE_BDAT)
        return bdat_opened(s, NULL);
    return smtpd_check(s, SMTPD_STAGE_DATA, bdat_checked);
}

/* Append TEXT to the line under way; a line over the limit leaves in pieces. */
static void collect(struct smtpd_session *s, struct slice text)
{
    struct smtpd_tx *tx = s->tx;
    size_t limit = (size_t)common_params.line_length_limit;
    while (text.len) {
        if (tx->partial.len >= limit) {
            smtpd_content_add(s, REC_LINE_PART, strbuf_slice(&tx->partial));
            strbuf_reset(&tx->partial);
        }
        struct slice piece = slice_first(text, limit - tx->partial.len);
        strbuf_add_slice(&tx->partial, piece);
        text = slice_from(text, piece.len);
    }
}

static struct slice without_cr(struct slice line)
{
    while (line.len && line.s[line.len - 1] == '\r')
        line.len--;
    return line;
}

static void add_line(struct smtpd_session *s, struct slice line)
{
    struct smtpd_tx *tx = s->tx;
    struct slice before = line.len ? line : strbuf_slice(&tx->partial);
    if (before.len == 0 || before.s[before.len - 1] != '\r')
        tx->data.saw_bare_lf = true;
    if (tx->partial.len == 0 && line.len <= (size_t)common_params.line_length_limit) {
        smtpd_content_add(s, REC_LINE, without_cr(line));
        return;
    }
    collect(s, line);
    smtpd_content_add(s, REC_LINE, without_cr(strbuf_slice(&tx->partial)));
    strbuf_reset(&tx->partial);
}

static void ignore_input(struct smtpd_session *s, size_t size)
{
    stream_consume(s->stream, size);
    s->chunk_left -= size;
    if (s->chunk_left)
        return;
    s->phase = s->chunk_phase;
    struct reply reply = reply_text(smtpd_session_text(s, "%s", s->chunk_text));
    reply.is_raw = s->chunk_is_raw;
    smtpd_session_answer(s, reply);
}

void smtpd_bdat_input(struct smtpd_session *s)
{
    struct smtpd_tx *tx = s->tx;
    struct slice in = stream_input(s->stream);
    in = slice_first(in, MIN(s->chunk_left, (uint64_t)in.len));
    if (s->chunk_ignored) {
        ignore_input(s, in.len);
        return;
    }
    size_t size = in.len;
    const char *lf;
    while (in.len && !smtpd_sink_is_full(tx->sink)) {
        lf = memchr(in.s, '\n', in.len);
        if (!lf) {
            collect(s, in);
            in = slice_from(in, in.len);
            break;
        }
        add_line(s, slice_first(in, (size_t)(lf - in.s)));
        in = slice_from(in, (size_t)(lf - in.s) + 1);
    }
    s->chunk_left -= size - in.len;
    stream_consume(s->stream, size - in.len);
    smtpd_sink_flush(tx->sink);
    if (s->chunk_left == 0)
        chunk_done(s);
    else if (smtpd_sink_is_full(tx->sink) && !tx->failure)
        stream_pause(s->stream, true);
}
