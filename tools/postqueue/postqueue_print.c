#include "postqueue/postqueue_print.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "mail/showq_msg.h"

#include <errno.h>
#include <unistd.h>

enum { WRITE_CHUNK = 64 * 1024, REASON_COLUMN = 76, DATE_LEN = 19 };

/* Columns of both kinds of listing; which one is a matter of configuration, not of the ids. */
struct columns {
    const char *head;
    int id, size, date;
    const char *before_sender;
    int recipient;
};
static const struct columns short_columns = {
    "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n", 11, 7, 20, " ", 41};
static const struct columns long_columns = {
    "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n",
    17,
    8,
    19,
    " ",
    47};

struct postqueue_printer {
    bool as_json;
    const struct columns *columns;
    struct strbuf out, date, last_reason;
    struct arena *arena;
    bool is_open;      /* a message is begun */
    bool has_reason;   /* the last recipient had one: in last_reason */
    size_t recipients; /* of the message */
    int64_t messages, bytes, date_s;
    int write_errno;
};

struct postqueue_printer *postqueue_printer_new(bool as_json)
{
    struct postqueue_printer *p = xzalloc(sizeof *p);
    p->as_json = as_json;
    p->columns = common_params.enable_long_queue_ids ? &long_columns : &short_columns;
    strbuf_init(&p->out, SIZE_MAX / 4);
    strbuf_init(&p->date, 100);
    strbuf_init(&p->last_reason, SIZE_MAX / 4);
    p->arena = arena_new("postqueue_print");
    p->date_s = -1;
    return p;
}

void postqueue_printer_free(struct postqueue_printer *p)
{
    strbuf_done(&p->out);
    strbuf_done(&p->date);
    strbuf_done(&p->last_reason);
    arena_free(p->arena);
    free(p);
}

struct strbuf *postqueue_printer_output(struct postqueue_printer *p)
{
    return &p->out;
}

bool postqueue_printer_failed(const struct postqueue_printer *p)
{
    return p->write_errno != 0;
}

bool postqueue_printer_flush(struct postqueue_printer *p)
{
    if (!p->write_errno && !fd_write_all(STDOUT_FILENO, p->out.s, p->out.len))
        p->write_errno = errno;
    strbuf_reset(&p->out);
    errno = p->write_errno;
    return p->write_errno != 0;
}

static void json_string(struct postqueue_printer *p, const char *text)
{
    text_add_json(&p->out, slice_of(text));
}

static void json_member(struct postqueue_printer *p, const char *name, const char *text)
{
    strbuf_add_str(&p->out, ", \"");
    strbuf_add_str(&p->out, name);
    strbuf_add_str(&p->out, "\": ");
    json_string(p, text);
}

static void json_begin(struct postqueue_printer *p, const struct showq_message *m)
{
    strbuf_add_str(&p->out, "{\"queue_name\": ");
    json_string(p, m->queue_name);
    json_member(p, "queue_id", m->queue_id);
    strbuf_addf(&p->out, ", \"arrival_time\": %lld, \"message_size\": %lld, \"forced_expire\": %s",
                (long long)m->arrival_s, (long long)m->size, m->forced_expire ? "true" : "false");
    json_member(p, "sender", m->sender);
    strbuf_add_str(&p->out, ", \"recipients\": [");
}

static void json_recipient(struct postqueue_printer *p, const struct showq_recipient *r)
{
    strbuf_add_str(&p->out, p->recipients > 0 ? ", {\"address\": " : "{\"address\": ");
    json_string(p, r->address);
    if (*r->orig_address)
        json_member(p, "orig_address", r->orig_address);
    if (*r->delay_reason)
        json_member(p, "delay_reason", r->delay_reason);
    if (*r->bounce_reason)
        json_member(p, "bounce_reason", r->bounce_reason);
    strbuf_add_char(&p->out, '}');
}

static void add_padded(struct strbuf *out, struct slice text, int width)
{
    strbuf_add_slice(out, text);
    if (text.len < (size_t)width)
        strbuf_add_fill(out, ' ', (size_t)width - text.len);
}

