/*
 * Lines of the queue file become lines of the protocol: a dot in front of dots, CR LF behind, no
 * line over smtp_line_length_limit. A piece goes from the reader's window straight into the output
 * buffer, or through smtp_edit.c when something on it may have to be changed.
 */
#include "smtp/smtp_send.h"

#include "base/copy.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/header.h"
#include "smtp/smtp_commands.h"
#include "smtp/smtp_edit.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"

#include <string.h>
#include <strings.h>

struct smtp_send {
    struct smtp_delivery *delivery;
    struct smtp_session *session;
    struct queue_reader *reader;
    struct strbuf *out;
    size_t column;  /* bytes of the output line so far */
    bool is_broken; /* told of the first line that was too long */
    bool is_complete;
    struct smtp_edit *edit;    /* NULL: content goes out as it is */
    struct err err, table_err; /* reading; what the editing asks */
    struct timer *pause;       /* before the final dot */
};

static void put(struct smtp_send *w, struct slice text)
{
    size_t limit = (size_t)smtp_params.smtp_line_length_limit;
    while (text.len > 0) {
        if (w->column == 0 && text.s[0] == '.')
            strbuf_add_char(w->out, '.');
        size_t room = limit == 0 ? text.len : limit - w->column;
        struct slice now = slice_first(text, room);
        strbuf_add_slice(w->out, now);
        w->column += now.len;
        text = slice_from(text, now.len);
        if (text.len == 0 || limit == 0)
            break;
        if (!w->is_broken)
            log_info(&w->delivery->job->log, "breaking line > %zu bytes with <CR><LF>SPACE", limit);
        w->is_broken = true;
        strbuf_add_str(w->out, "\r\n ");
        w->column = MIN((size_t)1, limit - 1);
    }
}

static void put_line_end(struct smtp_send *w)
{
    strbuf_add_str(w->out, "\r\n");
    w->column = 0;
}

/* Whole lines that go out as they are, which most do: those that are in memory, up to the first of
 * another kind. Little is looked at ahead, since other kinds may come as often as these. */
static void put_plain_lines(struct smtp_send *w)
{
    size_t limit = (size_t)smtp_params.smtp_line_length_limit, count = 0, size, got = 0;
    enum { RUN_MAX = 8 * 1024 };
    struct slice window = slice_first(queue_reader_window(w->reader), RUN_MAX);
    struct slice in = window, line;
    char *at = w->column == 0 ? strbuf_room(w->out, in.len + in.len / 2 + COPY_STEP) : NULL;
    bool may_hold_lf = slice_find(in, '\n') != SIZE_MAX;
    int type;
    if (!at)
        return;
    for (; record_peek(in, &type, &line, &size) == RECORD_READY; in = slice_from(in, size)) {
        if (type != REC_LINE || (limit > 0 && line.len > limit) ||
            (may_hold_lf && slice_find(line, '\n') != SIZE_MAX))
            break;
        if (line.len > 0 && line.s[0] == '.')
            at[got++] = '.';
        if (line.len <= RECORD_SHORT && in.len - size >= COPY_STEP)
            copy_short(at + got, line.s, line.len);
        else
            memcpy(at + got, line.s, line.len);
        got += line.len;
        at[got++] = '\r';
        at[got++] = '\n';
        count++;
    }
    strbuf_grew(w->out, got);
    queue_reader_skip(w->reader, window.len - in.len, count);
}

/* A line feed inside of a record is a line end like any other: sent as it is, it could end the
 * message and begin another (SMTP smuggling). */
static void put_piece(struct smtp_send *w, struct slice text)
{
    size_t at;
    while ((at = slice_find(text, '\n')) != SIZE_MAX) {
        put(w, slice_first(text, at));
        put_line_end(w);
        text = slice_from(text, at + 1);
    }
    put(w, text);
}

/* Text with LF between its lines. */
static void put_lines(struct smtp_send *w, struct slice text)
{
    put_piece(w, text);
    put_line_end(w);
}

static void on_edited(void *ctx, struct slice text, bool ends_line)
{
    struct smtp_send *w = ctx;
    put_piece(w, text);
    if (ends_line)
        put_line_end(w);
}

/* In front of the content */

static void prepend(struct smtp_send *w)
{
    const struct recipient *r = w->delivery->tx[0]->rcpt;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (smtp_client.flags & SMTP_FLAG_RETURN_PATH) {
        strbuf_set(&line, "Return-Path: <");
        address_to_external(slice_of(w->delivery->sender), &line);
        strbuf_add_char(&line, '>');
        put_lines(w, strbuf_slice(&line));
    }
    if (smtp_client.flags & SMTP_FLAG_ORIGINAL_TO && common_params.enable_original_recipient &&
        *r->orig_address) {
        strbuf_set(&line, "X-Original-To: ");
        address_to_external(slice_of(r->orig_address), &line);
        put_lines(w, strbuf_slice(&line));
    }
    if (smtp_client.flags & SMTP_FLAG_DELIVERED_TO) {
        strbuf_set(&line, "Delivered-To: ");
        address_to_external(slice_of(r->address), &line);
        put_lines(w, strbuf_slice(&line));
    }
}

