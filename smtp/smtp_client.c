/* Settings and tables of the process. */
#include "smtp/smtp_client.h"

#include "base/num.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "mail/own_addresses.h"
#include "service/service.h"
#include "smtp/smtp_checks.h"
#include "smtp/smtp_dnssec.h"
#include "smtp/smtp_notice.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_replies.h"
#include "smtp/smtp_requiretls.h"
#include "smtp/smtp_sasl.h"
#include "smtp/smtp_tls.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

enum { LOOKUP_THREADS = 4, PORT_MAX = 65535, PORT_DEPTH_MAX = 10 };

struct smtp_client smtp_client;

enum resolver_options { RESOLVE_SHORT_NAMES = 1 << 0, RESOLVE_MORE_NAMES = 1 << 1 };

struct word {
    const char *text;
    unsigned bit;
};

// clang-format off
static const struct word ehlo_words[] = {
    {"8bitmime",   SMTP_EHLO_8BITMIME},   {"pipelining", SMTP_EHLO_PIPELINING},
    {"size",       SMTP_EHLO_SIZE},       {"dsn",        SMTP_EHLO_DSN},
    {"smtputf8",   SMTP_EHLO_SMTPUTF8},   {"xforward",   SMTP_EHLO_XFORWARD},
    {"auth",       SMTP_EHLO_AUTH},       {"starttls",   SMTP_EHLO_STARTTLS},
    {"chunking",   SMTP_EHLO_CHUNKING},   {"etrn",       SMTP_EHLO_ETRN},
    {"verp",       0},                    {"vrfy",       SMTP_EHLO_VRFY},
    {"xclient",    0},                    {"requiretls", SMTP_EHLO_REQUIRETLS},
    {"enhancedstatuscodes", SMTP_EHLO_ENHANCEDSTATUSCODES},
    {"silent-discard",      SMTP_EHLO_SILENT_DISCARD}, {0}};
static const struct word pix_words[] = {
    {"disable_esmtp", SMTP_PIX_DISABLE_ESMTP}, {"delay_dotcrlf", SMTP_PIX_DELAY_DOTCRLF}, {0}};
static const struct word lookup_words[] = {
    {"dns", SMTP_LOOKUP_DNS}, {"native", SMTP_LOOKUP_NATIVE}, {0}};
static const struct word resolver_words[] = {
    {"res_defnames", RESOLVE_SHORT_NAMES}, {"res_dnsrch", RESOLVE_MORE_NAMES}, {0}};
// clang-format on

/* An unknown word ends the process when it comes from main.cf (FATAL), is a warning when a table
 * has it. */
static unsigned words_parse(const char *title, const char *list, const struct word *words,
                            bool fatal)
{
    struct slice in = slice_of(list), item;
    unsigned bits = 0;
    while (slice_next_item(&in, &item)) {
        const struct word *w = words;
        while (w->text && !slice_eq_nocase(item, w->text))
            w++;
        bits |= w->bit;
        if (w->text)
            continue;
        if (fatal)
            log_fatal("%s: unknown word: %.*s", title, SLICE_ARG(item));
        log_warn(NULL, "%s: unknown word: %.*s", title, SLICE_ARG(item));
    }
    return bits;
}

unsigned smtp_client_ehlo_words(const char *list)
{
    return words_parse("EHLO keywords", list, ehlo_words, false);
}

unsigned smtp_client_pix_words(const char *list)
{
    return words_parse("PIX workarounds", list, pix_words, false);
}

static const char *known_port(const char *name)
{
    for (size_t i = 0; i < smtp_client.known_ports.count; i++) {
        struct slice key, value, entry = slice_of(smtp_client.known_ports.at[i]);
        /* "smtps=submissions=465" gives both names the value at the end */
        while (slice_split(entry, '=', &key, &value)) {
            if (slice_eq_nocase(key, name)) {
                const char *last = strrchr(smtp_client.known_ports.at[i], '=');
                return last + 1;
            }
            entry = value;
        }
    }
    return NULL;
}

