/* postmap_query: see the header. */
#include "tools/postmap/postmap_query.h"

#include "base/text.h"
#include "base/xmem.h"
#include "log/log.h"
#include "tools/postmap/postmap_build.h"
#include "tools/postmap/postmap_message.h"
#include "tools/postmap/postmap_rights.h"

#include <json-c/json.h>

static struct map *open_table(const char *table, enum map_flags flags,
                              const struct postmap_options *options)
{
    struct err err = ERR_INIT;
    if (options->verbose)
        log_info(NULL, "open table %s", table);
    struct map *map = map_open_strict(table, flags, &err);
    if (!map)
        log_fatal("%s", err.reason);
    postmap_log_warnings(map);
    return map;
}

static struct map **open_tables(char *const *tables, size_t count,
                                const struct postmap_options *options)
{
    struct map **maps = xzalloc(count * sizeof *maps);
    for (size_t i = 0; i < count; i++)
        maps[i] = open_table(tables[i], options->flags, options);
    return maps;
}

static void close_tables(struct map **maps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        map_close(maps[i]);
    free(maps);
}

/* --- output --------------------------------------------------------------------------------- */

static void print_json_text(const char *text)
{
    struct json_object *string = json_object_new_string(text);
    fputs(json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE), stdout);
    json_object_put(string);
}

/* WITH_KEY: "key<TAB>value"; else the value alone. */
static void print_entry(const char *key, const struct strbuf *value, bool with_key,
                        const struct postmap_options *options)
{
    if (options->json) {
        putchar('{');
        print_json_text(key);
        fputs(": ", stdout);
        print_json_text(value->s);
        puts("}");
        return;
    }
    if (with_key) {
        fputs_unlocked(key, stdout);
        fputs_unlocked(options->format == MAP_TEXT_ALIASES ? ":\t" : "\t", stdout);
    }
    fwrite_unlocked(value->s, 1, value->len, stdout);
    putc_unlocked('\n', stdout);
}

static void decode_value(const struct map *map, const char *key, struct strbuf *value)
{
    CLEANUP(strbuf_done) struct strbuf decoded = STRBUF_ANY;
    if (!text_base64_decode(strbuf_slice(value), &decoded))
        log_fatal("table %s: key %s: malformed BASE64 value", map->name, key);
    strbuf_set_slice(value, strbuf_slice(&decoded));
}

static void flush_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        log_fatal("write standard output: error");
}

/* --- look-up -------------------------------------------------------------------------------- */

static bool find_in(struct map *map, const char *key, struct strbuf *value,
                    const struct postmap_options *options)
{
    struct err err = ERR_INIT;
    enum map_status status = map_find(map, key, value, &err);
    postmap_log_warnings(map);
    if (status == MAP_FAILED)
        log_fatal("table %s: query error: %s", map->name, err.reason);
    if (status == MAP_NOT_FOUND)
        return false;
    if (options->encodes_files)
        decode_value(map, key, value);
    if (value->len == 0) {
        log_warn(NULL, "table %s: key %s: empty string result is not allowed", map->name, key);
        log_warn(NULL, "table %s should return NO RESULT in case of NOT FOUND", map->name);
    }
    return true;
}

/* The first table that has KEY answers. */
static bool print_key(struct map **maps, size_t count, const char *key, bool with_key,
                      const struct postmap_options *options)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    for (size_t i = 0; i < count; i++) {
        if (find_in(maps[i], key, &value, options)) {
            print_entry(key, &value, with_key, options);
            return true;
        }
    }
    return false;
}

bool postmap_query(char *const *tables, size_t count, const struct postmap_options *options)
{
    bool found = false;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    for (size_t i = 0; i < count && !found; i++) { /* tables after the answer stay closed */
        struct map *map = open_table(tables[i], options->flags, options);
        found = find_in(map, options->query, &value, options);
        if (found)
            print_entry(options->query, &value, false, options);
        map_close(map);
    }
    flush_output();
    return found;
}

/* --- keys from standard input ----------------------------------------------------------------- */

struct keys {
    char *line;
    size_t cap;
};

static bool read_line(struct keys *keys)
{
    ssize_t len = getline(&keys->line, &keys->cap, stdin);
    if (len < 0)
        return false;
    if (len > 0 && keys->line[len - 1] == '\n')
        keys->line[len - 1] = 0;
    return true;
}

struct message_query {
    struct map **maps;
    size_t count;
    const struct postmap_options *options;
    bool found;
};

static void look_up_message_key(void *ctx, const char *key)
{
    struct message_query *q = ctx;
    q->found |= print_key(q->maps, q->count, key, true, q->options);
}

bool postmap_query_stdin(char *const *tables, size_t count, const struct postmap_options *options)
{
    struct postmap_options for_many = *options;
    for_many.flags |= MAP_MANY_KEYS;
    struct map **maps = open_tables(tables, count, &for_many);
    struct keys keys = {0};
    bool found = false;
    if (options->wants_headers || options->wants_body) {
        struct message_query q = {maps, count, options, false};
        postmap_message_each_key(options, look_up_message_key, &q);
        found = q.found;
    } else {
        while (read_line(&keys))
            found |= print_key(maps, count, keys.line, true, options);
    }
    free(keys.line);
    close_tables(maps, count);
    flush_output();
    return found;
}

/* --- delete and dump -------------------------------------------------------------------------- */

static bool delete_key(struct map *map, const char *key)
{
    struct err err = ERR_INIT;
    enum map_status status = map_remove(map, key, &err);
    postmap_log_warnings(map);
    if (status == MAP_FAILED)
        log_fatal("%s", err.reason);
    return status == MAP_FOUND;
}

/* A table to delete from is there already. */
static struct map *open_for_delete(const char *table, const struct postmap_options *options)
{
    struct err err = ERR_INIT;
    struct map *map = open_table(table, options->flags, options);
    bool removes = map->remove;
    map_close(map);
    if (!removes)
        log_fatal("table %s: delete operation is not supported", table);
    if (!postmap_take_rights(table, options, &err))
        log_fatal("%s", err.reason);
    map = open_table(table, options->flags | MAP_WRITE, options);
    postmap_rights_back();
    return map;
}

bool postmap_delete(char *const *tables, size_t count, const struct postmap_options *options)
{
    bool found = false, from_stdin = strcmp(options->remove, "-") == 0;
    struct map **maps = xzalloc(count * sizeof *maps);
    struct keys keys = {0};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++)
        maps[i] = open_for_delete(tables[i], options);
    while (!from_stdin || read_line(&keys)) {
        for (size_t i = 0; i < count; i++)
            found |= delete_key(maps[i], from_stdin ? keys.line : options->remove);
        if (!from_stdin)
            break;
    }
    for (size_t i = 0; i < count; i++)
        if (maps[i]->commit && !maps[i]->commit(maps[i], &err))
            log_fatal("%s", err.reason);
    free(keys.line);
    close_tables(maps, count);
    return found;
}

bool postmap_dump(char *const *tables, size_t count, const struct postmap_options *options)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++) {
        struct map *map = open_table(tables[i], options->flags, options);
        enum map_status status = MAP_NOT_FOUND;
        if (!map->next)
            log_fatal("table %s: sequence operation is not supported", tables[i]);
        for (bool first = true; (status = map->next(map, first, &key, &value, &err)) == MAP_FOUND;
             first = false) {
            if (options->encodes_files)
                decode_value(map, key.s, &value);
            print_entry(key.s, &value, true, options);
        }
        if (status == MAP_FAILED)
            log_fatal("table %s: %s", tables[i], err.reason);
        map_close(map);
    }
    flush_output();
    return count > 0;
}
