/*
 * map_suspect: servers that did not answer in time, known to all tables of the process, so that
 * each of several tables on one server does not find out for itself. For map_guard; any thread.
 */
#ifndef MAP_MAP_SUSPECT_H
#define MAP_MAP_SUSPECT_H

#include "map/map.h"

/* MAP's server did not answer. Held against it for a minute, or until it answers. A map that does
 * not name its server (map.server) is not remembered. */
void map_suspect_add(const struct map *map);
void map_suspect_clear(const struct map *map);
bool map_suspect_has(const struct map *map);

#endif
