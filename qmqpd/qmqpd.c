/*
 * qmqpd: the QMQP server: takes one message of each connection, from hosts that are trusted by
 * qmqpd_authorized_clients, and hands it to cleanup.
 */
#include "config/common_params.h"
#include "log/log.h"
#include "map/map_host.h"
#include "qmqpd/qmqpd_params.h"
#include "qmqpd/qmqpd_server.h"
#include "qmqpd/qmqpd_session.h"
#include "service/service.h"

#include <string.h>

enum { NAME_THREADS = 4 };

struct qmqpd_server qmqpd_server;

/* RFC 6531: are headers looked at to find out that mail needs SMTPUTF8? */
static bool detects_utf8(void)
{
    struct slice in = slice_of(common_params.smtputf8_autodetect_classes), class;
    while (slice_next_item(&in, &class))
        if (slice_eq_nocase(class, "qmqpd") || slice_eq_nocase(class, "all"))
            return true;
    return false;
}

/* A mailing list's sender may ask for VERP in every message: a bad default is found now. */
static void check_verp(void)
{
    const char *given = common_params.default_verp_delimiters;
    const char *allowed = common_params.verp_delimiter_filter;
    for (size_t i = 0; i < 2; i++)
        if (!given[i] || !strchr(allowed, given[i]))
            log_fatal("parameters default_verp_delimiters and verp_delimiter_filter: bad %s VERP "
                      "delimiter character",
                      i == 0 ? "first" : "second");
}

static void before_jail(struct config *cfg)
{
    (void)cfg;
    struct qmqpd_server *server = &qmqpd_server;
    const char *list = "qmqpd_authorized_clients";
    check_verp();
    server->authorized =
        match_list_new(list, qmqpd_params.qmqpd_authorized_clients, MATCH_HOST_ADDRESS,
                       map_host_parents_match(list) ? MATCH_PARENT : 0);
    struct slice in = slice_of(match_list_warnings(server->authorized)), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    server->cleanup_flags = cleanup_client_flags(common_params.receive_override_options);
    if (detects_utf8())
        server->cleanup_flags |= CLEANUP_FLAG_AUTO_UTF8;
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "public/%s", common_params.cleanup_service_name);
    qmqpd_server.pool = work_pool_new(service_loop(), NAME_THREADS);
    qmqpd_server.cleanup =
        cleanup_client_new(service_loop(), path.s, common_params.ipc_timeout * 1000);
}

static bool has_stale_tables(void)
{
    return match_list_has_changed(qmqpd_server.authorized);
}

static const struct service qmqpd_service = {
    .name = "qmqpd",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_NETWORK, /* client names; tables on servers */
    .params = qmqpd_param_rows,
    .params_at = &qmqpd_params,
    .before_jail = before_jail,
    .after_jail = after_jail,
    .on_connect = qmqpd_session_start,
    .has_stale_tables = has_stale_tables,
};

int main(int argc, char **argv)
{
    return service_main(&qmqpd_service, argc, argv);
}
