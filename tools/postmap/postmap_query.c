/* postmap_query: see the header. */
#include "tools/postmap/postmap_query.h"

#include "base/text.h"
#include "base/xmem.h"
#include "log/log.h"
#include "tools/postmap/postmap_build.h"
#include "tools/postmap/postmap_message.h"
#include "tools/postmap/postmap_rights.h"

#include <errno.h>
#include <json-c/json.h>
#include <unistd.h>

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

struct question {
    struct map **maps;
    size_t count;
    const struct postmap_options *options;
    struct strbuf value; /* of the last key */
    bool found;          /* any key */
};

/* The first table that has KEY answers. */
static void print_key(struct question *q, const char *key)
{
    for (size_t i = 0; i < q->count; i++) {
        if (find_in(q->maps[i], key, &q->value, q->options)) {
            print_entry(key, &q->value, true, q->options);
            q->found = true;
            return;
        }
    }
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

enum { KEYS_AT_ONCE = 65536 };

/* What was read of standard input and not looked up yet. */
struct keys {
    struct strbuf text;
    size_t done;   /* bytes of it */
    size_t hinted; /* bytes whose keys the tables have been told of */
    bool at_end;
    struct map **maps; /* to pause before waiting for more; NULL: none */
    size_t count;
};

static void pause_maps(struct map **maps, size_t count)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++)
        if (!map_pause(maps[i], &err))
            log_fatal("table %s: query error: %s", maps[i]->name, err.reason);
}

static void read_more(struct keys *keys)
{
    pause_maps(keys->maps, keys->count);
    struct slice left = slice_from(strbuf_slice(&keys->text), keys->done);
    memmove(keys->text.s, left.s, left.len);
    strbuf_truncate(&keys->text, left.len);
    keys->hinted = keys->hinted > keys->done ? keys->hinted - keys->done : 0;
    keys->done = 0;
    char *room = strbuf_room(&keys->text, KEYS_AT_ONCE);
    ssize_t len = read(STDIN_FILENO, room, KEYS_AT_ONCE);
    if (len < 0 && errno != EINTR)
        log_fatal("read standard input: %s", strerror(errno));
    keys->at_end = len == 0;
    strbuf_grew(&keys->text, len > 0 ? (size_t)len : 0);
}

/* The next line, valid until the next call; NULL at the end. */
static const char *next_key(struct keys *keys)
{
    for (size_t seen = 0;;) {
        char *line = keys->text.s + keys->done;
        size_t len = keys->text.len - keys->done;
        char *end = len > seen ? memchr(line + seen, '\n', len - seen) : NULL;
        if (end || (keys->at_end && len > 0)) {
            keys->done = end ? (size_t)(end + 1 - keys->text.s) : keys->text.len;
            if (end)
                *end = 0;
            return line;
        }
        if (keys->at_end)
            return NULL;
        seen = len;
        read_more(keys);
    }
}

/* Tell the first table of a key that was read and is to be asked for. */
static void hint_one(struct keys *keys)
{
    size_t from = MAX(keys->hinted, keys->done);
    const char *line = keys->text.s + from;
    const char *end = memchr(line, '\n', keys->text.len - from);
    if (!end)
        return;
    map_hint(keys->maps[0], (struct slice){line, (size_t)(end - line)});
    keys->hinted = (size_t)(end + 1 - keys->text.s);
}

/* The key of this turn is known already: stay two ahead. */
static void hint_next(struct keys *keys)
{
    if (keys->hinted <= keys->done)
        hint_one(keys);
    hint_one(keys);
}

static void look_up_message_key(void *ctx, const char *key)
{
    struct question *q = ctx;
    print_key(q, key);
    pause_maps(q->maps, q->count);
}

bool postmap_query_stdin(char *const *tables, size_t count, const struct postmap_options *options)
{
    struct postmap_options for_many = *options;
    for_many.flags |= MAP_MANY_KEYS;
    struct question q = {open_tables(tables, count, &for_many), count, options, STRBUF_ANY, false};
    if (options->wants_headers || options->wants_body) {
        postmap_message_each_key(options, look_up_message_key, &q);
    } else {
        struct keys keys = {.text = STRBUF_ANY, .maps = q.maps, .count = count};
        for (const char *key; (key = next_key(&keys));) {
            hint_next(&keys);
            print_key(&q, key);
        }
        strbuf_done(&keys.text);
    }
    strbuf_done(&q.value);
    close_tables(q.maps, count);
    flush_output();
    return q.found;
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
    struct keys keys = {.text = STRBUF_ANY};
    const char *key = options->remove;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++)
        maps[i] = open_for_delete(tables[i], options);
    while (!from_stdin || (key = next_key(&keys))) {
        for (size_t i = 0; i < count; i++)
            found |= delete_key(maps[i], key);
        if (!from_stdin)
            break;
    }
    for (size_t i = 0; i < count; i++)
        if (maps[i]->commit && !maps[i]->commit(maps[i], &err))
            log_fatal("%s", err.reason);
    strbuf_done(&keys.text);
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
