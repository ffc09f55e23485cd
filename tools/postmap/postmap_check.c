/* postmap_check: see the header. */
#include "tools/postmap/postmap_check.h"

#include "base/xmem.h"
#include "log/log.h"
#include "map/map_fold.h"
#include "tools/postmap/postmap_build.h"

#include <uthash.h>

struct seen {
    UT_hash_handle hh;
    char *key;
    int line;
};

static void free_seen(struct seen *seen)
{
    struct seen *at = seen, *next;
    HASH_CLEAR(hh, seen); /* the elements stay linked */
    for (; at; at = next) {
        next = at->hh.next;
        free(at->key);
        free(at);
    }
}

/* The line KEY was on before, or 0. */
static int note_key(struct seen **all, struct slice key, int line)
{
    struct seen *seen;
    HASH_FIND(hh, *all, key.s, key.len, seen);
    if (seen)
        return seen->line;
    seen = xzalloc(sizeof *seen);
    seen->key = slice_dup(key);
    seen->line = line;
    HASH_ADD_KEYPTR(hh, *all, seen->key, key.len, seen);
    return 0;
}

static bool check_entries(struct slice text, const char *source,
                          const struct postmap_options *options)
{
    struct map_text in;
    struct map_text_entry entry;
    struct map_text_options text_options = {
        .format = options->format, .source = source, .utf8 = options->flags & MAP_UTF8};
    struct seen *all = NULL;
    bool ok = true;
    map_text_init(&in, text);
    map_text_entry_init(&entry);
    while (map_text_next_entry(&in, &text_options, &entry)) {
        CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
        if (entry.problem.len > 0) {
            log_warn(NULL, "%s", entry.problem.s);
            ok = false;
        }
        if (entry.key.len == 0)
            continue;
        if (options->flags & MAP_FOLD)
            map_fold(&key, strbuf_slice(&entry.key), options->flags & MAP_UTF8);
        else
            strbuf_add_slice(&key, strbuf_slice(&entry.key));
        int before = note_key(&all, strbuf_slice(&key), in.first_line);
        if (before > 0) {
            log_warn(NULL, "%s, line %d: duplicate entry: \"%s\", see line %d", source,
                     in.first_line, key.s, before);
            ok = false;
        }
    }
    free_seen(all);
    map_text_entry_done(&entry);
    map_text_done(&in);
    return ok;
}

/* A table that is read as text says itself what is wrong when it is opened. */
static bool check_by_opening(const char *table, const struct postmap_options *options)
{
    struct err err = ERR_INIT;
    struct map *map = map_open_strict(table, options->flags, &err);
    if (!map) {
        log_warn(NULL, "%s", err.reason);
        return false;
    }
    bool ok = *map_warnings(map) == 0;
    postmap_log_warnings(map);
    map_close(map);
    return ok;
}

bool postmap_check(const char *table, const struct postmap_options *options)
{
    struct slice type, name;
    struct err err = ERR_INIT;
    const struct map_driver *driver =
        slice_split(slice_of(table), ':', &type, &name) ? map_driver_find(type, &err) : NULL;
    if (!driver) {
        log_warn(NULL, "%s", *err.reason ? err.reason : "bad table name");
        return false;
    }
    if (!driver->suffix && !slice_eq(type, "texthash"))
        return check_by_opening(table, options);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (!map_text_read_file(name.s, &text, &err)) {
        log_warn(NULL, "%s", err.reason);
        return false;
    }
    return check_entries(strbuf_slice(&text), name.s, options);
}
