#include "postqueue/postqueue_flush.h"

#include "config/common_params.h"
#include "io/deadline.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/flush_msg.h"
#include "mail/queue_id.h"
#include "map/match_list.h"

#include <errno.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static NORETURN void down(void)
{
    log_fatal_status(EX_UNAVAILABLE, "Cannot flush mail queue - mail system is down");
}

static int connect_public(const char *service, int64_t timeout_s, int verbose, const char *trouble)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct stat st;
    strbuf_addf(&path, "public/%s", service);
    if (verbose)
        log_info(NULL, "connect to subsystem %s", path.s);
    bool is_there = stat(path.s, &st) == 0;
    const char *why = is_there ? err.reason : strerror(errno);
    int fd = is_there ? sock_connect_unix(path.s, timeout_s * 1000, &err) : -1;
    if (fd < 0) {
        log_warn(NULL, "%s %s: %s", trouble, path.s, why);
        down();
    }
    return fd;
}

static void trigger(const char *service, const char *letters, int verbose)
{
    CLEANUP(fd_done)
    int fd = connect_public(service, common_params.trigger_timeout, verbose, "unable to look up");
    if (!fd_write_all(fd, letters, strlen(letters) + 1)) {
        log_warn(NULL, "write to public/%s: %s", service, strerror(errno));
        down();
    }
}

/* F: forget dead destinations, A D I: all of deferred and incoming, whatever the time stamps. */
void postqueue_flush_all(int verbose)
{
    trigger(common_params.queue_service_name, "FADI", verbose);
    trigger(common_params.pickup_service_name, "W", verbose);
}

static enum flush_result ask(enum flush_kind kind, const struct flush_request *request, int verbose)
{
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("postqueue_flush");
    struct err err = ERR_INIT;
    struct flush_status status;
    struct slice body;
    uint16_t answer;
    int64_t timeout_ms = common_params.ipc_timeout * 1000;
    CLEANUP(fd_done)
    int fd = connect_public(common_params.flush_service_name, common_params.ipc_timeout, verbose,
                            "connect to");
    if (!chan_send_blocking(fd, (uint16_t)kind, &flush_request_type, request, timeout_ms, &err) ||
        !chan_recv_blocking(fd, timeout_ms, &in, &answer, &body, &err) ||
        (answer != FLUSH_STATUS && !err_set(&err, ERR_TEMP, "unexpected answer")) ||
        !msg_decode(&flush_status_type, body, arena, &status, &err)) {
        log_warn(NULL, "public/%s: %s", common_params.flush_service_name, err.reason);
        down();
    }
    return status.result >= FLUSH_OK && status.result <= FLUSH_INELIGIBLE
               ? (enum flush_result)status.result
               : FLUSH_FAILED;
}

void postqueue_flush_file(const char *queue_id, int verbose)
{
    struct flush_request request = {.queue_id = queue_id};
    struct slice id = slice_of(queue_id);
    if (!queue_id_is_valid(id) || id.len > QUEUE_ID_MAX)
        log_fatal_status(EX_UNAVAILABLE, "Cannot flush queue ID - invalid name: \"%s\"", queue_id);
    switch (ask(FLUSH_SEND_FILE, &request, verbose)) {
    case FLUSH_OK:
        return;
    case FLUSH_BAD:
        log_fatal_status(EX_UNAVAILABLE, "Invalid request: \"%s\"", queue_id);
    case FLUSH_FAILED:
    case FLUSH_INELIGIBLE:
        down();
    }
}

/* Told even when the service does not run. A list that cannot be asked is left to the service. */
static bool is_ineligible(const char *site)
{
    static const char title[] = "fast_flush_domains";
    struct slice list = slice_of(common_params.parent_domain_matches_subdomains), name;
    struct err err = ERR_INIT;
    unsigned flags = 0;
    while (slice_next_item(&list, &name))
        if (slice_eq(name, title))
            flags = MATCH_PARENT;
    struct match_list *eligible =
        match_list_new(title, common_params.fast_flush_domains, MATCH_DOMAIN, flags);
    enum map_status found = match_list_find(eligible, site, &err);
    match_list_free(eligible);
    return found == MAP_NOT_FOUND;
}

static NORETURN void ineligible(const char *site)
{
    log_fatal_status(EX_UNAVAILABLE, "Flush service is not configured for destination \"%s\"",
                     site);
}

void postqueue_flush_site(const char *site, int verbose)
{
    struct flush_request request = {.site = site};
    if (!flush_site_is_valid(slice_of(site)))
        log_fatal_status(EX_UNAVAILABLE, "Cannot flush mail queue - invalid destination: \"%s\"",
                         site);
    if (is_ineligible(site))
        ineligible(site);
    switch (ask(FLUSH_SEND_SITE, &request, verbose)) {
    case FLUSH_OK:
        return;
    case FLUSH_INELIGIBLE:
        ineligible(site);
    case FLUSH_BAD:
        log_fatal_status(EX_UNAVAILABLE, "Invalid request: \"%s\"", site);
    case FLUSH_FAILED:
        down();
    }
}
