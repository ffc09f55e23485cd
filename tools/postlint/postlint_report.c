/* Findings: kept, put in the order of the files, shown. */
#include "postlint/postlint.h"

#include "base/text.h"
#include "base/xmem.h"

#include <json-c/json.h>

static const struct {
    const char *name;
    enum postlint_severity severity;
    const char *mend;
} kinds[] = {
#define FINDING(id, severity, mend) {#id, LINT_##severity, mend},
#include "postlint/postlint_findings.def"
#undef FINDING
};

static const char *const severity_names[] = {"note", "warning", "error"};

static bool is_known(const struct postlint *lint, enum postlint_id id, struct postlint_where where,
                     const char *text)
{
    for (size_t i = 0; i < lint->finding_count; i++) {
        const struct postlint_finding *f = &lint->findings[i];
        if (f->id == id && f->line == where.line && strcmp(f->file, where.file) == 0 &&
            strcmp(f->text, text) == 0)
            return true;
    }
    return false;
}

void postlint_report(struct postlint *lint, enum postlint_id id, struct postlint_where where,
                     const char *mend, const char *fmt, ...)
{
    va_list ap;
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_ANY, text = STRBUF_ANY;
    va_start(ap, fmt);
    strbuf_vaddf(&raw, fmt, ap);
    va_end(ap);
    text_add_printable(&text, strbuf_slice(&raw));
    if (is_known(lint, id, where, text.s))
        return;
    lint->findings =
        xrealloc_array(lint->findings, lint->finding_count + 1, sizeof *lint->findings);
    lint->findings[lint->finding_count++] = (struct postlint_finding){
        .id = id,
        .file = where.file,
        .line = where.line,
        .name = where.name ? xstrdup(where.name) : NULL,
        .text = strbuf_take(&text),
        .mend = xstrdup(mend ? mend : kinds[id].mend),
    };
}

static int in_order(const void *a, const void *b)
{
    const struct postlint_finding *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    if (order == 0)
        order = (x->line > y->line) - (x->line < y->line);
    if (order == 0)
        order = (x->id > y->id) - (x->id < y->id);
    return order ? order : strcmp(x->text, y->text);
}

static void show_json(const struct postlint_finding *f)
{
    enum { FLAGS = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "id", json_object_new_string(kinds[f->id].name));
    json_object_object_add(o, "severity",
                           json_object_new_string(severity_names[kinds[f->id].severity]));
    json_object_object_add(o, "file", json_object_new_string(f->file));
    if (f->line > 0)
        json_object_object_add(o, "line", json_object_new_int(f->line));
    if (f->name)
        json_object_object_add(o, "name", json_object_new_string(f->name));
    json_object_object_add(o, "message", json_object_new_string(f->text));
    json_object_object_add(o, "mend", json_object_new_string(f->mend));
    puts(json_object_to_json_string_ext(o, FLAGS));
    json_object_put(o);
}

static void show_line(const struct postlint_finding *f)
{
    printf("%s: %s", severity_names[kinds[f->id].severity], f->file);
    if (f->line > 0)
        printf(":%d", f->line);
    printf(": %s: %s; mend: %s\n", kinds[f->id].name, f->text, f->mend);
}

void postlint_show(struct postlint *lint, bool as_json, bool with_notes)
{
    if (lint->finding_count > 0)
        qsort(lint->findings, lint->finding_count, sizeof *lint->findings, in_order);
    for (size_t i = 0; i < lint->finding_count; i++) {
        const struct postlint_finding *f = &lint->findings[i];
        if (!with_notes && kinds[f->id].severity == LINT_NOTE)
            continue;
        if (as_json)
            show_json(f);
        else
            show_line(f);
    }
}

bool postlint_has_errors(const struct postlint *lint)
{
    for (size_t i = 0; i < lint->finding_count; i++)
        if (kinds[lint->findings[i].id].severity == LINT_ERROR)
            return true;
    return false;
}
