/* Set-up of what sessions share. */
#include "map/map_host.h"
#include "smtpd/smtpd_server.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "dns/dns.h"
#include "log/log.h"
#include "mail/own_addresses.h"
#include "mail/verify_client.h"
#include "sasl/auth_server.h"
#include "service/service_compat.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_ehlo.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_restrict_tls.h"
#include "smtpd/smtpd_restrictions.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_slots.h"
#include "smtpd/smtpd_tls.h"
#include "smtpd/smtpd_upstream.h"
#include "tls/tls_server.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LOOKUP_THREADS = 8, ANVIL_TIMEOUT_MS = 10 * 1000, VERIFY_TIMEOUT_MS = 30 * 1000 };

static enum smtpd_bare_lf parse_bare_lf(const char *text)
{
    static const struct {
        const char *word;
        enum smtpd_bare_lf value;
    } words[] = {{"no", SMTPD_BARE_LF_ALLOW},
                 {"yes", SMTPD_BARE_LF_NORMALIZE},
                 {"normalize", SMTPD_BARE_LF_NORMALIZE},
                 {"reject", SMTPD_BARE_LF_REJECT},
                 {"note", SMTPD_BARE_LF_NOTE}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcasecmp(words[i].word, text) == 0)
            return words[i].value;
    log_fatal("bad smtpd_forbid_bare_newline value: %s", text);
}

static unsigned parent_flag(const char *name)
{
    return map_host_parents_match(name) ? MATCH_PARENT : 0;
}

static struct maps *open_maps(const char *title, const char *list)
{
    return maps_open(title, list, MAP_FOLD);
}

/* local_header_rewrite_clients: a short list with words of its own. */
static void parse_header_clients(struct smtpd_server *server)
{
    struct slice rest = slice_of(smtpd_params.local_header_rewrite_clients), item;
    CLEANUP(strbuf_done) struct strbuf tables = STRBUF_ANY;
    while (slice_next_item(&rest, &item)) {
        if (slice_eq_nocase(item, "permit_inet_interfaces"))
            server->local_headers_interfaces = true;
        else if (slice_eq_nocase(item, "permit_mynetworks"))
            server->local_headers_networks = true;
        else if (slice_find(item, ':') != SIZE_MAX)
            strbuf_addf(&tables, " %.*s", SLICE_ARG(item));
        else if (slice_eq_nocase(item, "permit_tls_clientcerts"))
            server->local_headers_listed_certificates = true;
        else if (slice_eq_nocase(item, "permit_tls_all_clientcerts"))
            server->local_headers_certificates = true;
        else if (slice_eq_nocase(item, "permit_sasl_authenticated"))
            server->local_headers_logins = true;
        else if (!slice_eq_nocase(item, "check_address_map"))
            log_warn(NULL, "unknown restriction in local_header_rewrite_clients: \"%.*s\"",
                     SLICE_ARG(item));
    }
    server->local_header_maps = open_maps("local_header_rewrite_clients", tables.s);
}

static struct match_list *list_open(const char *title, const char *text, enum match_kind kind,
                                    unsigned flags)
{
    struct match_list *list = match_list_new(title, text, kind, flags);
    struct slice in = slice_of(match_list_warnings(list)), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    return list;
}

