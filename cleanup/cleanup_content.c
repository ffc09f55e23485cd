/* The content, record by record: headers are gathered whole, body lines pass through. */
#include "cleanup/cleanup_checks.h"
#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_tables.h"
#include "base/text.h"
#include "config/common_params.h"
#include "mail/mime_downgrade.h"

static void on_converted(void *ctx, struct slice text);

enum { LOGGED_FAULT_MAX = 100 };

void cleanup_content_start(struct cleanup_message *m)
{
    struct mime_options options = {
        .is_disabled = common_params.disable_mime_input_processing,
        .nesting_limit = common_params.mime_nesting_limit,
        .boundary_length_limit = common_params.mime_boundary_length_limit,
    };
    m->mime = mime_new(&options);
    if (cleanup_params.force_mime_input_conversion && !options.is_disabled)
        m->convert = mime_downgrade_new(&options, on_converted, m);
}

/* Faults in the MIME structure that main.cf says are none of ours to pass on. Nesting beyond the
 * limit is one only where others are; else it is refused by who would have to convert it. */
static void check_faults(struct cleanup_message *m, unsigned before, struct slice line)
{
    unsigned fresh = mime_faults(m->mime) & ~before, strict = 0;
    if (!fresh)
        return;
    if (common_params.strict_7bit_headers || common_params.strict_8bitmime)
        strict |= MIME_FAULT_8BIT_HEADER;
    if (common_params.strict_8bitmime_body || common_params.strict_8bitmime)
        strict |= MIME_FAULT_8BIT_BODY;
    if (common_params.strict_mime_encoding_domain)
        strict |= MIME_FAULT_ENCODING;
    bool is_inspected = !maps_is_empty(cleanup_tables.header_checks) ||
                        !maps_is_empty(cleanup_tables.mime_header_checks) ||
                        !maps_is_empty(cleanup_tables.nested_header_checks);
    if (strict || is_inspected)
        strict |= MIME_FAULT_NESTING;
    if (m->flags & CLEANUP_FLAG_SMTPUTF8)
        strict &= ~(unsigned)MIME_FAULT_8BIT_HEADER;
    for (unsigned fault = MIME_FAULT_NESTING; fault <= MIME_FAULT_ENCODING; fault <<= 1) {
        if (!(fresh & strict & fault))
            continue;
        CLEANUP(strbuf_done) struct strbuf thing = STRBUF_ANY, reason = STRBUF_ANY;
        const char *text = mime_fault_text((enum mime_fault)fault);
        struct slice shown = line;
        if (fault == MIME_FAULT_ENCODING)
            shown = slice_of(mime_encoding_name(mime_part(m->mime)->encoding));
        strbuf_addf(&thing, "mime-error %s:", text);
        cleanup_checks_log(m, "reject", thing.s, slice_first(shown, LOGGED_FAULT_MAX), NULL);
        if (m->status & CLEANUP_STAT_CONTENT)
            continue; /* the first one is the reason */
        strbuf_addf(&reason, "5.6.0 %s", text);
        m->reason_code = 550;
        m->has_fault = true;
        cleanup_message_fail(m, CLEANUP_STAT_CONTENT, reason.s);
    }
}

static enum mime_place feed(struct cleanup_message *m, struct slice line)
{
    unsigned before = mime_faults(m->mime);
    enum mime_place place = mime_feed(m->mime, line);
    check_faults(m, before, line);
    return place;
}

/* A header inside the body: inspected, otherwise left alone. */
static void inner_header(struct cleanup_message *m, enum cleanup_check kind, struct slice header)
{
    CLEANUP(strbuf_done) struct strbuf other = STRBUF_ANY;
    struct slice name, value;
    switch (cleanup_checks(m, kind, header, &other)) {
    case CONTENT_KEEP:
        break;
    case CONTENT_REPLACE:
        header = strbuf_slice(&other);
        break;
    case CONTENT_DROP:
        return;
    }
    if (header_parse(header, &name, &value) &&
        header_find(name)->id == HEADER_CONTENT_TRANSFER_ENCODING)
        cleanup_header_note_encoding(m, value);
    cleanup_header_note_utf8(m, header);
    cleanup_write_text(m, header);
}

static void take_header(struct cleanup_message *m, struct slice header)
{
    struct slice name, value;
    enum mime_place place = feed(m, header);
    bool is_mime =
        header_parse(header, &name, &value) && (header_find(name)->flags & HEADER_IS_MIME);
    if (place == MIME_PRIMARY_HEADER)
        cleanup_header_primary(m, header);
    else
        inner_header(
            m, place == MIME_PART_HEADER || is_mime ? CLEANUP_CHECK_MIME : CLEANUP_CHECK_NESTED,
            header);
}

static void flush_header(struct cleanup_message *m)
{
    if (m->header.len > 0 && m->convert)
        mime_downgrade_feed(m->convert, strbuf_slice(&m->header));
    else if (m->header.len > 0)
        take_header(m, strbuf_slice(&m->header));
    strbuf_reset(&m->header);
}

