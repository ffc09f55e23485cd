/*
 * Changes to a queue file that is complete but not yet mail. What is there stays where it is: new
 * records go to the end of the file, and pointer records lead there and back (the layout of
 * Postfix, which therefore reads it).
 */
#include "cleanup/cleanup_milter.h"

enum { EDITS_MAX = 10000, BODY_PIECE = 2048 };

/* Where the body that replaces the other one goes on: a pointer to it, and one behind it. */
static void link_body(struct cleanup_message *m, off_t from, off_t start)
{
    struct cleanup_edits *e = &m->edits;
    e->body_tail = cleanup_write_pointer(m, e->extracted);
    if (cleanup_write_flush(m))
        cleanup_write_pointer_at(m, from, start);
}

static void add_body_record(struct cleanup_message *m, int type, struct slice data)
{
    off_t before = cleanup_write_offset(m);
    cleanup_write_record(m, type, data);
    m->edits.body_size += cleanup_write_offset(m) - before;
}

/* One line, or the beginning or middle of one (IS_WHOLE false). */
static void add_line(struct cleanup_message *m, struct slice line, bool is_whole)
{
    while (line.len > BODY_PIECE) {
        add_body_record(m, REC_LINE_PART, slice_first(line, BODY_PIECE));
        line = slice_from(line, BODY_PIECE);
    }
    if (is_whole || line.len > 0)
        add_body_record(m, is_whole ? REC_LINE : REC_LINE_PART, line);
    m->edits.in_line = !is_whole && (m->edits.in_line || line.len > 0);
}

/* A piece of the new body; lines end in CR LF or LF, and are cut anywhere by the pieces. */
static void replace_body(struct cleanup_message *m, struct slice data)
{
    struct cleanup_edits *e = &m->edits;
    off_t from = e->body_tail ? e->body_tail : e->body;
    off_t start = cleanup_write_offset(m);
    if (!e->body_tail && !e->has_blank_line)
        cleanup_write_record(m, REC_LINE, SLICE_EMPTY);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (e->has_cr) /* kept from the piece before */
        strbuf_add_char(&text, '\r');
    strbuf_add_slice(&text, data);
    struct slice rest = strbuf_slice(&text), line;
    while (slice_split(rest, '\n', &line, &rest)) {
        while (line.len > 0 && line.s[line.len - 1] == '\r')
            line.len--;
        add_line(m, line, true);
    }
    e->has_cr = rest.len > 0 && rest.s[rest.len - 1] == '\r';
    if (e->has_cr)
        rest.len--;
    add_line(m, rest, false);
    link_body(m, from, start);
}

void cleanup_edit_end(struct cleanup_message *m)
{
    struct cleanup_edits *e = &m->edits;
    if (!e->body_tail)
        return;
    if (e->in_line || e->has_cr) { /* the last line has no end */
        off_t start = cleanup_write_offset(m), from = e->body_tail;
        add_line(m, e->has_cr ? slice_of("\r") : SLICE_EMPTY, true);
        link_body(m, from, start);
    }
    off_t head = e->body - m->data_offset;
    m->env.content_size = head + e->body_size;
    e->body_tail = 0; /* the next filter's body replaces this one */
    e->body_size = 0;
    e->in_line = e->has_cr = false;
}

const char *cleanup_edit(struct cleanup_message *m, const struct milter_edit *edit)
{
    if (++m->edits.count > EDITS_MAX)
        return "asks for more changes than one message may have";
    m->recipients_kept = SIZE_MAX / 2; /* qmgr is to read the file */
    switch (edit->kind) {
    case MILTER_ADD_HEADER:
    case MILTER_INSERT_HEADER:
    case MILTER_CHANGE_HEADER:
        cleanup_edit_header(m, edit);
        break;
    case MILTER_REPLACE_BODY:
        replace_body(m, edit->value);
        break;
    case MILTER_CHANGE_FROM:
        cleanup_edit_sender(m, edit);
        break;
    case MILTER_ADD_RCPT:
    case MILTER_ADD_RCPT_ARGS:
        cleanup_edit_add_rcpt(m, edit);
        break;
    case MILTER_DELETE_RCPT:
        cleanup_edit_delete_rcpt(m, edit);
        break;
    case MILTER_QUARANTINE:
        if (!(m->flags & CLEANUP_FLAG_HOLD))
            cleanup_milter_log(m, "milter-hold", MILTER_EOM, "milter triggers HOLD action");
        m->flags |= CLEANUP_FLAG_HOLD;
        break;
    default:
        return "asks for a change that is none";
    }
    return NULL;
}
