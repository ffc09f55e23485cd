#include "postscreen/psc_server.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "map/map_host.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_access.h"
#include "postscreen/psc_cache.h"
#include "postscreen/psc_client_count.h"
#include "postscreen/psc_dnsbl.h"
#include "postscreen/psc_ehlo.h"
#include "postscreen/psc_sites.h"
#include "postscreen/psc_upstream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void psc_server_warn(const char *text)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

/* --- settings --------------------------------------------------------------------------------- */

static enum psc_action action_of(const char *name, const char *text)
{
    enum psc_action action;
    if (!psc_action_parse(text, &action))
        log_fatal("bad %s value: %s", name, text);
    return action;
}

static void load_tests(struct psc_server *server)
{
    const struct postscreen_params *p = &postscreen_params;
    const struct {
        const char *name, *action;
        bool is_enabled;
        int64_t ttl;
    } tests[PSC_TESTS] = {
        [PSC_PREGREET] = {"postscreen_greet_action", p->postscreen_greet_action,
                          p->postscreen_greet_banner[0] != '\0', p->postscreen_greet_ttl},
        [PSC_DNSBL] = {"postscreen_dnsbl_action", p->postscreen_dnsbl_action,
                       psc_sites_count(server->sites) > 0, p->postscreen_dnsbl_max_ttl},
        [PSC_PIPELINING] = {"postscreen_pipelining_action", p->postscreen_pipelining_action,
                            p->postscreen_pipelining_enable, p->postscreen_pipelining_ttl},
        [PSC_NON_SMTP] = {"postscreen_non_smtp_command_action",
                          p->postscreen_non_smtp_command_action,
                          p->postscreen_non_smtp_command_enable,
                          p->postscreen_non_smtp_command_ttl},
        [PSC_BARE_NEWLINE] = {"postscreen_bare_newline_action", p->postscreen_bare_newline_action,
                              p->postscreen_bare_newline_enable, p->postscreen_bare_newline_ttl},
    };
    server->min_ttl = p->postscreen_dnsbl_min_ttl;
    for (int i = 0; i < PSC_TESTS; i++) {
        server->actions[i] = action_of(tests[i].name, tests[i].action);
        server->ttl[i] = tests[i].ttl;
        server->min_ttl = MIN(server->min_ttl, tests[i].ttl);
        if (tests[i].is_enabled)
            server->enabled |= 1u << i;
    }
    server->deny_action = action_of("postscreen_denylist_action", p->postscreen_denylist_action);
}

static enum psc_tls_level tls_level(void)
{
    static const char *const levels[] = {"none", "may", "encrypt"};
    static const char *const of_clients[] = {"fingerprint", "half-dane", "dane",
                                             "dane-only",   "verify",    "secure"};
    const char *text = postscreen_params.postscreen_tls_security_level;
    if (!*text)
        return postscreen_params.postscreen_enforce_tls ? PSC_TLS_ENCRYPT
               : postscreen_params.postscreen_use_tls   ? PSC_TLS_MAY
                                                        : PSC_TLS_NONE;
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (strcasecmp(levels[i], text) == 0)
            return (enum psc_tls_level)i;
    for (size_t i = 0; i < COUNT_OF(of_clients); i++)
        if (strcasecmp(of_clients[i], text) == 0) {
            log_warn(NULL,
                     "postscreen_tls_security_level: unsupported TLS level \"%s\", using "
                     "\"encrypt\"",
                     text);
            return PSC_TLS_ENCRYPT;
        }
    log_fatal("Invalid TLS level \"%s\"", text);
}

/* The same parameters as they are with "stress" set: master does not start us anew for it. */
static void load_limits(struct psc_server *server)
{
    const struct postscreen_params *p = &postscreen_params;
    static struct postscreen_params stressed;
    struct err err = ERR_INIT;
    server->limits[0] = (struct psc_limits){p->postscreen_greet_wait * 1000,
                                            p->postscreen_command_time_limit * 1000};
    config_override(server->cfg, "stress", "yes");
    if (!params_load(server->cfg, postscreen_param_rows, &stressed, &err))
        log_fatal("%s", err.reason);
    config_override(server->cfg, "stress", "");
    server->limits[1] = (struct psc_limits){stressed.postscreen_greet_wait * 1000,
                                            stressed.postscreen_command_time_limit * 1000};
    params_done(postscreen_param_rows, &stressed);
}

/* --- tables ----------------------------------------------------------------------------------- */

static struct match_list *list_open(const char *title, const char *text, enum match_kind kind)
{
    struct match_list *list = match_list_new(title, text, kind, 0);
    psc_server_warn(match_list_warnings(list));
    return list;
}

