/* Records as bytes: how they are built and how they are taken apart. */
#include "mail/record.h"

static size_t record_header(char *header, int type, size_t len)
{
    size_t at = 0;
    header[at++] = (char)type;
    do {
        unsigned char low = len & 0x7f;
        len >>= 7;
        header[at++] = (char)(len ? low | 0x80 : low);
    } while (len);
    return at;
}

static void record_add_header(struct strbuf *out, int type, size_t len)
{
    char header[RECORD_HEADER_MAX];
    strbuf_add(out, header, record_header(header, type, len));
}

size_t record_put(char *at, int type, struct slice data)
{
    size_t header = record_header(at, type, data.len);
    if (data.len > 0)
        memcpy(at + header, data.s, data.len);
    return header + data.len;
}

/* Room is looked for once. */
void record_add_any(struct strbuf *out, int type, struct slice data)
{
    if (out->max - out->len < RECORD_HEADER_MAX ||
        out->max - out->len - RECORD_HEADER_MAX < data.len) {
        record_add_header(out, type, data.len); /* close to the maximum: what fits */
        strbuf_add_slice(out, data);
        return;
    }
    char *room = strbuf_room(out, RECORD_HEADER_MAX + data.len);
    strbuf_grew(out, record_put(room, type, data));
}

void record_addf(struct strbuf *out, int type, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(RECORD_MAX);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    record_add(out, type, strbuf_slice(&text));
}

void record_add_attribute(struct strbuf *out, const char *name, const char *value)
{
    struct slice n = slice_of(name), v = slice_of(value);
    record_add_header(out, REC_ATTRIBUTE, n.len + 1 + v.len);
    strbuf_add_slice(out, n);
    strbuf_add_char(out, '=');
    strbuf_add_slice(out, v);
}

enum record_status record_peek_any(struct slice in, int *ret_type, struct slice *ret_data,
                                   size_t *ret_size)
{
    size_t len = 0, at = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (at >= in.len)
            return RECORD_MORE;
        unsigned char byte = (unsigned char)in.s[at++];
        len |= (size_t)(byte & 0x7f) << shift;
        if (len > RECORD_MAX)
            return RECORD_BAD;
        if (!(byte & 0x80))
            break;
        if (shift >= 28) /* no length below RECORD_MAX takes more bytes */
            return RECORD_BAD;
    }
    if (in.len - at < len)
        return RECORD_MORE;
    *ret_type = (unsigned char)in.s[0];
    *ret_data = (struct slice){in.s + at, len};
    *ret_size = at + len;
    return RECORD_READY;
}

// clang-format off
static const struct { int type; const char *name; } names[] = {
    {REC_SIZE,           "message_size"},
    {REC_TIME,           "message_arrival_time"},
    {REC_FULLNAME,       "sender_fullname"},
    {REC_INSPECT,        "content_inspector"},
    {REC_FILTER,         "content_filter"}, /* unterminated_text in content */
    {REC_SENDER,         "sender"},
    {REC_DONE,           "done_recipient"},
    {REC_RECIPIENT,      "recipient"},
    {REC_ORIGINAL,       "original_recipient"},
    {REC_CANCELLED,      "canceled_recipient"},
    {REC_WARN,           "warning_message_time"},
    {REC_ATTRIBUTE,      "named_attribute"},
    {REC_KILLED,         "killed_record"},
    {REC_REDIRECT,       "redirect_to"},
    {REC_FLAGS,          "flags"},
    {REC_MESSAGE,        "message_content"},
    {REC_LINE,           "regular_text"},
    {REC_PADDING,        "padding"},
    {REC_EXTRACTED,      "extracted_info"},
    {REC_RETURN_RECEIPT, "return_receipt"},
    {REC_ERRORS_TO,      "errors_to"},
    {REC_PRIORITY,       "priority"},
    {REC_POINTER,        "pointer_record"},
    {REC_VERP,           "verp_delimiters"},
    {REC_END,            "message_end"},
    {REC_DSN_RET,        "dsn_return_flags"},
    {REC_DSN_ENVID,      "dsn_envelope_id"},
    {REC_DSN_ORCPT,      "dsn_original_recipient"},
    {REC_DSN_NOTIFY,     "dsn_notify_flags"},
};
// clang-format on

const char *record_type_name(int type)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].type == type)
            return names[i].name;
    return "unknown_record_type";
}