static void open_lists(struct smtpd_server *server)
{
    server->mynetworks = list_open("mynetworks", common_params.mynetworks, MATCH_HOST_ADDRESS,
                                   parent_flag("mynetworks"));
    server->flush_domains = list_open("fast_flush_domains", common_params.fast_flush_domains,
                                      MATCH_DOMAIN, parent_flag("fast_flush_domains"));
    server->limit_exceptions = list_open(
        "smtpd_client_event_limit_exceptions", smtpd_params.smtpd_client_event_limit_exceptions,
        MATCH_HOST_ADDRESS, parent_flag("smtpd_client_event_limit_exceptions"));
    server->bare_lf_exceptions = list_open("smtpd_forbid_bare_newline_exclusions",
                                           smtpd_params.smtpd_forbid_bare_newline_exclusions,
                                           MATCH_HOST_ADDRESS, MATCH_PARENT);
    server->forbidden_commands = list_open("smtpd_forbidden_commands",
                                           smtpd_params.smtpd_forbidden_commands, MATCH_STRING, 0);
    server->xclient_hosts =
        list_open("smtpd_authorized_xclient_hosts", smtpd_params.smtpd_authorized_xclient_hosts,
                  MATCH_HOST_ADDRESS, MATCH_PARENT);
    server->xforward_hosts =
        list_open("smtpd_authorized_xforward_hosts", smtpd_params.smtpd_authorized_xforward_hosts,
                  MATCH_HOST_ADDRESS, MATCH_PARENT);
    server->verp_clients =
        list_open("smtpd_authorized_verp_clients", smtpd_params.smtpd_authorized_verp_clients,
                  MATCH_HOST_ADDRESS, MATCH_PARENT);
    if (smtpd_params.smtpd_log_access_permit_actions[0])
        server->logged_permits =
            list_open("smtpd_log_access_permit_actions",
                      smtpd_params.smtpd_log_access_permit_actions, MATCH_STRING, 0);
    server->noop_commands =
        list_open("smtpd_noop_commands", smtpd_params.smtpd_noop_commands, MATCH_STRING, 0);
}

/* What restrictions need to ask the DNS, and to understand the answers. */
static void open_dns(struct smtpd_server *server)
{
    struct err err = ERR_INIT;
    static const struct {
        const char *protocols;
        int family;
    } rows[] = {{"ipv4", AF_INET}, {"ipv6", AF_INET6}};
    server->dns = dns_new(&err);
    if (!server->dns)
        log_fatal("%s", err.reason);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_eq_nocase(slice_trim(slice_of(common_params.inet_protocols)), rows[i].protocols))
            dns_set_host_family(server->dns, rows[i].family);
    if (!own_addresses_load(common_params.inet_interfaces, common_params.proxy_interfaces,
                            &server->own_addresses, &err))
        log_fatal("%s", err.reason);
    if (smtpd_params.permit_mx_backup_networks[0])
        server->mx_backup_networks =
            list_open("permit_mx_backup_networks", smtpd_params.permit_mx_backup_networks,
                      MATCH_HOST_ADDRESS, parent_flag("permit_mx_backup_networks"));
}

/* A temporary failure of a look-up defers now, or only what would be permitted. */
static void check_tempfail_actions(void)
{
    const struct {
        const char *name, *value;
    } rows[] = {
        {"reject_tempfail_action", smtpd_params.reject_tempfail_action},
        {"unknown_address_tempfail_action", smtpd_params.unknown_address_tempfail_action},
        {"unknown_helo_hostname_tempfail_action",
         smtpd_params.unknown_helo_hostname_tempfail_action},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcasecmp(rows[i].value, "defer") != 0 &&
            strcasecmp(rows[i].value, "defer_if_permit") != 0)
            log_fatal("bad configuration: %s = %s", rows[i].name, rows[i].value);
}

