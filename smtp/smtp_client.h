/*
 * smtp_client: what the process has: resolver, threads, tables, settings taken apart.
 */
#ifndef SMTP_SMTP_CLIENT_H
#define SMTP_SMTP_CLIENT_H

#include "base/argv.h"
#include "config/config.h"
#include "dns/dns.h"
#include "io/loop.h"
#include "io/work.h"
#include "ipc/client.h"
#include "mail/local_domains.h"
#include "map/maps.h"
#include "map/match_list.h"

/* of replies to EHLO, also those of smtp_discard_ehlo_keywords */
enum smtp_ehlo_keywords {
    SMTP_EHLO_8BITMIME = 1 << 0,
    SMTP_EHLO_PIPELINING = 1 << 1,
    SMTP_EHLO_SIZE = 1 << 2,
    SMTP_EHLO_DSN = 1 << 3,
    SMTP_EHLO_SMTPUTF8 = 1 << 4,
    SMTP_EHLO_XFORWARD = 1 << 5,
    SMTP_EHLO_AUTH = 1 << 6,
    SMTP_EHLO_STARTTLS = 1 << 7,
    SMTP_EHLO_CHUNKING = 1 << 8,
    SMTP_EHLO_ETRN = 1 << 9,
    SMTP_EHLO_VRFY = 1 << 10,
    SMTP_EHLO_ENHANCEDSTATUSCODES = 1 << 11,
    SMTP_EHLO_REQUIRETLS = 1 << 13,
    SMTP_EHLO_SILENT_DISCARD = 1 << 12, /* no keyword: discard without a log line */
};
enum smtp_pix { SMTP_PIX_DISABLE_ESMTP = 1 << 0, SMTP_PIX_DELAY_DOTCRLF = 1 << 1 };
enum smtp_host_lookups { SMTP_LOOKUP_DNS = 1 << 0, SMTP_LOOKUP_NATIVE = 1 << 1 };
/* flags=DORX of master.cf */
enum smtp_flags {
    SMTP_FLAG_DELIVERED_TO = 1 << 0,
    SMTP_FLAG_ORIGINAL_TO = 1 << 1,
    SMTP_FLAG_RETURN_PATH = 1 << 2,
    SMTP_FLAG_FINAL = 1 << 3,
};

struct smtp_client {
    bool is_lmtp;
    struct loop *loop;
    struct dns *dns;
    struct work_pool *pool;
    struct argv own_addresses;
    struct local_domains *local_domains; /* for generic_maps */
    struct argv known_ports;             /* "name=value" of known_tcp_ports */
    int port;                            /* smtp_tcp_port */
    bool use_mx, use_dnssec;
    unsigned host_lookup; /* enum smtp_host_lookups */
    bool use_ipv4, use_ipv6;
    int family_first; /* AF_INET, AF_INET6, or 0 */
    unsigned discard_ehlo, pix, flags;
    struct maps *discard_ehlo_maps, *pix_maps, *generic_maps, *dns_filter;
    struct match_list *cache_destinations;
    /* best_mx_transport taken apart; BEST_MX NULL: it is not set */
    struct client *best_mx;
    char *best_mx_transport, *best_mx_nexthop; /* nexthop NULL: the delivery's own */
    bool probe_until_data;                     /* smtp_address_verify_target */
};

extern struct smtp_client smtp_client;

void smtp_client_open(struct config *cfg); /* before the jail: tables and names */
void smtp_client_start(struct loop *loop); /* in the jail */
bool smtp_client_tables_changed(void);

/* "smtp", "25", a name in known_tcp_ports or in services(5); 0: unknown. */
int smtp_client_port(const char *text);
bool smtp_client_has_srv(const char *service); /* in use_srv_lookup, and there is DNS */

/* Words of a list as bits; FN is told of each unknown word. */
unsigned smtp_client_ehlo_words(const char *list);
unsigned smtp_client_pix_words(const char *list);

#endif
