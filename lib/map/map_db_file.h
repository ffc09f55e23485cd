/*
 * map_db_file: a new version of a table's file, built beside the old one and put in its place.
 *
 * The old file stays locked against other writers until the new one is there. Where the directory
 * does not let us make files, but the old table may be written, the new content is copied into it
 * instead.
 */
#ifndef MAP_MAP_DB_FILE_H
#define MAP_MAP_DB_FILE_H

#include "base/err.h"

struct map_db_file;

/* SOURCE lends its read permissions to a PATH that does not exist yet, unless DEFAULT_MODE. */
struct map_db_file *map_db_file_new(const char *source, const char *path, bool default_mode,
                                    struct err *err);
const char *map_db_file_temporary(const struct map_db_file *file);
bool map_db_file_commit(struct map_db_file *file, struct err *err);
void map_db_file_free(struct map_db_file *file); /* what was not committed is removed */

#endif
