/* map_conf: see the header. */
#include "map/map_conf.h"

#include "base/strbuf.h"
#include "base/xmem.h"
#include "config/logical_line.h"
#include "map/map.h"

#include <uthash.h>

struct entry {
    char *name, *value;
    UT_hash_handle hh;
};

struct entries {
    struct entry *table;
};

static void entries_done(struct entries *entries)
{
    struct entry *e = entries->table, *next;
    HASH_CLEAR(hh, entries->table); /* the elements stay linked */
    for (; e; e = next) {
        next = e->hh.next;
        free(e->name);
        free(e->value);
        free(e);
    }
}

static void add_entry(struct entries *entries, struct slice name, struct slice value)
{
    struct entry *e;
    HASH_FIND(hh, entries->table, name.s, name.len, e);
    if (!e) {
        e = xzalloc(sizeof *e);
        e->name = slice_dup(name);
        HASH_ADD_KEYPTR(hh, entries->table, e->name, name.len, e);
    }
    free(e->value);
    e->value = slice_dup(value); /* a later line wins, as in main.cf */
}

static bool read_file(const char *path, struct entries *entries, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (!logical_line_read_file(path, &content, err))
        return false;
    CLEANUP(logical_line_done) struct logical_line line;
    logical_line_init(&line, strbuf_slice(&content));
    while (logical_line_next(&line)) {
        struct slice name, value;
        const char *mistake;
        if (!config_split(strbuf_slice(&line.text), &name, &value, &mistake))
            return err_set(err, ERR_CONFIG, "%s, line %d: %s: \"%s\"", path, line.last, mistake,
                           line.text.s);
        add_entry(entries, name, value);
    }
    return true;
}

/* The text of one setting, appended to OUT. NAMED is what errors call it. */
static bool setting_text(const struct entries *entries, const char *named,
                         const struct param_row *row, bool is_file, struct strbuf *out,
                         struct err *err)
{
    const struct config *cfg = map_get_options()->config;
    const char *raw = NULL;
    if (is_file) {
        const struct entry *e;
        HASH_FIND_STR(entries->table, param_name(row), e);
        raw = e ? e->value : NULL;
    } else if (cfg) {
        raw = config_set_value(cfg, named);
    }
    if (!raw || is_file) {
        strbuf_add_str(out, raw ? raw : row->default_text);
        return true;
    }
    return config_expand(cfg, slice_of(raw), out, err) || err_prefix(err, named);
}

static bool store(const char *named, const struct param_row *row, struct strbuf *text, void *at,
                  struct err *err)
{
    size_t len = strlen(row->default_text);
    char last = len > 0 ? row->default_text[len - 1] : 's';
    char unit = last >= '0' && last <= '9' ? 's' : last;
    switch (row->kind) {
    case PARAM_TEXT:
    case PARAM_RAW:
        if (!param_check_text(named, row, text->s, err))
            return false;
        *(char **)at = strbuf_take(text);
        return true;
    case PARAM_BOOL:
        return param_parse_bool(named, text->s, at, err);
    case PARAM_INT:
        return param_parse_int(named, text->s, row->min, row->max, at, err);
    case PARAM_TIME:
        return param_parse_time(named, text->s, unit, row->min, row->max, at, err);
    }
    return false;
}

bool map_conf_load(const char *name, const struct param_row *rows, void *params, struct err *err)
{
    bool is_file = *name == '/' || *name == '.';
    CLEANUP(entries_done) struct entries entries = {NULL};
    params_done(rows, params);
    if (is_file && !read_file(name, &entries, err))
        return false;
    for (const struct param_row *row = rows; row->name; row++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
        CLEANUP(xfree_ptr)
        char *named =
            is_file ? xstrdup(param_name(row)) : xasprintf("%s_%s", name, param_name(row));
        if (!setting_text(&entries, named, row, is_file, &text, err) ||
            !store(named, row, &text, (char *)params + row->offset, err))
            return is_file ? err_prefix(err, name) : false;
    }
    return true;
}
