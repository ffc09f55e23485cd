/*
 * The order in which destinations and hosts are tried, and when a delivery ends.
 *
 * A recipient that a host refuses for now goes to the next host; only the last one that will be
 * tried (is_final) settles temporary failures. Each step that ends one attempt comes back to
 * delivery_continue() by way of the loop, which decides what is next.
 */
#include "smtp/smtp_delivery.h"

#include "base/text.h"
#include "config/common_params.h"
#include "delivery/delivery_pass.h"
#include "smtp/smtp_cache.h"
#include "smtp/smtp_generic.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_requiretls.h"
#include "smtp/smtp_send.h"
#include "smtp/smtp_tls.h"
#include "smtp/smtp_tls_dane.h"

#include <string.h>

enum { NEXTHOPS_FEW = 2, NEXTHOPS_MAX = 100 };

static void delivery_continue(void *owner);

static void go_on(struct smtp_delivery *d)
{
    loop_later(smtp_client.loop, &d->next);
}

const struct smtp_nexthop *smtp_delivery_nexthop(const struct smtp_delivery *d)
{
    return &d->nexthops[d->nexthop_at];
}

/* Give every recipient left the same outcome. */
static void settle_all(struct smtp_delivery *d, const struct smtp_why *why)
{
    d->is_final = true;
    d->tx_count = 0;
    smtp_outcome_fail(d, NULL, why);
}

static void delivery_done(struct smtp_delivery *d)
{
    smtp_hosts_cancel(d->lookup);
    smtp_tls_dane_cancel(d->dane_lookup);
    smtp_send_free(d->send);
    delivery_pass_cancel(d->passing);
    delivery_job_done(d->job); /* D lived in the job's arena */
}

/* Destinations */

static void add_nexthops(struct smtp_delivery *d, const char *list, bool is_fallback,
                         struct err *err)
{
    const struct smtp_nexthop_options options = {smtp_client.is_lmtp,       smtp_client.use_mx,
                                                 smtp_client.port,          smtp_client_port,
                                                 smtp_params.smtp_tcp_port, smtp_client_has_srv};
    struct slice in = slice_of(list), item;
    while (d->nexthop_count < NEXTHOPS_MAX && slice_next_item(&in, &item)) {
        if (d->nexthop_count == d->nexthop_room) {
            d->nexthop_room = MAX((size_t)NEXTHOPS_FEW, d->nexthop_room * 2);
            struct smtp_nexthop *more = arena_alloc(d->arena, d->nexthop_room * sizeof *more);
            if (d->nexthop_count > 0)
                memcpy(more, d->nexthops, d->nexthop_count * sizeof *more);
            d->nexthops = more;
        }
        struct smtp_nexthop *n = &d->nexthops[d->nexthop_count];
        if (!smtp_nexthop_parse(item, &options, d->arena, n, err)) {
            log_warn(&d->job->log, "%s", err->reason);
            continue;
        }
        n->is_fallback = is_fallback;
        d->nexthop_count++;
    }
}

static bool wants_cache(const struct smtp_delivery *d, int64_t flag)
{
    struct err err = ERR_INIT;
    const char *host = smtp_delivery_nexthop(d)->host;
    if (d->job->request.flags & DELIVERY_TRACE_ONLY)
        return false;
    if (smtp_params.smtp_connection_cache_on_demand && d->job->request.flags & flag)
        return true;
    return match_list_find(smtp_client.cache_destinations, host, &err) == MAP_FOUND;
}

static bool has_next_nexthop(const struct smtp_delivery *d)
{
    if (d->nexthop_at + 1 >= d->nexthop_count)
        return false;
    return !(d->hosts.we_are_mx && d->nexthops[d->nexthop_at + 1].is_fallback);
}

static void on_hosts(void *owner, const struct smtp_host_list *list, const char *dsn,
                     const struct err *err)
{
    struct smtp_delivery *d = owner;
    d->lookup = NULL;
    if (list) {
        d->hosts = *list;
    } else {
        bool loops = strcmp(dsn, "5.4.6") == 0;
        d->hosts = (struct smtp_host_list){.we_are_mx = loops || strcmp(dsn, "4.4.4") == 0,
                                           .we_are_best = loops};
        d->why = (struct smtp_why){.kind = err->kind == ERR_PERM ? ERR_PERM : ERR_TEMP,
                                   .dsn = arena_strdup(d->arena, dsn),
                                   .text = arena_strdup(d->arena, err->reason),
                                   .relay = "none",
                                   .is_destination = true};
    }
    d->host_at = 0;
    delivery_continue(d);
}

/* Sessions */

static void session_use(struct smtp_delivery *d, struct smtp_session *s)
{
    d->session = s;
    s->delivery = d;
    s->uses++;
    smtp_tls_log_reuse(s);
    smtp_proto_probe(s);
}

