/*
 * mime: a state and a stack of boundaries. Boundaries are compared with the beginning of a line, as
 * RFC 2046 section 5.1.1 asks, innermost first, so that a part cut short does not hide what
 * follows.
 */
#include "mail/mime.h"

#include "base/text.h"
#include "base/xmem.h"
#include "mail/header.h"
#include "mail/mime_value.h"

struct boundary {
    char *text;
    size_t len;
    bool is_digest; /* parts are message/rfc822 unless they say otherwise */
    struct boundary *outer;
};

struct mime {
    struct mime_options options;
    bool in_header, broke_off;
    enum mime_place place; /* of the headers being read */
    struct boundary *boundaries;
    int64_t depth;
    struct mime_part part;
    bool is_digest;          /* the multipart being declared */
    bool has_composite_type; /* multipart/ or message/, whatever the subtype */
    struct strbuf boundary;  /* the one being declared */
    unsigned faults;
};

struct mime *mime_new(const struct mime_options *options)
{
    struct mime *m = xzalloc(sizeof *m);
    m->options = *options;
    m->in_header = true;
    m->place = MIME_PRIMARY_HEADER;
    strbuf_init(&m->boundary, (size_t)MAX(options->boundary_length_limit, 1));
    return m;
}

static void pop_boundary(struct mime *m)
{
    struct boundary *top = m->boundaries;
    m->boundaries = top->outer;
    m->depth--;
    free(top->text);
    free(top);
}

void mime_free(struct mime *m)
{
    if (!m)
        return;
    while (m->boundaries)
        pop_boundary(m);
    strbuf_done(&m->boundary);
    free(m);
}

void mime_free_ptr(struct mime **m)
{
    mime_free(*m);
    *m = NULL;
}

bool mime_in_header(const struct mime *m)
{
    return m->in_header;
}

bool mime_headers_broke_off(const struct mime *m)
{
    return m->broke_off;
}

unsigned mime_faults(const struct mime *m)
{
    return m->faults;
}

const struct mime_part *mime_part(const struct mime *m)
{
    return &m->part;
}

const char *mime_fault_text(enum mime_fault fault)
{
    switch (fault) {
    case MIME_FAULT_NESTING:
        return "MIME nesting exceeds safety limit";
    case MIME_FAULT_8BIT_HEADER:
        return "improper use of 8-bit data in message header";
    case MIME_FAULT_8BIT_BODY:
        return "improper use of 8-bit data in message body";
    case MIME_FAULT_ENCODING:
        return "invalid message/* or multipart/* encoding domain";
    }
    return "MIME error";
}

const char *mime_encoding_name(enum mime_encoding encoding)
{
    static const char *const names[] = {
        [MIME_ENCODING_7BIT] = "7bit",     [MIME_ENCODING_8BIT] = "8bit",
        [MIME_ENCODING_BINARY] = "binary", [MIME_ENCODING_QUOTED_PRINTABLE] = "quoted-printable",
        [MIME_ENCODING_BASE64] = "base64", [MIME_ENCODING_UNKNOWN] = "unknown",
    };
    return names[encoding];
}

/* Postfix lets a message go two levels below its limit. */
static bool is_too_deep(const struct mime *m)
{
    return m->depth - 2 >= m->options.nesting_limit;
}

static void set_type(struct mime *m, struct slice value)
{
    struct mime_type type;
    strbuf_reset(&m->boundary);
    mime_value_type(value, &type, &m->boundary);
    bool is_message = slice_eq_nocase(type.type, "message");
    bool is_global = slice_starts_nocase(type.subtype, "global"); /* RFC 6532: may be encoded */
    m->part.is_multipart = slice_eq_nocase(type.type, "multipart");
    m->part.is_message = is_message && (slice_eq_nocase(type.subtype, "rfc822") ||
                                        slice_eq_nocase(type.subtype, "global"));
    m->is_digest = m->part.is_multipart && slice_eq_nocase(type.subtype, "digest");
    m->has_composite_type = m->part.is_multipart || (is_message && !is_global);
    if (m->part.is_multipart && m->boundary.len > 0 && is_too_deep(m))
        m->faults |= MIME_FAULT_NESTING;
}

