/* map_tcp: tcp:host:port, one line asked and one line answered (tcp_table(5)). */
#include "map/map_drivers.h"
#include "map/map_talk.h"

#include "base/num.h"

#include <ctype.h>

enum { REPLY_MAX = 4096 };

struct map_tcp {
    struct map map;
    struct map_talk server;
};

struct reply {
    const char *server;
    char code; /* '2', '4', '5' */
    struct strbuf text;
};

static void tcp_encode(struct slice in, struct strbuf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.s[i];
        if (c > ' ' && c < 0x7f && c != '%')
            strbuf_add_char(out, (char)c);
        else
            strbuf_addf(out, "%%%02X", c);
    }
}

static bool tcp_decode(struct slice in, struct strbuf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        uint64_t byte = (unsigned char)in.s[i];
        if (byte == '%') {
            if (i + 2 >= in.len || !num_parse_u64((struct slice){in.s + i + 1, 2}, 16, &byte))
                return false;
            i += 2;
        }
        strbuf_add_char(out, (char)byte);
    }
    return true;
}

static bool tcp_read(void *ctx, struct talk *talk, struct deadline deadline, struct err *err)
{
    struct reply *reply = ctx;
    struct slice line;
    CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(300);
    strbuf_addf(&where, "read TCP map reply from %s", reply->server);
    strbuf_reset(&reply->text);
    if (!talk_line(talk, REPLY_MAX, &line, deadline, err))
        return err_prefix(err, where.s);
    bool has_code = line.len >= 4 && isdigit((unsigned char)line.s[0]) &&
                    isdigit((unsigned char)line.s[1]) && isdigit((unsigned char)line.s[2]) &&
                    (line.s[3] == ' ' || line.s[3] == '\t');
    if (!has_code || !tcp_decode(slice_from(line, 4), &reply->text)) {
        err_set(err, ERR_TEMP, "malformed reply: %.*s", (int)MIN(line.len, (size_t)100), line.s);
        return err_prefix(err, where.s);
    }
    reply->code = line.s[0];
    if (strchr("245", reply->code))
        return true;
    err_set(err, ERR_TEMP, "bad status code: %.*s", (int)MIN(line.len, (size_t)100), line.s);
    return err_prefix(err, where.s);
}

static enum map_status tcp_find(struct map *map, const char *key, struct strbuf *value,
                                struct err *err)
{
    struct map_tcp *tcp = CONTAINER_OF(map, struct map_tcp, map);
    CLEANUP(strbuf_done) struct strbuf request = STRBUF_ANY;
    struct reply reply = {.server = tcp->server.endpoint + strlen("inet:")};
    strbuf_add_str(&request, "get ");
    tcp_encode(slice_of(key), &request);
    strbuf_add_char(&request, '\n');
    enum map_status status = MAP_FAILED;
    strbuf_init(&reply.text, REPLY_MAX);
    if (!map_talk_ask(&tcp->server, strbuf_slice(&request), tcp_read, &reply,
                      map_get_options()->remote_timeout_ms, err))
        status = MAP_FAILED; /* the reason is in ERR */
    else if (reply.code == '5')
        status = MAP_NOT_FOUND;
    else if (reply.code == '4' || slice_has_nul(strbuf_slice(&reply.text)))
        err_set(err, ERR_TEMP, "TCP map %s: %s", reply.server,
                reply.code == '4' ? reply.text.s : "value with a null byte");
    else
        status = MAP_FOUND;
    if (status == MAP_FOUND)
        strbuf_add_slice(value, strbuf_slice(&reply.text));
    strbuf_done(&reply.text);
    return status;
}

static void tcp_close(struct map *map)
{
    map_talk_done(&CONTAINER_OF(map, struct map_tcp, map)->server);
}

static struct map *tcp_open(const char *name, enum map_flags flags, struct err *err)
{
    if (flags & MAP_SENSITIVE) {
        err_set(err, ERR_CONFIG, "tcp:%s map is not allowed for security sensitive data", name);
        return NULL;
    }
    CLEANUP(strbuf_done) struct strbuf endpoint = STRBUF_ANY;
    strbuf_addf(&endpoint, "inet:%s", name);
    struct map_tcp *tcp = map_alloc(sizeof *tcp);
    map_talk_init(&tcp->server, strbuf_slice(&endpoint));
    tcp->map.server = tcp->server.endpoint;
    tcp->map.find = tcp_find;
    tcp->map.close = tcp_close;
    return &tcp->map;
}

const struct map_driver map_tcp = {
    .type = "tcp", .is_pattern = true, .has_raw_key = true, .is_remote = true, .open = tcp_open};
