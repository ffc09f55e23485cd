/* map_simple: static, environ and fail: types whose whole being is one short function. */
#include "map/map_braces.h"
#include "map/map_drivers.h"
#include "map/map_files.h"

#include "base/xmem.h"

struct map_simple {
    struct map map;
    char *text;
};

static void simple_close(struct map *map)
{
    free(CONTAINER_OF(map, struct map_simple, map)->text);
}

static struct map *simple_new(struct slice text,
                              enum map_status (*find)(struct map *, const char *, struct strbuf *,
                                                      struct err *))
{
    struct map_simple *simple = map_alloc(sizeof *simple);
    simple->text = slice_dup(text);
    simple->map.find = find;
    simple->map.close = simple_close;
    return &simple->map;
}

/* static:text, static:{text with blanks} */

static enum map_status static_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    (void)key;
    (void)err;
    strbuf_add_str(value, CONTAINER_OF(map, struct map_simple, map)->text);
    return MAP_FOUND;
}

static struct map *static_open(const char *name, enum map_flags flags, struct err *err)
{
    struct slice text = slice_of(name);
    if (*name == '{' && !map_braces_strip(text, &text, err)) {
        err_prefix(err, "bad static:name syntax");
        return NULL;
    }
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (flags & MAP_FILES) {
        if (!map_files_encode(text, &content, err))
            return NULL;
        text = strbuf_slice(&content);
    }
    return simple_new(text, static_find);
}

const struct map_driver map_static = {
    .type = "static", .is_pattern = true, .has_raw_key = true, .open = static_open};

/* environ:anything */

static enum map_status environ_find(struct map *map, const char *key, struct strbuf *value,
                                    struct err *err)
{
    (void)map;
    (void)err;
    const char *text = getenv(key);
    if (!text)
        return MAP_NOT_FOUND;
    strbuf_add_str(value, text);
    return MAP_FOUND;
}

static struct map *environ_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    (void)err;
    return simple_new(slice_of(name), environ_find);
}

const struct map_driver map_environ = {.type = "environ", .open = environ_open};

/* fail:anything */

static enum map_status fail_find(struct map *map, const char *key, struct strbuf *value,
                                 struct err *err)
{
    (void)key;
    (void)value;
    (void)map;
    err_set(err, ERR_TEMP, "Application error");
    return MAP_FAILED;
}

static struct map *fail_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    (void)err;
    return simple_new(slice_of(name), fail_find);
}

const struct map_driver map_fail = {.type = "fail", .is_pattern = true, .open = fail_open};
