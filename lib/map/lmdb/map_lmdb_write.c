/*
 * map_lmdb_write: changes are gathered in one transaction, which is much faster than one each.
 *
 * When the map is full the transaction is lost; the changes are then repeated from a journal in a
 * map twice as large. A process that dies leaves the table as it was before the transaction. The
 * writer's lock is held from the first change to the end of the transaction, so that processes may
 * share a table that all of them write.
 *
 * An update that meets a page that is gone is left where it is (see map_fault.h), and the library
 * not called again: the table stays as it was, because the page that names the new version is
 * written last. A damaged page can do more: LMDB copies what it says into memory without asking
 * whether it can be true, and the process may end. Readers are safe, and so are rebuilds.
 */
#include "map/lmdb/map_lmdb.h"

#include <errno.h>
#include <fcntl.h>

enum { CHANGES_A_TRANSACTION = 20000, JOURNAL_MAX = 64 * 1024 * 1024 };

/* One change: the flags of mdb_put(), or REMOVE. */
enum { REMOVE = 1u << 31 };
struct change {
    unsigned how;
    MDB_val key, value;
};

/* What may meet a damaged page. */
struct step {
    struct map_lmdb *db;
    int (*work)(struct map_lmdb *db, struct change *change);
    struct change *change;
    int error;
};

static void run(void *ctx)
{
    struct step *step = ctx;
    step->error = step->work(step->db, step->change);
}

static int guarded(struct map_lmdb *db, int (*work)(struct map_lmdb *, struct change *),
                   struct change *change)
{
    struct step step = {db, work, change, MDB_CORRUPTED};
    if (!db->is_damaged && !map_fault_try(run, &step)) {
        db->is_damaged = true;
        db->txn = NULL;
    }
    return step.error;
}

/* Also when another process made the map larger meanwhile. */
static int begin_write(struct map_lmdb *db, struct change *unused)
{
    (void)unused;
    int error = mdb_txn_begin(db->env, NULL, 0, &db->txn);
    if (error == MDB_MAP_RESIZED) {
        error = mdb_env_set_mapsize(db->env, 0);
        if (error == 0)
            error = mdb_txn_begin(db->env, NULL, 0, &db->txn);
    }
    return error;
}

bool map_lmdb_begin(struct map_lmdb *db, struct err *err)
{
    if (db->txn)
        return true;
    strbuf_reset(&db->journal);
    db->pending = 0;
    if (!db->rebuild && !map_lmdb_lock(db, F_WRLCK))
        return err_set(err, ERR_TEMP, "lock database %s: %s", db->path, strerror(errno));
    int error = db->rebuild || map_lmdb_is_whole(db, err) ? guarded(db, begin_write, NULL) : EIO;
    if (error == 0)
        return true;
    if (!db->rebuild)
        map_lmdb_lock(db, F_UNLCK);
    return error == EIO ? false : map_lmdb_failed(db, "write", error, err);
}

static void note(struct strbuf *journal, const struct change *change)
{
    strbuf_add(journal, change, sizeof *change); /* its sizes count, its pointers do not */
    strbuf_add(journal, change->key.mv_data, change->key.mv_size);
    strbuf_add(journal, change->value.mv_data, change->value.mv_size);
}

static bool next_noted(struct slice *in, struct change *ret)
{
    if (in->len == 0)
        return false;
    memcpy(ret, in->s, sizeof *ret);
    *in = slice_from(*in, sizeof *ret);
    ret->key.mv_data = (void *)(uintptr_t)in->s;
    *in = slice_from(*in, ret->key.mv_size);
    ret->value.mv_data = (void *)(uintptr_t)in->s;
    *in = slice_from(*in, ret->value.mv_size);
    return true;
}

static int apply(struct map_lmdb *db, struct change *change)
{
    if (change->how == REMOVE)
        return mdb_del(db->txn, db->dbi, &change->key, NULL);
    MDB_val value = change->value; /* mdb_put() shows there what was found */
    return mdb_put(db->txn, db->dbi, &change->key, &value, change->how);
}

/* A new transaction in a map twice as large, with all of the journal in it. */
static int grow_once(struct map_lmdb *db, struct change *unused)
{
    (void)unused;
    MDB_envinfo info;
    mdb_txn_abort(db->txn);
    db->txn = NULL;
    mdb_env_info(db->env, &info);
    if (info.me_mapsize > SIZE_MAX / 4)
        return ENOSPC;
    int error = mdb_env_set_mapsize(db->env, info.me_mapsize * 2);
    if (error == 0)
        error = begin_write(db, NULL);
    struct slice in = strbuf_slice(&db->journal);
    struct change change;
    while (error == 0 && next_noted(&in, &change)) {
        error = apply(db, &change);
        if (error == MDB_KEYEXIST || error == MDB_NOTFOUND)
            error = 0; /* as it was the first time */
    }
    return error;
}

