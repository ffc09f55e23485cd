#include "smtp/smtp_replies.h"

#include "log/log.h"
#include "map/maps.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_params.h"

static struct maps *filter;

void smtp_replies_open(void)
{
    filter = maps_open(smtp_client.is_lmtp ? "lmtp_reply_filter" : "smtp_reply_filter",
                       smtp_params.smtp_reply_filter, MAP_READ);
}

bool smtp_replies_have_changed(void)
{
    return filter && maps_have_changed(filter);
}

/* One line of the server, as the table has it, into s->filtered. */
static bool filter_line(struct smtp_session *s, struct slice line)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    struct err err = ERR_INIT;
    const char *queue_id = s->delivery ? s->delivery->job->log.queue_id : "";
    strbuf_set_slice(&key, line);
    switch (maps_find(filter, key.s, MAPS_WHOLE_KEY, &value, &err)) {
    case MAP_FAILED:
        log_warn(NULL, "%s", err.reason);
        log_warn(NULL, "%s: table %s lookup error for %s", queue_id, smtp_params.smtp_reply_filter,
                 key.s);
        return false;
    case MAP_FOUND:
        log_info(NULL, "%s: replacing server reply \"%s\" with \"%s\"", s->relay, key.s, value.s);
        line = strbuf_slice(&value);
        break;
    case MAP_NOT_FOUND:
        break;
    }
    strbuf_set_slice(&s->filtered, line);
    strbuf_add_char(&s->filtered, '\n');
    return true;
}

bool smtp_replies_peek(struct smtp_session *s, struct slice *ret)
{
    struct slice in = stream_input(s->stream), rest = in, line;
    *ret = in;
    if (maps_is_empty(filter))
        return true;
    if (s->filtered.len == 0 && esmtp_reply_take_line(&rest, &line)) {
        if (!filter_line(s, line))
            return false;
        stream_consume(s->stream, in.len - rest.len);
    }
    *ret = strbuf_slice(&s->filtered);
    return true;
}

void smtp_replies_consume(struct smtp_session *s, size_t len)
{
    if (maps_is_empty(filter))
        stream_consume(s->stream, len);
    else
        strbuf_remove_front(&s->filtered, len);
}

bool smtp_replies_may_follow(const struct smtp_session *s)
{
    return !maps_is_empty(filter) && stream_input(s->stream).len > 0;
}