int smtp_client_port(const char *text)
{
    int64_t number;
    for (int depth = 0; depth < PORT_DEPTH_MAX; depth++) {
        if (num_parse_i64(slice_of(text), &number))
            return number > 0 && number <= PORT_MAX ? (int)number : 0;
        const char *next = known_port(text);
        if (!next)
            break;
        text = next;
    }
    const struct servent *service = getservbyname(text, "tcp");
    return service ? ntohs((uint16_t)service->s_port) : 0;
}

bool smtp_client_has_srv(const char *service)
{
    struct slice in = slice_of(smtp_params.use_srv_lookup), item;
    while (smtp_client.host_lookup & SMTP_LOOKUP_DNS && slice_next_item(&in, &item))
        if (slice_eq_nocase(item, service))
            return true;
    return false;
}

static void open_protocols(struct smtp_client *c)
{
    struct slice in = slice_of(common_params.inet_protocols), item;
    while (slice_next_item(&in, &item)) {
        bool all = slice_eq_nocase(item, "all");
        c->use_ipv4 |= all || slice_eq_nocase(item, "ipv4");
        c->use_ipv6 |= all || slice_eq_nocase(item, "ipv6");
    }
    if (!c->use_ipv4 && !c->use_ipv6)
        log_fatal("bad value of inet_protocols: %s", common_params.inet_protocols);
    const char *first = smtp_params.smtp_address_preference;
    c->family_first = strcasecmp(first, "ipv4") == 0   ? AF_INET
                      : strcasecmp(first, "ipv6") == 0 ? AF_INET6
                                                       : 0;
    if (c->family_first == 0 && strcasecmp(first, "any") != 0)
        log_fatal("bad value of smtp_address_preference: %s", first);
}

static void open_lookups(struct smtp_client *c)
{
    const char *level = smtp_params.smtp_dns_support_level;
    bool is_disabled =
        *level ? strcasecmp(level, "disabled") == 0 : common_params.disable_dns_lookups;
    if (*level && !is_disabled && strcasecmp(level, "enabled") != 0 &&
        strcasecmp(level, "dnssec") != 0)
        log_fatal("bad value of smtp_dns_support_level: %s", level);
    c->use_dnssec = strcasecmp(level, "dnssec") == 0;
    c->use_mx = !is_disabled && !c->is_lmtp;
    c->host_lookup = is_disabled ? SMTP_LOOKUP_NATIVE
                                 : words_parse("smtp_host_lookup", smtp_params.smtp_host_lookup,
                                               lookup_words, true);
    struct err err = ERR_INIT;
    c->dns = dns_new(&err);
    if (!c->dns || (*smtp_params.valija_dns_servers &&
                    !dns_set_servers(c->dns, smtp_params.valija_dns_servers, &err)))
        log_fatal("%s", err.reason);
    unsigned search = words_parse("smtp_dns_resolver_options",
                                  smtp_params.smtp_dns_resolver_options, resolver_words, true);
    dns_set_search(c->dns, search & RESOLVE_SHORT_NAMES, search & RESOLVE_MORE_NAMES);
    if (c->use_dnssec)
        dns_ask_secure(c->dns);
    smtp_dnssec_open();
    if (!own_addresses_load(common_params.inet_interfaces, common_params.proxy_interfaces,
                            &c->own_addresses, &err))
        log_fatal("%s", err.reason);
    c->local_domains = local_domains_new(&err);
    if (!c->local_domains)
        log_fatal("%s", err.reason);
}

static void open_tables(struct smtp_client *c)
{
    const struct smtp_params *p = &smtp_params;
    c->discard_ehlo_maps = maps_open("smtp_discard_ehlo_keyword_address_maps",
                                     p->smtp_discard_ehlo_keyword_address_maps, MAP_READ);
    c->pix_maps = maps_open("smtp_pix_workaround_maps", p->smtp_pix_workaround_maps, MAP_READ);
    c->dns_filter = maps_open(c->is_lmtp ? "lmtp_dns_reply_filter" : "smtp_dns_reply_filter",
                              p->smtp_dns_reply_filter, MAP_READ);
    c->generic_maps = maps_open("smtp_generic_maps", p->smtp_generic_maps, MAP_FOLD);
    smtp_checks_open();
    smtp_replies_open();
    c->cache_destinations = match_list_new("smtp_connection_cache_destinations",
                                           p->smtp_connection_cache_destinations, MATCH_STRING, 0);
}

