/*
 * map_host: the search order of keys for a host: its name and the parents of it, then its address
 * and the networks it is in (access(5)).
 */
#ifndef MAP_MAP_HOST_H
#define MAP_MAP_HOST_H

#include "map/maps.h"

/* name.example.com, then .example.com, .com (with BARE_PARENTS: example.com, com). */
enum map_status map_host_find_name(struct maps *maps, const char *name, bool bare_parents,
                                   struct strbuf *value, struct err *err);
/* 1.2.3.4, 1.2.3, 1.2, 1; an IPv6 address likewise at each colon. */
enum map_status map_host_find_address(struct maps *maps, const char *address, struct strbuf *value,
                                      struct err *err);
/* Does parent_domain_matches_subdomains name TITLE? */
bool map_host_parents_match(const char *title);

#endif