/* The session that a destination's last message left. */
static bool use_cached(struct smtp_delivery *d, const struct smtp_host *host)
{
    if (!wants_cache(d, DELIVERY_CONNECTION_LOAD))
        return false;
    struct smtp_session *s = smtp_cache_take(d, smtp_delivery_nexthop(d), host);
    if (!s)
        return false;
    d->cached_host = host != NULL;
    session_use(d, s);
    return true;
}

static void note_connect_failure(struct smtp_delivery *d, const struct smtp_host *host,
                                 const char *reason)
{
    const char *name = host->path ? common_params.myhostname : host->name;
    const char *text =
        host->path ? arena_printf(d->arena, "connect to %s[%s]: %s", name, host->path, reason)
                   : arena_printf(d->arena, "connect to %s[%s]:%d: %s", name, host->address_text,
                                  host->port, reason);
    log_info(NULL, "%s", text);
    d->why = (struct smtp_why){
        .kind = ERR_TEMP, .dsn = "4.4.1", .text = text, .relay = "none", .is_destination = true};
    go_on(d);
}

static void connect_host(struct smtp_delivery *d, const struct smtp_host *host)
{
    if (!d->is_tls_off && use_cached(d, host))
        return;
    struct err err = ERR_INIT;
    d->session = smtp_session_connect(host, smtp_delivery_nexthop(d)->text, d, &err);
    d->is_tls_off = false;
    if (!d->session) {
        /* the socket's own text names the path again */
        const char *reason = strrchr(err.reason, ':');
        note_connect_failure(d, host, host->path && reason ? reason + 2 : err.reason);
    }
}

void smtp_delivery_on_policy(struct smtp_delivery *d, bool is_found)
{
    if (is_found) {
        connect_host(d, d->policy_host);
        return;
    }
    d->is_tls_off = false;
    go_on(d);
}

static void connect_next(struct smtp_delivery *d)
{
    const struct smtp_host *host = &d->hosts.at[d->host_at++];
    enum smtp_tls_policy_found found = smtp_tls_find_policy(d, smtp_delivery_nexthop(d), host);
    if (found != SMTP_TLS_ASKED)
        smtp_delivery_on_policy(d, found == SMTP_TLS_FOUND);
}

static bool sessions_are_used_up(const struct smtp_delivery *d, size_t more)
{
    size_t limit = (size_t)smtp_params.smtp_mx_session_limit;
    return limit > 0 && d->session_count + more >= limit;
}

/* best_mx_transport: mail that would come back to us goes to another program. */

static void on_passed(void *owner, const struct err *err)
{
    struct smtp_delivery *d = owner;
    d->passing = NULL;
    if (err->kind != ERR_NONE) {
        const struct smtp_why why = {.kind = ERR_TEMP,
                                     .dsn = "4.3.0",
                                     .text = "mail transport unavailable",
                                     .relay = "none"};
        log_warn(&d->job->log, "%s", err->reason);
        settle_all(d, &why);
    }
    delivery_done(d);
}

static bool pass_on(struct smtp_delivery *d)
{
    const char *transport = smtp_client.best_mx_transport, *nexthop = smtp_client.best_mx_nexthop;
    if (!smtp_client.best_mx || !d->hosts.we_are_best)
        return false;
    for (size_t i = 0; i < d->rcpt_count; i++)
        if (d->rcpts[i].state == SMTP_RCPT_TODO)
            log_info(&d->job->log, "passing <%s> to transport=%s", d->rcpts[i].rcpt->address,
                     transport);
    log_flush(); /* our lines come before the other program's */
    d->passing = delivery_pass_start(d->job, smtp_client.best_mx, transport,
                                     nexthop ? nexthop : d->job->request.nexthop, on_passed, d);
    return true;
}

/* Decide what is next. No session belongs to the delivery now. */
static void delivery_continue(void *owner)
{
    struct smtp_delivery *d = owner;
    d->tx_count = 0;
    if (d->left == 0) {
        delivery_done(d);
        return;
    }
    if (!d->cache_was_asked) { /* a destination not yet looked up */
        d->cache_was_asked = true;
        d->is_final = false;
        if (use_cached(d, NULL))
            return;
    }
    if (!d->was_looked_up) {
        d->was_looked_up = true;
        d->lookup = smtp_hosts_find(smtp_delivery_nexthop(d), d->arena, on_hosts, d);
        return;
    }
    if (d->host_at < d->hosts.count && !sessions_are_used_up(d, 0)) {
        d->is_final = (d->host_at + 1 == d->hosts.count || sessions_are_used_up(d, 1)) &&
                      !has_next_nexthop(d);
        connect_next(d);
        return;
    }
    if (!has_next_nexthop(d)) {
        if (pass_on(d))
            return;
        settle_all(d, &d->why);
        delivery_done(d);
        return;
    }
    d->nexthop_at++;
    d->hosts = (struct smtp_host_list){0};
    d->host_at = d->session_count = 0;
    d->cache_was_asked = d->was_looked_up = d->is_tls_off = false;
    go_on(d);
}

