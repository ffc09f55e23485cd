/* proxymap_tables: which tables may be read for others, and those that are open. */
#ifndef PROXYMAP_PROXYMAP_TABLES_H
#define PROXYMAP_PROXYMAP_TABLES_H

#include "map/map.h"

/* LIST is the expanded proxy_read_maps: every proxy:type:name in it is approved, the rest is passed
 * over. */
void proxymap_tables_approve(const char *list);
/* The open table, opened when it is asked for the first time; NULL: not approved. */
struct map *proxymap_tables_get(const char *name, enum map_flags flags);
bool proxymap_tables_have_changed(void);

#endif
