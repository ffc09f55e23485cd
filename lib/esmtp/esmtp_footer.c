#include "esmtp/esmtp_footer.h"

#include "base/clock.h"
#include "config/config.h"
#include "map/maps.h"

#include <string.h>
#include <time.h>

enum { FOOTER_MAX = 4096 };

/* One character of a C string literal; *AT moves past it. */
static char next_unescaped(const char **at)
{
    static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    const char *p = *at;
    char c = *p++;
    if (c == '\\' && *p) {
        const char *letter = strchr(letters, *p);
        unsigned octal = 0;
        int digits = 0;
        while (digits < 3 && p[digits] >= '0' && p[digits] <= '7')
            octal = octal * 8 + (unsigned)(p[digits++] - '0');
        c = digits ? (char)octal : letter ? values[letter - letters] : *p;
        p += digits ? digits : 1;
    }
    *at = p;
    return c;
}

void esmtp_footer_censor(const char *filter, const char *value, struct strbuf *out)
{
    bool allowed[256] = {false};
    while (*filter)
        allowed[(unsigned char)next_unescaped(&filter)] = true;
    for (const char *p = value; *p; p++)
        strbuf_add_char(out, allowed[(unsigned char)*p] ? *p : '_');
}

struct footer_values {
    const struct esmtp_footer *footer;
    struct strbuf text;    /* of the last value */
    struct strbuf unknown; /* names without a value, a line each */
};

static void add_local_time(struct strbuf *out)
{
    struct tm tm;
    char text[32];
    time_t now = time(NULL);
    if (localtime_r(&now, &tm) && strftime(text, sizeof text, "%b %d %H:%M:%S", &tm))
        strbuf_set(out, text);
}

void esmtp_footer_quote(const char *value, struct strbuf *out)
{
    for (const char *p = value; *p; p++) {
        if (*p == '$')
            strbuf_add_char(out, '$');
        strbuf_add_char(out, *p);
    }
}

static const char *footer_value(void *ctx, struct slice name)
{
    struct footer_values *values = ctx;
    const struct esmtp_footer *f = values->footer;
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_ANY, clean = STRBUF_ANY;
    if (slice_eq(name, "client_address"))
        strbuf_set(&raw, f->client_address);
    else if (slice_eq(name, "client_port"))
        strbuf_setf(&raw, "%u", f->client_port);
    else if (slice_eq(name, "localtime"))
        add_local_time(&raw);
    else if (slice_eq(name, "server_name"))
        strbuf_set(&raw, f->server_name);
    else {
        strbuf_addf(&values->unknown, "unknown macro name \"%.*s\" in expansion request\n",
                    SLICE_ARG(name));
        return NULL;
    }
    esmtp_footer_censor(f->filter, raw.s, &clean);
    strbuf_reset(&values->text);
    esmtp_footer_quote(clean.s, &values->text);
    return values->text.s;
}

/* The footer as it is configured. False: none. */
static bool footer_template(const struct esmtp_footer *f, const char *reply, struct strbuf *out,
                            struct strbuf *problems)
{
    struct err err = ERR_INIT;
    if (!maps_is_empty(f->maps)) {
        switch (maps_find(f->maps, reply, MAPS_WHOLE_KEY, out, &err)) {
        case MAP_FOUND:
            return true;
        case MAP_NOT_FOUND:
            break;
        case MAP_FAILED:
            strbuf_addf(problems, "%s\n", err.reason);
            break;
        }
    }
    strbuf_set(out, f->text);
    return out->len > 0;
}

/* Backslash and n: a line break. */
static void add_lines(struct slice in, struct strbuf *out)
{
    while (in.len) {
        bool is_break = slice_starts(in, "\\n");
        strbuf_add_char(out, is_break ? '\n' : in.s[0]);
        in = slice_from(in, is_break ? 2 : 1);
    }
}

void esmtp_footer_add(const struct esmtp_footer *f, struct strbuf *text, struct strbuf *footer,
                      struct strbuf *problems)
{
    CLEANUP(strbuf_done) struct strbuf template = STRBUF_INIT(FOOTER_MAX);
    CLEANUP(strbuf_done) struct strbuf expanded = STRBUF_INIT(FOOTER_MAX);
    struct footer_values values = {
        .footer = f, .text = STRBUF_INIT(FOOTER_MAX), .unknown = STRBUF_INIT(FOOTER_MAX)};
    struct err err = ERR_INIT;
    if (!footer_template(f, text->s, &template, problems))
        return;
    bool good = config_expand_with(footer_value, &values, strbuf_slice(&template), &expanded, &err);
    strbuf_add_slice(problems, strbuf_slice(&values.unknown));
    strbuf_done(&values.text);
    strbuf_done(&values.unknown);
    if (!good) {
        strbuf_addf(problems, "bad reject footer: %s\n", err.reason);
        return;
    }
    CLEANUP(strbuf_done) struct strbuf lines = STRBUF_INIT(FOOTER_MAX);
    add_lines(strbuf_slice(&expanded), &lines);
    struct slice rest = strbuf_slice(&lines), line;
    if (slice_starts(rest, "\\c")) {
        rest = slice_from(rest, 2);
        struct slice after = SLICE_EMPTY;
        if (!slice_split(rest, '\n', &line, &after))
            line = rest;
        strbuf_add_slice(text, line);
        rest = after;
    }
    strbuf_add_slice(footer, rest);
}
