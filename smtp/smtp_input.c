#include "smtp/smtp_input.h"

#include "log/log.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_notice.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_replies.h"

enum { GARBAGE_MAX = 100 };

/* What is no reply is passed over, as some servers write banners of their own. */
static bool skip_garbage(struct smtp_session *s, struct slice line)
{
    if (s->delivery && s->recv != SMTP_STEP_GREETING)
        log_warn(&s->delivery->job->log, "non-ESMTP response from %s: %.*s", s->relay,
                 SLICE_ARG(slice_first(slice_trim_right(line), 100)));
    smtp_notice_garbage(s, line);
    return ++s->garbage <= GARBAGE_MAX;
}

static void give_up(struct smtp_session *s)
{
    if (s->delivery)
        smtp_delivery_on_lost(s->delivery, s, SMTP_END_LOST);
    else
        smtp_session_free(s);
}

void smtp_input(struct smtp_session *s)
{
    for (;;) {
        if (s->is_reply_read)
            esmtp_reply_reset(&s->reply);
        s->is_reply_read = false;
        struct slice all, in;
        if (!smtp_replies_peek(s, &all)) {
            if (s->delivery)
                smtp_proto_data_error(s);
            else
                smtp_session_free(s);
            return;
        }
        in = all;
        enum esmtp_reply_status status = esmtp_reply_parse(&s->reply, &in);
        size_t taken = all.len - in.len;
        bool is_garbage = status == ESMTP_REPLY_BAD && s->reply.lines == 0;
        if (status == ESMTP_REPLY_BAD &&
            !(is_garbage && skip_garbage(s, slice_first(all, taken)))) {
            give_up(s);
            return;
        }
        smtp_replies_consume(s, taken);
        if (is_garbage)
            continue;
        if (status == ESMTP_REPLY_MORE && taken > 0 && smtp_replies_may_follow(s))
            continue;
        if (status == ESMTP_REPLY_MORE) {
            smtp_proto_await_more(s);
            return;
        }
        if (s->outstanding == 0 && s->recv != SMTP_STEP_BODY) { /* nobody asked */
            give_up(s);
            return;
        }
        s->outstanding -= s->outstanding > 0;
        s->is_reply_read = true;
        if (!smtp_proto_reply(s))
            return; /* S may be gone */
    }
}
