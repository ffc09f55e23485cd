#include "delivery/mailbox_message.h"

#include "base/clock.h"
#include "mail/address.h"
#include "mail/queue_file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { PIECE = 128 * 1024 };

struct copy {
    struct strbuf out;
    unsigned form;
    const char *eol;
    bool in_line; /* the last piece did not end its line */
    bool (*put)(void *ctx, struct slice text);
    void *ctx;
    bool has_failed;
};

static void copy_done(struct copy *c)
{
    strbuf_done(&c->out);
}

static bool copy_flush(struct copy *c)
{
    if (c->out.len > 0 && !c->has_failed)
        c->has_failed = !c->put(c->ctx, strbuf_slice(&c->out));
    strbuf_reset(&c->out);
    return !c->has_failed;
}

static bool copy_piece(void *ctx, struct slice piece, bool ends_line)
{
    struct copy *c = ctx;
    if (!c->in_line) {
        if (c->form & MAILBOX_QUOTE_FROM && slice_starts(piece, "From "))
            strbuf_add_char(&c->out, '>');
        if (c->form & MAILBOX_DOTS && piece.len > 0 && piece.s[0] == '.')
            strbuf_add_char(&c->out, '.');
    }
    strbuf_add_slice(&c->out, piece);
    if (ends_line)
        strbuf_add_str(&c->out, c->eol);
    c->in_line = !ends_line;
    return c->out.len < PIECE || copy_flush(c);
}

static void add_header(struct copy *c, const char *name, const char *address, const char *left,
                       const char *right)
{
    strbuf_addf(&c->out, "%s: %s", name, left);
    address_to_external(slice_of(address), &c->out);
    strbuf_addf(&c->out, "%s%s", right, c->eol);
}

static void add_from_line(struct copy *c, const char *sender)
{
    struct timeval now;
    clock_wall(&now);
    strbuf_add_str(&c->out, "From ");
    address_to_external(slice_of(*sender ? sender : "MAILER-DAEMON"), &c->out);
    strbuf_add_str(&c->out, "  ");
    clock_format_ctime(now.tv_sec, &c->out);
    strbuf_add_str(&c->out, c->eol);
}

static void add_front(struct copy *c, const struct mailbox_message *m)
{
    if (c->form & MAILBOX_FROM_LINE)
        add_from_line(c, m->sender);
    if (c->form & MAILBOX_RETURN_PATH)
        add_header(c, "Return-Path", m->sender, "<", ">");
    if (m->original_recipient)
        add_header(c, "X-Original-To", m->original_recipient, "", "");
    if (m->delivered_to)
        add_header(c, "Delivered-To", m->delivered_to, "", "");
}

enum mailbox_copy mailbox_message_copy(const struct mailbox_message *m, unsigned form,
                                       bool (*put)(void *ctx, struct slice text), void *ctx,
                                       struct err *err)
{
    CLEANUP(copy_done)
    struct copy c = {
        .out = STRBUF_ANY, .form = form, .eol = m->eol ? m->eol : "\n", .put = put, .ctx = ctx};
    add_front(&c, m);
    if (!queue_file_each_line(m->queue_fd, m->data_offset, copy_piece, &c, err))
        return MAILBOX_COPY_UNREADABLE;
    if (c.in_line)
        strbuf_add_str(&c.out, c.eol);
    if (form & MAILBOX_BLANK_LINE)
        strbuf_add_str(&c.out, c.eol);
    return copy_flush(&c) ? MAILBOX_COPY_OK : MAILBOX_COPY_UNWRITABLE;
}

bool mailbox_trouble_set(struct mailbox_trouble *t, const char *dsn, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    t->dsn = dsn;
    vsnprintf(t->reason, sizeof t->reason, fmt, ap);
    va_end(ap);
    return false;
}

const char *mailbox_trouble_dsn(int error, const char *otherwise)
{
    // clang-format off
    static const struct { int error; const char *dsn; } rows[] = {
        {EAGAIN, "4.2.0"}, {EINTR, "4.2.0"},  {ESTALE, "4.2.0"}, {EIO, "4.2.0"},
        {EDQUOT, "5.2.2"}, {EFBIG, "5.2.2"},  {ENOSPC, "4.3.0"}, {EROFS, "4.3.0"},
        {ENFILE, "4.3.0"}, {EMFILE, "4.3.0"}, {ENOMEM, "4.3.0"}, {ETIMEDOUT, "4.2.0"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].error == error)
            return rows[i].dsn;
    return otherwise;
}
