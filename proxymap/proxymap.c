/*
 * proxymap: reads lookup tables for services that run in a jail and cannot, or that share one
 * connection to a database; under the service name proxywrite, the one process that updates tables.
 *
 * The tables are those that proxy_read_maps (proxy_write_maps) names with proxy: in front. It runs
 * outside the jail as the mail owner and believes nothing it is asked: an unknown table is refused,
 * whatever its name. A slow server delays those who ask for its tables, nobody else.
 */
#include "base/xmem.h"
#include "config/common_params.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "proxymap/proxymap_params.h"
#include "proxymap/proxymap_tables.h"
#include "service/service.h"

enum { TEXT_MAX = 256 * 1024, FLAGS = MAP_FOLD | MAP_FOLD_PATTERN | MAP_UTF8 | MAP_NO_GROUPS };

/* A client, which asks one question at a time. */
struct client {
    struct chan *chan; /* NULL: it has gone while its question was being answered */
    struct proxymap_job *job;
};

static bool is_writer;

static void client_close(struct client *client)
{
    chan_free(client->chan);
    client->chan = NULL;
    if (!client->job) {
        free(client);
        service_client_done();
    }
}

/* --- answers -------------------------------------------------------------------------------- */

struct job {
    struct proxymap_job job;
    struct client *client;
};

static void send_answer(struct client *client, const struct proxymap_job *job)
{
    const struct proxy_answer answer = {.status = job->status,
                                        .key = job->ret_key.s,
                                        .value = job->ret_value.s,
                                        .reason = job->err.reason,
                                        .repeated = job->err.is_repeated};
    chan_send(client->chan, PROXY_ANSWER, &proxy_answer_type, &answer);
}

static void job_free(struct job *j)
{
    strbuf_done(&j->job.ret_key);
    strbuf_done(&j->job.ret_value);
    free(j->job.key);
    free(j->job.value);
    free(j);
}

static void on_done(struct proxymap_job *job)
{
    struct job *j = CONTAINER_OF(job, struct job, job);
    struct client *client = j->client;
    client->job = NULL;
    if (client->chan)
        send_answer(client, job);
    else
        client_close(client);
    job_free(j);
}

static void refuse(struct client *client, const char *table)
{
    const char *list = is_writer ? "proxy_write_maps" : "proxy_read_maps";
    struct proxymap_job answer = {.status = MAP_FAILED};
    strbuf_init(&answer.ret_key, 0);
    strbuf_init(&answer.ret_value, 0);
    log_warn(NULL, "request for unapproved table: \"%s\"; to approve it, list proxy:%s in %s",
             table, table, list);
    err_set(&answer.err, ERR_CONFIG, "%s service is not configured for table \"%s\"",
            service_instance(), table);
    send_answer(client, &answer);
}

/* --- questions ------------------------------------------------------------------------------ */

static bool may_ask(enum proxy_kind kind)
{
    switch (kind) {
    case PROXY_FIND:
    case PROXY_FIRST:
    case PROXY_NEXT:
        return true;
    case PROXY_PUT:
    case PROXY_REMOVE:
        return is_writer;
    case PROXY_ANSWER:
        break;
    }
    return false;
}

static void answer(struct client *client, enum proxy_kind kind, const struct proxy_ask *question)
{
    struct proxymap_table *table =
        proxymap_tables_get(question->table, (enum map_flags)(question->flags & FLAGS));
    if (!table) {
        refuse(client, question->table);
        return;
    }
    struct job *j = xzalloc(sizeof *j);
    j->client = client;
    j->job = (struct proxymap_job){.table = table,
                                   .kind = kind,
                                   .key = xstrdup(question->key),
                                   .value = xstrdup(question->value),
                                   .on_done = on_done};
    strbuf_init(&j->job.ret_key, SIZE_MAX / 4);
    strbuf_init(&j->job.ret_value, SIZE_MAX / 4);
    client->job = &j->job;
    proxymap_tables_do(service_loop(), &j->job);
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct client *client = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("proxymap");
    struct proxy_ask question;
    struct err err = ERR_INIT;
    if (client->job || !may_ask((enum proxy_kind)kind) ||
        !msg_decode(&proxy_ask_type, body, arena, &question, &err) ||
        strlen(question.key) > TEXT_MAX || strlen(question.value) > TEXT_MAX) {
        log_warn(NULL, "malformed request: %s", err.reason[0] ? err.reason : "unexpected message");
        client_close(client);
        return;
    }
    answer(client, (enum proxy_kind)kind, &question);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    (void)err;
    client_close(owner);
}

static void on_connect(int fd)
{
    static const struct chan_events events = {.on_message = on_message, .on_closed = on_closed};
    struct client *client = xzalloc(sizeof *client);
    client->chan = chan_new(service_loop(), fd, &events, client);
}

/* --- the service ---------------------------------------------------------------------------- */

/* Whoever is still connected asks a successor: a question that got no answer is asked once more. */
static bool on_retire(void)
{
    return true;
}

static void before_jail(struct config *cfg)
{
    (void)cfg;
    is_writer = strcmp(service_instance(), common_params.proxywrite_service_name) == 0;
    if (is_writer)
        proxymap_tables_approve(proxymap_params.proxy_write_maps,
                                MAP_WRITE | MAP_KEEP_DUPLICATES_QUIET);
    else
        proxymap_tables_approve(proxymap_params.proxy_read_maps, MAP_READ);
}

int main(int argc, char **argv)
{
    static const struct service proxymap_service = {
        .name = "proxymap",
        .model = SERVICE_MANY_CLIENTS,
        .needs = CONFINE_WRITES_ANYWHERE | CONFINE_NETWORK,
        .limits_processes = true,
        .opens_proxied = true,
        .params = proxymap_param_rows,
        .params_at = &proxymap_params,
        .before_jail = before_jail,
        .on_connect = on_connect,
        .on_retire = on_retire,
        .has_stale_tables = proxymap_tables_have_changed,
    };
    return service_main(&proxymap_service, argc, argv);
}
