/* resolve_tables: the tables and parameters that resolve.c asks; private to lib/mail. */
#ifndef MAIL_RESOLVE_TABLES_H
#define MAIL_RESOLVE_TABLES_H

#include "mail/local_domains.h"
#include "mail/resolve.h"
#include "mail/rewrite.h"
#include "map/maps.h"
#include "map/match_list.h"

/* The parameters of one use: their names differ by the prefix address_verify_. */
struct resolve_route {
    struct maps *transports, *sender_relayhosts, *sender_transports;
    const char *local_transport, *virtual_transport, *relay_transport, *default_transport;
    const char *relayhost;
};

struct resolver {
    struct resolve_route routes[2]; /* by enum resolve_use */
    struct local_domains *local;
    struct match_list *virtual_alias, *virtual_mailbox, *relay;
    struct rewrite_rules rules;
    struct maps *relocated;
    unsigned transport_parent_keys; /* MAP_ADDR_DOT_PARENTS or MAP_ADDR_PARENTS */
    struct strbuf warnings;
};

#endif