static void open_tables(struct psc_server *server)
{
    const struct postscreen_params *p = &postscreen_params;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    server->access = psc_access_new(p->postscreen_access_list, common_params.mynetworks, &problems);
    psc_server_warn(problems.s);
    server->allow_interfaces = list_open("postscreen_allowlist_interfaces",
                                         p->postscreen_allowlist_interfaces, MATCH_HOST_ADDRESS);
    server->forbidden_commands =
        list_open("postscreen_forbidden_commands", p->postscreen_forbidden_commands, MATCH_STRING);
    server->command_filter =
        maps_open("postscreen_command_filter", p->postscreen_command_filter, MAP_READ);
    server->discard_maps = maps_open("postscreen_discard_ehlo_keyword_address_maps",
                                     p->postscreen_discard_ehlo_keyword_address_maps, MAP_FOLD);
    server->reject_footers =
        maps_open("postscreen_reject_footer_maps", p->postscreen_reject_footer_maps, MAP_READ);
    server->dnsbl_replies =
        maps_open("postscreen_dnsbl_reply_map", p->postscreen_dnsbl_reply_map, MAP_FOLD);
}

/* A value that is expanded only when it is used, and names another one by default. */
static const char *raw_value(const struct config *cfg, const char *value)
{
    const char *other = value[0] == '$' ? config_raw(cfg, value + 1) : NULL;
    return other ? other : value;
}

void psc_server_open(struct psc_server *server, struct config *cfg)
{
    const struct postscreen_params *p = &postscreen_params;
    struct err err = ERR_INIT;
    server->cfg = cfg;
    server->sites = psc_sites_parse(p->postscreen_dnsbl_sites, &err);
    if (!server->sites)
        log_fatal("%s", err.reason);
    load_tests(server);
    load_limits(server);
    server->tls_level = tls_level();
    server->has_upstream = psc_upstream_is_set();
    server->ehlo_discard =
        psc_ehlo_parse("postscreen_discard_ehlo_keywords", p->postscreen_discard_ehlo_keywords);
    open_tables(server);
    CLEANUP(strbuf_done) struct strbuf banner = STRBUF_ANY;
    if (!config_get_text(cfg, "smtpd_banner", "$myhostname ESMTP $mail_name", &banner, &err))
        log_fatal("%s", err.reason);
    server->greeting = strbuf_take(&banner);
    server->reject_footer = raw_value(cfg, p->postscreen_reject_footer);
    server->footer_filter = raw_value(cfg, p->postscreen_expansion_filter);
    server->dnsblog_path = xasprintf("private/%s", p->dnsblog_service_name);
    server->smtpd_path = xasprintf("private/%s", p->smtpd_service_name);
    server->tlsproxy_path = xasprintf("private/%s", p->tlsproxy_service_name);
    server->clients = psc_client_count_new();
    server->cache = psc_cache_open(p->postscreen_cache_map, &err);
    if (!server->cache)
        log_fatal("%s", err.reason);
}

void psc_server_start(struct psc_server *server, struct loop *loop)
{
    const struct postscreen_params *p = &postscreen_params;
    server->loop = loop;
    psc_cache_start(server->cache, loop, p->postscreen_cache_cleanup_interval,
                    p->postscreen_cache_retention_time);
    if (server->enabled & 1u << PSC_DNSBL)
        server->dnsbl = psc_dnsbl_new(loop, server->dnsblog_path, server->sites,
                                      p->postscreen_dnsbl_timeout * 1000);
}

void psc_server_let_cache_go(struct psc_server *server)
{
    psc_cache_close(server->cache);
    server->cache = NULL;
}

void psc_server_close(struct psc_server *server)
{
    psc_server_let_cache_go(server);
    psc_dnsbl_free(server->dnsbl);
    psc_access_free(server->access);
    match_list_free(server->allow_interfaces);
    match_list_free(server->forbidden_commands);
    maps_close(server->command_filter);
    maps_close(server->discard_maps);
    maps_close(server->reject_footers);
    maps_close(server->dnsbl_replies);
    psc_sites_free(server->sites);
    psc_client_count_free(server->clients);
    free(server->greeting);
    free(server->dnsblog_path);
    free(server->smtpd_path);
    free(server->tlsproxy_path);
    *server = (struct psc_server){0};
}

bool psc_server_has_stale_tables(struct psc_server *server)
{
    return psc_access_has_changed(server->access) ||
           match_list_has_changed(server->allow_interfaces) ||
           match_list_has_changed(server->forbidden_commands) ||
           maps_have_changed(server->command_filter) || maps_have_changed(server->discard_maps) ||
           maps_have_changed(server->reject_footers) || maps_have_changed(server->dnsbl_replies);
}

/* --- load ------------------------------------------------------------------------------------- */

/* Stress begins at 90 % of postscreen_pre_queue_limit and ends below 70 %. */
static void look_at_load(struct psc_server *server)
{
    size_t limit = (size_t)postscreen_params.postscreen_pre_queue_limit;
    size_t high = limit * 9 / 10, low = limit * 7 / 10;
    bool begins = !server->is_stressed && server->checked_count >= high;
    bool ends = server->is_stressed && server->checked_count <= low;
    if (!begins && !ends)
        return;
    server->is_stressed = begins;
    log_info(NULL, "%s STRESS mode with %zu connections", begins ? "entering" : "leaving",
             server->checked_count);
}

void psc_server_check_begins(struct psc_server *server)
{
    server->checked_count++;
    look_at_load(server);
}

void psc_server_check_ends(struct psc_server *server)
{
    server->checked_count--;
    look_at_load(server);
}

const struct psc_limits *psc_server_limits(const struct psc_server *server)
{
    return &server->limits[server->is_stressed];
}
