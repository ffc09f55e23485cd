/* map_inline: the types held in memory: inline:{key=value...}, internal:name, texthash:/file. */
#include "map/map_braces.h"
#include "map/map_drivers.h"
#include "map/map_files.h"
#include "map/map_memory.h"
#include "map/map_text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/fd.h"

static bool inline_add(struct map *map, struct slice item, struct err *err)
{
    struct slice key, value;
    if (item.len > 0 && item.s[0] == '{' && !map_braces_strip(item, &item, err))
        return false;
    if (!slice_split(item, '=', &key, &value))
        return err_set(err, ERR_CONFIG, "missing '=' after attribute name");
    key = slice_trim(key);
    value = slice_trim(value);
    if (key.len == 0)
        return err_set(err, ERR_CONFIG, "missing attribute name");
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (map->flags & MAP_FILES) {
        if (!map_files_encode(value, &content, err))
            return false;
        value = strbuf_slice(&content);
    }
    map_memory_set(map, key, value, true);
    return true;
}

static struct map *inline_open(const char *name, enum map_flags flags, struct err *err)
{
    struct slice items = SLICE_EMPTY, item;
    struct map *map = map_memory_new(flags);
    bool any = false, ok = map_braces_strip(slice_of(name), &items, err);
    while (ok && slice_next_item(&items, &item)) {
        ok = inline_add(map, item, err);
        any = true;
    }
    map->put = NULL; /* read-only */
    map->remove = NULL;
    if (ok && any)
        return map;
    if (ok)
        err_set(err, ERR_CONFIG, "bad syntax");
    CLEANUP(strbuf_done) struct strbuf reason = STRBUF_INIT(400);
    strbuf_addf(&reason, "%s: \"inline:%s\"; need \"inline:{name=%s...}\"", err ? err->reason : "",
                name, flags & MAP_FILES ? "filename" : "value");
    err_set(err, ERR_CONFIG, "%s", reason.s);
    map_close(map);
    return NULL;
}

const struct map_driver map_inline = {.type = "inline", .open = inline_open};

static struct map *internal_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)name;
    (void)err;
    return map_memory_new(flags);
}

const struct map_driver map_internal = {.type = "internal", .open = internal_open};

static bool texthash_take_files(struct map *map, const char *name, int line, struct strbuf *value)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!map_files_encode(strbuf_slice(value), &content, &err)) {
        map_warn(map, "%s, line %d: %s: skipping this entry", name, line, err.reason);
        return false;
    }
    strbuf_set_slice(value, strbuf_slice(&content));
    return true;
}

static void texthash_fill(struct map *map, const char *name, struct slice text)
{
    struct map_text in;
    struct map_text_entry entry;
    struct map_text_options options = {.format = MAP_TEXT_POSTMAP,
                                       .source = name,
                                       .utf8 = map->flags & MAP_UTF8,
                                       .says_ignored = true};
    map_text_init(&in, text);
    map_text_entry_init(&entry);
    while (map_text_next_entry(&in, &options, &entry)) {
        if (entry.problem.len > 0)
            map_warn(map, "%s", entry.problem.s);
        if (entry.key.len > 0 && (map->flags & MAP_FILES) &&
            !texthash_take_files(map, name, in.first_line, &entry.value))
            continue;
        if (entry.key.len > 0 &&
            !map_memory_set(map, strbuf_slice(&entry.key), strbuf_slice(&entry.value), false))
            map_warn(map, "%s, line %d: duplicate entry: \"%s\"", name, in.first_line, entry.key.s);
    }
    map_text_entry_done(&entry);
    map_text_done(&in);
}

static struct map *texthash_open(const char *name, enum map_flags flags, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    CLEANUP(fd_done) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        err_set(err, ERR_TEMP, "open database %s: %s", name, strerror(errno));
        return NULL;
    }
    if (!map_text_read_fd(fd, name, &text, err))
        return NULL;
    struct map *map = map_memory_new(flags);
    texthash_fill(map, name, strbuf_slice(&text));
    map->put = NULL; /* read-only */
    map->remove = NULL;
    return map;
}

const struct map_driver map_texthash = {.type = "texthash", .open = texthash_open};
