/*
 * psc_server: what all clients of the process share: settings, tables, the cache, counts. Set up
 * before the jail (tables) and after it (connections to other services).
 */
#ifndef POSTSCREEN_PSC_SERVER_H
#define POSTSCREEN_PSC_SERVER_H

#include "config/config.h"
#include "io/loop.h"
#include "map/maps.h"
#include "map/match_list.h"
#include "postscreen/psc_test.h"

struct psc_access;
struct psc_cache;
struct psc_client_count;
struct psc_dnsbl;
struct psc_sites;

enum psc_tls_level { PSC_TLS_NONE, PSC_TLS_MAY, PSC_TLS_ENCRYPT };

/* What depends on the load: with ordinary load, and with stress. */
struct psc_limits {
    int64_t greet_wait_ms, command_ms;
};

struct psc_server {
    struct config *cfg;
    struct loop *loop;

    struct psc_access *access;
    struct match_list *allow_interfaces, *forbidden_commands;
    struct maps *command_filter, *discard_maps, *reject_footers, *dnsbl_replies;
    struct psc_sites *sites;
    struct psc_cache *cache; /* NULL: closed, the process goes */

    enum psc_action actions[PSC_TESTS], deny_action;
    int64_t ttl[PSC_TESTS], min_ttl; /* of DNSBL: the longest */
    unsigned enabled;                /* tests */
    unsigned ehlo_discard;
    enum psc_tls_level tls_level;
    bool has_upstream; /* a load balancer tells who the client is */
    struct psc_limits limits[2];

    char *greeting;                            /* smtpd_banner */
    const char *reject_footer, *footer_filter; /* as written, with macros */
    char *dnsblog_path, *smtpd_path, *tlsproxy_path;
    struct psc_dnsbl *dnsbl;
    struct psc_client_count *clients;   /* by address */
    size_t checked_count, passed_count; /* under test; waiting for an SMTP server */
    bool is_stressed;
    void (*on_session_end)(void);
};

/* Problems that stop the service are fatal. */
void psc_server_open(struct psc_server *server, struct config *cfg);
void psc_server_start(struct psc_server *server, struct loop *loop);
/* Another process is about to write the cache: results of clients that are here are lost. */
void psc_server_let_cache_go(struct psc_server *server);
void psc_server_close(struct psc_server *server);
bool psc_server_has_stale_tables(struct psc_server *server);

/* A client comes under test, or is that no longer. */
void psc_server_check_begins(struct psc_server *server);
void psc_server_check_ends(struct psc_server *server);
const struct psc_limits *psc_server_limits(const struct psc_server *server);
/* Log lines of TEXT as warnings. */
void psc_server_warn(const char *text);

#endif
