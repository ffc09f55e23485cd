/*
 * map_lmdb: one lmdb: table, open for reading, for updates in place, or being built.
 *
 * A table is one file, NAME.lmdb, with one unnamed database and without LMDB's lock file; instead,
 * writers hold an exclusive fcntl lock, as Postfix's do, and readers a shared one when they need
 * it. A rebuild happens in a file of its own that replaces the table at commit.
 */
#ifndef MAP_LMDB_H
#define MAP_LMDB_H

#include "map/map_db_file.h"
#include "map/map_fault.h"
#include "map/map_plugin.h"

#include <lmdb.h>
#include <sys/stat.h>

struct map_lmdb {
    struct map map;
    char *source, *path; /* NAME and NAME.lmdb */
    struct map_db_file *rebuild;
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn;     /* a writer's transaction; NULL: none was begun */
    MDB_txn *reader;  /* of readers, begun anew for each look-up */
    size_t known_txn; /* the version of the table last seen under a lock; 0: none */
    size_t key_max;
    struct stat opened;
    unsigned page_size;     /* 0: not known yet */
    struct strbuf journal;  /* the changes in TXN, to repeat them in a larger map */
    struct strbuf last_key; /* of map_lmdb_next() */
    size_t pending;         /* number of changes in TXN */
    bool try_nul, try_bare; /* which forms of the key may be in there */
    bool is_damaged;        /* an update met a fault: the library is not called again */
    bool is_listing;        /* the reader's lock is held between calls of map_lmdb_next() */
};

static inline struct map_lmdb *map_lmdb_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_lmdb, map);
}

bool map_lmdb_failed(struct map_lmdb *db, const char *what, int error, struct err *err);
MDB_val map_lmdb_entry(const char *text, bool with_nul);
bool map_lmdb_is_writer(const struct map *map);
/* TYPE: F_RDLCK, F_WRLCK or F_UNLCK; waits. */
bool map_lmdb_lock(struct map_lmdb *db, short type);

/* map_lmdb_read.c */
/* Are all pages there? */
bool map_lmdb_is_whole(struct map_lmdb *db, struct err *err);
enum map_status map_lmdb_find(struct map *map, const char *key, struct strbuf *value,
                              struct err *err);
enum map_status map_lmdb_next(struct map *map, bool first, struct strbuf *key, struct strbuf *value,
                              struct err *err);

/* map_lmdb_write.c */
bool map_lmdb_put(struct map *map, const char *key, const char *value, struct err *err);
enum map_status map_lmdb_remove(struct map *map, const char *key, struct err *err);
bool map_lmdb_commit(struct map *map, struct err *err);
bool map_lmdb_begin(struct map_lmdb *db, struct err *err); /* unless it was begun */
bool map_lmdb_end(struct map_lmdb *db, struct err *err);   /* what was begun is kept */

#endif
