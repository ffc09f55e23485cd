/*
 * Questions are answered from the cache, at once; a probe that is due goes out behind the answer.
 * An entry that is old enough to be refreshed still answers until it expires.
 */
#include "verify/verify_server.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "verify/verify_params.h"
#include "verify/verify_probe.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_TTL_S = 1000 }; /* after which a probe that was never answered is sent again */

struct session {
    struct chan *chan;
    void (*on_done)(void);
};

static struct loop *server_loop;
static struct verify_cache *server_cache;

void verify_server_start(struct loop *loop, struct verify_cache *cache)
{
    server_loop = loop;
    server_cache = cache;
}

static int64_t now_s(void)
{
    struct timeval now;
    clock_wall(&now);
    return now.tv_sec;
}

static int64_t age_of(const struct verify_entry *e)
{
    return now_s() - e->updated_s;
}

static bool is_expired(const struct verify_entry *e)
{
    return age_of(e) > (e->result == VERIFY_OK ? verify_params.address_verify_positive_expire_time
                                               : verify_params.address_verify_negative_expire_time);
}

static bool wants_refresh(const struct verify_entry *e)
{
    return age_of(e) > (e->result == VERIFY_OK
                            ? verify_params.address_verify_positive_refresh_time
                            : verify_params.address_verify_negative_refresh_time);
}

static bool probe_is_under_way(const struct verify_entry *e)
{
    return now_s() - e->probed_s <= PROBE_TTL_S;
}

bool verify_server_is_dead(const struct verify_entry *e)
{
    return e->result == VERIFY_TODO ? !probe_is_under_way(e) : is_expired(e);
}

static void warn(const char *address, const struct err *err)
{
    if (!err->is_repeated)
        log_warn(NULL, "%s: %s", address, err->reason);
}

static void become_unknown(struct verify_entry *e)
{
    e->result = VERIFY_TODO;
    e->updated_s = 0;
    strbuf_set(&e->text, "Address verification in progress");
}

/* The entry says when the probe was sent before it is: should we die in between, the address is
 * probed again when PROBE_TTL_S has passed, and not by everybody who asks until then. */
static void probe(const char *address, struct verify_entry *e)
{
    struct err err = ERR_INIT;
    e->probed_s = now_s();
    if (!verify_cache_put(server_cache, address, e, &err))
        warn(address, &err);
    verify_probe_send(address);
}

/* Failures of the cache leave an address unknown: mail is deferred, nothing is refused. */
static void answer_query(struct chan *chan, const char *address)
{
    struct err err = ERR_INIT;
    struct verify_entry e = {.text = STRBUF_ANY};
    enum map_status status = verify_cache_find(server_cache, address, &e, &err);
    if (status == MAP_FAILED)
        warn(address, &err);
    if (status != MAP_FOUND) {
        e.probed_s = 0;
        become_unknown(&e);
    } else if (e.result == VERIFY_TODO || is_expired(&e)) {
        become_unknown(&e);
    }
    struct verify_status reply = {.result = e.result, .text = e.text.s};
    chan_send(chan, VERIFY_STATUS, &verify_status_type, &reply);
    if ((e.result == VERIFY_TODO || wants_refresh(&e)) && !probe_is_under_way(&e))
        probe(address, &e);
    strbuf_done(&e.text);
}

/* What is known to be good stays so when a later probe fails, until it expires. */
static bool is_kept(const char *address, const struct verify_update *update, struct verify_entry *e)
{
    struct err err = ERR_INIT;
    return update->result != VERIFY_OK &&
           verify_cache_find(server_cache, address, e, &err) == MAP_FOUND &&
           e->result == VERIFY_OK && !is_expired(e);
}

static void take_update(const struct verify_update *update)
{
    struct err err = ERR_INIT;
    struct verify_entry e = {.text = STRBUF_ANY};
    if (!is_kept(update->address, update, &e)) {
        e.result = (enum verify_result)update->result;
        e.updated_s = now_s();
        e.probed_s = 0;
        strbuf_set_slice(&e.text, slice_first(slice_of(update->text), VERIFY_TEXT_MAX));
        if (!verify_cache_put(server_cache, update->address, &e, &err) ||
            !verify_cache_commit(server_cache, &err))
            warn(update->address, &err);
    }
    strbuf_done(&e.text);
}

/* Those who ask talk to strangers. */
static bool address_is_sane(const char *address)
{
    return address[0] && strlen(address) <= VERIFY_ADDRESS_MAX && !strchr(address, '\n');
}

static bool handle(struct session *s, uint16_t kind, struct slice body, struct err *err)
{
    static const struct verify_status received = {.text = ""};
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("verify");
    struct verify_query query;
    struct verify_update update;
    switch (kind) {
    case VERIFY_QUERY:
        if (!msg_decode(&verify_query_type, body, arena, &query, err))
            return false;
        if (!address_is_sane(query.address))
            return err_set(err, ERR_PERM, "address is empty or too long");
        answer_query(s->chan, query.address);
        return true;
    case VERIFY_UPDATE:
        if (!msg_decode(&verify_update_type, body, arena, &update, err))
            return false;
        if (!address_is_sane(update.address) || update.result < VERIFY_OK ||
            update.result >= VERIFY_TODO)
            return err_set(err, ERR_PERM, "bad address or result");
        take_update(&update);
        chan_send(s->chan, VERIFY_STATUS, &verify_status_type, &received);
        return true;
    default:
        return err_set(err, ERR_PERM, "unknown kind %u", (unsigned)kind);
    }
}

static void session_close(struct session *s)
{
    void (*on_done)(void) = s->on_done;
    chan_free(s->chan);
    free(s);
    on_done();
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct err err = ERR_INIT;
    if (handle(owner, kind, body, &err))
        return;
    log_warn(NULL, "bad request: %s", err.reason);
    session_close(owner);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "lost connection: %s", err->reason);
    session_close(owner);
}

static const struct chan_events events = {on_message, on_closed, NULL};

void verify_server_accept(int fd, void (*on_done)(void))
{
    struct session *s = xzalloc(sizeof *s);
    s->on_done = on_done;
    s->chan = chan_new(server_loop, fd, &events, s);
}
