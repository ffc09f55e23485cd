#include "postscreen/psc_session.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "esmtp/esmtp_footer.h"
#include "esmtp/esmtp_reply.h"
#include "io/fd.h"
#include "log/log.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_access.h"
#include "postscreen/psc_cache.h"
#include "postscreen/psc_client_count.h"
#include "postscreen/psc_dnsbl.h"
#include "postscreen/psc_engine.h"
#include "postscreen/psc_handover.h"
#include "postscreen/psc_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int64_t wall_s(void)
{
    struct timeval now;
    clock_wall(&now);
    return now.tv_sec;
}

/* --- replies ---------------------------------------------------------------------------------- */

void psc_session_format(const struct psc_session *s, const char *reply, struct strbuf *out)
{
    CLEANUP(strbuf_done)
    struct strbuf text = STRBUF_ANY, footer = STRBUF_ANY, problems = STRBUF_ANY;
    const struct esmtp_footer wanted = {
        .maps = s->server->reject_footers,
        .text = s->server->reject_footer,
        .filter = s->server->footer_filter,
        .client_address = s->ends.client_address,
        .client_port = s->ends.client_port,
        .server_name = common_params.myhostname,
    };
    strbuf_set(&text, reply);
    if (esmtp_reply_code(reply) >= 400)
        esmtp_footer_add(&wanted, &text, &footer, &problems);
    psc_server_warn(problems.s);
    esmtp_reply_format(text.s, common_params.soft_bounce, footer.len ? footer.s : NULL, out);
}

void psc_session_add_elapsed(const struct psc_session *s, struct strbuf *out)
{
    clock_format_delay((clock_now_ms() - s->phase_began_ms) * 1000,
                       (int)common_params.delay_logging_resolution_limit, out);
}

/* --- the end ---------------------------------------------------------------------------------- */

void psc_session_free(struct psc_session *s)
{
    struct psc_server *server = s->server;
    psc_dnsbl_forget(s->dnsbl);
    psc_engine_free(s->engine);
    psc_handover_free(s->handover);
    watch_free(s->watch);
    timer_free(s->timer);
    if (s->is_checked)
        psc_server_check_ends(server);
    psc_client_count_remove(server->clients, s->ends.client_address);
    fd_done(&s->fd);
    free(s->refusal);
    free(s);
    if (server->on_session_end)
        server->on_session_end();
}

void psc_session_end(struct psc_session *s)
{
    log_info(NULL, "DISCONNECT " PSC_CLIENT_FMT, PSC_CLIENT(s));
    psc_session_free(s);
}

void psc_session_drop(struct psc_session *s, const char *reply)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    psc_session_format(s, reply, &text);
    if (s->fd >= 0) /* nearly nothing was written before: there is room, or nobody who listens */
        send(s->fd, text.s, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    psc_session_end(s);
}

void psc_session_hang_up(struct psc_session *s, const char *where)
{
    CLEANUP(strbuf_done) struct strbuf elapsed = STRBUF_INIT(32);
    psc_session_add_elapsed(s, &elapsed);
    log_info(NULL, "HANGUP after %s from " PSC_CLIENT_FMT " in %s", elapsed.s, PSC_CLIENT(s),
             where);
    psc_session_conclude(s);
    psc_session_end(s);
}

/* --- results ---------------------------------------------------------------------------------- */

bool psc_session_fail(struct psc_session *s, enum psc_test test, const char *refusal)
{
    enum psc_action action = s->server->actions[test];
    if (action == PSC_DROP) {
        s->failed |= 1u << test;
        psc_session_drop(s, refusal);
        return false;
    }
    /* What a test after the greeting ignores is as good as passed, for a short time. One before it
     * is taken again the next time. */
    if (action == PSC_IGNORE && (PSC_DEEP & 1u << test)) {
        s->times.until[test] = wall_s() + s->server->min_ttl;
        s->todo &= ~(1u << test);
        s->passed |= 1u << test;
        return true;
    }
    s->failed |= 1u << test;
    if (action == PSC_ENFORCE) {
        free(s->refusal);
        s->refusal = xstrdup(refusal);
    }
    return true;
}

