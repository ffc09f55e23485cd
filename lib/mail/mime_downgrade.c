/*
 * mime_downgrade: a Content-Transfer-Encoding header that says 8bit or binary is left out, and
 * another written where the headers of its part end, because only then it is known whether the part
 * is a multipart.
 */
#include "mail/mime_downgrade.h"

#include "base/xmem.h"
#include "mail/header.h"
#include "mail/mime_value.h"

enum { QP_COLUMNS = 76 };

struct mime_downgrade {
    struct mime *mime;
    mime_downgrade_emit emit;
    void *ctx;
    bool is_encoding; /* the body being read becomes quoted-printable */
};

struct mime_downgrade *mime_downgrade_new(const struct mime_options *options,
                                          mime_downgrade_emit emit, void *ctx)
{
    struct mime_downgrade *d = xzalloc(sizeof *d);
    d->mime = mime_new(options);
    d->emit = emit;
    d->ctx = ctx;
    return d;
}

void mime_downgrade_free(struct mime_downgrade *d)
{
    if (!d)
        return;
    mime_free(d->mime);
    free(d);
}

void mime_downgrade_free_ptr(struct mime_downgrade **d)
{
    mime_downgrade_free(*d);
    *d = NULL;
}

bool mime_downgrade_in_header(const struct mime_downgrade *d)
{
    return mime_in_header(d->mime);
}

static void encode(struct slice line, bool goes_on, mime_downgrade_emit emit, void *ctx)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(QP_COLUMNS);
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.s[i];
        bool is_last = i + 1 == line.len;
        bool is_blank = c == ' ' || c == '\t';
        bool is_plain = is_blank ? !is_last : c > ' ' && c < 127 && c != '=';
        /* an escape fits, and the = of a soft line break behind it */
        if (out.len > QP_COLUMNS - 4) {
            strbuf_add_char(&out, '=');
            emit(ctx, strbuf_slice(&out));
            strbuf_reset(&out);
        }
        if (is_plain)
            strbuf_add_char(&out, (char)c);
        else
            strbuf_addf(&out, "=%02X", c);
    }
    if (goes_on)
        strbuf_add_char(&out, '=');
    emit(ctx, strbuf_slice(&out));
}

void mime_downgrade_encode(struct slice line, mime_downgrade_emit emit, void *ctx)
{
    encode(line, false, emit, ctx);
}

static bool is_8bit(enum mime_encoding encoding)
{
    return encoding == MIME_ENCODING_8BIT || encoding == MIME_ENCODING_BINARY;
}

static bool says_8bit(struct slice line)
{
    struct slice name, value;
    return header_parse(line, &name, &value) &&
           header_find(name)->id == HEADER_CONTENT_TRANSFER_ENCODING &&
           is_8bit(mime_value_encoding(value));
}

/* The headers of a part are complete. */
static void end_headers(struct mime_downgrade *d, const struct mime_part *part)
{
    bool is_composite = part->is_multipart || part->is_message;
    d->is_encoding = is_8bit(part->encoding) && !is_composite;
    if (d->is_encoding)
        d->emit(d->ctx, slice_of("Content-Transfer-Encoding: quoted-printable"));
    else if (is_8bit(part->encoding))
        d->emit(d->ctx, slice_of("Content-Transfer-Encoding: 7bit"));
}

bool mime_downgrade_says_8bit(const struct mime_downgrade *d)
{
    return mime_in_header(d->mime) && is_8bit(mime_part(d->mime)->encoding);
}

static void feed(struct mime_downgrade *d, struct slice line, bool goes_on)
{
    bool was_header = mime_in_header(d->mime);
    struct mime_part before = *mime_part(d->mime);
    enum mime_place place = mime_feed(d->mime, line);
    if (was_header && place < MIME_END_OF_HEADER) {
        if (!says_8bit(line))
            d->emit(d->ctx, line);
        return;
    }
    if (was_header)
        end_headers(d, &before);
    /* encoded, the line may look like a header */
    if (was_header && d->is_encoding && mime_headers_broke_off(d->mime))
        d->emit(d->ctx, SLICE_EMPTY);
    if (mime_in_header(d->mime))
        d->is_encoding = false; /* a boundary, or the start of a nested message */
    else if (place == MIME_BODY && mime_part(d->mime)->encoding == MIME_ENCODING_7BIT)
        d->is_encoding = false; /* a closing boundary */
    if (d->is_encoding && place == MIME_BODY)
        encode(line, goes_on, d->emit, d->ctx);
    else
        d->emit(d->ctx, line);
}

void mime_downgrade_feed(struct mime_downgrade *d, struct slice line)
{
    feed(d, line, false);
}

void mime_downgrade_feed_part(struct mime_downgrade *d, struct slice text)
{
    feed(d, text, true);
}

bool mime_downgrade_is_encoding(const struct mime_downgrade *d)
{
    return d->is_encoding;
}

void mime_downgrade_feed_more(struct mime_downgrade *d, struct slice text, bool goes_on)
{
    mime_feed_more(d->mime, text);
    if (d->is_encoding)
        encode(text, goes_on, d->emit, d->ctx);
    else
        d->emit(d->ctx, text);
}

void mime_downgrade_finish(struct mime_downgrade *d)
{
    if (mime_in_header(d->mime))
        end_headers(d, mime_part(d->mime));
}
