#include "flush/flush_server.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "flush/flush_site.h"
#include "flush/flush_work.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/flush_msg.h"
#include "mail/queue_id.h"
#include "map/match_list.h"

static struct match_list *eligible; /* fast_flush_domains */

struct flush_session {
    struct chan *chan;
    struct timer *silence;
    void (*on_done)(void);
};

void flush_server_open_tables(void)
{
    static const char title[] = "fast_flush_domains";
    struct slice list = slice_of(common_params.parent_domain_matches_subdomains), name, line;
    unsigned flags = 0;
    while (slice_next_item(&list, &name))
        if (slice_eq(name, title))
            flags = MATCH_PARENT;
    eligible = match_list_new(title, common_params.fast_flush_domains, MATCH_DOMAIN, flags);
    struct slice warnings = slice_of(match_list_warnings(eligible));
    while (slice_next_line(&warnings, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

bool flush_server_has_stale_tables(void)
{
    return match_list_has_changed(eligible);
}

/* The site in lower case; FLUSH_OK when lists are kept for it. */
static enum flush_result check_site(const char *site, struct strbuf *ret)
{
    struct err err = ERR_INIT;
    strbuf_set(ret, site);
    strbuf_lower(ret);
    if (ret->overflow || !flush_site_is_valid(strbuf_slice(ret)))
        return FLUSH_BAD;
    switch (match_list_find(eligible, ret->s, &err)) {
    case MAP_FOUND:
        return FLUSH_OK;
    case MAP_NOT_FOUND:
        return FLUSH_INELIGIBLE;
    case MAP_FAILED:
        break;
    }
    log_warn(NULL, "%s: %s", site, err.reason);
    return FLUSH_FAILED;
}

static enum flush_result answer(uint16_t kind, const struct flush_request *request)
{
    CLEANUP(strbuf_done) struct strbuf site = STRBUF_INIT(FLUSH_SITE_MAX);
    struct err err = ERR_INIT;
    struct slice id = slice_of(request->queue_id);
    bool needs_site = kind == FLUSH_ADD || kind == FLUSH_SEND_SITE;
    bool needs_id = kind == FLUSH_ADD || kind == FLUSH_SEND_FILE;
    enum flush_result result = needs_site ? check_site(request->site, &site) : FLUSH_OK;
    if (result == FLUSH_OK && needs_id && (id.len > QUEUE_ID_MAX || !queue_id_is_valid(id)))
        result = FLUSH_BAD;
    if (result != FLUSH_OK)
        return result;
    bool ok = kind == FLUSH_ADD         ? flush_site_add(site.s, request->queue_id, &err)
              : kind == FLUSH_SEND_SITE ? flush_work_send_site(site.s, &err)
                                        : flush_work_send_file(request->queue_id, &err);
    if (!ok)
        log_warn(NULL, "%s", err.reason);
    return ok ? FLUSH_OK : FLUSH_FAILED;
}

static void session_free(struct flush_session *s)
{
    void (*on_done)(void) = s->on_done;
    chan_free(s->chan);
    timer_free(s->silence);
    free(s);
    on_done();
}

static void session_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    struct flush_session *s = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("flush_server");
    struct flush_request request;
    struct flush_status status = {.result = FLUSH_OK};
    struct err err = ERR_INIT;
    timer_start(s->silence, common_params.ipc_timeout * 1000);
    if (kind == FLUSH_REFRESH || kind == FLUSH_PURGE) {
        flush_work_refresh(kind == FLUSH_PURGE);
    } else if (kind != FLUSH_ADD && kind != FLUSH_SEND_SITE && kind != FLUSH_SEND_FILE) {
        log_warn(NULL, "unexpected message of kind %u", (unsigned)kind);
        session_free(s);
        return;
    } else if (!msg_decode(&flush_request_type, body, arena, &request, &err)) {
        log_warn(NULL, "%s", err.reason);
        status.result = FLUSH_BAD;
    } else {
        status.result = answer(kind, &request);
    }
    chan_send(chan, FLUSH_STATUS, &flush_status_type, &status);
}

static void session_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "%s", err->reason);
    session_free(owner);
}

static void session_on_silence(void *owner)
{
    session_free(owner);
}

static const struct chan_events session_events = {session_on_message, session_on_closed, NULL};

void flush_server_accept(struct loop *loop, int fd, void (*on_done)(void))
{
    struct flush_session *s = xzalloc(sizeof *s);
    s->on_done = on_done;
    s->silence = timer_new(loop, session_on_silence, s);
    s->chan = chan_new(loop, fd, &session_events, s);
    timer_start(s->silence, common_params.ipc_timeout * 1000);
}
