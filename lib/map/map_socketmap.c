/* map_socketmap: socketmap:inet:host:port:name, socketmap:unix:/path:name; netstrings
 * (socketmap_table(5)). */
#include "map/map_drivers.h"
#include "map/map_talk.h"

#include "base/num.h"
#include "base/xmem.h"

struct map_socketmap {
    struct map map;
    struct map_talk server;
    char *table; /* what the server calls it */
};

/* A netstring: "5:hello,". The length has no leading zeros and at most as many digits as the limit
 * needs. */
static bool read_length(struct talk *talk, size_t *ret_len, struct deadline deadline,
                        struct err *err)
{
    struct slice c;
    size_t len = 0, digits = 0;
    for (;; digits++) {
        if (!talk_bytes(talk, 1, &c, deadline, err))
            return false;
        if (c.s[0] == ':' && digits > 0)
            break;
        if (c.s[0] < '0' || c.s[0] > '9' || (digits > 0 && len == 0))
            return err_set(err, ERR_TEMP, "input format error");
        len = len * 10 + (size_t)(c.s[0] - '0');
        if (len > map_get_options()->socketmap_max_reply_size)
            return err_set(err, ERR_TEMP, "input exceeds size limit");
    }
    *ret_len = len;
    return true;
}

static bool socketmap_read(void *ctx, struct talk *talk, struct deadline deadline, struct err *err)
{
    struct strbuf *reply = ctx;
    struct slice body;
    size_t len = 0;
    if (!read_length(talk, &len, deadline, err) || !talk_bytes(talk, len + 1, &body, deadline, err))
        return false;
    if (body.s[len] != ',')
        return err_set(err, ERR_TEMP, "input format error");
    strbuf_set_slice(reply, slice_first(body, len));
    return true;
}

/* What a server may say beside OK and NOTFOUND; all of it is a failure. */
static enum map_status refused(struct map_socketmap *s, struct slice word, struct slice text,
                               struct err *err)
{
    static const struct {
        const char *word, *meaning;
        enum err_kind kind;
    } failures[] = {
        {"TEMP", "temporary", ERR_TEMP},
        {"TIMEOUT", "timeout", ERR_TEMP},
        {"PERM", "permanent", ERR_CONFIG},
    };
    const char *meaning = "unknown";
    enum err_kind kind = ERR_TEMP;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        if (slice_eq(word, failures[i].word)) {
            meaning = failures[i].meaning;
            kind = failures[i].kind;
        }
    }
    err_set(err, kind, "%s socketmap server %s error%s%.*s", s->map.name, meaning,
            text.len ? ": " : "", SLICE_ARG(text));
    return MAP_FAILED;
}

static enum map_status socketmap_find(struct map *map, const char *key, struct strbuf *value,
                                      struct err *err)
{
    struct map_socketmap *s = CONTAINER_OF(map, struct map_socketmap, map);
    const struct map_options *options = map_get_options();
    CLEANUP(strbuf_done) struct strbuf request = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf reply = STRBUF_ANY;
    size_t len = strlen(s->table) + 1 + strlen(key);
    if (len > options->socketmap_max_query_size) {
        err_set(err, ERR_CONFIG, "query of %zu bytes exceeds socketmap_max_query_size", len);
        return MAP_FAILED;
    }
    strbuf_addf(&request, "%zu:%s %s,", len, s->table, key);
    if (!map_talk_ask(&s->server, strbuf_slice(&request), socketmap_read, &reply,
                      options->remote_timeout_ms, err))
        return MAP_FAILED;

    struct slice word = strbuf_slice(&reply), text = SLICE_EMPTY;
    bool has_text = slice_split(word, ' ', &word, &text);
    if (slice_eq(word, "NOTFOUND"))
        return MAP_NOT_FOUND;
    if (!slice_eq(word, "OK") || !has_text)
        return refused(s, word, text, err);
    if (slice_has_nul(text)) {
        err_set(err, ERR_TEMP, "value with a null byte");
        return MAP_FAILED;
    }
    strbuf_add_slice(value, text);
    return MAP_FOUND;
}

static void socketmap_close(struct map *map)
{
    struct map_socketmap *s = CONTAINER_OF(map, struct map_socketmap, map);
    map_talk_done(&s->server);
    free(s->table);
}

static struct map *socketmap_open(const char *name, enum map_flags flags, struct err *err)
{
    struct slice endpoint, table;
    size_t kind_len = strlen("inet:"); /* as long as unix: */
    if (!slice_rsplit(slice_of(name), ':', &endpoint, &table) || endpoint.len <= kind_len ||
        !(slice_starts(endpoint, "inet:") || slice_starts(endpoint, "unix:"))) {
        err_set(err, ERR_CONFIG,
                "bad socketmap syntax: \"socketmap:%s\"; need inet:host:port:name or "
                "unix:pathname:name",
                name);
        return NULL;
    }
    if (flags & MAP_SENSITIVE) {
        err_set(err, ERR_CONFIG, "socketmap:%s map is not allowed for security-sensitive data",
                name);
        return NULL;
    }
    struct map_socketmap *s = map_alloc(sizeof *s);
    map_talk_init(&s->server, endpoint);
    s->table = slice_dup(table);
    s->map.server = s->server.endpoint;
    s->map.find = socketmap_find;
    s->map.close = socketmap_close;
    return &s->map;
}

const struct map_driver map_socketmap = {.type = "socketmap",
                                         .is_pattern = true,
                                         .has_raw_key = true,
                                         .is_remote = true,
                                         .open = socketmap_open};
