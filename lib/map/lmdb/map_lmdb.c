/* map_lmdb: see the header. */
#include "map/lmdb/map_lmdb.h"

#include "base/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool map_lmdb_failed(struct map_lmdb *db, const char *what, int error, struct err *err)
{
    return err_set(err, ERR_TEMP, "%s database %s: %s", what, db->path, mdb_strerror(error));
}

MDB_val map_lmdb_entry(const char *text, bool with_nul)
{
    return (MDB_val){.mv_size = strlen(text) + with_nul, .mv_data = (void *)(uintptr_t)text};
}

bool map_lmdb_is_writer(const struct map *map)
{
    return map->flags & (MAP_WRITE | MAP_REBUILD);
}

bool map_lmdb_lock(struct map_lmdb *db, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    int fd, status;
    mdb_env_get_fd(db->env, &fd);
    do {
        status = fcntl(fd, F_SETLKW, &lock);
    } while (status < 0 && errno == EINTR);
    return status == 0;
}

static bool lmdb_has_changed(struct map *map)
{
    struct map_lmdb *db = map_lmdb_of(map);
    int fd;
    mdb_env_get_fd(db->env, &fd);
    return map_db_file_has_changed(fd, &db->opened);
}

static void lmdb_close(struct map *map)
{
    struct map_lmdb *db = map_lmdb_of(map);
    if (db->rebuild && !db->is_damaged)
        mdb_txn_abort(db->txn);
    else
        map_lmdb_end(db, NULL);
    if (!db->is_damaged) {
        mdb_txn_abort(db->reader);
        mdb_env_close(db->env); /* gives a lock back, too */
    }
    map_db_file_free(db->rebuild);
    strbuf_done(&db->journal);
    strbuf_done(&db->last_key);
    free(db->source);
    free(db->path);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* What the library does before it calls abort(): a damaged file shall not end a daemon. */
static void leave_damaged(MDB_env *env, const char *text)
{
    (void)env;
    (void)text;
    map_fault_give_up();
}

struct opening {
    struct map_lmdb *db;
    const char *path;
    unsigned flags;
    int error;
};

static void open_env_work(void *ctx)
{
    struct opening *o = ctx;
    o->error = mdb_env_open(o->db->env, o->path, MDB_NOSUBDIR | MDB_NOLOCK | o->flags, 0644);
}

static int open_env(struct map_lmdb *db, const char *path, unsigned flags)
{
    struct opening o = {.db = db, .path = path, .flags = flags, .error = MDB_CORRUPTED};
    int error = mdb_env_create(&db->env);
    if (error == 0)
        error = mdb_env_set_assert(db->env, leave_damaged);
    if (error == 0 && map_lmdb_is_writer(&db->map))
        error = mdb_env_set_mapsize(db->env, map_get_options()->lmdb_map_size);
    if (error != 0)
        return error;
    map_fault_try(open_env_work, &o); /* a fault leaks the file and its map, once */
    return o.error;
}

/* The handle of the one database inside, which stays valid when its transaction ends, and the
 * transaction that readers begin again for each look-up. */
static void open_dbi_work(void *ctx)
{
    struct opening *o = ctx;
    struct map_lmdb *db = o->db;
    MDB_txn *txn;
    int error = mdb_txn_begin(db->env, NULL, map_lmdb_is_writer(&db->map) ? 0 : MDB_RDONLY, &txn);
    if (error == 0) {
        error = mdb_dbi_open(txn, NULL, 0, &db->dbi);
        if (error == 0)
            error = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    if (error == 0)
        error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->reader);
    if (error == 0) {
        db->known_txn = mdb_txn_id(db->reader);
        mdb_txn_reset(db->reader);
    }
    o->error = error;
}

static bool open_dbi(struct map_lmdb *db, struct err *err)
{
    struct opening o = {.db = db, .error = MDB_CORRUPTED};
    if (!db->rebuild && !map_lmdb_is_whole(db, err))
        return false;
    map_fault_try(open_dbi_work, &o);
    db->key_max = (size_t)mdb_env_get_maxkeysize(db->env);
    return o.error == 0 || map_lmdb_failed(db, "open", o.error, err);
}

/* Open and lock the table; a file that was replaced while we waited is opened anew. */
static bool open_table(struct map_lmdb *db, enum map_flags flags, struct err *err)
{
    bool writes = flags & MAP_WRITE;
    for (;;) {
        int fd, error = open_env(db, db->path, writes ? 0 : MDB_RDONLY);
        if (error != 0)
            return map_lmdb_failed(db, "open", error, err);
        mdb_env_get_fd(db->env, &fd);
        if (!map_lmdb_lock(db, writes ? F_WRLCK : F_RDLCK) || fstat(fd, &db->opened) < 0)
            return map_lmdb_failed(db, "lock", errno, err);
        if (map_db_file_is_at(db->path, &db->opened))
            break;
        mdb_env_close(db->env);
        db->env = NULL;
    }
    if (!open_dbi(db, err))
        return false;
    map_lmdb_lock(db, F_UNLCK);
    if (!writes)
        map_db_file_warn_when_old(&db->map, db->source, db->path, &db->opened);
    return true;
}

static bool open_rebuild(struct map_lmdb *db, enum map_flags flags, struct err *err)
{
    db->rebuild = map_db_file_new(db->source, db->path, flags & MAP_DEFAULT_MODE, err);
    if (!db->rebuild)
        return false;
    /* nobody reads the new file before it is synced as a whole */
    int error = open_env(db, map_db_file_temporary(db->rebuild), MDB_NOSYNC);
    if (error != 0)
        return map_lmdb_failed(db, "open", error, err);
    if (!open_dbi(db, err))
        return false;
    int fd;
    mdb_env_get_fd(db->env, &fd);
    return fstat(fd, &db->opened) == 0 || map_lmdb_failed(db, "open", errno, err);
}

static struct map *lmdb_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map_lmdb *db = map_alloc(sizeof *db);
    map_fault_init();
    db->map.flags = flags;
    db->source = xstrdup(name);
    db->path = xasprintf("%s.lmdb", name);
    strbuf_init(&db->journal, SIZE_MAX / 4);
    strbuf_init(&db->last_key, SIZE_MAX / 4);
    db->try_nul = !(flags & MAP_WITHOUT_NUL) || (flags & MAP_WITH_NUL);
    db->try_bare = !(flags & MAP_WITH_NUL) || (flags & MAP_WITHOUT_NUL);
    db->map.find = map_lmdb_find;
    db->map.put = map_lmdb_put;
    db->map.remove = map_lmdb_remove;
    db->map.next = map_lmdb_next;
    db->map.commit = map_lmdb_is_writer(&db->map) ? map_lmdb_commit : NULL;
    db->map.has_changed = lmdb_has_changed;
    db->map.close = lmdb_close;
    if (flags & MAP_REBUILD ? open_rebuild(db, flags, err) : open_table(db, flags, err))
        return &db->map;
    map_close(&db->map);
    return NULL;
}

static const struct map_driver map_lmdb = {.type = "lmdb", .suffix = ".lmdb", .open = lmdb_open};

MAP_PLUGIN(&map_lmdb)