static void open_tables(struct smtpd_server *server)
{
    const struct common_params *c = &common_params;
    server->local_recipients = open_maps("local_recipient_maps", c->local_recipient_maps);
    server->relay_recipients = open_maps("relay_recipient_maps", c->relay_recipient_maps);
    server->virtual_mailboxes = open_maps("virtual_mailbox_maps", c->virtual_mailbox_maps);
    server->virtual_aliases = open_maps("virtual_alias_maps", c->virtual_alias_maps);
    server->canonical = open_maps("canonical_maps", c->canonical_maps);
    server->recipient_canonical =
        open_maps("recipient_canonical_maps", c->recipient_canonical_maps);
    server->sender_canonical = open_maps("sender_canonical_maps", c->sender_canonical_maps);
    server->command_filter =
        maps_open("smtpd_command_filter", smtpd_params.smtpd_command_filter, MAP_READ);
    server->reject_filter =
        maps_open("smtpd_reject_filter_maps", smtpd_params.smtpd_reject_filter_maps, MAP_READ);
    server->reject_footers =
        maps_open("smtpd_reject_footer_maps", smtpd_params.smtpd_reject_footer_maps, MAP_READ);
    server->dns_filter =
        maps_open("smtpd_dns_reply_filter", smtpd_params.smtpd_dns_reply_filter, MAP_READ);
    server->rbl_replies = open_maps("rbl_reply_maps", smtpd_params.rbl_reply_maps);
    server->login_owners =
        open_maps("smtpd_sender_login_maps", smtpd_params.smtpd_sender_login_maps);
    server->discard_maps = open_maps("smtpd_discard_ehlo_keyword_address_maps",
                                     smtpd_params.smtpd_discard_ehlo_keyword_address_maps);
    server->relay_clientcerts = open_maps("relay_clientcerts", smtpd_params.relay_clientcerts);
}

static char *text_of(struct config *cfg, const char *name)
{
    struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!config_get_text(cfg, name, "", &value, &err))
        log_fatal("%s", err.reason);
    return strbuf_take(&value);
}

void smtpd_server_open(struct smtpd_server *server, struct config *cfg)
{
    struct err err = ERR_INIT;
    server->cfg = cfg;
    server->slots = smtpd_slots_new();
    server->rewrite = rewrite_rules_from_params();
    server->bare_lf = parse_bare_lf(smtpd_params.smtpd_forbid_bare_newline);
    server->ehlo_discard =
        smtpd_ehlo_parse("smtpd_discard_ehlo_keywords", smtpd_params.smtpd_discard_ehlo_keywords);
    open_lists(server);
    open_tables(server);
    parse_header_clients(server);
    open_dns(server);
    check_tempfail_actions();
    server->resolver = resolver_new(cfg, &err);
    if (!server->resolver)
        log_fatal("%s", err.reason);
    server->restrictions = smtpd_restrictions_new(cfg);
    server->stress = text_of(cfg, "stress");
    smtpd_compat_open(&server->compat, cfg);
    service_compat_watch(&server->rewrite, cfg);
    if (server->compat.relay_restrictions)
        smtpd_restrictions_watch_relay(server->restrictions);
    else if (!smtpd_restrictions_are_closed(server->restrictions))
        log_fatal("in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify "
                  "at least one working instance of: reject_unauth_destination, "
                  "defer_unauth_destination, reject, defer, defer_if_permit or "
                  "check_relay_domains");
    smtpd_tls_open(server);
    smtpd_upstream_open(server);
    smtpd_auth_open(server);
    smtpd_proxy_configure(server);
    smtpd_milter_open(server);
    smtpd_notice_open(server);
}

void smtpd_server_start(struct smtpd_server *server, struct loop *loop)
{
    server->loop = loop;
    dns_start(server->dns, loop);
    server->pool = work_pool_new(loop, LOOKUP_THREADS);
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_setf(&path, "public/%s", common_params.cleanup_service_name);
    server->cleanup = cleanup_client_new(loop, path.s, common_params.ipc_timeout * 1000);
    if (server->auth)
        auth_server_start(server->auth, loop, server->pool);
    server->anvil = anvil_client_new(loop, "private/anvil", ANVIL_TIMEOUT_MS);
    strbuf_setf(&path, "public/%s", common_params.flush_service_name);
    server->flush =
        flush_client_new(loop, path.s, common_params.ipc_timeout * 1000, server->flush_domains);
    smtpd_tls_start(server);
    server->verify = verify_client_new(loop, (struct client_options){
                                                 .timeout_ms = VERIFY_TIMEOUT_MS,
                                                 .max_idle = 1,
                                                 .max_idle_ms = common_params.ipc_idle * 1000,
                                                 .max_age_ms = common_params.ipc_ttl * 1000,
                                             });
}

enum { TABLES = 18 };