static void text_begin(struct postqueue_printer *p, const struct showq_message *m)
{
    char id[QUEUE_ID_MAX + 3];
    if (p->messages == 0)
        strbuf_add_str(&p->out, p->columns->head);
    const char *place = strcmp(m->queue_name, QUEUE_ACTIVE) == 0 ? "*"
                        : strcmp(m->queue_name, QUEUE_HOLD) == 0 ? "!"
                                                                 : "";
    snprintf(id, sizeof id, "%s%s%s", m->queue_id, place, m->forced_expire ? "#" : "");
    add_padded(&p->out, slice_of(id), p->columns->id);
    strbuf_addf(&p->out, " %*lld ", p->columns->size, (long long)m->size);
    if (p->date_s != m->arrival_s || p->date.len == 0) { /* mail arrives many a second */
        strbuf_reset(&p->date);
        clock_format_ctime((time_t)m->arrival_s, &p->date);
        p->date_s = m->arrival_s;
    }
    add_padded(&p->out, slice_first(strbuf_slice(&p->date), DATE_LEN), p->columns->date);
    strbuf_add_str(&p->out, p->columns->before_sender);
    strbuf_add_str(&p->out, m->sender);
    strbuf_add_char(&p->out, '\n');
    p->has_reason = false;
}

/* Recipients with the same reason stand together under it. */
static void text_recipient(struct postqueue_printer *p, const struct showq_recipient *r)
{
    const char *reason = *r->delay_reason ? r->delay_reason : r->bounce_reason;
    if (!*reason && p->has_reason)
        reason = "reason unavailable";
    if (*reason && (!p->has_reason || strcmp(reason, p->last_reason.s) != 0)) {
        size_t len = strlen(reason);
        if (len < REASON_COLUMN)
            strbuf_add_fill(&p->out, ' ', REASON_COLUMN - len);
        strbuf_addf(&p->out, "(%s)\n", reason);
        strbuf_set(&p->last_reason, reason);
        p->has_reason = true;
    }
    strbuf_add_fill(&p->out, ' ', (size_t)p->columns->recipient);
    strbuf_add_str(&p->out, r->address);
    strbuf_add_char(&p->out, '\n');
}

static void print_recipients(struct postqueue_printer *p, const struct showq_recipient *list,
                             size_t count)
{
    for (size_t i = 0; i < count; i++, p->recipients++) {
        if (p->as_json)
            json_recipient(p, &list[i]);
        else
            text_recipient(p, &list[i]);
    }
}

static void print_close(struct postqueue_printer *p)
{
    if (p->is_open)
        strbuf_add_str(&p->out, p->as_json ? "]}\n" : "\n");
    p->is_open = false;
    if (p->out.len >= WRITE_CHUNK)
        postqueue_printer_flush(p);
}

bool postqueue_print(struct postqueue_printer *p, uint16_t kind, struct slice body)
{
    struct err err = ERR_INIT;
    struct showq_message message;
    struct showq_more more;
    arena_reset(p->arena);
    if (kind == SHOWQ_MORE) {
        if (!p->is_open || !msg_decode(&showq_more_type, body, p->arena, &more, &err))
            return false;
        print_recipients(p, more.recipients, more.recipients_count);
        if (p->out.len >= WRITE_CHUNK)
            postqueue_printer_flush(p);
        return true;
    }
    print_close(p);
    if (kind != SHOWQ_MESSAGE || !msg_decode(&showq_message_type, body, p->arena, &message, &err) ||
        strlen(message.queue_id) > QUEUE_ID_MAX)
        return false;
    if (p->as_json)
        json_begin(p, &message);
    else
        text_begin(p, &message);
    p->is_open = true;
    p->recipients = 0;
    p->messages++;
    p->bytes += message.size;
    print_recipients(p, message.recipients, message.recipients_count);
    return true;
}

void postqueue_print_end(struct postqueue_printer *p)
{
    print_close(p);
    if (p->as_json)
        return;
    if (p->messages == 0)
        strbuf_add_str(&p->out, "Mail queue is empty\n");
    else
        strbuf_addf(&p->out, "-- %lld Kbytes in %lld Request%s.\n", (long long)(p->bytes / 1024),
                    (long long)p->messages, p->messages == 1 ? "" : "s");
}
