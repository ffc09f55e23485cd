#include "postconf.h"

enum { MARGIN = 80, INDENT = 4 };

static size_t column(const struct strbuf *line)
{
    size_t newline = slice_rfind(strbuf_slice(line), '\n');
    return newline == SIZE_MAX ? line->len : line->len - newline - 1;
}

void postconf_print_words(struct strbuf *line, struct slice text, bool fold)
{
    struct slice word;
    while (slice_next_token(&text, " \t\r\n", &word)) {
        size_t at = column(line);
        if (fold && at + 1 + word.len > MARGIN && at > INDENT) {
            strbuf_add_char(line, '\n');
            strbuf_add_fill(line, ' ', INDENT);
        } else if (line->len > 0 && line->s[line->len - 1] != ' ') {
            strbuf_add_char(line, ' ');
        }
        strbuf_add_slice(line, word);
    }
}

static void add_json_text(struct strbuf *out, const char *s)
{
    strbuf_add_char(out, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            strbuf_addf(out, "\\u%04x", c);
        else
            strbuf_add_char(out, (char)c);
    }
    strbuf_add_char(out, '"');
}

void postconf_print_json(const char *name, const char *value)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    strbuf_add_char(&out, '{');
    add_json_text(&out, name);
    strbuf_add_str(&out, ": ");
    add_json_text(&out, value);
    strbuf_add_char(&out, '}');
    puts(out.s);
}

void postconf_print(const struct postconf *pc, const char *name, const char *value)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (pc->names_only) {
        puts(name);
        return;
    }
    if (pc->json) {
        postconf_print_words(&line, slice_of(value), false);
        postconf_print_json(name, line.s);
        return;
    }
    if (!pc->values_only)
        strbuf_addf(&line, "%s =", name);
    postconf_print_words(&line, slice_of(value), pc->fold);
    puts(line.s);
}
