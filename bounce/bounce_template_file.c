/* Reading bounce_template_file: NAME = <<END ... END, and the headers in each template. */
#include "bounce/bounce_params.h"
#include "bounce/bounce_template.h"
#include "base/text.h"
#include "io/fd.h"
#include "mail/header.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 };

struct reading {
    const char *path;
    struct slice rest;
    unsigned line; /* number of the next one */
    struct arena *arena;
    bounce_warn_fn warn;
    struct err *err;
};

static void warn(const struct reading *in, const char *fmt, ...) PRINTF(2, 3);
static void warn(const struct reading *in, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(1024);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&line, fmt, ap);
    va_end(ap);
    in->warn(line.s);
}

static bool next_line(struct reading *in, struct slice *ret)
{
    if (!slice_next_line(&in->rest, ret))
        return false;
    in->line++;
    return true;
}

static bool is_ignored(struct slice line)
{
    struct slice text = slice_trim(line);
    return text.len == 0 || text.s[0] == '#';
}

/* The lines up to END as one text. */
static const char *read_here_text(struct reading *in, struct slice end)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice line;
    while (next_line(in, &line)) {
        if (slice_same(line, end))
            return arena_slice_dup(in->arena, strbuf_slice(&text));
        strbuf_add_slice(&text, line);
        strbuf_add_char(&text, '\n');
    }
    warn(in, "%s, line %u: missing \"%.*s\" end marker", in->path, in->line, SLICE_ARG(end));
    return arena_slice_dup(in->arena, strbuf_slice(&text));
}

/* One header into T. False with a warning: the template is not used. */
static bool take_header(struct reading *in, struct bounce_template *t, struct slice name,
                        struct slice value)
{
    const struct {
        const char *name;
        const char **at;
    } rows[] = {
        {"Charset", &t->charset},
        {"From", &t->from},
        {"Subject", &t->subject},
        {"Postmaster-Subject", &t->postmaster_subject},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!slice_eq_nocase(name, rows[i].name))
            continue;
        value = slice_trim(value);
        const char *fault = value.len == 0 ? "empty" : !text_is_ascii(value) ? "non-ASCII" : NULL;
        if (fault) {
            warn(in, "%s: %s \"%s\" header value in %s template -- ignoring this template",
                 in->path, fault, rows[i].name, t->kind);
            return false;
        }
        CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
        text_add_printable(&clean, value);
        *rows[i].at = arena_slice_dup(in->arena, strbuf_slice(&clean));
        return true;
    }
    warn(in, "%s: unknown \"%.*s\" header label in %s template -- ignoring this template", in->path,
         SLICE_ARG(name), t->kind);
    return false;
}

static bool take_headers(struct reading *in, struct bounce_template *t, struct slice *text)
{
    for (;;) {
        struct slice rest = *text, line, name, value;
        if (!slice_next_line(&rest, &line))
            return true;
        if (line.len == 0) {
            *text = rest;
            return true;
        }
        if (!header_parse(line, &name, &value))
            return true; /* the text begins without an empty line */
        if (!take_header(in, t, name, value))
            return false;
        *text = rest;
    }
}

static void use_template(struct reading *in, struct bounce_template *t, const char *text)
{
    struct bounce_template made = *t;
    struct slice body = slice_of(text);
    made.origin = in->path;
    if (!take_headers(in, &made, &body))
        return;
    if (body.len == 0) {
        warn(in, "%s: missing message text in %s template -- ignoring this template", in->path,
             t->kind);
        return;
    }
    if (!text_is_ascii(body) && slice_eq_nocase(slice_of(made.charset), "us-ascii")) {
        warn(in, "%s: 8-bit message text in %s template", in->path, t->kind);
        warn(in, "please specify a charset value other than us-ascii");
        warn(in, "-- ignoring this template for now");
        return;
    }
    made.text = body.s; /* the end of the NUL-terminated TEXT */
    *t = made;
}

