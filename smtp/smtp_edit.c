/*
 * Headers are gathered with their continuation lines, and lines to be encoded as a whole; other
 * body lines go through piece by piece.
 */
#include "smtp/smtp_edit.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/header.h"
#include "mail/mime_downgrade.h"
#include "smtp/smtp_checks.h"
#include "smtp/smtp_generic.h"

enum { GATHER_MAX = 1024 * 1024 };

struct smtp_edit {
    const struct log_tag *log;
    smtp_edit_fn fn;
    void *ctx;
    struct mime_downgrade *downgrade; /* NULL: not needed */
    struct mime *mime;                /* NULL: neither checks nor rewriting */
    struct strbuf gathered;           /* a line, or a header with its continuation lines */
    bool in_line;                     /* the next piece goes on with the line */
    bool has_header;                  /* gathered may go on with the next line */
    bool is_direct;                   /* the line goes through piece by piece */
    bool ends_line;                   /* of the piece that goes through */
    struct err *err;                  /* of the call that is running */
};

/* What comes out of the conversion, or goes past it */

/* The conversion's own Content-Transfer-Encoding: is among the message's own headers no MIME
 * header, as Postfix sees it. */
static enum smtp_check header_kind(const struct smtp_edit *e, enum mime_place place,
                                   struct slice header)
{
    struct slice name, value;
    bool is_our_own = e->downgrade && header.s != e->gathered.s;
    bool is_mime = !is_our_own && header_parse(header, &name, &value) &&
                   (header_find(name)->flags & HEADER_IS_MIME);
    if (place == MIME_PART_HEADER || is_mime)
        return SMTP_CHECK_MIME;
    return place == MIME_PRIMARY_HEADER ? SMTP_CHECK_HEADER : SMTP_CHECK_NESTED;
}

static void inspect_header(struct smtp_edit *e, enum mime_place place, struct slice header)
{
    CLEANUP(strbuf_done) struct strbuf other = STRBUF_ANY, changed = STRBUF_INIT(GATHER_MAX);
    switch (smtp_checks(e->log, header_kind(e, place, header), header, &other, e->err)) {
    case CONTENT_DROP:
        return;
    case CONTENT_REPLACE:
        header = strbuf_slice(&other);
        break;
    case CONTENT_KEEP:
        if (other.len > 0)
            e->fn(e->ctx, strbuf_slice(&other), true);
        break;
    }
    if (place == MIME_PRIMARY_HEADER && smtp_generic_is_on() &&
        smtp_generic_header(header, &changed, e->err) && !changed.overflow)
        header = strbuf_slice(&changed);
    e->fn(e->ctx, header, true);
}

/* A piece that is dropped takes its line's end with it when it has it. */
static void inspect_body(struct smtp_edit *e, struct slice piece, bool ends_line)
{
    CLEANUP(strbuf_done) struct strbuf other = STRBUF_ANY;
    switch (smtp_checks(e->log, SMTP_CHECK_BODY, piece, &other, e->err)) {
    case CONTENT_DROP:
        return;
    case CONTENT_REPLACE:
        piece = strbuf_slice(&other);
        break;
    case CONTENT_KEEP:
        if (other.len > 0)
            e->fn(e->ctx, strbuf_slice(&other), true);
        break;
    }
    e->fn(e->ctx, piece, ends_line);
}

/* A piece of a line, or a whole header. */
static void inspect(struct smtp_edit *e, struct slice text, bool ends_line)
{
    if (e->mime && e->in_line && e->is_direct) {
        mime_feed_more(e->mime, text);
        inspect_body(e, text, ends_line);
        return;
    }
    if (!e->mime) {
        e->fn(e->ctx, text, ends_line);
        return;
    }
    enum mime_place place = mime_feed(e->mime, text);
    if (place < MIME_END_OF_HEADER)
        inspect_header(e, place, text);
    else
        inspect_body(e, text, ends_line);
}

static void on_downgraded(void *ctx, struct slice line)
{
    struct smtp_edit *e = ctx;
    inspect(e, line, !e->is_direct || e->ends_line);
}

/* What goes in */

struct smtp_edit *smtp_edit_new(bool must_downgrade, const struct log_tag *log, smtp_edit_fn fn,
                                void *ctx)
{
    bool is_inspecting = smtp_checks_are_on() || smtp_generic_is_on();
    if (!must_downgrade && !is_inspecting)
        return NULL;
    const struct mime_options options = {
        .nesting_limit = common_params.mime_nesting_limit,
        .boundary_length_limit = common_params.mime_boundary_length_limit,
    };
    struct smtp_edit *e = xzalloc(sizeof *e);
    e->log = log;
    e->fn = fn;
    e->ctx = ctx;
    if (must_downgrade)
        e->downgrade = mime_downgrade_new(&options, on_downgraded, e);
    if (is_inspecting)
        e->mime = mime_new(&options);
    strbuf_init(&e->gathered, (size_t)GATHER_MAX * 2);
    return e;
}

void smtp_edit_free(struct smtp_edit *e)
{
    if (!e)
        return;
    mime_downgrade_free(e->downgrade);
    mime_free(e->mime);
    strbuf_done(&e->gathered);
    free(e);
}

static void flush_gathered(struct smtp_edit *e)
{
    if (e->downgrade)
        mime_downgrade_feed(e->downgrade, strbuf_slice(&e->gathered));
    else
        inspect(e, strbuf_slice(&e->gathered), true);
    strbuf_reset(&e->gathered);
    e->has_header = false;
}

static bool is_in_header(const struct smtp_edit *e)
{
    return e->downgrade ? mime_downgrade_in_header(e->downgrade) : mime_in_header(e->mime);
}

/* A header is complete when the next line does not continue it; a line or header over GATHER_MAX is
 * cut there. */
static void gather(struct smtp_edit *e, struct slice piece, bool ends_line)
{
    if (e->gathered.len + piece.len > GATHER_MAX)
        flush_gathered(e);
    strbuf_add_slice(&e->gathered, piece);
    if (!ends_line)
        return;
    if (is_in_header(e) && e->gathered.len > 0)
        e->has_header = true;
    else
        flush_gathered(e);
}

static void pass_piece(struct smtp_edit *e, struct slice piece, bool ends_line)
{
    e->ends_line = ends_line;
    if (!e->downgrade)
        inspect(e, piece, ends_line);
    else if (e->in_line)
        mime_downgrade_feed_more(e->downgrade, piece, !ends_line);
    else
        mime_downgrade_feed(e->downgrade, piece);
}

/* A body line that is not encoded. */
static bool may_pass(const struct smtp_edit *e)
{
    return !is_in_header(e) && !(e->downgrade && mime_downgrade_is_encoding(e->downgrade));
}

void smtp_edit_feed(struct smtp_edit *e, struct slice piece, bool ends_line, struct err *err)
{
    e->err = err;
    if (!e->in_line && e->has_header) {
        bool continues = piece.len > 0 && (piece.s[0] == ' ' || piece.s[0] == '\t');
        if (continues)
            strbuf_add_char(&e->gathered, '\n');
        else
            flush_gathered(e);
    }
    if (!e->in_line)
        e->is_direct = may_pass(e);
    if (e->is_direct)
        pass_piece(e, piece, ends_line);
    else
        gather(e, piece, ends_line);
    e->in_line = !ends_line;
}

void smtp_edit_finish(struct smtp_edit *e, struct err *err)
{
    e->err = err;
    if (e->has_header || (e->in_line && !e->is_direct))
        flush_gathered(e);
    if (e->downgrade)
        mime_downgrade_finish(e->downgrade);
}
