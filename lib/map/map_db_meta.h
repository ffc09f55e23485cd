/*
 * map_db_meta: what the first page of a Berkeley DB file says about the rest.
 *
 * The library takes pages that are missing at the end of a file for empty ones, so that keys
 * that were there are "not found".
 */
#ifndef MAP_DB_META_H
#define MAP_DB_META_H

#include "base/base.h"

/* Does the file FD reach as far as its first page says? True also for what is no Berkeley DB file:
 * the library tells that better. */
bool map_db_meta_is_whole(int fd);

#endif
