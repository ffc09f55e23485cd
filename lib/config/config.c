/* config: where a name's value comes from: -o, main.cf, the program, the declared default. */
#include "config/config.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "config/logical_line.h"
#include "config/param.h"

#include <uthash.h>

struct setting {
    char *name, *value;
    int line; /* of main.cf; 0: the value is not from there */
    UT_hash_handle hh;
};

struct declared {
    const struct param_row *row;
    UT_hash_handle hh;
};

struct config {
    char *dir;
    struct setting *overrides; /* -o */
    struct setting *file;      /* main.cf */
    struct setting *computed;  /* defaults the program knows at run time */
    struct declared *rows;
    struct strbuf warnings;
};

static const char *find(struct setting *table, const char *name, size_t len)
{
    struct setting *s;
    HASH_FIND(hh, table, name, len, s);
    return s ? s->value : NULL;
}

/* Returns the value that was there before, to be freed, or NULL. */
static char *put_line(struct setting **table, struct slice name, struct slice value, int line)
{
    struct setting *s;
    HASH_FIND(hh, *table, name.s, name.len, s);
    if (s) {
        char *before = s->value;
        s->value = slice_dup(value);
        s->line = line;
        return before;
    }
    s = xzalloc(sizeof *s);
    s->name = slice_dup(name);
    s->value = slice_dup(value);
    s->line = line;
    HASH_ADD_KEYPTR(hh, *table, s->name, name.len, s);
    return NULL;
}

static char *put(struct setting **table, struct slice name, struct slice value)
{
    return put_line(table, name, value, 0);
}

static void free_table(struct setting **table)
{
    struct setting *s = *table, *next;
    HASH_CLEAR(hh, *table); /* the elements stay linked */
    for (; s; s = next) {
        next = s->hh.next;
        free(s->name);
        free(s->value);
        free(s);
    }
}

struct config *config_new(const char *dir)
{
    struct config *cfg = xzalloc(sizeof *cfg);
    cfg->dir = xstrdup(dir);
    strbuf_init(&cfg->warnings, CONFIG_VALUE_MAX);
    config_declare(cfg, common_param_rows);
    config_set_default(cfg, "config_directory", dir);
    return cfg;
}

void config_free(struct config *cfg)
{
    if (!cfg)
        return;
    free_table(&cfg->overrides);
    free_table(&cfg->file);
    free_table(&cfg->computed);
    struct declared *d = cfg->rows, *next;
    HASH_CLEAR(hh, cfg->rows);
    for (; d; d = next) {
        next = d->hh.next;
        free(d);
    }
    strbuf_done(&cfg->warnings);
    free(cfg->dir);
    free(cfg);
}

bool config_split(struct slice line, struct slice *ret_name, struct slice *ret_value,
                  const char **ret_mistake)
{
    line = slice_trim(line);
    size_t len = 0;
    while (len < line.len && line.s[len] != '=' && !strchr(SLICE_SPACE, line.s[len]))
        len++;
    struct slice name = slice_first(line, len);
    struct slice rest = slice_trim_left(slice_from(line, len));
    *ret_mistake = NULL;
    if (name.len == 0)
        *ret_mistake = "missing attribute name";
    else if (rest.len == 0 || rest.s[0] != '=')
        *ret_mistake = "missing '=' after attribute name";
    if (*ret_mistake)
        return false;
    *ret_name = name;
    *ret_value = slice_trim(slice_from(rest, 1));
    return true;
}

static bool load_line(struct config *cfg, const char *file, const struct logical_line *line,
                      struct err *err)
{
    struct slice text = strbuf_slice(&line->text), name, value;
    const char *mistake;
    if (strchr(SLICE_SPACE, text.s[0])) {
        strbuf_addf(&cfg->warnings, "%s: logical line must not start with whitespace: \"%.*s\"\n",
                    file, SLICE_ARG(slice_first(text, 200)));
        return true;
    }
    if (!config_split(text, &name, &value, &mistake))
        return err_set(err, ERR_CONFIG, "%s, line %d: %s: \"%.*s\"", file, line->last, mistake,
                       SLICE_ARG(slice_trim(text)));
    int control = logical_line_control(line);
    if (control >= 0)
        strbuf_addf(&cfg->warnings, "%s, line %d: control character 0x%02x in the value of %.*s\n",
                    file, line->first, (unsigned)control, SLICE_ARG(name));
    char *before = put_line(&cfg->file, name, value, line->first);
    if (before && !slice_eq(value, before))
        strbuf_addf(&cfg->warnings, "%s, line %d: overriding earlier entry: %.*s=%s\n", file,
                    line->first, SLICE_ARG(name), before);
    free(before);
    return true;
}

