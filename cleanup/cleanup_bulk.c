/*
 * Body lines that nothing looks at: many records go from the client's frame to the queue file as
 * they are. Whatever is not certainly of that kind is left to cleanup_content.c, with the same
 * outcome.
 */
#include "cleanup/cleanup_message.h"
#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_tables.h"
#include "config/common_params.h"

enum {
    RUN_MAX = 256 * 1024, /* also bounds what is looked at in vain */
    LOOK_AT = 8 * 1024,
    FETCH_AHEAD = 1024, /* each record tells where the next is: nobody else looks ahead */
};

/* In pieces that the nearest cache holds, so that the second look costs little. */
static bool has_line_end(struct slice text)
{
    for (; text.len > 0; text = slice_from(text, LOOK_AT)) {
        struct slice piece = slice_first(text, LOOK_AT);
        if (slice_find(piece, '\r') != SIZE_MAX || slice_find(piece, '\n') != SIZE_MAX)
            return true;
    }
    return false;
}

bool cleanup_bulk_may_hold_line_end(struct slice records)
{
    return cleanup_params.cleanup_replace_stray_cr_lf && has_line_end(records);
}

static bool is_body_that_nobody_checks(const struct cleanup_message *m)
{
    const struct cleanup_tables *t = &cleanup_tables;
    bool has_checks = (m->flags & CLEANUP_FLAG_FILTER) && !m->checks_passed &&
                      !maps_is_empty(t->body_checks) &&
                      m->body_bytes < cleanup_params.body_checks_size_limit;
    bool is_body = m->phase == CLEANUP_PHASE_CONTENT && m->mime && !mime_in_header(m->mime) &&
                   (!m->in_long_line || m->line_is_body);
    return is_body && m->status == 0 && !m->convert && !(m->flags & CLEANUP_FLAG_DISCARD) &&
           !has_checks && t->strip_characters.len == 0 && t->reject_characters.len == 0 &&
           !common_params.strict_8bitmime && !common_params.strict_8bitmime_body;
}

/* A line record at the front of IN, its length in one or two bytes. */
static bool next_line(struct slice in, int *ret_type, struct slice *ret_line, size_t *ret_size)
{
    const unsigned char *byte = (const unsigned char *)in.s;
    if (in.len < 3 || (byte[0] != REC_LINE && byte[0] != REC_LINE_PART))
        return false;
    size_t head = 2, len = byte[1];
    if (len > 0x7f) {
        if (byte[2] == 0 || byte[2] > 0x7f)
            return false;
        len = (len & 0x7f) | (size_t)byte[2] << 7;
        head = 3;
    }
    if (in.len - head < len)
        return false;
    *ret_type = byte[0];
    *ret_line = (struct slice){in.s + head, len};
    *ret_size = head + len;
    return true;
}

size_t cleanup_bulk_take(struct cleanup_message *m, struct slice records, bool may_hold_line_end)
{
    if (!is_body_that_nobody_checks(m))
        return 0;
    struct slice rest = slice_first(records, RUN_MAX), line;
    bool in_long_line = m->in_long_line;
    int type;
    size_t size, taken;
    for (; next_line(rest, &type, &line, &size); rest = slice_from(rest, size)) {
        __builtin_prefetch(rest.s + FETCH_AHEAD);
        bool may_be_boundary =
            !in_long_line && line.len >= 2 && line.s[0] == '-' && line.s[1] == '-';
        if (may_be_boundary || (may_hold_line_end && has_line_end(line)))
            break;
        in_long_line = type == REC_LINE_PART;
    }
    taken = (size_t)(rest.s - records.s);
    if (taken == 0 || !cleanup_write_fits(m, taken))
        return 0;
    m->in_long_line = in_long_line;
    m->line_is_body = true;
    cleanup_write_raw(m, slice_first(records, taken));
    return taken;
}
