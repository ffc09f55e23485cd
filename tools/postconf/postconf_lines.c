#include "postconf_lines.h"

#include "config/logical_line.h"

struct cursor {
    struct slice left;
    int number; /* of the first line of LEFT */
};

/* Take physical lines up to number LAST. Lines with content are treated as ACTION says. */
static void copy_until(struct cursor *cursor, int last, enum line_action action, struct strbuf *out)
{
    while (cursor->left.len > 0 && cursor->number <= last) {
        size_t len = MIN(slice_find(cursor->left, '\n'), cursor->left.len - 1) + 1;
        struct slice line = slice_first(cursor->left, len);
        struct slice content = slice_trim(line);
        bool has_content = content.len > 0 && content.s[0] != '#';
        cursor->left = slice_from(cursor->left, len);
        cursor->number++;
        if (has_content && action == LINE_COMMENT)
            strbuf_add_char(out, '#');
        if (!has_content || action == LINE_KEEP || action == LINE_COMMENT)
            strbuf_add_slice(out, line);
    }
}

void postconf_lines_append(struct strbuf *text, const char *line)
{
    if (text->len > 0 && text->s[text->len - 1] != '\n')
        strbuf_add_char(text, '\n');
    strbuf_addf(text, "%s\n", line);
}

void postconf_lines_edit(struct slice text, line_decide decide, void *ctx, struct strbuf *out)
{
    struct cursor cursor = {text, 1};
    CLEANUP(strbuf_done) struct strbuf replacement = STRBUF_ANY;
    CLEANUP(logical_line_done) struct logical_line line;
    enum line_action action = LINE_KEEP;
    logical_line_init(&line, text);
    while (logical_line_next(&line)) {
        copy_until(&cursor, line.first - 1, LINE_KEEP, out);
        if (action == LINE_MOVE)
            postconf_lines_append(out, replacement.s);
        strbuf_reset(&replacement);
        action = decide(ctx, strbuf_slice(&line.text), line.first, &replacement);
        if (action == LINE_REPLACE)
            postconf_lines_append(out, replacement.s);
        copy_until(&cursor, line.last, action, out);
    }
    copy_until(&cursor, INT32_MAX, LINE_KEEP, out);
    if (action == LINE_MOVE)
        postconf_lines_append(out, replacement.s);
}