static void body_piece(struct cleanup_message *m, int type, struct slice piece)
{
    if (m->body_bytes < cleanup_params.body_checks_size_limit) {
        CLEANUP(strbuf_done) struct strbuf other = STRBUF_ANY;
        m->body_bytes += (int64_t)piece.len;
        switch (cleanup_checks(m, CLEANUP_CHECK_BODY, piece, &other)) {
        case CONTENT_KEEP:
            break;
        case CONTENT_REPLACE:
            cleanup_write_text(m, strbuf_slice(&other));
            return;
        case CONTENT_DROP:
            return;
        }
    }
    cleanup_write_record(m, type, piece);
}

static void header_ends(struct cleanup_message *m)
{
    m->header_is_over = true;
    cleanup_header_end(m);
    if (!m->has_message_id_logged && cleanup_message_is_ok(m))
        log_info(&m->log, "message-id=<>");
    if (m->has_milters) {
        m->edits.headers = cleanup_write_pointer(m, 0);
        m->edits.after_headers = cleanup_write_offset(m);
    }
}

/* The empty line behind the headers of the message, not of a part, was written. */
static void body_begins(struct cleanup_message *m, bool is_first)
{
    if (!is_first || !m->has_milters)
        return;
    m->edits.has_blank_line = true;
    m->edits.body = cleanup_write_pointer(m, 0);
}

/* The header ends at LINE, which is not empty (RFC 5322, section 2.1):
 * non_empty_end_of_header_action. An empty line is put in front of it in any case. */
static void header_breaks_off(struct cleanup_message *m, struct slice line)
{
    static const char what[] = "message header was not terminated by empty line";
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    switch (cleanup_tables.broken_header) {
    case CLEANUP_BROKEN_HEADER_FIX:
        break;
    case CLEANUP_BROKEN_HEADER_TELL:
        strbuf_addf(&text, "MIME-Error: %s", what);
        cleanup_write_text(m, strbuf_slice(&text));
        break;
    case CLEANUP_BROKEN_HEADER_REJECT:
        if (m->status & CLEANUP_STAT_CONTENT)
            break;
        strbuf_addf(&text, "mime-error %s:", what);
        cleanup_checks_log(m, "reject", text.s, line, NULL);
        strbuf_setf(&text, "5.6.0 %s", what);
        m->reason_code = 550;
        cleanup_message_fail(m, CLEANUP_STAT_CONTENT, text.s);
        break;
    }
}

/* A line that is no header: the empty line behind them, or text. */
static void take_end_of_header(struct cleanup_message *m, int type, struct slice line)
{
    bool is_first = !m->header_is_over;
    enum mime_place place = feed(m, line);
    bool broke_off = is_first && mime_headers_broke_off(m->mime);
    if (broke_off)
        header_breaks_off(m, line);
    if (is_first)
        header_ends(m);
    if (place == MIME_END_OF_HEADER) {
        m->body_bytes = 0; /* the limit is one for each part */
        cleanup_write_record(m, type, line);
        body_begins(m, is_first);
        return;
    }
    if (broke_off)
        cleanup_write_record(m, REC_LINE, SLICE_EMPTY);
    body_begins(m, is_first);
    body_piece(m, type, line);
}

/* Of a body line, its beginning or, with IS_REST, more of it. */
static void take_body(struct cleanup_message *m, int type, struct slice piece, bool is_rest)
{
    if (is_rest)
        mime_feed_more(m->mime, piece);
    else
        feed(m, piece);
    body_piece(m, type, piece);
}

/* What comes out of the conversion: content like any other. An encoded line never stands where a
 * header could. */
static void on_converted(void *ctx, struct slice text)
{
    struct cleanup_message *m = ctx;
    struct slice name, value;
    bool is_encoded = mime_downgrade_is_encoding(m->convert);
    int type = is_encoded ? REC_LINE : m->converting_type;
    if (!mime_in_header(m->mime))
        take_body(m, type, text, m->converting_rest && !is_encoded);
    else if (header_parse(text, &name, &value))
        take_header(m, text);
    else
        take_end_of_header(m, type, text);
}

static void convert(struct cleanup_message *m, int type, struct slice piece, bool is_rest)
{
    m->converting_type = type;
    m->converting_rest = is_rest;
    if (is_rest)
        mime_downgrade_feed_more(m->convert, piece, type == REC_LINE_PART);
    else if (type == REC_LINE_PART)
        mime_downgrade_feed_part(m->convert, piece);
    else
        mime_downgrade_feed(m->convert, piece);
}

static void not_a_header(struct cleanup_message *m, int type, struct slice line)
{
    flush_header(m);
    if (!m->convert) {
        take_end_of_header(m, type, line);
        return;
    }
    /* it adds the empty line that take_end_of_header() would miss */
    if (!m->header_is_over && line.len > 0 && mime_downgrade_says_8bit(m->convert))
        header_breaks_off(m, line);
    convert(m, type, line, false);
}

static void body_record(struct cleanup_message *m, int type, struct slice piece, bool is_rest)
{
    if (m->convert)
        convert(m, type, piece, is_rest);
    else
        take_body(m, type, piece, is_rest);
}

