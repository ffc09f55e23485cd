/* A message as records for cleanup (docs/protocol/queue_file.md). */
#include "base/clock.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/record.h"
#include "qmqpd/qmqpd_session.h"

#include <sys/socket.h>

static void add_attribute(struct qmqpd_session *s, const char *name, const char *value)
{
    cleanup_stream_attribute(s->cleanup, name, value);
}

static void add_client(struct qmqpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf port = STRBUF_ANY;
    if (s->port > 0)
        strbuf_addf(&port, "%d", s->port);
    else
        strbuf_add_str(&port, "unknown");
    add_attribute(s, "log_client_name", s->name);
    add_attribute(s, "log_client_address", s->address);
    add_attribute(s, "log_client_port", port.s);
    add_attribute(s, "log_message_origin", s->namaddr);
    add_attribute(s, "log_protocol_name", "QMQP");
    add_attribute(s, "client_name", s->name);
    add_attribute(s, "client_address", s->address);
    add_attribute(s, "client_port", port.s);
    cleanup_stream_addf(s->cleanup, REC_ATTRIBUTE, "client_address_type=%d", s->family);
    add_attribute(s, "protocol_name", "QMQP");
}

static void add_recipients(struct qmqpd_session *s)
{
    for (size_t i = 0; i < s->recipients.count; i++)
        cleanup_stream_add(s->cleanup, REC_RECIPIENT, slice_of(s->recipients.at[i]));
}

/* One recipient is named; of several none, as they need not know of each other. */
static void add_received(struct qmqpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf date = STRBUF_ANY, to = STRBUF_ANY;
    clock_format_mail_date(s->arrival.tv_sec, &date);
    cleanup_stream_addf(s->cleanup, REC_LINE, "Received: from %s (%s [%s%s])", s->name, s->name,
                        s->family == AF_INET6 ? "IPv6:" : "", s->address);
    if (s->recipients.count == 1) {
        cleanup_stream_addf(s->cleanup, REC_LINE, "\tby %s (%s) with QMQP id %s",
                            common_params.myhostname, common_params.mail_name, s->log.queue_id);
        address_to_external(slice_of(s->recipients.at[0]), &to);
        cleanup_stream_addf(s->cleanup, REC_LINE, "\tfor <%s>; %s", to.s, date.s);
    } else {
        cleanup_stream_addf(s->cleanup, REC_LINE, "\tby %s (%s) with QMQP",
                            common_params.myhostname, common_params.mail_name);
        cleanup_stream_addf(s->cleanup, REC_LINE, "\tid %s; %s", s->log.queue_id, date.s);
    }
}

void qmqpd_message_envelope(struct qmqpd_session *s)
{
    cleanup_stream_addf(s->cleanup, REC_TIME, "%lld %ld", (long long)s->arrival.tv_sec,
                        (long)s->arrival.tv_usec);
    if (common_params.content_filter[0])
        cleanup_stream_add(s->cleanup, REC_FILTER, slice_of(common_params.content_filter));
    cleanup_stream_add(s->cleanup, REC_SENDER, slice_of(s->sender));
    if (s->verp[0])
        cleanup_stream_add(s->cleanup, REC_VERP, slice_of(s->verp));
    add_client(s);
    add_recipients(s);
    cleanup_stream_add(s->cleanup, REC_MESSAGE, SLICE_EMPTY);
    add_received(s);
}

bool qmqpd_message_feed(struct qmqpd_session *s)
{
    size_t limit = (size_t)common_params.line_length_limit;
    while (s->fed < s->content.len && !cleanup_stream_is_full(s->cleanup)) {
        struct slice rest = slice_from(strbuf_slice(&s->content), s->fed);
        size_t lf = slice_find(slice_first(rest, limit + 1), '\n');
        bool is_part = lf == SIZE_MAX;
        size_t len = is_part ? MIN(limit, rest.len) : lf;
        cleanup_stream_add(s->cleanup, is_part ? REC_LINE_PART : REC_LINE, slice_first(rest, len));
        s->fed += len + !is_part;
        if (is_part && s->fed == s->content.len) /* a line without its end */
            cleanup_stream_add(s->cleanup, REC_LINE, SLICE_EMPTY);
    }
    if (s->fed < s->content.len)
        return true;
    cleanup_stream_add(s->cleanup, REC_EXTRACTED, SLICE_EMPTY);
    cleanup_stream_finish(s->cleanup);
    return false;
}
