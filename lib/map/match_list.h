/*
 * match_list: lists of patterns such as mydestination, mynetworks, relay_domains: names, networks,
 * !exclusions, /files and type:tables; the first pattern that matches decides.
 */
#ifndef MAP_MATCH_LIST_H
#define MAP_MATCH_LIST_H

#include "map/map.h"

struct match_list;

enum match_kind {
    MATCH_STRING,       /* the whole string, case-insensitive */
    MATCH_DOMAIN,       /* the name, and .parent patterns match subdomains */
    MATCH_HOST_ADDRESS, /* host name or address patterns, networks (mynetworks, namadr lists) */
};
enum match_flags {
    MATCH_PARENT = 1 << 0, /* "example.com" matches its subdomains too
                              (parent_domain_matches_subdomains names the parameter) */
};

/* TITLE is the parameter's name. Files are read now. */
struct match_list *match_list_new(const char *title, const char *patterns, enum match_kind kind,
                                  unsigned flags);
void match_list_free(struct match_list *list);

/* For strings and domains. MAP_FOUND: matches. */
enum map_status match_list_find(struct match_list *list, const char *string, struct err *err);
/* For MATCH_HOST_ADDRESS: NAME may be NULL or "unknown", ADDRESS is numeric without brackets. */
enum map_status match_list_find_host(struct match_list *list, const char *name, const char *address,
                                     struct err *err);
/* What is wrong with the list, one text a line, for programs to log at start: unreadable files, bad
 * networks, tables that do not open. A look-up that reaches such a pattern fails. */
const char *match_list_warnings(const struct match_list *list);
bool match_list_has_changed(struct match_list *list);

#endif