/* flags=DORX after the options in master.cf. */
static void open_arguments(struct smtp_client *c)
{
    static const struct word letters[] = {{"D", SMTP_FLAG_DELIVERED_TO},
                                          {"O", SMTP_FLAG_ORIGINAL_TO},
                                          {"R", SMTP_FLAG_RETURN_PATH},
                                          {"X", SMTP_FLAG_FINAL},
                                          {0}};
    for (char **arg = service_arguments(); arg && *arg; arg++) {
        if (strncmp(*arg, "flags=", strlen("flags=")) != 0)
            log_fatal("unknown attribute: %s", *arg);
        for (const char *c1 = *arg + strlen("flags="); *c1; c1++) {
            const char letter[2] = {*c1, 0};
            c->flags |= words_parse("flags", letter, letters, true);
        }
    }
}

void smtp_client_open(struct config *cfg)
{
    struct smtp_client *c = &smtp_client;
    argv_add_items(&c->known_ports, common_params.known_tcp_ports);
    c->port = smtp_client_port(smtp_params.smtp_tcp_port);
    if (c->port == 0)
        log_fatal("bad value of smtp_tcp_port: %s", smtp_params.smtp_tcp_port);
    open_protocols(c);
    open_lookups(c);
    open_tables(c);
    open_arguments(c);
    c->discard_ehlo = words_parse("smtp_discard_ehlo_keywords",
                                  smtp_params.smtp_discard_ehlo_keywords, ehlo_words, true);
    c->pix = words_parse("smtp_pix_workarounds", smtp_params.smtp_pix_workarounds, pix_words, true);
    const char *target = smtp_params.smtp_address_verify_target;
    c->probe_until_data = strcasecmp(target, "data") == 0;
    if (!c->probe_until_data && strcasecmp(target, "rcpt") != 0)
        log_fatal("bad value of smtp_address_verify_target: %s", target);
    if (strchr(smtp_params.best_mx_transport, '/'))
        log_fatal("bad value of best_mx_transport: %s", smtp_params.best_mx_transport);
    smtp_tls_open(cfg);
    smtp_requiretls_open();
    smtp_sasl_open();
    smtp_notice_open();
}

/* Mail whose best exchanger we are goes to this transport. A connection serves one order. */
static void start_best_mx(struct smtp_client *c)
{
    struct slice transport = slice_of(smtp_params.best_mx_transport), nexthop = SLICE_EMPTY;
    slice_split(slice_of(smtp_params.best_mx_transport), ':', &transport, &nexthop);
    if (*smtp_params.best_mx_transport == '\0')
        return;
    c->best_mx_transport = xasprintf("%.*s", SLICE_ARG(transport));
    c->best_mx_nexthop = nexthop.len > 0 ? xasprintf("%.*s", SLICE_ARG(nexthop)) : NULL;
    char *path = xasprintf("private/%s", c->best_mx_transport);
    const struct client_options options = {
        .path = path,
        .timeout_ms = common_params.daemon_timeout * 1000,
        .max_age_ms = common_params.ipc_ttl * 1000,
        .no_retry = true,
    };
    c->best_mx = client_new(c->loop, &options);
    free(path);
}

void smtp_client_start(struct loop *loop)
{
    smtp_client.loop = loop;
    start_best_mx(&smtp_client);
    dns_start(smtp_client.dns, loop);
    smtp_tls_start(loop);
    smtp_sasl_start(loop);
    smtp_notice_start(loop);
    smtp_client.pool = work_pool_new(loop, LOOKUP_THREADS);
}

bool smtp_client_tables_changed(void)
{
    const struct smtp_client *c = &smtp_client;
    return maps_have_changed(c->discard_ehlo_maps) || maps_have_changed(c->pix_maps) ||
           maps_have_changed(c->generic_maps) || maps_have_changed(c->dns_filter) ||
           smtp_checks_have_changed() || smtp_replies_have_changed() || smtp_tls_has_changed() ||
           smtp_sasl_has_changed() || smtp_notice_tables_changed() ||
           smtp_requiretls_has_changed() || local_domains_have_changed(c->local_domains) ||
           match_list_has_changed(c->cache_destinations);
}