static int grow(struct map_lmdb *db)
{
    int error;
    do
        error = guarded(db, grow_once, NULL);
    while (error == MDB_MAP_FULL);
    return error;
}

static int commit(struct map_lmdb *db, struct change *unused)
{
    (void)unused;
    MDB_txn *txn = db->txn;
    db->txn = NULL;
    return mdb_txn_commit(txn);
}

bool map_lmdb_end(struct map_lmdb *db, struct err *err)
{
    int error = 0, fd;
    if (!db->txn)
        return true;
    /* pages behind the end would be written again as empty ones */
    bool is_whole = db->rebuild || map_lmdb_is_whole(db, err);
    if (!is_whole) {
        mdb_txn_abort(db->txn);
        db->txn = NULL;
    }
    while (db->txn) {
        error = guarded(db, commit, NULL);
        if (error == MDB_MAP_FULL) /* the list of free pages did not fit */
            error = grow(db);
        if (error != 0)
            break;
    }
    mdb_env_get_fd(db->env, &fd);
    if (!db->rebuild && fstat(fd, &db->opened) == 0) /* our own change is no news */
        map_lmdb_lock(db, F_UNLCK);
    db->is_listing = false; /* its lock is gone, too */
    strbuf_reset(&db->journal);
    db->pending = 0;
    return is_whole && (error == 0 || map_lmdb_failed(db, "write", error, err));
}

/* What mdb_put() or mdb_del() said in the end. */
static int change_entry(struct map_lmdb *db, struct change *change)
{
    int error;
    while ((error = guarded(db, apply, change)) == MDB_MAP_FULL)
        if ((error = grow(db)) != 0)
            break;
    if (error == 0) {
        note(&db->journal, change);
        db->pending++;
    }
    return error;
}

/* A transaction with room for one more change. */
static bool prepare(struct map_lmdb *db, struct err *err)
{
    bool is_full = db->pending >= CHANGES_A_TRANSACTION || db->journal.len > JOURNAL_MAX;
    return (!is_full || map_lmdb_end(db, err)) && map_lmdb_begin(db, err);
}

static bool failed_update(struct map_lmdb *db, int error, struct err *err)
{
    if (db->is_damaged && !db->rebuild) {
        map_lmdb_lock(db, F_UNLCK); /* nobody else shall wait for us */
        if (!map_lmdb_is_whole(db, err))
            return false;
    }
    return err_set(err, ERR_TEMP, "error updating %s: %s", db->map.name, mdb_strerror(error));
}

bool map_lmdb_put(struct map *map, const char *key, const char *value, struct err *err)
{
    struct map_lmdb *db = map_lmdb_of(map);
    bool with_nul = db->try_nul; /* stay with what the file has */
    bool replaces = map->flags & MAP_KEEP_DUPLICATES_QUIET;
    db->try_bare = !with_nul;
    struct change change = {replaces ? 0 : MDB_NOOVERWRITE, map_lmdb_entry(key, with_nul),
                            map_lmdb_entry(value, with_nul)};
    if (!prepare(db, err))
        return false;
    int error = change_entry(db, &change);
    if (error == MDB_KEYEXIST) {
        if (!(map->flags & MAP_IGNORE_DUPLICATES))
            map_warn(map, "%s: duplicate entry: \"%s\"", map->name, key);
        return true;
    }
    return error == 0 || failed_update(db, error, err);
}

enum map_status map_lmdb_remove(struct map *map, const char *key, struct err *err)
{
    struct map_lmdb *db = map_lmdb_of(map);
    int error = MDB_NOTFOUND;
    if (strlen(key) > db->key_max)
        return MAP_NOT_FOUND;
    for (int with_nul = 1; with_nul >= 0 && error == MDB_NOTFOUND; with_nul--) {
        if (!(with_nul ? db->try_nul : db->try_bare))
            continue;
        struct change change = {REMOVE, map_lmdb_entry(key, with_nul), {0}};
        if (!prepare(db, err))
            return MAP_FAILED;
        error = change_entry(db, &change);
        if (error == MDB_BAD_VALSIZE)
            error = MDB_NOTFOUND;
    }
    if (error == 0)
        return MAP_FOUND;
    if (error == MDB_NOTFOUND)
        return MAP_NOT_FOUND;
    failed_update(db, error, err);
    return MAP_FAILED;
}

bool map_lmdb_commit(struct map *map, struct err *err)
{
    struct map_lmdb *db = map_lmdb_of(map);
    if (!map_lmdb_end(db, err))
        return false;
    if (!db->rebuild)
        return true; /* an update in place was synced with its transaction */
    int error = mdb_env_sync(db->env, 1);
    return error == 0 ? map_db_file_commit(db->rebuild, err)
                      : map_lmdb_failed(db, "write", error, err);
}
