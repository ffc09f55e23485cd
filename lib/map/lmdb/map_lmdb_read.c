/*
 * map_lmdb_read: look-ups and listings.
 *
 * A look-up does without the reader's lock as long as nobody commits. A version of the table (a
 * transaction's number) is complete when it was once seen under the lock, and its pages are not
 * written to before two more were committed; so the answer is good when the latest version is
 * a known one before the look-up and still the latest behind it. Otherwise we look again, with
 * the lock.
 */
#include "map/lmdb/map_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static struct slice slice_of_entry(const MDB_val *entry)
{
    struct slice a = {entry->mv_data, entry->mv_size};
    if (a.len > 0 && a.s[a.len - 1] == 0)
        a.len--;
    return a.len > 0 ? a : SLICE_EMPTY;
}

struct size_check {
    struct map_lmdb *db;
    bool is_whole;
};

static void check_size(void *ctx)
{
    enum { META_PAGES = 2 };
    struct size_check *check = ctx;
    struct map_lmdb *db = check->db;
    struct stat st;
    MDB_envinfo info;
    MDB_stat stat;
    int fd;
    mdb_env_get_fd(db->env, &fd);
    off_t page_size = db->page_size ? db->page_size : sysconf(_SC_PAGESIZE);
    if (fstat(fd, &st) < 0 || st.st_size < META_PAGES * page_size)
        return;
    mdb_env_stat(db->env, &stat); /* both read the pages that are there */
    mdb_env_info(db->env, &info);
    db->page_size = stat.ms_psize;
    check->is_whole = db->page_size > 0 && st.st_size / db->page_size > (off_t)info.me_last_pgno;
}

bool map_lmdb_is_whole(struct map_lmdb *db, struct err *err)
{
    struct size_check check = {db, false};
    map_fault_try(check_size, &check);
    return check.is_whole || err_set(err, ERR_TEMP, "read database %s: file was cut off", db->path);
}

/* One question. ERROR is what LMDB says in the end. */
struct look {
    struct map_lmdb *db;
    MDB_txn *txn;    /* the writer's own while there is one, or db->reader */
    const char *key; /* NULL: the entry after db->last_key, or the FIRST */
    bool first;
    struct strbuf *ret_key, *value;
    bool is_settled; /* no writer came between, and no page is missing */
    int error;
};

/* A size that no value of this file can have would be a lot to allocate. */
static bool is_sane(const struct map_lmdb *db, const MDB_val *v)
{
    MDB_envinfo info;
    mdb_env_info(db->env, &info);
    return v->mv_size <= info.me_mapsize;
}

static int get(struct look *look, bool with_nul)
{
    struct map_lmdb *db = look->db;
    MDB_val k = map_lmdb_entry(look->key, with_nul), v;
    if (k.mv_size == 0 || k.mv_size > db->key_max)
        return MDB_NOTFOUND; /* no table has such a key */
    int error = mdb_get(look->txn, db->dbi, &k, &v);
    if (error == 0 && !is_sane(db, &v))
        return MDB_CORRUPTED;
    if (error == 0) {
        strbuf_set_slice(look->value, slice_of_entry(&v));
        /* the file is of one kind; from now on ask once */
        db->try_nul = with_nul;
        db->try_bare = !with_nul;
    }
    return error;
}

static void find(struct look *look)
{
    bool try_nul = look->db->try_nul, try_bare = look->db->try_bare;
    look->error = MDB_NOTFOUND;
    if (try_nul)
        look->error = get(look, true);
    if (look->error == MDB_NOTFOUND && try_bare)
        look->error = get(look, false);
}

/* The entry after last_key, or the first. Found anew each time, so that updates between two calls
 * do no harm. */