static bool is_mailbox_line(struct slice line)
{
    return slice_starts(line, "From ") || slice_starts(line, ">From ");
}

/* Only where a mailbox would begin. */
static bool is_at_mailbox_line(const struct cleanup_message *m, struct slice line)
{
    return !m->header_is_over && !m->is_past_top && is_mailbox_line(line);
}

static bool is_continuation(const struct cleanup_message *m, struct slice line)
{
    return m->header.len > 0 && line.len > 0 && (line.s[0] == ' ' || line.s[0] == '\t');
}

static bool may_be_header(const struct cleanup_message *m, struct slice line)
{
    struct slice name, value;
    return is_continuation(m, line) || header_parse(line, &name, &value) ||
           is_at_mailbox_line(m, line);
}

static void header_line(struct cleanup_message *m, struct slice line)
{
    struct slice name, value;
    if (is_continuation(m, line)) {
        strbuf_add_char(&m->header, '\n');
        strbuf_add_slice(&m->header, line);
    } else if (is_at_mailbox_line(m, line)) {
        flush_header(m); /* of a mailbox that was sent as a message */
        strbuf_set(&m->header, "X-Mailbox-Line: ");
        strbuf_add_slice(&m->header, line);
    } else if (header_parse(line, &name, &value)) {
        flush_header(m);
        m->is_past_top |= header_find(name)->id != HEADER_RECEIVED;
        strbuf_set_slice(&m->header, name); /* without blanks before the colon */
        strbuf_add_char(&m->header, ':');
        strbuf_add_slice(&m->header, value);
    } else {
        not_a_header(m, REC_LINE, line);
    }
}

/* Bytes that make trouble further on. The result is DATA or in CLEAN. */
static struct slice scrub(struct cleanup_message *m, struct slice data, struct strbuf *clean)
{
    const struct cleanup_tables *t = &cleanup_tables;
    for (size_t i = 0; t->reject_characters.len > 0 && i < data.len; i++) {
        if (!memchr(t->reject_characters.s, data.s[i], t->reject_characters.len) ||
            (m->status & CLEANUP_STAT_CONTENT))
            continue;
        cleanup_checks_log(m, "reject", "content", data, "5.7.1 disallowed character");
        m->reason_code = 550;
        cleanup_message_fail(m, CLEANUP_STAT_CONTENT, "5.7.1 disallowed character");
    }
    bool replace = cleanup_params.cleanup_replace_stray_cr_lf &&
                   (slice_find(data, '\r') != SIZE_MAX || slice_find(data, '\n') != SIZE_MAX);
    if (!replace && t->strip_characters.len == 0)
        return data;
    for (size_t i = 0; i < data.len; i++) {
        char c = data.s[i];
        if (t->strip_characters.len > 0 &&
            memchr(t->strip_characters.s, c, t->strip_characters.len))
            continue;
        strbuf_add_char(clean, replace && (c == '\r' || c == '\n') ? ' ' : c);
    }
    return strbuf_slice(clean);
}

void cleanup_content_record(struct cleanup_message *m, int type, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    data = scrub(m, data, &clean);
    if (!cleanup_message_is_ok(m))
        return;
    bool starts_line = !m->in_long_line;
    m->in_long_line = type == REC_LINE_PART;
    if (starts_line)
        m->line_is_body =
            !mime_in_header(m->mime) || (type == REC_LINE_PART && !may_be_header(m, data));
    if (!m->line_is_body) {
        strbuf_add_slice(&m->line, data); /* what is beyond header_size_limit is cut off */
        if (type == REC_LINE_PART)
            return;
        header_line(m, strbuf_slice(&m->line));
        strbuf_reset(&m->line);
    } else if (!starts_line) {
        body_record(m, type, data, true);
    } else if (mime_in_header(m->mime)) { /* a long line that ends the headers */
        not_a_header(m, type, data);
    } else {
        body_record(m, type, data, false);
    }
}

void cleanup_content_watch(struct cleanup_message *m, int type, struct slice data)
{
    struct slice name, value;
    bool starts_line = !m->in_long_line;
    m->in_long_line = type == REC_LINE_PART;
    if (!starts_line) {
        unsigned before = mime_faults(m->mime);
        mime_feed_more(m->mime, data);
        check_faults(m, before, data);
        return;
    }
    if (is_continuation(m, data)) {
        strbuf_add_char(&m->header, '\n');
        strbuf_add_slice(&m->header, data);
        return;
    }
    if (m->header.len > 0)
        feed(m, strbuf_slice(&m->header));
    strbuf_reset(&m->header);
    if (mime_in_header(m->mime) && header_parse(data, &name, &value))
        strbuf_set_slice(&m->header, data);
    else
        feed(m, data);
}

void cleanup_content_end(struct cleanup_message *m)
{
    if (m->in_long_line && !m->line_is_body) {
        header_line(m, strbuf_slice(&m->line));
        strbuf_reset(&m->line);
    }
    flush_header(m);
    if (m->convert)
        mime_downgrade_finish(m->convert);
    if (!m->header_is_over) {
        header_ends(m);
        m->edits.body = m->has_milters ? cleanup_write_pointer(m, 0) : 0;
    }
}
