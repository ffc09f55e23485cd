/*
 * map_redis: Redis and what speaks its protocol (redis_table(5)).
 *
 * hiredis makes the commands and takes the answers apart; the connection is our own, so that every
 * step keeps the deadline and a huge answer is given up at its limit. Each word of the query is an
 * argument of its own whatever is in the key, so there is nothing to quote.
 */
#include "map/map_conf.h"
#include "map/map_hosts.h"
#include "map/map_plugin.h"
#include "map/map_query.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "io/talk.h"

#include <hiredis/hiredis.h>

#define PARAM_OWNER map_redis
#define PARAM_FILE  "map/redis/map_redis_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

#define PARAM_OWNER map_redis
#define PARAM_FILE  "map/redis/map_redis_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

enum { PORT = 6379, ANSWER_MAX = 2 * MAP_QUERY_RESULT_MAX };

struct map_redis {
    struct map map;
    char *where; /* the settings: a file, or the prefix of names in main.cf */
    struct map_redis_params conf;
    struct argv words; /* templates, of the query */
    struct map_query *query;
    struct map_hosts hosts;
};

struct lookup {
    struct map_redis *table;
    const char *key;
    struct argv command;
    struct strbuf *value;
    size_t count;
};

/* --- one command, one answer ---------------------------------------------------------------- */

static void reader_done(redisReader **reader)
{
    redisReaderFree(*reader);
}

static bool send_command(struct talk *talk, const struct argv *command, struct deadline deadline,
                         struct err *err)
{
    char *text;
    int len = redisFormatCommandArgv(&text, (int)command->count, (const char **)command->at, NULL);
    if (len < 0)
        return err_set(err, ERR_TEMP, "out of memory");
    bool ok = talk_send(talk, (struct slice){text, (size_t)len}, deadline, err);
    redisFreeCommand(text);
    return ok;
}

static bool exchange(struct talk *talk, const struct argv *command, redisReply **ret,
                     struct deadline deadline, struct err *err)
{
    CLEANUP(reader_done) redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    size_t total = 0;
    if (!reader)
        return err_set(err, ERR_TEMP, "out of memory");
    if (!send_command(talk, command, deadline, err))
        return false;
    while (!reply) {
        struct slice some;
        if (!talk_some(talk, &some, deadline, err))
            return false;
        total += some.len;
        if (total > ANSWER_MAX)
            return err_set(err, ERR_TEMP, "too long an answer");
        if (redisReaderFeed(reader, some.s, some.len) != REDIS_OK ||
            redisReaderGetReply(reader, &reply) != REDIS_OK)
            return err_set(err, ERR_TEMP, "malformed answer: %s", reader->errstr);
    }
    *ret = reply;
    return true;
}

/* --- connecting ----------------------------------------------------------------------------- */