static void tables_of(const struct smtpd_server *server, struct maps *ret[TABLES])
{
    struct maps *all[] = {
        server->local_recipients,  server->relay_recipients,  server->virtual_mailboxes,
        server->virtual_aliases,   server->canonical,         server->recipient_canonical,
        server->sender_canonical,  server->command_filter,    server->discard_maps,
        server->local_header_maps, server->reject_footers,    server->sni_maps,
        server->tls_loglevels,     server->relay_clientcerts, server->reject_filter,
        server->dns_filter,        server->rbl_replies,       server->login_owners};
    _Static_assert(COUNT_OF(all) == TABLES, "one of the two was changed");
    memcpy(ret, all, sizeof all);
}

void smtpd_server_close(struct smtpd_server *server)
{
    struct maps *maps[TABLES];
    struct match_list *lists[] = {
        server->mynetworks,         server->flush_domains,      server->limit_exceptions,
        server->bare_lf_exceptions, server->forbidden_commands, server->noop_commands,
        server->xclient_hosts,      server->xforward_hosts,     server->verp_clients};
    smtpd_auth_close(server);
    dns_free(server->dns);
    argv_done(&server->own_addresses);
    match_list_free(server->mx_backup_networks);
    match_list_free(server->logged_permits);
    match_list_free(server->debug_peers);
    work_pool_free(server->pool);
    anvil_client_free(server->anvil);
    client_free(server->verify);
    flush_client_free(server->flush);
    cleanup_client_free(server->cleanup);
    smtpd_compat_close(&server->compat);
    smtpd_restrictions_free(server->restrictions);
    resolver_free(server->resolver);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        match_list_free(lists[i]);
    tls_server_free(server->tls);
    tables_of(server, maps);
    for (size_t i = 0; i < TABLES; i++)
        maps_close(maps[i]);
    smtpd_milter_close(server);
    smtpd_slots_free(server->slots);
    free(server->stress);
    free(server->proxy);
    *server = (struct smtpd_server){0};
}

bool smtpd_server_has_stale_tables(struct smtpd_server *server)
{
    struct maps *maps[TABLES];
    tables_of(server, maps);
    for (size_t i = 0; i < TABLES; i++)
        if (maps_have_changed(maps[i]))
            return true;
    return maps_have_changed(server->milter_maps) || match_list_has_changed(server->mynetworks) ||
           resolver_has_changed(server->resolver) ||
           smtpd_restrictions_are_stale(server->restrictions) || smtpd_auth_is_stale(server);
}

bool smtpd_server_list_has(struct match_list *list, const struct smtpd_session *s)
{
    struct err err = ERR_INIT;
    enum map_status status = match_list_find_host(list, s->peer.name, s->peer.address, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

static bool has_local_headers(struct smtpd_session *s)
{
    struct smtpd_server *server = s->server;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    if (server->local_headers_certificates && smtpd_tls_is_trusted(s))
        return true;
    if (server->local_headers_listed_certificates && smtpd_tls_is_listed(s, &err) == MAP_FOUND)
        return true;
    if (server->local_headers_interfaces && smtpd_peer_is_own_address(s))
        return true;
    if (server->local_headers_logins && s->login)
        return true;
    if (server->local_headers_networks && smtpd_server_list_has(server->mynetworks, s))
        return true;
    enum map_status status =
        maps_find(server->local_header_maps, s->peer.address, MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

void smtpd_server_classify(struct smtpd_session *s)
{
    s->flags &= ~(unsigned)(SMTPD_SESSION_LOCAL_HEADERS | SMTPD_SESSION_STRICT_LF);
    if (has_local_headers(s))
        s->flags |= SMTPD_SESSION_LOCAL_HEADERS;
    if (s->server->bare_lf != SMTPD_BARE_LF_ALLOW &&
        !smtpd_server_list_has(s->server->bare_lf_exceptions, s))
        s->flags |= SMTPD_SESSION_STRICT_LF;
}
