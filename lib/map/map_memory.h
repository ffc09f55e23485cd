/* map_memory: a table of strings in memory, the inside of several table types. */
#ifndef MAP_MAP_MEMORY_H
#define MAP_MAP_MEMORY_H

#include "map/map.h"

struct map_memory;

/* A map with find, put, remove and next over an empty table. */
struct map *map_memory_new(enum map_flags flags);
/* False: the key was there already and keeps its value unless REPLACE. */
bool map_memory_set(struct map *map, struct slice key, struct slice value, bool replace);

#endif
