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

static struct slice slice_of_entry(const MDB_val *entry)
{
    struct slice a = {entry->mv_data, entry->mv_size};
    if (a.len > 0 && a.s[a.len - 1] == 0)
        a.len--;
    return a.len > 0 ? a : SLICE_EMPTY;
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

/* --- reading ---------------------------------------------------------------------------------- */

bool map_lmdb_is_whole(struct map_lmdb *db, struct err *err)
{
    enum { META_PAGES = 2 };
    struct stat st;
    MDB_envinfo info = {.me_last_pgno = 0};
    MDB_stat stat = {.ms_psize = 0};
    int fd;
    mdb_env_get_fd(db->env, &fd);
    off_t page_size = db->page_size ? db->page_size : sysconf(_SC_PAGESIZE);
    bool ok = fstat(fd, &st) == 0 && st.st_size >= META_PAGES * page_size;
    if (ok) { /* both read the pages that are there */
        mdb_env_stat(db->env, &stat);
        mdb_env_info(db->env, &info);
        db->page_size = stat.ms_psize;
        ok = st.st_size / db->page_size > (off_t)info.me_last_pgno;
    }
    return ok || err_set(err, ERR_TEMP, "read database %s: file was cut off", db->path);
}

/* A transaction for reading: the writer's own while there is one, or a new one under the reader's
 * lock. */
static bool begin_reading(struct map_lmdb *db, MDB_txn **ret_txn, struct err *err)
{
    *ret_txn = db->txn;
    if (db->txn)
        return true;
    if (!db->is_listing && !map_lmdb_lock(db, F_RDLCK))
        return err_set(err, ERR_TEMP, "lock database %s: %s", db->path, strerror(errno));
    if (!map_lmdb_is_whole(db, err))
        return false;
    int error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, ret_txn);
    if (error == MDB_MAP_RESIZED) { /* by another process that updated the table in place */
        error = mdb_env_set_mapsize(db->env, 0);
        if (error == 0)
            error = mdb_txn_begin(db->env, NULL, MDB_RDONLY, ret_txn);
    }
    return error == 0 || map_lmdb_failed(db, "read", error, err);
}

static void end_reading(struct map_lmdb *db, MDB_txn *txn)
{
    if (db->txn)
        return;
    mdb_txn_abort(txn);
    if (!db->is_listing)
        map_lmdb_lock(db, F_UNLCK);
}

static int get(struct map_lmdb *db, MDB_txn *txn, const char *key, bool with_nul,
               struct strbuf *value)
{
    MDB_val k = map_lmdb_entry(key, with_nul), v;
    if (k.mv_size == 0 || k.mv_size > (size_t)mdb_env_get_maxkeysize(db->env))
        return MDB_NOTFOUND; /* no table has such a key */
    int error = mdb_get(txn, db->dbi, &k, &v);
    if (error == 0) {
        strbuf_add_slice(value, slice_of_entry(&v));
        /* the file is of one kind; from now on ask once */
        db->try_nul = with_nul;
        db->try_bare = !with_nul;
    }
    return error;
}

static enum map_status lmdb_find(struct map *map, const char *key, struct strbuf *value,
                                 struct err *err)
{
    struct map_lmdb *db = map_lmdb_of(map);
    MDB_txn *txn = NULL;
    bool try_bare = db->try_bare;
    int error = MDB_NOTFOUND;
    if (!begin_reading(db, &txn, err)) {
        end_reading(db, txn);
        return MAP_FAILED;
    }
    if (db->try_nul)
        error = get(db, txn, key, true, value);
    if (error == MDB_NOTFOUND && try_bare)
        error = get(db, txn, key, false, value);
    end_reading(db, txn);
    if (error == 0)
        return MAP_FOUND;
    if (error == MDB_NOTFOUND)
        return MAP_NOT_FOUND;
    map_lmdb_failed(db, "read", error, err);
    return MAP_FAILED;
}

/* The entry after last_key, or the first. Found anew each time, so that updates between two calls
 * do no harm. */
