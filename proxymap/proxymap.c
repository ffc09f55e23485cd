/*
 * proxymap: reads lookup tables for services that run in a jail and cannot.
 *
 * The tables are those that proxy_read_maps names with proxy: in front. It runs outside the jail as
 * the mail owner and believes nothing it is asked: an unknown table is refused, whatever its name.
 */
#include "base/xmem.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "map/proxy_msg.h"
#include "proxymap/proxymap_params.h"
#include "proxymap/proxymap_tables.h"
#include "service/service.h"

enum { KEY_MAX = 64 * 1024, LOOKUP_FLAGS = MAP_FOLD | MAP_FOLD_PATTERN | MAP_UTF8 };

static void proxymap_close(struct chan *chan)
{
    chan_free(chan);
    service_client_done();
}

static void proxymap_answer(struct chan *chan, const struct proxy_find *question)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct proxy_answer answer = {.status = MAP_FAILED};
    struct map *map =
        proxymap_tables_get(question->table, (enum map_flags)(question->flags & LOOKUP_FLAGS));
    if (map) {
        answer.status = map_find(map, question->key, &value, &err);
    } else {
        log_warn(NULL,
                 "request for unapproved table: \"%s\"; to approve it, list proxy:%s in "
                 "proxy_read_maps",
                 question->table, question->table);
        err_set(&err, ERR_CONFIG, "proxymap service is not configured for table \"%s\"",
                question->table);
    }
    answer.value = value.s;
    answer.reason = err.reason;
    chan_send(chan, PROXY_ANSWER, &proxy_answer_type, &answer);
}

static void proxymap_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("proxymap");
    struct proxy_find question;
    struct err err = ERR_INIT;
    if (kind != PROXY_FIND || !msg_decode(&proxy_find_type, body, arena, &question, &err) ||
        strlen(question.key) > KEY_MAX) {
        log_warn(NULL, "malformed request: %s", err.reason[0] ? err.reason : "unexpected message");
        proxymap_close(chan);
        return;
    }
    proxymap_answer(chan, &question);
}

static void proxymap_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)owner;
    (void)err;
    proxymap_close(chan);
}

static void proxymap_on_connect(int fd)
{
    static const struct chan_events events = {.on_message = proxymap_on_message,
                                              .on_closed = proxymap_on_closed};
    chan_new(service_loop(), fd, &events, NULL);
}

/* Whoever is still connected asks a successor: a question that got no answer is asked once more. */
static bool proxymap_on_retire(void)
{
    return true;
}

static void proxymap_before_jail(struct config *cfg)
{
    (void)cfg;
    if (strcmp(service_instance(), "proxywrite") == 0)
        log_fatal("updates of tables (proxywrite) are not built yet");
    proxymap_tables_approve(proxymap_params.proxy_read_maps);
}

int main(int argc, char **argv)
{
    static const struct service proxymap_service = {
        .name = "proxymap",
        .model = SERVICE_MANY_CLIENTS,
        .needs = CONFINE_WRITES_DATA | CONFINE_NETWORK,
        .params = proxymap_param_rows,
        .params_at = &proxymap_params,
        .before_jail = proxymap_before_jail,
        .on_connect = proxymap_on_connect,
        .on_retire = proxymap_on_retire,
        .has_stale_tables = proxymap_tables_have_changed,
    };
    return service_main(&proxymap_service, argc, argv);
}