void smtp_delivery_on_connect_failed(struct smtp_delivery *d, struct smtp_session *s,
                                     const char *reason)
{
    d->session = NULL;
    note_connect_failure(d, &d->hosts.at[d->host_at - 1], reason);
    smtp_session_free(s);
}

static void handshake_failed(struct smtp_delivery *d, struct smtp_session *s, enum smtp_end end)
{
    const struct smtp_why why = {.kind = ERR_TEMP,
                                 .dsn = "4.7.5",
                                 .text = "Cannot start TLS: handshake failure",
                                 .is_destination = true};
    if (end == SMTP_END_TIMEOUT)
        smtp_tls_timed_out(s);
    s->is_unusable = true; /* nothing sensible can be said on it */
    smtp_delivery_on_unfit(d, s, &why);
}

static void connection_lost(struct smtp_delivery *d, const struct smtp_session *s,
                            enum smtp_step step, enum smtp_end end)
{
    struct smtp_why why = {.kind = ERR_TEMP, .dsn = "4.4.2", .is_destination = true};
    why.text = arena_printf(d->arena,
                            end == SMTP_END_TIMEOUT ? "conversation with %s timed out while %s"
                                                    : "lost connection with %s while %s",
                            s->name, smtp_proto_doing(step));
    why.relay = arena_strdup(d->arena, s->relay);
    smtp_outcome_fail(d, NULL, &why);
    /* The recipients are the next host's already; the log says all the same how this one ended. */
    if (s->is_failed && !d->is_final && d->left > 0)
        log_info(&d->job->log, "%s", why.text);
}

void smtp_delivery_on_lost(struct smtp_delivery *d, struct smtp_session *s, enum smtp_end end)
{
    enum smtp_step step = s->recv;
    if (step == SMTP_STEP_BODY && smtp_send_is_complete(d->send))
        step = SMTP_STEP_DOT;
    smtp_send_free(d->send);
    d->send = NULL;
    if (smtp_tls_may_do_without(s)) { /* the same host again, in the clear */
        d->is_final = false;
        d->is_tls_off = true;
        d->host_at--;
    }
    if (step == SMTP_STEP_HANDSHAKE) {
        handshake_failed(d, s, end);
        return;
    }
    if (step == SMTP_STEP_PROBE) /* a kept session that is gone is no failure: connect anew */
        d->host_at -= d->cached_host;
    else
        connection_lost(d, s, step, end);
    d->session = NULL;
    smtp_session_free(s);
    go_on(d);
}

void smtp_delivery_on_unfit(struct smtp_delivery *d, struct smtp_session *s,
                            const struct smtp_why *why)
{
    struct smtp_why told = *why;
    told.relay = arena_strdup(d->arena, s->relay);
    if (told.server_name)
        told.server_name = arena_strdup(d->arena, told.server_name);
    smtp_outcome_fail(d, NULL, &told);
    d->session = NULL;
    smtp_session_quit(s);
    go_on(d);
}

void smtp_delivery_on_refused(struct smtp_delivery *d, struct smtp_session *s)
{
    struct smtp_why why;
    smtp_outcome_reply(d, s, s->recv, &why);
    if (s->recv == SMTP_STEP_GREETING && why.kind == ERR_PERM && smtp_params.smtp_skip_5xx_greeting)
        why.kind = ERR_TEMP; /* the enhanced code follows suit when it is settled */
    if (why.kind == ERR_TEMP)
        why.dsn = arena_printf(d->arena, "4%s", why.dsn + 1);
    why.text = arena_printf(d->arena, "host %s refused to talk to me: %s", s->name, why.reply);
    why.relay = arena_strdup(d->arena, s->relay);
    why.server_name = arena_strdup(d->arena, s->host.name);
    why.is_destination = true;
    smtp_outcome_fail(d, NULL, &why);
    d->session = NULL;
    smtp_session_quit(s);
    go_on(d);
}

void smtp_delivery_on_end(struct smtp_delivery *d, struct smtp_session *s, bool with_rset)
{
    smtp_send_free(d->send);
    d->send = NULL;
    d->session = NULL;
    s->delivery = NULL;
    /* the texts of a session that goes away must not stay in what is told of it */
    d->why.relay = d->why.relay ? arena_strdup(d->arena, d->why.relay) : NULL;
    d->why.server_name = d->why.server_name ? arena_strdup(d->arena, d->why.server_name) : NULL;
    if (wants_cache(d, DELIVERY_CONNECTION_STORE) && smtp_cache_may_keep(s))
        smtp_cache_put(s); /* the probe before its next use is a RSET */
    else if (with_rset && !s->is_unusable)
        smtp_proto_abort(s);
    else
        smtp_session_quit(s);
    go_on(d);
}