static void next(struct look *look)
{
    struct map_lmdb *db = look->db;
    MDB_cursor *cursor;
    MDB_val last = {.mv_size = db->last_key.len, .mv_data = db->last_key.s}, k = last, v;
    int error = look->error = mdb_cursor_open(look->txn, db->dbi, &cursor);
    if (error != 0)
        return;
    error = mdb_cursor_get(cursor, &k, &v, look->first ? MDB_FIRST : MDB_SET_RANGE);
    if (error == 0 && !look->first && mdb_cmp(look->txn, db->dbi, &k, &last) == 0)
        error = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    if (error == 0 && (!is_sane(db, &v) || !is_sane(db, &k) ||
                       (!look->first && mdb_cmp(look->txn, db->dbi, &k, &last) <= 0)))
        error = MDB_CORRUPTED; /* in a table without order there may be no end */
    if (error == 0) {
        strbuf_reset(&db->last_key);
        strbuf_add(&db->last_key, k.mv_data, k.mv_size);
        strbuf_set_slice(look->ret_key, slice_of_entry(&k));
        strbuf_set_slice(look->value, slice_of_entry(&v));
    }
    mdb_cursor_close(cursor);
    look->error = error;
}

/* Is this answer no product of zeros behind the end of the file? */
static bool is_trusted(const struct look *look)
{
    return (look->error == 0 && !map_fault_may_be_cut(strbuf_slice(look->value))) ||
           map_lmdb_is_whole(look->db, NULL);
}

static void look_unlocked(void *ctx)
{
    struct look *look = ctx;
    struct map_lmdb *db = look->db;
    MDB_envinfo info;
    if (mdb_txn_renew(db->reader) != 0 || mdb_txn_id(db->reader) != db->known_txn)
        return;
    find(look);
    atomic_thread_fence(memory_order_acquire);
    mdb_env_info(db->env, &info);
    look->is_settled = info.me_last_txnid == db->known_txn && is_trusted(look);
}

/* Under the lock, or in the writer's own transaction. */
static void look_locked(void *ctx)
{
    struct look *look = ctx;
    struct map_lmdb *db = look->db;
    if (!db->txn) {
        look->error = mdb_txn_renew(db->reader);
        if (look->error == MDB_MAP_RESIZED) { /* by a process that updated the table in place */
            look->error = mdb_env_set_mapsize(db->env, 0);
            if (look->error == 0)
                look->error = mdb_txn_renew(db->reader);
        }
        if (look->error != 0)
            return;
        db->known_txn = mdb_txn_id(db->reader);
    }
    if (look->key)
        find(look);
    else
        next(look);
    look->is_settled = db->txn || is_trusted(look);
}

static enum map_status ask(struct look *look, struct err *err)
{
    struct map_lmdb *db = look->db;
    if (db->is_damaged) {
        map_lmdb_failed(db, "read", MDB_CORRUPTED, err);
        return MAP_FAILED;
    }
    look->txn = db->txn ? db->txn : db->reader;
    look->error = MDB_CORRUPTED;
    look->is_settled = false;
    if (look->key && !db->txn && db->known_txn > 0) {
        map_fault_try(look_unlocked, look);
        mdb_txn_reset(db->reader);
    }
    if (!look->is_settled) {
        bool locks = !db->txn && !db->is_listing;
        look->error = MDB_CORRUPTED;
        if (locks && !map_lmdb_lock(db, F_RDLCK)) {
            err_set(err, ERR_TEMP, "lock database %s: %s", db->path, strerror(errno));
            return MAP_FAILED;
        }
        if (!map_fault_try(look_locked, look))
            look->is_settled = false;
        mdb_txn_reset(db->reader);
        db->is_listing = !db->txn && !look->key && look->is_settled && look->error == 0;
        if (!db->txn && !db->is_listing && (locks || !look->key))
            map_lmdb_lock(db, F_UNLCK);
    }
    if (look->is_settled && look->error == 0)
        return MAP_FOUND;
    if (look->is_settled && look->error == MDB_NOTFOUND)
        return MAP_NOT_FOUND;
    /* not even with the lock: tell why */
    if (map_lmdb_is_whole(db, err))
        map_lmdb_failed(db, "read", look->error, err);
    return MAP_FAILED;
}

enum map_status map_lmdb_find(struct map *map, const char *key, struct strbuf *value,
                              struct err *err)
{
    struct look look = {.db = map_lmdb_of(map), .key = key, .value = value};
    return ask(&look, err);
}

enum map_status map_lmdb_next(struct map *map, bool first, struct strbuf *key, struct strbuf *value,
                              struct err *err)
{
    struct look look = {.db = map_lmdb_of(map), .first = first, .ret_key = key, .value = value};
    return ask(&look, err);
}
