/*
 * map_memcache: a memcached server, with or without a table behind it that keeps what the server
 * forgets (memcache_table(5)). The server is a cache then: its failures are passed over.
 */
#include "map/map_conf.h"
#include "map/map_drivers.h"
#include "map/map_query.h"
#include "map/map_talk.h"

#include "base/num.h"
#include "base/xmem.h"

#include <ctype.h>

#define PARAM_OWNER map_memcache
#define PARAM_FILE  "map/map_memcache_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

#define PARAM_OWNER map_memcache
#define PARAM_FILE  "map/map_memcache_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

enum { KEY_MAX = 250 }; /* of the protocol */

struct map_memcache {
    struct map map;
    char *where; /* the settings: a file, or the prefix of names in main.cf */
    struct map_memcache_params conf;
    struct map_query *query;
    struct map_talk server;
    struct map *backup; /* or NULL */
};

static struct map_memcache *memcache_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_memcache, map);
}

/* --- the server ----------------------------------------------------------------------------- */

struct answer {
    const struct map_memcache_params *conf;
    struct strbuf *value; /* of a get; NULL: the answer is one of these two words */
    const char *done, *missing;
    enum map_status status;
};

static bool unexpected(struct slice line, struct err *err)
{
    return err_set(err, ERR_TEMP, "unexpected memcache server reply: %.*s",
                   (int)MIN(line.len, (size_t)100), line.s);
}

/* Without the CR LF that ends lines of this protocol. */
static bool read_line(const struct answer *answer, struct talk *talk, struct slice *ret,
                      struct deadline deadline, struct err *err)
{
    if (!talk_line(talk, (size_t)answer->conf->line_size_limit, ret, deadline, err))
        return false;
    if (slice_ends(*ret, "\r"))
        *ret = slice_first(*ret, ret->len - 1);
    return true;
}

static bool read_word(void *ctx, struct talk *talk, struct deadline deadline, struct err *err)
{
    struct answer *answer = ctx;
    struct slice line;
    if (!read_line(answer, talk, &line, deadline, err))
        return false;
    bool is_done = slice_eq(line, answer->done);
    if (!is_done && !slice_eq(line, answer->missing))
        return unexpected(line, err);
    answer->status = is_done ? MAP_FOUND : MAP_NOT_FOUND;
    return true;
}

/* "VALUE key flags length", the value, "END"; or "END" alone. */
static bool read_value(void *ctx, struct talk *talk, struct deadline deadline, struct err *err)
{
    struct answer *answer = ctx;
    struct slice line, words[4], data;
    size_t count = 0;
    uint64_t len = 0;
    answer->status = MAP_NOT_FOUND;
    strbuf_reset(answer->value);
    if (!read_line(answer, talk, &line, deadline, err))
        return false;
    if (slice_eq(line, "END"))
        return true;
    struct slice rest = line;
    while (count < COUNT_OF(words) && slice_next_token(&rest, " ", &words[count]))
        count++;
    if (count < 4 || !slice_eq(words[0], "VALUE") || !num_parse_u64(words[3], 10, &len) ||
        len > (uint64_t)answer->conf->data_size_limit)
        return unexpected(line, err);
    if (!talk_bytes(talk, (size_t)len + 2, &data, deadline, err))
        return false;
    if (!slice_ends(data, "\r\n"))
        return unexpected(data, err);
    strbuf_add(answer->value, data.s, (size_t)len);
    if (!read_line(answer, talk, &line, deadline, err))
        return false;
    answer->status = MAP_FOUND;
    return slice_eq(line, "END") || unexpected(line, err);
}

static enum map_status ask(struct map_memcache *m, const struct strbuf *command,
                           struct answer *answer, struct err *err)
{
    answer->conf = &m->conf;
    if (!map_talk_ask(&m->server, strbuf_slice(command), answer->value ? read_value : read_word,
                      answer, m->conf.timeout * 1000, err))
        return MAP_FAILED;
    return answer->status;
}

/* What the server calls KEY. White space would end it there, so such a key is never stored. */
static enum map_status server_key(struct map_memcache *m, const char *key, struct strbuf *out,
                                  struct err *err)
{
    enum map_status status = map_query_make(m->query, key, NULL, NULL, out, err);
    for (size_t i = 0; status == MAP_FOUND && i < out->len; i++)
        if (isspace((unsigned char)out->s[i]))
            status = MAP_NOT_FOUND;
    return status == MAP_FOUND && (out->len == 0 || out->len > KEY_MAX) ? MAP_NOT_FOUND : status;
}

static enum map_status server_set(struct map_memcache *m, const char *key, struct slice value,
                                  struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf command = STRBUF_ANY;
    struct answer answer = {.done = "STORED", .missing = "NOT_STORED"};
    strbuf_addf(&command, "set %s %lld %lld %zu\r\n", key, (long long)m->conf.flags,
                (long long)m->conf.ttl, value.len);
    strbuf_add_slice(&command, value);
    strbuf_add_str(&command, "\r\n");
    return ask(m, &command, &answer, err);
}

