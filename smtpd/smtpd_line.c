#include "smtpd/smtpd_line.h"

#include "config/common_params.h"
#include "esmtp/esmtp_line.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_session.h"

static size_t line_limit(const struct smtpd_session *s)
{
    return (size_t)(smtpd_auth_wants_line(s) ? smtpd_params.smtpd_sasl_response_limit
                                             : common_params.line_length_limit);
}

/* Keep the beginning of an overlong line, drop the rest. True: LINE is ready. */
static bool read_long_line(struct smtpd_session *s, struct slice *in, struct slice *line)
{
    if (!(s->flags & SMTPD_SESSION_SKIPPING)) {
        size_t limit = line_limit(s);
        s->flags |= SMTPD_SESSION_SKIPPING;
        strbuf_init(&s->long_line, limit + 1);
        strbuf_set_slice(&s->long_line, slice_first(*in, limit));
        log_warn(smtpd_session_plain_tag(s), "%s: request longer than %zu: %.30s...",
                 s->peer.namaddr, limit, s->long_line.s);
    }
    size_t lf = slice_find(*in, '\n');
    stream_consume(s->stream, lf == SIZE_MAX ? in->len : lf + 1);
    if (lf == SIZE_MAX)
        return false;
    s->flags &= ~(unsigned)SMTPD_SESSION_SKIPPING;
    *line = strbuf_slice(&s->long_line);
    return true;
}

bool smtpd_line_read(struct smtpd_session *s, struct strbuf *ret_copy, bool *ret_bare_lf)
{
    struct slice in = stream_input(s->stream), line;
    size_t size = 0;
    if (in.len == 0)
        return false;
    enum esmtp_line_status status = ESMTP_LINE_LONG;
    if (!(s->flags & SMTPD_SESSION_SKIPPING))
        /* a response that fills its limit has passed it */
        status = esmtp_line_next(in, line_limit(s) - smtpd_auth_wants_line(s), &line, &size);
    if (status == ESMTP_LINE_MORE)
        return false;
    if (status == ESMTP_LINE_LONG) {
        if (!read_long_line(s, &in, &line))
            return false;
        strbuf_set_slice(ret_copy, line);
        strbuf_done(&s->long_line);
        return true;
    }
    *ret_bare_lf = size < 2 || in.s[size - 2] != '\r';
    strbuf_set_slice(ret_copy, line);
    stream_consume(s->stream, size);
    return true;
}