static void define(struct reading *in, struct bounce_template *templates, struct slice name,
                   const char *text)
{
    for (size_t i = 0; i < BOUNCE_TEMPLATES; i++) {
        char full[64];
        snprintf(full, sizeof full, "%s_template", templates[i].kind);
        if (slice_eq(name, full)) {
            use_template(in, &templates[i], text);
            return;
        }
    }
    warn(in, "%s, line %u: unknown template name: %.*s -- ignoring this template", in->path,
         in->line, SLICE_ARG(slice_first(name, 200)));
}

bool bounce_template_parse(const char *path, struct slice text, struct arena *arena,
                           struct bounce_template *templates, bounce_warn_fn warn_fn,
                           struct err *err)
{
    struct reading in = {arena_strdup(arena, path), text, 1, arena, warn_fn, err};
    struct slice line, name, value;
    if (slice_has_nul(text))
        return err_set(err, ERR_CONFIG, "%s: holds a null character", path);
    while (next_line(&in, &line)) {
        if (is_ignored(line))
            continue;
        line = slice_trim(line);
        if (!slice_split(line, '=', &name, &value))
            return err_set(err, ERR_CONFIG,
                           "%s, line %u: missing '=' after attribute name: \"%.*s\"", path, in.line,
                           SLICE_ARG(slice_first(line, 200)));
        name = slice_trim(name);
        value = slice_trim(value);
        if (name.len == 0)
            return err_set(err, ERR_CONFIG, "%s, line %u: missing attribute name: \"%.*s\"", path,
                           in.line, SLICE_ARG(slice_first(line, 200)));
        const char *content;
        if (slice_starts(value, "<<")) {
            struct slice end = slice_trim(slice_from(value, 2));
            if (end.len == 0)
                return err_set(err, ERR_CONFIG, "%s, line %u: missing end marker after <<", path,
                               in.line);
            content = read_here_text(&in, end);
        } else {
            content = arena_printf(arena, "%.*s\n", SLICE_ARG(value));
        }
        define(&in, templates, name, content);
    }
    return true;
}

static bool read_file(const char *path, struct strbuf *out, struct err *err)
{
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "open %s: %s", path, strerror(errno));
    for (;;) {
        char *room = strbuf_room(out, 8192);
        if (!room)
            return err_set(err, ERR_CONFIG, "%s: larger than %d bytes", path, FILE_MAX);
        ssize_t got = read(fd, room, 8192);
        if (got < 0)
            return err_set(err, ERR_CONFIG, "read %s: %s", path, strerror(errno));
        if (got == 0)
            return true;
        strbuf_grew(out, (size_t)got);
    }
}

/* Parameters do not change while we run: a text that expands now always will. */
static void drop_unexpandable(struct config *cfg, struct bounce_template *templates,
                              bounce_warn_fn warn_fn)
{
    struct bounce_template defaults[BOUNCE_TEMPLATES];
    bounce_template_builtin(defaults);
    for (size_t i = 0; i < BOUNCE_TEMPLATES; i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct err err = ERR_INIT;
        if (strcmp(templates[i].origin, defaults[i].origin) == 0 ||
            bounce_template_expand(cfg, &templates[i], &text, warn_fn, &err))
            continue;
        CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(1024);
        strbuf_addf(&line, "%s -- ignoring this template", err.reason);
        warn_fn(line.s);
        templates[i] = defaults[i];
    }
}

bool bounce_template_load(struct config *cfg, struct arena *arena,
                          struct bounce_template *templates, bounce_warn_fn warn_fn,
                          struct err *err)
{
    const char *path = bounce_params.bounce_template_file;
    bounce_template_builtin(templates);
    if (!*path)
        return true;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(FILE_MAX);
    if (!read_file(path, &text, err) ||
        !bounce_template_parse(path, strbuf_slice(&text), arena, templates, warn_fn, err))
        return false;
    drop_unexpandable(cfg, templates, warn_fn);
    return true;
}