bool config_load(struct config *cfg, struct err *err)
{
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/main.cf", cfg->dir);
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (!logical_line_read_file(file, &content, err))
        return false;
    if (slice_starts(strbuf_slice(&content), LOGICAL_LINE_BYTE_ORDER_MARK))
        strbuf_addf(&cfg->warnings, "%s, line 1: byte order mark ignored\n", file);
    CLEANUP(logical_line_done) struct logical_line line;
    logical_line_init(&line, strbuf_slice(&content));
    while (logical_line_next(&line))
        if (!load_line(cfg, file, &line, err))
            return false;
    return true;
}

const char *config_warnings(const struct config *cfg)
{
    return cfg->warnings.s;
}

const char *config_dir(const struct config *cfg)
{
    return cfg->dir;
}

void config_preset(struct config *cfg, const char *name, const char *value)
{
    free(put(&cfg->file, slice_of(name), slice_of(value)));
}

void config_override(struct config *cfg, const char *name, const char *value)
{
    free(put(&cfg->overrides, slice_of(name), slice_of(value)));
}

void config_set_default(struct config *cfg, const char *name, const char *value)
{
    free(put(&cfg->computed, slice_of(name), slice_of(value)));
}

void config_declare(struct config *cfg, const struct param_row *rows)
{
    for (const struct param_row *row = rows; row->name; row++) {
        const char *name = param_name(row);
        struct declared *d;
        HASH_FIND_STR(cfg->rows, name, d);
        if (d)
            continue;
        d = xzalloc(sizeof *d);
        d->row = row;
        HASH_ADD_KEYPTR(hh, cfg->rows, name, strlen(name), d);
    }
}

static const char *find_set(const struct config *cfg, const char *name, size_t len)
{
    const char *value = find(cfg->overrides, name, len);
    return value ? value : find(cfg->file, name, len);
}

const struct param_row *config_row(const struct config *cfg, const char *name)
{
    struct declared *d;
    HASH_FIND_STR(cfg->rows, name, d);
    return d ? d->row : NULL;
}

static const char *find_default(const struct config *cfg, const char *name, size_t len)
{
    const char *value = find(cfg->computed, name, len);
    if (value)
        return value;
    struct declared *d;
    HASH_FIND(hh, cfg->rows, name, len, d);
    return d ? d->row->default_text : NULL;
}

const char *config_set_value(const struct config *cfg, const char *name)
{
    return find_set(cfg, name, strlen(name));
}

const char *config_default(const struct config *cfg, const char *name)
{
    return find_default(cfg, name, strlen(name));
}

void config_where(const struct config *cfg, const char *name, struct strbuf *out)
{
    struct setting *s;
    size_t len = strlen(name);
    if (find(cfg->overrides, name, len)) {
        strbuf_addf(out, "-o %s", name);
        return;
    }
    HASH_FIND(hh, cfg->file, name, len, s);
    if (s)
        strbuf_addf(out, "%s/main.cf, line %d", cfg->dir, s->line);
    else
        strbuf_add_str(out, "default value");
}

const char *config_raw(const struct config *cfg, const char *name)
{
    const char *value = config_set_value(cfg, name);
    return value ? value : config_default(cfg, name);
}

static int by_name(const void *a, const void *b)
{
    const struct setting *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

void config_each(const struct config *cfg, void (*fn)(void *ctx, const char *name, const char *raw),
                 void *ctx)
{
    size_t count = 0;
    size_t most = HASH_COUNT(cfg->overrides) + HASH_COUNT(cfg->file);
    CLEANUP(xfree_ptr) struct setting **all = xrealloc_array(NULL, most + 1, sizeof *all);
    for (struct setting *s = cfg->overrides; s; s = s->hh.next)
        all[count++] = s;
    for (struct setting *s = cfg->file; s; s = s->hh.next)
        if (!find(cfg->overrides, s->name, strlen(s->name)))
            all[count++] = s;
    qsort(all, count, sizeof *all, by_name);
    for (size_t i = 0; i < count; i++)
        fn(ctx, all[i]->name, all[i]->value);
}

static const char *lookup(void *ctx, struct slice name)
{
    const struct config *cfg = ctx;
    const char *value = find_set(cfg, name.s, name.len);
    return value ? value : find_default(cfg, name.s, name.len);
}

bool config_expand(const struct config *cfg, struct slice text, struct strbuf *out, struct err *err)
{
    return config_expand_with(lookup, (void *)(uintptr_t)cfg, text, out, err);
}

const char *config_choose_dir(const char *option)
{
    const char *dir = option ? option : getenv("MAIL_CONFIG");
    return dir && *dir ? dir : "/etc/postfix";
}