static void begin_headers(struct mime *m, enum mime_place place)
{
    bool is_digest = place == MIME_PART_HEADER && m->boundaries && m->boundaries->is_digest;
    m->in_header = true;
    m->place = place;
    m->part = (struct mime_part){.is_message = is_digest};
    m->has_composite_type = is_digest;
    strbuf_reset(&m->boundary);
}

static void push_boundary(struct mime *m)
{
    if (is_too_deep(m))
        return;
    struct boundary *b = xmalloc(sizeof *b);
    b->text = slice_dup(strbuf_slice(&m->boundary));
    b->len = m->boundary.len;
    b->is_digest = m->is_digest;
    b->outer = m->boundaries;
    m->boundaries = b;
    m->depth++;
}

static void end_headers(struct mime *m)
{
    m->in_header = false;
    if (m->options.is_disabled)
        return;
    if (m->has_composite_type && (m->part.encoding == MIME_ENCODING_QUOTED_PRINTABLE ||
                                  m->part.encoding == MIME_ENCODING_BASE64))
        m->faults |= MIME_FAULT_ENCODING;
    if (m->part.is_multipart && m->boundary.len > 0)
        push_boundary(m);
}

/* Is LINE, which begins with --, a boundary? Then leave the parts it ends. */
static bool take_boundary(struct mime *m, struct slice line)
{
    line = slice_from(line, 2);
    struct boundary *b = m->boundaries;
    while (b && (line.len < b->len || memcmp(line.s, b->text, b->len) != 0))
        b = b->outer;
    if (!b)
        return false;
    while (m->boundaries != b)
        pop_boundary(m);
    if (slice_starts(slice_from(line, b->len), "--")) {
        pop_boundary(m);
        /* an epilogue belongs to the multipart and is as 7-bit as it */
        m->in_header = false;
        m->part = (struct mime_part){.encoding = MIME_ENCODING_7BIT};
    } else {
        begin_headers(m, MIME_PART_HEADER);
    }
    return true;
}

static enum mime_place feed_header(struct mime *m, struct slice name, struct slice value)
{
    if (m->options.is_disabled)
        return m->place;
    enum header_id id = header_find(name)->id;
    if (id == HEADER_CONTENT_TYPE)
        set_type(m, value);
    else if (id == HEADER_CONTENT_TRANSFER_ENCODING)
        m->part.encoding = mime_value_encoding(value);
    return m->place;
}

void mime_feed_more(struct mime *m, struct slice text)
{
    /* before the first part of a multipart nothing but 7-bit is proper, whatever it says of itself
     */
    bool is_7bit = m->part.encoding == MIME_ENCODING_7BIT ||
                   m->part.encoding == MIME_ENCODING_UNKNOWN || m->part.is_multipart;
    if (!m->options.is_disabled && !m->in_header && is_7bit && !text_is_ascii(text))
        m->faults |= MIME_FAULT_8BIT_BODY;
}

enum mime_place mime_feed(struct mime *m, struct slice line)
{
    struct slice name, value;
    m->broke_off = false;
    if (m->boundaries && slice_starts(line, "--")) {
        mime_feed_more(m, line); /* a boundary is text of the part it ends, too */
        if (take_boundary(m, line))
            return MIME_BODY;
    }
    if (m->in_header) {
        if (header_parse(line, &name, &value)) {
            if (!text_is_ascii(line) && !m->options.is_disabled)
                m->faults |= MIME_FAULT_8BIT_HEADER;
            return feed_header(m, name, value);
        }
        end_headers(m);
        bool is_nested = m->part.is_message && m->part.encoding <= MIME_ENCODING_BINARY &&
                         !m->options.is_disabled;
        if (line.len == 0) {
            if (is_nested)
                begin_headers(m, MIME_NESTED_HEADER);
            return MIME_END_OF_HEADER;
        }
        m->broke_off = true;
    }
    mime_feed_more(m, line);
    return MIME_BODY;
}