void psc_session_conclude(struct psc_session *s)
{
    struct psc_cache *cache = s->server->cache;
    struct psc_times times = s->times, stored = {{PSC_NEVER}};
    int64_t ttl[PSC_TESTS];
    if (s->failed || s->is_denied || s->is_vetoed || !s->passed)
        return;
    /* another connection of this client may have passed something meanwhile */
    if (cache && psc_cache_find(cache, s->ends.client_address, &stored))
        psc_times_merge(&times, &stored);
    if ((s->todo & ~s->passed) == 0)
        log_info(NULL, "PASS %s " PSC_CLIENT_FMT, psc_times_is_new(&stored) ? "NEW" : "OLD",
                 PSC_CLIENT(s));
    memcpy(ttl, s->server->ttl, sizeof ttl);
    ttl[PSC_DNSBL] = s->dnsbl_ttl;
    if (s->is_vouched)
        psc_times_vouch(&times, wall_s() + s->dnsbl_ttl);
    else
        psc_times_pass(&times, s->todo & s->passed, wall_s(), ttl);
    psc_times_skip_disabled(&times, s->server->enabled);
    if (cache)
        psc_cache_put(cache, s->ends.client_address, &times);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static bool is_respectful(void)
{
    return postscreen_params.respectful_logging;
}

/* True: the list, or the cache, has settled it. */
static bool is_known(struct psc_session *s)
{
    struct psc_server *server = s->server;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    enum psc_verdict verdict = psc_access_find(server->access, s->ends.client_address, &problems);
    psc_server_warn(problems.s);
    if (verdict == PSC_ALLOW) {
        log_info(NULL, "%s " PSC_CLIENT_FMT, is_respectful() ? "ALLOWLISTED" : "WHITELISTED",
                 PSC_CLIENT(s));
        psc_handover_start(s);
        return true;
    }
    if (verdict == PSC_DENY) {
        static const char refusal[] = "5.3.2 Service currently unavailable";
        log_info(NULL, "%s " PSC_CLIENT_FMT, is_respectful() ? "DENYLISTED" : "BLACKLISTED",
                 PSC_CLIENT(s));
        if (server->deny_action == PSC_DROP) {
            CLEANUP(xfree_ptr) char *reply = xasprintf("521 %s", refusal);
            psc_session_drop(s, reply);
            return true;
        }
        s->is_denied = server->deny_action == PSC_ENFORCE;
        if (s->is_denied)
            s->refusal = xasprintf("550 %s", refusal);
    }
    bool has_record =
        server->cache && psc_cache_find(server->cache, s->ends.client_address, &s->times);
    s->todo = psc_times_todo(&s->times, server->enabled, wall_s());
    if (s->is_denied)
        return false;
    if (s->todo == 0) {
        if (has_record)
            log_info(NULL, "PASS OLD " PSC_CLIENT_FMT, PSC_CLIENT(s));
        psc_handover_start(s);
    }
    return s->todo == 0;
}

/* Is this one of our addresses where a client can be let in for the first time? */
static void look_at_interface(struct psc_session *s)
{
    struct err err = ERR_INIT;
    enum map_status status =
        match_list_find_host(s->server->allow_interfaces, NULL, s->ends.server_address, &err);
    if (status == MAP_FAILED)
        log_warn(NULL, "%s", err.reason);
    if (status == MAP_FOUND)
        return;
    s->is_vetoed = true;
    log_info(NULL, "%s VETO " PSC_CLIENT_FMT, is_respectful() ? "ALLOWLIST" : "WHITELIST",
             PSC_CLIENT(s));
}

/* True: there are limits that this client is over. */
static bool is_too_much(struct psc_session *s, size_t connections)
{
    const struct postscreen_params *p = &postscreen_params;
    int64_t limit = p->postscreen_client_connection_count_limit;
    if (limit > 0 && (int64_t)connections > limit) {
        log_info(NULL, "NOQUEUE: reject: CONNECT from " PSC_CLIENT_FMT ": too many connections",
                 PSC_CLIENT(s));
        psc_session_drop(s, "421 4.7.0 Error: too many connections");
        return true;
    }
    if ((int64_t)s->server->passed_count >= p->postscreen_post_queue_limit) {
        log_info(NULL, "NOQUEUE: reject: CONNECT from " PSC_CLIENT_FMT ": all server ports busy",
                 PSC_CLIENT(s));
        psc_session_drop(s, "421 4.3.2 All server ports are busy");
        return true;
    }
    return false;
}

void psc_session_start(struct psc_server *server, int fd, const struct haproxy_peers *ends)
{
    struct psc_session *s = xzalloc(sizeof *s);
    *s = (struct psc_session){.server = server, .fd = fd, .ends = *ends, .is_checked = true};
    s->phase_began_ms = clock_now_ms();
    s->dnsbl_ttl = server->ttl[PSC_DNSBL];
    log_info(NULL, "CONNECT from " PSC_CLIENT_FMT " to [%s]:%u", PSC_CLIENT(s),
             ends->server_address, ends->server_port);
    psc_server_check_begins(server);
    size_t connections = psc_client_count_add(server->clients, ends->client_address);
    if (is_too_much(s, connections) || is_known(s))
        return;
    look_at_interface(s);
    if ((int64_t)server->checked_count >= postscreen_params.postscreen_pre_queue_limit) {
        log_info(NULL, "reject: connect from " PSC_CLIENT_FMT ": all screening ports busy",
                 PSC_CLIENT(s));
        psc_session_drop(s, "421 4.3.2 All screening ports are busy");
        return;
    }
    psc_early_start(s);
}
