/*
 * map_address: the search order of keys for an address (tables.tsv of the manual pages:
 * canonical(5), virtual(5), transport(5), access(5), ...).
 */
#ifndef MAP_MAP_ADDRESS_H
#define MAP_MAP_ADDRESS_H

#include "map/maps.h"

enum map_address_keys {
    MAP_ADDR_FULL_EXT = 1 << 0,    /* user+ext@domain */
    MAP_ADDR_FULL = 1 << 1,        /* user@domain */
    MAP_ADDR_LOCAL_EXT = 1 << 2,   /* user+ext, only when the domain is local (IS_LOCAL) */
    MAP_ADDR_LOCAL = 1 << 3,       /* user, likewise */
    MAP_ADDR_AT_DOMAIN = 1 << 4,   /* @domain */
    MAP_ADDR_DOMAIN = 1 << 5,      /* domain */
    MAP_ADDR_DOT_PARENTS = 1 << 6, /* .parent of each parent domain */
    MAP_ADDR_PARENTS = 1 << 7,     /* parent */
    MAP_ADDR_LOCAL_AT = 1 << 8,    /* user+ext@ and user@ (access tables) */
    MAP_ADDR_QUOTED = 1 << 9,      /* a local part that needs quotes only with them */
};
#define MAP_ADDR_CANONICAL                                                                         \
    (MAP_ADDR_FULL_EXT | MAP_ADDR_FULL | MAP_ADDR_LOCAL_EXT | MAP_ADDR_LOCAL | MAP_ADDR_AT_DOMAIN)
/* for tables whose result is an address in the place of the key: canonical, virtual, generic */
#define MAP_ADDR_REWRITE (MAP_ADDR_CANONICAL | MAP_ADDR_QUOTED)
#define MAP_ADDR_MAILBOX (MAP_ADDR_FULL_EXT | MAP_ADDR_FULL | MAP_ADDR_AT_DOMAIN)
/* with one of the PARENTS, see map_address_parents() */
#define MAP_ADDR_TRANSPORT (MAP_ADDR_FULL_EXT | MAP_ADDR_FULL | MAP_ADDR_DOMAIN)
#define MAP_ADDR_ACCESS    (MAP_ADDR_TRANSPORT | MAP_ADDR_LOCAL_AT)

/* MAP_ADDR_PARENTS when parent_domain_matches_subdomains names TITLE, else MAP_ADDR_DOT_PARENTS. */
unsigned map_address_parents(const char *title);

struct map_address_query {
    const char *address;             /* internal form */
    unsigned keys;                   /* enum map_address_keys */
    const char *recipient_delimiter; /* set of characters; empty: no extensions */
    /* is DOMAIN myorigin, in mydestination, or an own [address]? May be NULL (nothing is local). */
    bool (*is_local)(void *ctx, const char *domain);
    void *ctx;
};

/* Search MAPS with each key in turn. A local part that needs quotes is looked up as it is written
 * in mail ("a b"@example.com), then bare (unless MAP_ADDR_QUOTED); pattern tables see the first key
 * only. RET_EXTENSION (may be NULL) receives the extension, with its delimiter, that the matching
 * key left out ("" when none), for propagate_unmatched_extensions. RET_KEY_IS_DOMAIN (may be NULL):
 * an @domain key matched. */
enum map_status map_address_find(struct maps *maps, const struct map_address_query *query,
                                 struct strbuf *value, struct strbuf *ret_extension,
                                 bool *ret_key_is_domain, struct err *err);

/* Split "user+ext" at the first delimiter character that is not the first character;
 * owner-NAME, NAME-request and mailer-daemon are never split at "-". False: no extension.
 * RET_EXTENSION is without the delimiter, which is the byte before it. */
bool map_address_split_extension(struct slice local_part, const char *recipient_delimiter,
                                 struct slice *ret_user, struct slice *ret_extension);

#endif
