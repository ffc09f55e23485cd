/* Headers: added, inserted, changed, deleted, by pointers over their first records. */
#include "cleanup/cleanup_checks.h"
#include "cleanup/cleanup_milter.h"
#include "mail/queue_file.h"

/* A header as it stands in the file. */
struct found {
    off_t at;          /* its first record */
    off_t after_first; /* where reading goes on behind that (and its padding) */
    off_t after;       /* behind all of it */
    struct slice first;
    int first_type;
};

/* Which header is looked for. */
struct wanted {
    struct slice name; /* empty: any */
    uint32_t index;    /* counted from 0 */
};

static bool is_continuation(struct slice line)
{
    return line.len > 0 && (line.s[0] == ' ' || line.s[0] == '\t');
}

struct walk {
    struct queue_reader *reader;
    struct strbuf line; /* the first record of the header being looked at */
    struct found found;
    bool has_header, in_parts;
    uint32_t count; /* of those that match */
    bool own_received_is_over;
};

static bool matches(struct walk *w, const struct wanted *wanted)
{
    struct slice name, value;
    if (!wanted->name.len)
        return true;
    if (!header_parse(strbuf_slice(&w->line), &name, &value) ||
        !slice_same_nocase(name, wanted->name))
        return false;
    /* filters do not see the one we made, which is the first */
    bool is_own = !w->own_received_is_over && slice_eq_nocase(name, "Received");
    if (is_own)
        w->own_received_is_over = true;
    return !is_own;
}

/* The header under way has ended. True: it is the one. */
static bool header_ends(struct walk *w, const struct wanted *wanted)
{
    bool is_it = w->has_header && matches(w, wanted) && w->count++ == wanted->index;
    w->has_header = false;
    return is_it;
}

static bool find_header(struct cleanup_message *m, struct walk *w, const struct wanted *wanted)
{
    int type;
    struct slice data;
    off_t at;
    struct err err = ERR_INIT;
    if (!queue_reader_seek(w->reader, m->data_offset))
        return false;
    for (;;) {
        if (queue_reader_next(w->reader, &type, &data, &at, &err) != QUEUE_READ_OK) {
            cleanup_message_warn(m, "read headers: %s", err.reason);
            m->status |= CLEANUP_STAT_WRITE;
            return false;
        }
        bool is_text = type == REC_LINE || type == REC_LINE_PART;
        if (type == REC_PADDING) {
            if (w->found.after_first == w->found.after)
                w->found.after_first = queue_reader_tell(w->reader);
            w->found.after = queue_reader_tell(w->reader);
            continue;
        }
        bool continues = is_text && w->has_header && (w->in_parts || is_continuation(data));
        if (!continues) {
            if (header_ends(w, wanted))
                return true;
            if (!is_text || data.len == 0)
                return false; /* the end of the headers */
            off_t after = queue_reader_tell(w->reader);
            w->has_header = true;
            w->found = (struct found){.at = at, .after_first = after, .first_type = type};
            strbuf_set_slice(&w->line, data);
        }
        w->in_parts = type == REC_LINE_PART;
        w->found.after = queue_reader_tell(w->reader);
    }
}

/* "Name: value" as one header, CR LF in it as LF. */
static bool format_header(const struct milter_edit *edit, bool has_space, struct strbuf *out)
{
    struct slice name, value, rest = edit->value, line;
    strbuf_add_slice(out, edit->name);
    strbuf_add_str(out, has_space ? ":" : ": ");
    bool is_first = true;
    while (slice_next_line(&rest, &line)) {
        if (!is_first)
            strbuf_add_char(out, '\n');
        if (!is_first && !is_continuation(line)) /* would be a header of its own */
            strbuf_add_char(out, ' ');
        strbuf_add_slice(out, line);
        is_first = false;
    }
    return edit->name.len > 0 && header_parse(strbuf_slice(out), &name, &value) && !out->overflow;
}

/* Append HEADER behind the last one. */
static void append(struct cleanup_message *m, struct slice header)
{
    off_t start = cleanup_write_offset(m), from = m->edits.headers;
    cleanup_write_header(m, header);
    m->edits.headers = cleanup_write_pointer(m, m->edits.after_headers);
    if (cleanup_write_flush(m))
        cleanup_write_pointer_at(m, from, start);
}

/* Put HEADER before FOUND, whose first record moves away. */
static void insert(struct cleanup_message *m, const struct walk *w, struct slice header)
{
    off_t start = cleanup_write_offset(m);
    cleanup_write_header(m, header);
    if (w->found.first_type == REC_LINE)
        cleanup_write_header(m, strbuf_slice(&w->line));
    else
        cleanup_write_record(m, w->found.first_type, strbuf_slice(&w->line));
    cleanup_write_pointer(m, w->found.after_first);
    if (cleanup_write_flush(m))
        cleanup_write_pointer_at(m, w->found.at, start);
}

static void replace(struct cleanup_message *m, const struct walk *w, struct slice header)
{
    off_t start = cleanup_write_offset(m);
    if (header.len > 0) {
        cleanup_write_header(m, header);
        cleanup_write_pointer(m, w->found.after);
    }
    if (cleanup_write_flush(m))
        cleanup_write_pointer_at(m, w->found.at, header.len > 0 ? start : w->found.after);
}

static void change(struct cleanup_message *m, struct walk *w, const struct milter_edit *edit,
                   struct slice header)
{
    struct wanted wanted = {.index = edit->index};
    bool is_insert = edit->kind == MILTER_INSERT_HEADER;
    if (!is_insert) {
        wanted.name = edit->name;
        wanted.index = edit->index > 0 ? edit->index - 1 : 0;
    }
    bool is_found = find_header(m, w, &wanted);
    if (is_found && is_insert)
        insert(m, w, header);
    else if (is_found)
        replace(m, w, header);
    else if (header.len > 0)
        append(m, header); /* beyond the end */
}

void cleanup_edit_header(struct cleanup_message *m, const struct milter_edit *edit)
{
    CLEANUP(strbuf_done) struct strbuf header = STRBUF_INIT(1 << 20), other = STRBUF_ANY;
    bool is_deletion = edit->kind == MILTER_CHANGE_HEADER && edit->value.len == 0;
    if (!format_header(edit, m->edits.has_leading_space, &header)) {
        cleanup_message_warn(m, "ignoring a header that a milter wants and that is none: %.*s",
                             SLICE_ARG(slice_first(edit->name, 100)));
        return;
    }
    if (is_deletion)
        strbuf_reset(&header);
    else
        switch (cleanup_checks(m, CLEANUP_CHECK_MILTER, strbuf_slice(&header), &other)) {
        case CONTENT_DROP:
            return;
        case CONTENT_REPLACE:
            strbuf_set(&header, other.s);
            break;
        case CONTENT_KEEP:
            break;
        }
    if (edit->kind == MILTER_ADD_HEADER) {
        append(m, strbuf_slice(&header));
        return;
    }
    struct walk walk = {0};
    if (!cleanup_write_flush(m))
        return;
    walk.reader = queue_reader_new(m->fd);
    strbuf_init(&walk.line, SIZE_MAX / 4);
    change(m, &walk, edit, strbuf_slice(&header));
    queue_reader_free(walk.reader);
    strbuf_done(&walk.line);
}
