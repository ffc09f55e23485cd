/* map_proxy: a table that proxymap(8) reads for us, or that proxywrite keeps. */
#ifndef MAP_MAP_PROXY_H
#define MAP_MAP_PROXY_H

#include "map/map.h"

/* NAME is type:name, without proxy:. The type must be one we know. Each look-up is a question over
 * the socket named in map_options, answered before it returns; a lost connection is made anew once.
 */
struct map *map_proxy_open(const char *name, enum map_flags flags, struct err *err);

#endif