/* A session can take mail: does it take this one? */

static bool refuse_size(struct smtp_delivery *d, struct smtp_session *s)
{
    long long size = (long long)d->job->envelope->message_size;
    if (s->size_limit <= 0 || size <= s->size_limit)
        return false;
    struct smtp_why why = {.kind = ERR_PERM, .dsn = "5.3.4", .relay = s->relay};
    why.text = arena_printf(d->arena, "message size %lld exceeds size limit %lld of server %s",
                            size, (long long)s->size_limit, s->name);
    smtp_outcome_fail(d, NULL, &why);
    return true;
}

/* RFC 6531: addresses or headers in UTF-8 need a server that knows of it. */
static bool refuse_utf8(struct smtp_delivery *d, struct smtp_session *s)
{
    int64_t flags = d->job->envelope->smtputf8;
    bool is_needed = flags & (SMTPUTF8_HEADER | SMTPUTF8_SENDER); /* asked for, or found */
    bool may_be_needed = flags & (SMTPUTF8_REQUESTED | SMTPUTF8_RECIPIENT);
    for (size_t i = 0; i < d->rcpt_count; i++)
        if (may_be_needed && d->rcpts[i].state == SMTP_RCPT_TODO)
            is_needed |= !text_is_ascii(slice_of(d->rcpts[i].address));
    s->is_utf8 = (is_needed || flags & SMTPUTF8_REQUESTED) && s->features & SMTP_EHLO_SMTPUTF8;
    if (!is_needed || s->is_utf8)
        return false;
    struct smtp_why why = {.kind = ERR_PERM, .dsn = "5.6.7", .relay = s->relay};
    why.text =
        arena_printf(d->arena, "SMTPUTF8 is required, but was not offered by host %s", s->name);
    smtp_outcome_fail(d, NULL, &why);
    return true;
}

static bool refuse_requiretls(struct smtp_delivery *d, struct smtp_session *s)
{
    struct smtp_why why;
    if (smtp_requiretls_check(d, s, &why))
        return false;
    smtp_outcome_fail(d, NULL, &why);
    return true;
}

void smtp_delivery_on_ready(struct smtp_delivery *d, struct smtp_session *s)
{
    d->session_count++;
    d->job->connect_done_us = smtp_proto_wall_us();
    if (refuse_size(d, s) || refuse_utf8(d, s) || refuse_requiretls(d, s)) {
        smtp_delivery_on_end(d, s, false);
        return;
    }
    d->tx_count = d->accepted = 0;
    for (size_t i = 0; i < d->rcpt_count; i++)
        if (d->rcpts[i].state == SMTP_RCPT_TODO) {
            d->rcpts[i].state = SMTP_RCPT_LIVE;
            d->tx[d->tx_count++] = &d->rcpts[i];
        }
    smtp_proto_transaction(s);
}

void smtp_delivery_start(struct delivery_job *job)
{
    struct smtp_delivery *d = arena_zalloc(job->arena, sizeof *d);
    struct err err = ERR_INIT;
    job->program = d;
    d->job = job;
    d->arena = job->arena;
    d->next = (struct later){.fn = delivery_continue, .owner = d};
    d->rcpt_count = d->left = job->recipient_count;
    d->rcpts = arena_zalloc(d->arena, d->rcpt_count * sizeof *d->rcpts);
    d->tx = arena_zalloc(d->arena, d->rcpt_count * sizeof *d->tx);
    for (size_t i = 0; i < d->rcpt_count; i++)
        d->rcpts[i].rcpt = &job->recipients[i];
    struct smtp_why why = {.kind = ERR_TEMP, .dsn = "4.3.5", .relay = "none"};
    if (!smtp_generic_envelope(d, &err)) {
        why.dsn = "4.3.0";
        why.text = arena_strdup(d->arena, err.reason);
    } else {
        add_nexthops(d, job->request.nexthop, false, &err);
        add_nexthops(d, smtp_params.smtp_fallback_relay, true, &err);
        if (d->nexthop_count == 0)
            why.text = arena_printf(d->arena, "bad destination: %s", job->request.nexthop);
        else if (smtp_send_finds_loop(d, &why))
            why.kind = ERR_PERM;
    }
    if (why.text) {
        settle_all(d, &why);
        delivery_done(d);
        return;
    }
    delivery_continue(d);
}
