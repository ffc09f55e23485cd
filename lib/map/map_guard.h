/*
 * map_guard: a table whose look-ups may block, put behind a thread of its own and a time limit.
 *
 * The thread alone touches the inner table; the caller waits for it no longer than the limit, and
 * where others wait as well (map_options.others_wait), no longer than many times what its slowest
 * answer of late took, one second at least: one that always answered at once does not stop all
 * sessions for long. A table that has failed to answer in time (or has failed slowly) is under
 * suspicion, and with it all others of the same server (map_suspect): they are waited for only
 * briefly until it answers again, and not at all while the overdue look-up is still running. So a
 * server that hangs holds its caller up once an outage, not once a look-up.
 */
#ifndef MAP_MAP_GUARD_H
#define MAP_MAP_GUARD_H

#include "map/map.h"

/* Takes INNER over, with its warnings; map_open() sets name and driver of what comes back. One
 * caller at a time. The thread starts with the first look-up (so after the jail is entered). */
struct map *map_guard_new(struct map *inner, int64_t limit_ms);

#endif