/* A command whose answer is a status; it is forgotten. */
static bool command_ok(struct talk *talk, const struct argv *command, struct deadline deadline,
                       struct err *err)
{
    redisReply *reply;
    if (!exchange(talk, command, &reply, deadline, err))
        return false;
    bool ok = reply->type == REDIS_REPLY_STATUS;
    if (!ok)
        err_set(err, ERR_CONFIG, "%s: %s", command->at[0],
                reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected answer");
    freeReplyObject(reply);
    return ok;
}

static bool log_in(struct talk *talk, const struct map_redis_params *c, struct deadline deadline,
                   struct err *err)
{
    CLEANUP(argv_done) struct argv auth = ARGV_INIT;
    CLEANUP(argv_done) struct argv select = ARGV_INIT;
    argv_add(&auth, "AUTH");
    if (*c->user)
        argv_add(&auth, c->user);
    argv_add(&auth, c->password);
    argv_add(&select, "SELECT");
    argv_addf(&select, "%lld", (long long)c->db);
    return (!*c->password || command_ok(talk, &auth, deadline, err)) &&
           (c->db == 0 || command_ok(talk, &select, deadline, err));
}

static void redis_disconnect(void *handle)
{
    talk_close(handle);
    free(handle);
}

static bool redis_connect(void *ctx, struct map_host *host, struct deadline deadline,
                          struct err *err)
{
    const struct map_redis_params *c = &((struct lookup *)ctx)->table->conf;
    CLEANUP(xfree_ptr) char *place = NULL;
    CLEANUP(strbuf_done) struct strbuf endpoint = STRBUF_INIT(2048);
    uint16_t port;
    map_hosts_split(host->name, &place, &port);
    if (slice_starts(slice_of(host->name), "unix:"))
        strbuf_addf(&endpoint, "unix:%s", place);
    else
        strbuf_addf(&endpoint, "inet:[%s]:%u", place, port ? port : PORT);
    struct talk *talk = xzalloc(sizeof *talk);
    talk_init(talk);
    if (talk_open(talk, endpoint.s, deadline, err) && log_in(talk, c, deadline, err)) {
        host->handle = talk;
        return true;
    }
    redis_disconnect(talk);
    return false;
}

/* --- asking --------------------------------------------------------------------------------- */

static bool add_text(struct lookup *lookup, const redisReply *reply, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (reply->type == REDIS_REPLY_NIL)
        return true;
    if (reply->type == REDIS_REPLY_INTEGER)
        strbuf_addf(&text, "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
        strbuf_add(&text, reply->str, (size_t)reply->len);
    else
        return err_set(err, ERR_TEMP, "the answer is no list of texts");
    if (slice_has_nul(strbuf_slice(&text)))
        return err_set(err, ERR_TEMP, "result with a null byte");
    return map_query_add_result(lookup->table->query, lookup->key, text.s, &lookup->count,
                                lookup->value, err) != MAP_FAILED;
}

/* Errors of a server that cannot answer now; others are about the command. */
static bool is_unwell(const char *text)
{
    static const char *const words[] = {"LOADING ",  "MASTERDOWN ", "CLUSTERDOWN ",
                                        "TRYAGAIN ", "BUSY ",       "ERR max number of clients"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (slice_starts(slice_of(text), words[i]))
            return true;
    return false;
}

static enum map_host_result take_reply(struct lookup *lookup, const redisReply *reply,
                                       const char *host, struct err *err)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        err_set(err, ERR_TEMP, "redis server %s: %s", host, reply->str);
        return is_unwell(reply->str) ? MAP_HOST_LOST : MAP_HOST_REFUSED;
    }
    bool ok = true;
    if (reply->type != REDIS_REPLY_ARRAY)
        ok = add_text(lookup, reply, err);
    for (size_t i = 0; ok && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        ok = add_text(lookup, reply->element[i], err);
    return ok ? MAP_HOST_ANSWERED : MAP_HOST_REFUSED;
}

static enum map_host_result redis_query(void *ctx, struct map_host *host, struct deadline deadline,
                                        struct err *err)
{
    struct lookup *lookup = ctx;
    redisReply *reply;
    struct talk *talk = host->handle;
    lookup->count = 0;
    strbuf_reset(lookup->value);
    if (talk_unread(talk) > 0) { /* what came unasked must not pass for this answer */
        err_set(err, ERR_TEMP, "unexpected data from redis server %s", host->name);
        return MAP_HOST_LOST;
    }
    if (!exchange(talk, &lookup->command, &reply, deadline, err)) {
        CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(300);
        strbuf_addf(&where, "redis server %s", host->name);
        err_prefix(err, where.s);
        return MAP_HOST_LOST;
    }
    enum map_host_result result = take_reply(lookup, reply, host->name, err);
    freeReplyObject(reply);
    return result;
}

/* --- the table ------------------------------------------------------------------------------ */

/* The command for KEY; false: KEY lacks a part that is asked for. */
static bool make_command(const struct map_redis *r, const char *key, struct argv *command)
{
    for (size_t i = 0; i < r->words.count; i++) {
        CLEANUP(strbuf_done) struct strbuf word = STRBUF_ANY;
        if (!map_query_expand(r->words.at[i], key, key, NULL, NULL, &word))
            return false;
        argv_add(command, word.s);
    }
    return true;
}

static enum map_status redis_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    struct map_redis *r = CONTAINER_OF(map, struct map_redis, map);
    struct lookup lookup = {.table = r, .key = key, .value = value, .command = ARGV_INIT};
    enum map_status status = map_query_accepts(r->query, key, err);
    if (status == MAP_FOUND && !make_command(r, key, &lookup.command))
        status = MAP_NOT_FOUND;
    if (status == MAP_FOUND && !map_hosts_ask(&r->hosts, &lookup, err))
        status = MAP_FAILED;
    argv_done(&lookup.command);
    return status == MAP_FOUND && lookup.count == 0 ? MAP_NOT_FOUND : status;
}

static bool redis_tidy(struct map *map)
{
    return map_hosts_tidy(&CONTAINER_OF(map, struct map_redis, map)->hosts);
}

static void redis_close(struct map *map)
{
    struct map_redis *r = CONTAINER_OF(map, struct map_redis, map);
    map_hosts_done(&r->hosts);
    map_query_free(r->query);
    argv_done(&r->words);
    params_done(map_redis_param_rows, &r->conf);
    free(r->where);
}

static bool redis_configure(struct map_redis *r, struct err *err)
{
    static const struct map_hosts_ops ops = {redis_connect, redis_query, redis_disconnect};
    const struct map_redis_params *c = &r->conf;
    if (!map_conf_load(r->where, map_redis_param_rows, &r->conf, err))
        return false;
    const struct map_query_options options = {.where = r->where,
                                              .query = c->query,
                                              .result_format = c->result_format,
                                              .domain = c->domain,
                                              .expansion_limit = c->expansion_limit};
    r->query = map_query_new(&options, err);
    if (!r->query)
        return false;
    struct slice rest = slice_of(c->query), word;
    while (slice_next_token(&rest, SLICE_SPACE, &word))
        argv_add_slice(&r->words, word);
    r->map.server = c->hosts;
    map_hosts_init(&r->hosts, &r->map, "redis", &ops, c->hosts);
    r->hosts.idle_ms = c->idle_interval * 1000;
    r->hosts.retry_ms = c->retry_interval * 1000;
    return true;
}

static struct map *redis_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    struct map_redis *r = map_alloc(sizeof *r);
    r->where = xstrdup(name);
    r->map.find = redis_find;
    r->map.tidy = redis_tidy;
    r->map.close = redis_close;
    if (redis_configure(r, err)) {
        strbuf_add_str(&r->map.warnings, map_query_warnings(r->query));
        return &r->map;
    }
    map_close(&r->map);
    return NULL;
}

static const struct map_driver map_redis = {.type = "redis", .is_remote = true, .open = redis_open};
MAP_PLUGIN(&map_redis)
