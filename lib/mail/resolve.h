/*
 * resolve: from a recipient to (transport, nexthop, recipient) and its address class.
 *
 * The tables are opened once by resolver_new() (before the jail) and asked in the process itself:
 * this is trivial-rewrite's work as a library. ADDRESS_REWRITING_README and trivial-rewrite(8) tell
 * the rules: address classes, transport_maps, relayhost, sender_dependent_*, default transports,
 * error: results, percent hack and bang paths resolved as the rules demand, [literal] domains.
 */
#ifndef MAIL_RESOLVE_H
#define MAIL_RESOLVE_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

struct resolver;

/* bit values, so that lists of classes can be kept */
enum resolve_class {
    RESOLVE_CLASS_LOCAL = 1 << 0,
    RESOLVE_CLASS_VIRTUAL_ALIAS = 1 << 1,
    RESOLVE_CLASS_VIRTUAL_MAILBOX = 1 << 2,
    RESOLVE_CLASS_RELAY = 1 << 3,
    RESOLVE_CLASS_DEFAULT = 1 << 4,
};
enum resolve_flags {
    RESOLVE_ROUTED = 1 << 0,      /* the local part still routes (user%domain@us, user@domain@us) */
    RESOLVE_BAD_ADDRESS = 1 << 1, /* malformed: bounce as "bad address syntax" */
};

struct resolve_reply { /* texts live in the arena given */
    const char *transport;
    const char *nexthop;
    const char *recipient;
    enum resolve_class address_class;
    unsigned flags;
};

/* Which parameters apply: the normal ones or the address_verify_* ones. */
enum resolve_use { RESOLVE_DELIVER, RESOLVE_VERIFY };

struct resolver *resolver_new(struct config *cfg, struct err *err);
void resolver_free(struct resolver *r);
bool resolver_has_changed(struct resolver *r); /* a table changed on disk */

/* SENDER for sender_dependent_*. False: temporary error with the reason (defer the mail). */
bool resolve_address(struct resolver *r, enum resolve_use use, const char *sender,
                     const char *address, struct arena *arena, struct resolve_reply *ret,
                     struct err *err);
/* What is odd about the parameters (a domain in two classes), one text a line, since the last call;
 * empty when nothing. */
const char *resolver_take_warnings(struct resolver *r, struct arena *arena);
/* Is DOMAIN local (mydestination, own [address])? MAP_FAILED-like errors give false and ERR. */
/* Lives as long as R. */
struct local_domains *resolver_local_domains(struct resolver *r);
bool resolver_domain_is_local(struct resolver *r, const char *domain, bool *ret, struct err *err);

#endif
