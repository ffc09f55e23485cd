/*
 * map_db_file: a new version of a table's file, built beside the old one and put in its place.
 *
 * The old file stays locked against other writers until the new one is there. Where the directory
 * does not let us make files, but the old table may be written, the new content is copied into it
 * instead. The lock is both a flock and an fcntl lock: Postfix locks its table types in either way.
 */
#ifndef MAP_MAP_DB_FILE_H
#define MAP_MAP_DB_FILE_H

#include "map/map.h"

#include <sys/stat.h>

struct map_db_file;

/* SOURCE lends its read permissions to a PATH that does not exist yet, unless DEFAULT_MODE. */
struct map_db_file *map_db_file_new(const char *source, const char *path, bool default_mode,
                                    struct err *err);
const char *map_db_file_temporary(const struct map_db_file *file);
bool map_db_file_commit(struct map_db_file *file, struct err *err);
void map_db_file_free(struct map_db_file *file); /* what was not committed is removed */

/* For readers, who had OPENED from fstat() when they opened the table's file. */

/* Was the file changed in place or replaced? The open descriptor tells, also from inside a jail
 * where the path means nothing. */
bool map_db_file_has_changed(int fd, const struct stat *opened);
/* Is the file as long as it was? One that was cut off is an error: some pages would be missing. */
bool map_db_file_is_whole(int fd, const struct stat *opened, const char *path, struct err *err);
/* Is PATH still the file that was opened? If not, it was replaced while we waited for a lock. */
bool map_db_file_is_at(const char *path, const struct stat *opened);
/* Warn when somebody edited the source and forgot to build the table. */
void map_db_file_warn_when_old(struct map *map, const char *source, const char *path,
                               const struct stat *opened);

#endif