/* --- the table ------------------------------------------------------------------------------ */

static enum map_status memcache_find(struct map *map, const char *key, struct strbuf *value,
                                     struct err *err)
{
    struct map_memcache *m = memcache_of(map);
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf command = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
    enum map_status named = server_key(m, key, &name, err), status = named;
    if (named == MAP_FOUND) {
        struct answer answer = {.value = &got};
        strbuf_addf(&command, "get %s\r\n", name.s);
        status = ask(m, &command, &answer, err);
    }
    if (status == MAP_FOUND && slice_has_nul(strbuf_slice(&got))) {
        err_set(err, ERR_TEMP, "value with a null byte");
        status = MAP_FAILED;
    }
    if (status != MAP_FOUND && m->backup) {
        status = map_find(m->backup, key, &got, err);
        if (status == MAP_FOUND && named == MAP_FOUND)
            server_set(m, name.s, strbuf_slice(&got), NULL);
    }
    if (status == MAP_FOUND)
        strbuf_add_slice(value, strbuf_slice(&got));
    return status;
}

static bool memcache_put(struct map *map, const char *key, const char *value, struct err *err)
{
    struct map_memcache *m = memcache_of(map);
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    if (m->backup && !map_put(m->backup, key, value, err))
        return false;
    enum map_status status = server_key(m, key, &name, err);
    if (status == MAP_NOT_FOUND) {
        if (!m->backup)
            map_warn(map, "%s: update of key \"%s\" skipped", map->name, key);
        return true;
    }
    if (status == MAP_FOUND)
        status = server_set(m, name.s, slice_of(value), err);
    if (status == MAP_NOT_FOUND)
        err_set(err, ERR_TEMP, "%s: the server did not store the value", map->name);
    return status == MAP_FOUND || m->backup;
}

static enum map_status memcache_remove(struct map *map, const char *key, struct err *err)
{
    struct map_memcache *m = memcache_of(map);
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf command = STRBUF_ANY;
    struct answer answer = {.done = "DELETED", .missing = "NOT_FOUND"};
    enum map_status status = server_key(m, key, &name, err);
    if (status == MAP_FOUND) {
        strbuf_addf(&command, "delete %s\r\n", name.s);
        status = ask(m, &command, &answer, err);
    }
    return m->backup ? map_remove(m->backup, key, err) : status;
}

static enum map_status memcache_next(struct map *map, bool first, struct strbuf *key,
                                     struct strbuf *value, struct err *err)
{
    struct map *backup = memcache_of(map)->backup;
    if (backup && backup->next)
        return backup->next(backup, first, key, value, err);
    err_set(err, ERR_CONFIG, "database %s: first/next support requires backup database", map->name);
    return MAP_FAILED;
}

static void memcache_close(struct map *map)
{
    struct map_memcache *m = memcache_of(map);
    map_talk_done(&m->server);
    map_close(m->backup);
    map_query_free(m->query);
    params_done(map_memcache_param_rows, &m->conf);
    free(m->where);
}

static bool memcache_configure(struct map_memcache *m, const char *name, enum map_flags flags,
                               struct err *err)
{
    if (!map_conf_load(name, map_memcache_param_rows, &m->conf, err))
        return false;
    if (*m->conf.key_digest)
        return err_set(err, ERR_CONFIG, "%s: key_digest is not built into this version", name);
    m->where = xstrdup(name);
    const struct map_query_options options = {.where = m->where,
                                              .query = m->conf.key_format,
                                              .result_format = "%s",
                                              .domain = m->conf.domain};
    m->query = map_query_new(&options, err);
    if (!m->query)
        return false;
    if (*m->conf.backup)
        m->backup = map_open_strict(m->conf.backup, flags, err);
    map_talk_init(&m->server, slice_of(m->conf.memcache));
    m->map.server = m->server.endpoint;
    m->server.max_try = m->conf.max_try;
    m->server.pause_ms = m->conf.retry_pause * 1000;
    strbuf_add_str(&m->map.warnings, map_query_warnings(m->query));
    return !*m->conf.backup || m->backup;
}

static struct map *memcache_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map_memcache *m = map_alloc(sizeof *m);
    m->map.find = memcache_find;
    m->map.put = memcache_put;
    m->map.remove = memcache_remove;
    m->map.next = memcache_next;
    m->map.close = memcache_close;
    talk_init(&m->server.talk);
    if (memcache_configure(m, name, flags, err)) {
        return &m->map;
    }
    map_close(&m->map);
    return NULL;
}

const struct map_driver map_memcache = {
    .type = "memcache", .is_remote = true, .open = memcache_open};