struct smtp_send *smtp_send_new(struct smtp_delivery *d, struct smtp_session *s)
{
    struct smtp_send *w = xzalloc(sizeof *w);
    w->delivery = d;
    w->session = s;
    w->reader = queue_reader_new(d->job->fd);
    w->out = stream_output(s->stream);
    w->edit = smtp_edit_new(smtp_commands_must_downgrade(s, d), &d->job->log, on_edited, w);
    if (!queue_reader_seek(w->reader, (off_t)d->job->envelope->data_offset))
        err_set(&w->err, ERR_TEMP, "content outside of the queue file");
    prepend(w);
    return w;
}

void smtp_send_free(struct smtp_send *w)
{
    if (!w)
        return;
    timer_free(w->pause);
    smtp_edit_free(w->edit);
    queue_reader_free(w->reader);
    free(w);
}

bool smtp_send_is_complete(const struct smtp_send *w)
{
    return w && w->is_complete;
}

static void on_pause_over(void *owner)
{
    struct smtp_send *w = owner;
    smtp_proto_end_of_data(w->session);
}

/* The file is damaged, or a table cannot answer: hang up in front of the final dot, so that the
 * server keeps nothing. */
static void abandon(struct smtp_send *w)
{
    struct smtp_delivery *d = w->delivery;
    struct smtp_session *s = w->session;
    if (w->table_err.kind != ERR_NONE) {
        smtp_proto_data_error(s);
        return;
    }
    struct smtp_why why = {.kind = ERR_TEMP, .dsn = "4.3.0", .relay = s->relay};
    why.text = arena_printf(d->arena, "cannot read message content: %s", w->err.reason);
    d->is_final = true; /* another host would not get further */
    smtp_outcome_fail(d, NULL, &why);
    s->is_unusable = true;
    smtp_delivery_on_end(d, s, false);
}

static bool complete(struct smtp_send *w)
{
    struct smtp_session *s = w->session;
    if (w->edit)
        smtp_edit_finish(w->edit, &w->table_err);
    if (w->table_err.kind != ERR_NONE) {
        abandon(w);
        return false;
    }
    if (w->column > 0)
        put_line_end(w);
    w->is_complete = true;
    stream_output_changed(s->stream);
    if (!(s->pix & SMTP_PIX_DELAY_DOTCRLF)) {
        smtp_proto_end_of_data(s);
        return true;
    }
    /* Some firewalls lose the final dot when it shares a packet with content. */
    int64_t pause_s = smtp_params.smtp_pix_workaround_delay_time;
    stream_flush(s->stream);
    smtp_session_deadline(s, pause_s + smtp_params.smtp_data_xfer_timeout);
    w->pause = timer_new(smtp_client.loop, on_pause_over, w);
    timer_start(w->pause, pause_s * 1000);
    return true;
}

bool smtp_send_pump(struct smtp_send *w)
{
    if (w->is_complete)
        return true;
    smtp_session_deadline(w->session, smtp_params.smtp_data_xfer_timeout);
    while (w->err.kind == ERR_NONE && w->table_err.kind == ERR_NONE) {
        int type;
        struct slice data;
        if (w->out->len >= STREAM_OUTPUT_FULL && stream_output_is_full(w->session->stream)) {
            stream_output_changed(w->session->stream);
            return true;
        }
        if (!w->edit)
            put_plain_lines(w);
        enum queue_read status = queue_reader_next(w->reader, &type, &data, NULL, &w->err);
        if (status == QUEUE_READ_END)
            err_set(&w->err, ERR_TEMP, "unexpected end of file");
        if (status != QUEUE_READ_OK)
            break;
        if (type != REC_LINE && type != REC_LINE_PART) {
            if (type == REC_EXTRACTED)
                return complete(w);
            continue;
        }
        if (w->edit) {
            smtp_edit_feed(w->edit, data, type == REC_LINE, &w->table_err);
            continue;
        }
        put_piece(w, data);
        if (type == REC_LINE)
            put_line_end(w);
    }
    abandon(w);
    return false;
}

/* flags=D */

struct loop_search {
    struct smtp_delivery *delivery;
    bool is_found, in_line;
};

static bool look_for_loop(void *ctx, struct slice piece, bool ends_line)
{
    struct loop_search *search = ctx;
    bool is_start = !search->in_line;
    struct slice name, value;
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_INIT(4096);
    search->in_line = !ends_line;
    if (!is_start)
        return true;
    if (piece.len == 0)
        return false;
    if (!header_parse(piece, &name, &value) || !slice_eq_nocase(name, "Delivered-To"))
        return true;
    address_to_internal(slice_trim(value), &address);
    if (strcasecmp(address.s, search->delivery->rcpts[0].rcpt->address) == 0)
        search->is_found = true;
    return !search->is_found;
}

bool smtp_send_finds_loop(struct smtp_delivery *d, struct smtp_why *why)
{
    struct loop_search search = {.delivery = d};
    struct err err = ERR_INIT;
    if (!(smtp_client.flags & SMTP_FLAG_DELIVERED_TO))
        return false;
    queue_file_each_line(d->job->fd, (off_t)d->job->envelope->data_offset, look_for_loop, &search,
                         &err);
    if (!search.is_found)
        return false;
    why->dsn = "5.4.6";
    why->text = arena_printf(d->arena, "mail forwarding loop for %s", d->rcpts[0].rcpt->address);
    return true;
}
