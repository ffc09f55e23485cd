/*
 * smtpd_server: what all sessions of the process share: tables, lists, compiled restrictions,
 * clients of other services. Set up before the jail (tables) and after it (connections).
 */
#ifndef SMTPD_SMTPD_SERVER_H
#define SMTPD_SMTPD_SERVER_H

#include "base/argv.h"
#include "config/config.h"
#include "io/loop.h"
#include "io/work.h"
#include "mail/anvil_client.h"
#include "mail/cleanup_client.h"
#include "mail/flush_client.h"
#include "mail/resolve.h"
#include "mail/rewrite.h"
#include "map/map_address.h"
#include "map/maps.h"
#include "map/match_list.h"
#include "milter/milter_spec.h"
#include "smtpd/smtpd_compat.h"

struct dns;
struct smtpd_restriction_set;
struct smtpd_session;
struct tls_server;
struct auth_server;

enum smtpd_bare_lf {
    SMTPD_BARE_LF_ALLOW,
    SMTPD_BARE_LF_NORMALIZE,
    SMTPD_BARE_LF_REJECT,
    SMTPD_BARE_LF_NOTE
};

enum smtpd_tls_level { SMTPD_TLS_NONE, SMTPD_TLS_MAY, SMTPD_TLS_ENCRYPT };

struct smtpd_server {
    struct config *cfg;
    struct loop *loop;
    char *stress;        /* "yes" or "" */
    const char *service; /* "smtp", in anvil's counts */

    struct match_list *mynetworks, *flush_domains;
    struct match_list *limit_exceptions, *forbidden_commands, *noop_commands, *bare_lf_exceptions;
    struct match_list *xclient_hosts, *xforward_hosts, *verp_clients;
    struct maps *command_filter, *discard_maps, *local_header_maps; /* check_address_map */
    struct maps *reject_filter, *reject_footers;
    struct maps *dns_filter, *rbl_replies, *login_owners;
    struct match_list *mx_backup_networks; /* NULL: permit_mx_backup_networks is empty */
    unsigned notice_classes;               /* of notify_classes, what sessions may tell */
    struct match_list *debug_peers;        /* NULL: debug_peer_list is empty */
    struct match_list *logged_permits;     /* NULL: smtpd_log_access_permit_actions is empty */
    struct argv own_addresses;             /* inet_interfaces and proxy_interfaces */
    struct milter_specs milters;           /* smtpd_milters */
    struct maps *milter_maps;              /* others for some clients */
    struct maps *local_recipients, *relay_recipients, *virtual_mailboxes, *virtual_aliases;
    struct maps *canonical, *recipient_canonical, *sender_canonical;
    bool local_headers_interfaces; /* local_header_rewrite_clients: permit_inet_interfaces */
    bool local_headers_networks;   /* permit_mynetworks */
    bool local_headers_listed_certificates, local_headers_certificates; /* permit_tls_* */
    bool local_headers_logins; /* permit_sasl_authenticated */
    struct resolver *resolver;
    struct rewrite_rules rewrite;
    struct smtpd_compat compat;
    struct smtpd_restriction_set *restrictions;
    unsigned ehlo_discard;
    bool ehlo_discard_silent;
    enum smtpd_bare_lf bare_lf;

    struct tls_server *tls; /* NULL: not offered */
    enum smtpd_tls_level tls_level;
    bool tls_wrapped, tls_needs_certificate;
    bool has_upstream; /* smtpd_upstream_proxy_protocol */
    int tls_loglevel;
    struct maps *tls_loglevels; /* smtpd_tls_loglevel_maps */
    struct maps *sni_maps;      /* tls_server_sni_maps */
    struct maps *relay_clientcerts;

    char *proxy;        /* smtpd_proxy_filter as an endpoint of connect.h; NULL: none */
    bool proxy_is_late; /* speed_adjust */

    struct auth_server *auth; /* NULL: nobody can log in */
    unsigned auth_policy, auth_tls_policy;
    struct match_list *auth_filter, *auth_exceptions;

    struct cleanup_client *cleanup;
    struct anvil_client *anvil;
    struct flush_client *flush;
    struct dns *dns;
    struct client *verify;
    struct work_pool *pool;    /* name look-ups */
    struct smtpd_slots *slots; /* session numbers of log lines */
    void (*on_session_end)(void);
};

/* Open tables and compile lists; problems that stop the service are fatal. */
void smtpd_server_open(struct smtpd_server *server, struct config *cfg);
/* Connections to other services. */
void smtpd_server_start(struct smtpd_server *server, struct loop *loop);
void smtpd_server_close(struct smtpd_server *server);
bool smtpd_server_has_stale_tables(struct smtpd_server *server);

/* Numbers for log tags: the lowest that no open session has. */
uint32_t smtpd_slot_take(struct smtpd_server *server);
void smtpd_slot_set_owner(struct smtpd_server *server, uint32_t slot, struct smtpd_session *s);
/* NULL: nobody has that number. */
struct smtpd_session *smtpd_slot_owner(struct smtpd_server *server, uint32_t slot);
void smtpd_slot_give(struct smtpd_server *server, uint32_t slot);

/* Is this client in LIST? A list that cannot be asked has nobody in it. */
bool smtpd_server_list_has(struct match_list *list, const struct smtpd_session *s);
/* What this client's address means: whose headers are completed, who may send bare LF. */
void smtpd_server_classify(struct smtpd_session *s);

#endif
