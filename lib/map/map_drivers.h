/* map_drivers: every table type's descriptor, defined in map_TYPE.c. */
#ifndef MAP_MAP_DRIVERS_H
#define MAP_MAP_DRIVERS_H

#include "map/map.h"

extern const struct map_driver map_btree, map_cidr, map_debug, map_environ, map_fail, map_hash,
    map_inline, map_internal, map_memcache, map_pcre, map_pipemap, map_randmap, map_regexp,
    map_socketmap, map_static, map_tcp, map_texthash, map_unionmap, map_unix;

#endif