static int next_entry(struct map_lmdb *db, MDB_txn *txn, bool first, MDB_val *key, MDB_val *value)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, db->dbi, &cursor);
    if (error != 0)
        return error;
    MDB_val last = {.mv_size = db->last_key.len, .mv_data = db->last_key.s};
    *key = last;
    error = mdb_cursor_get(cursor, key, value, first ? MDB_FIRST : MDB_SET_RANGE);
    if (error == 0 && !first && mdb_cmp(txn, db->dbi, key, &last) == 0)
        error = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    mdb_cursor_close(cursor);
    return error;
}

static enum map_status lmdb_next(struct map *map, bool first, struct strbuf *key,
                                 struct strbuf *value, struct err *err)
{
    struct map_lmdb *db = map_lmdb_of(map);
    MDB_txn *txn = NULL;
    MDB_val k, v;
    if (!begin_reading(db, &txn, err)) {
        end_reading(db, txn);
        return MAP_FAILED;
    }
    db->is_listing = !db->txn;
    int error = next_entry(db, txn, first, &k, &v);
    if (error == 0) {
        strbuf_reset(&db->last_key);
        strbuf_add(&db->last_key, k.mv_data, k.mv_size);
        strbuf_set_slice(key, slice_of_entry(&k));
        strbuf_set_slice(value, slice_of_entry(&v));
    } else {
        db->is_listing = false;
    }
    end_reading(db, txn);
    if (error == 0)
        return MAP_FOUND;
    if (error == MDB_NOTFOUND)
        return MAP_NOT_FOUND;
    map_lmdb_failed(db, "read", error, err);
    return MAP_FAILED;
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
    if (db->rebuild)
        mdb_txn_abort(db->txn);
    else
        map_lmdb_end(db, NULL);
    mdb_env_close(db->env); /* gives a lock back, too */
    map_db_file_free(db->rebuild);
    strbuf_done(&db->journal);
    strbuf_done(&db->last_key);
    free(db->source);
    free(db->path);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_env(struct map_lmdb *db, const char *path, unsigned flags)
{
    int error = mdb_env_create(&db->env);
    if (error == 0 && map_lmdb_is_writer(&db->map))
        error = mdb_env_set_mapsize(db->env, map_get_options()->lmdb_map_size);
    if (error == 0)
        error = mdb_env_open(db->env, path, MDB_NOSUBDIR | MDB_NOLOCK | flags, 0644);
    return error;
}

/* The handle of the one database inside; it stays valid when its transaction ends. */
static int open_dbi(struct map_lmdb *db)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(db->env, NULL, map_lmdb_is_writer(&db->map) ? 0 : MDB_RDONLY, &txn);
    if (error == 0) {
        error = mdb_dbi_open(txn, NULL, 0, &db->dbi);
        if (error == 0)
            error = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    return error;
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
    int error = map_lmdb_is_whole(db, err) ? open_dbi(db) : -1;
    if (error != 0)
        return error > 0 || error < -1 ? map_lmdb_failed(db, "open", error, err) : false;
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
    if (error == 0)
        error = open_dbi(db);
    if (error != 0)
        return map_lmdb_failed(db, "open", error, err);
    int fd;
    mdb_env_get_fd(db->env, &fd);
    return fstat(fd, &db->opened) == 0 || map_lmdb_failed(db, "open", errno, err);
}

static struct map *lmdb_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map_lmdb *db = map_alloc(sizeof *db);
    db->map.flags = flags;
    db->source = xstrdup(name);
    db->path = xasprintf("%s.lmdb", name);
    strbuf_init(&db->journal, SIZE_MAX / 4);
    strbuf_init(&db->last_key, SIZE_MAX / 4);
    db->try_nul = !(flags & MAP_WITHOUT_NUL) || (flags & MAP_WITH_NUL);
    db->try_bare = !(flags & MAP_WITH_NUL) || (flags & MAP_WITHOUT_NUL);
    db->map.find = lmdb_find;
    db->map.put = map_lmdb_put;
    db->map.remove = map_lmdb_remove;
    db->map.next = lmdb_next;
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
