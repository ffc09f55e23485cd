/*
 * map_db: hash: and btree:, Berkeley DB files that Postfix can read and write, too.
 *
 * A table is one file, NAME.db, without an environment. Readers hold a shared flock while they look
 * something up; whoever updates or rebuilds it holds an exclusive one. A rebuild happens in a file
 * of its own that replaces the table at commit, so that readers never see half of it.
 *
 * A file that was cut off is an error, before and while it is open, and none of an update reaches
 * it any more. The library is called where a fault is an answer (map_fault.h): a damaged page leads
 * it astray. What it holds then, in the process's own memory, is left alone for good.
 */
#include "map/map_db_file.h"
#include "map/map_db_meta.h"
#include "map/map_drivers.h"
#include "map/map_fault.h"

#include "base/xmem.h"
#include "io/fd.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHOLE_TABLE_CACHE_MAX = 512 * 1024 * 1024 };

struct map_db {
    struct map map;
    char *source, *path; /* NAME and NAME.db */
    struct map_db_file *rebuild;
    DB *db;
    DBC *cursor;
    int lock_fd; /* the table's file, for flock and fstat */
    struct stat opened;
    bool try_nul, try_bare; /* which forms of the key may be in there */
    bool is_held;           /* the reader's lock */
    bool is_cut;            /* found while updating: the library shall write no more */
    bool is_damaged;        /* the library is not called again */
};

static struct map_db *map_db_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_db, map);
}

static bool failed(struct map_db *db, const char *what, int error, struct err *err)
{
    if (db->is_damaged || error == DB_RUNRECOVERY)
        return err_set(err, ERR_TEMP, "%s database %s: file is damaged", what, db->path);
    return err_set(err, ERR_TEMP, "%s database %s: %s", what, db->path, db_strerror(error));
}

static void stay_quiet(const DB_ENV *env, const char *prefix, const char *text)
{
    (void)env; /* the return code tells the reason; libraries do not write to stderr */
    (void)prefix;
    (void)text;
}

static DBT entry_of(const char *text, bool with_nul)
{
    return (DBT){.data = (void *)(uintptr_t)text, .size = (u_int32_t)(strlen(text) + with_nul)};
}

static struct slice slice_of_entry(const DBT *entry)
{
    struct slice a = {entry->data, entry->size};
    if (a.len > 0 && a.s[a.len - 1] == 0)
        a.len--;
    return a.len > 0 ? a : SLICE_EMPTY;
}

/* --- calls of the library, which a damaged file may lead astray --------------------------------
 */

struct call {
    struct map_db *db;
    int (*work)(const struct call *);
    DBT *key, *value;
    u_int32_t flags;
    int error;
};

static int work_get(const struct call *c)
{
    return c->db->db->get(c->db->db, NULL, c->key, c->value, c->flags);
}

static int work_put(const struct call *c)
{
    return c->db->db->put(c->db->db, NULL, c->key, c->value, c->flags);
}

static int work_del(const struct call *c)
{
    return c->db->db->del(c->db->db, NULL, c->key, c->flags);
}

static int work_step(const struct call *c)
{
    struct map_db *db = c->db;
    int error = db->cursor ? 0 : db->db->cursor(db->db, NULL, &db->cursor, 0);
    return error ? error : db->cursor->get(db->cursor, c->key, c->value, c->flags);
}

static int work_sync(const struct call *c)
{
    return c->db->db->sync(c->db->db, c->flags);
}

static int work_close(const struct call *c)
{
    if (c->db->cursor)
        c->db->cursor->close(c->db->cursor);
    return c->db->db->close(c->db->db, c->flags);
}

static void run(void *ctx)
{
    struct call *c = ctx;
    c->error = c->work(c);
}

static int call(struct map_db *db, int (*work)(const struct call *), DBT *key, DBT *value,
                u_int32_t flags)
{
    struct call c = {db, work, key, value, flags, EFAULT};
    if (!db->is_damaged && !map_fault_try(run, &c))
        db->is_damaged = true;
    return c.error;
}

/* --- look-up -------------------------------------------------------------------------------- */

static int db_get(struct map_db *db, const char *key, bool with_nul, struct strbuf *value)
{
    DBT k = entry_of(key, with_nul), v = {0};
    int error = call(db, work_get, &k, &v, 0);
    if (error == 0) {
        strbuf_add_slice(value, slice_of_entry(&v));
        /* the file is of one kind; from now on ask once */
        db->try_nul = with_nul;
        db->try_bare = !with_nul;
    }
    return error;
}

/* The reader's lock, for one look-up or until db_pause(). A writer has its lock already. */
static bool begin_look(struct map_db *db, struct err *err)
{
    if (db->map.flags & (MAP_WRITE | MAP_REBUILD) || db->is_held)
        return true;
    if (!fd_lock(db->lock_fd, false, true))
        return failed(db, "lock", errno, err);
    db->is_held = true;
    return true;
}

/* Berkeley DB takes missing pages for empty ones. False: what was found, or not, may be wrong. */
static bool end_look(struct map_db *db, struct err *err)
{
    bool is_whole = map_db_file_is_whole(db->lock_fd, &db->opened, db->path, err);
    if (db->is_held)
        flock(db->lock_fd, LOCK_UN);
    db->is_held = false;
    return is_whole;
}

static bool db_pause(struct map *map, struct err *err)
{
    struct map_db *db = map_db_of(map);
    return !db->is_held || end_look(db, err);
}

static enum map_status db_find(struct map *map, const char *key, struct strbuf *value,
                               struct err *err)
{
    struct map_db *db = map_db_of(map);
    bool try_bare = db->try_bare;
    int error = DB_NOTFOUND;
    if (!begin_look(db, err))
        return MAP_FAILED;
    if (db->try_nul)
        error = db_get(db, key, true, value);
    if (error == DB_NOTFOUND && try_bare)
        error = db_get(db, key, false, value);
    if (!(map->flags & MAP_MANY_KEYS) && !end_look(db, err))
        return MAP_FAILED;
    if (error == 0)
        return MAP_FOUND;
    if (error == DB_NOTFOUND)
        return MAP_NOT_FOUND;
    failed(db, "read", error, err);
    return MAP_FAILED;
}

static enum map_status db_next(struct map *map, bool first, struct strbuf *key,
                               struct strbuf *value, struct err *err)
{
    struct map_db *db = map_db_of(map);
    DBT k = {0}, v = {0};
    int error = call(db, work_step, &k, &v, first ? DB_FIRST : DB_NEXT);
    if (error == DB_NOTFOUND)
        return MAP_NOT_FOUND;
    if (error != 0) {
        failed(db, "read", error, err);
        return MAP_FAILED;
    }
    strbuf_set_slice(key, slice_of_entry(&k));
    strbuf_set_slice(value, slice_of_entry(&v));
    return MAP_FOUND;
}

/* --- update --------------------------------------------------------------------------------- */

/* After each change: pages that were there and are gone would be written again as empty ones. What
 * the change has to go on is in memory still, and is dropped. */
static bool still_has_all(struct map_db *db, struct err *err)
{
    struct stat now;
    if (db->rebuild)
        return true;
    if (db->is_cut || fstat(db->lock_fd, &now) < 0 || now.st_size < db->opened.st_size) {
        db->is_cut = true;
        return err_set(err, ERR_TEMP, "write database %s: file was cut off", db->path);
    }
    db->opened.st_size = now.st_size;
    return true;
}

static bool db_put(struct map *map, const char *key, const char *value, struct err *err)
{
    struct map_db *db = map_db_of(map);
    if (strlen(key) + strlen(value) > INT32_MAX)
        return err_set(err, ERR_PERM, "%s: entry too large", db->path);
    bool with_nul = !(map->flags & MAP_WITHOUT_NUL) || (map->flags & MAP_WITH_NUL);
    if (!db->try_nul)
        with_nul = false; /* stay with what the file has */
    db->try_nul = with_nul;
    db->try_bare = !with_nul;
    DBT k = entry_of(key, with_nul), v = entry_of(value, with_nul);
    bool replace = map->flags & MAP_KEEP_DUPLICATES_QUIET;
    int error = call(db, work_put, &k, &v, replace ? 0 : DB_NOOVERWRITE);
    if (!still_has_all(db, err))
        return false;
    if (error == DB_KEYEXIST) {
        if (!(map->flags & MAP_IGNORE_DUPLICATES))
            map_warn(map, "%s: duplicate entry: \"%s\"", db->path, key);
        return true;
    }
    return error == 0 || failed(db, "write", error, err);
}

static enum map_status db_remove(struct map *map, const char *key, struct err *err)
{
    struct map_db *db = map_db_of(map);
    bool try_nul = db->try_nul, try_bare = db->try_bare;
    int error = DB_NOTFOUND;
    for (int with_nul = 1; with_nul >= 0 && error == DB_NOTFOUND; with_nul--) {
        if (!(with_nul ? try_nul : try_bare))
            continue;
        DBT k = entry_of(key, with_nul);
        error = call(db, work_del, &k, NULL, 0);
    }
    if (!still_has_all(db, err))
        return MAP_FAILED;
    if (error == 0)
        return MAP_FOUND;
    if (error == DB_NOTFOUND)
        return MAP_NOT_FOUND;
    failed(db, "write", error, err);
    return MAP_FAILED;
}

static bool db_commit(struct map *map, struct err *err)
{
    struct map_db *db = map_db_of(map);
    if (!still_has_all(db, err))
        return false;
    int error = call(db, work_sync, NULL, NULL, 0);
    if (error != 0)
        return failed(db, "write", error, err);
    if (!map_db_meta_is_whole(db->lock_fd))
        return err_set(err, ERR_TEMP, "write database %s: file was cut off", db->path);
    return !db->rebuild || map_db_file_commit(db->rebuild, err);
}

static bool db_has_changed(struct map *map)
{
    struct map_db *db = map_db_of(map);
    return map_db_file_has_changed(db->lock_fd, &db->opened);
}

static void db_close(struct map *map)
{
    struct map_db *db = map_db_of(map);
    bool writes = map->flags & (MAP_WRITE | MAP_REBUILD);
    /* closing writes pages whatever it is told: of a file that was cut off, it must not */
    if (db->db && (!writes || db->lock_fd < 0 || still_has_all(db, NULL)))
        call(db, work_close, NULL, NULL, writes ? 0 : DB_NOSYNC);
    map_db_file_free(db->rebuild);
    fd_done(&db->lock_fd); /* gives the lock back */
    free(db->source);
    free(db->path);
}

/* --- opening -------------------------------------------------------------------------------- */

/* Open the table's file and lock it; a file that was replaced while we waited is opened anew. */
static bool db_open_file(struct map_db *db, enum map_flags flags, struct err *err)
{
    bool writes = flags & MAP_WRITE;
    for (;;) {
        fd_done(&db->lock_fd);
        db->lock_fd =
            open(db->path, (writes ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOCTTY, 0644);
        if (db->lock_fd < 0)
            return err_set(err, ERR_TEMP, "open database %s: %s", db->path, strerror(errno));
        if (!fd_lock(db->lock_fd, writes, !(flags & MAP_TRY_LOCK)))
            return err_set(err, ERR_TEMP, "%s: unable to get exclusive lock: %s", db->path,
                           strerror(errno));
        if (fstat(db->lock_fd, &db->opened) < 0)
            return failed(db, "lock", errno, err);
        if (map_db_file_is_at(db->path, &db->opened))
            break;
    }
    return map_db_meta_is_whole(db->lock_fd) ||
           err_set(err, ERR_TEMP, "open database %s: file was cut off", db->path);
}

/* Memory for all of the table, where a short time is worth it; 0: it is not. */
static size_t whole_table_size(const struct map_db *db)
{
    struct stat source;
    if (db->map.flags & MAP_MANY_KEYS)
        return (size_t)db->opened.st_size / 4 * 5;
    /* the pages of a growing table are written and read again and again when they do not fit */
    if (db->map.flags & MAP_REBUILD && stat(db->source, &source) == 0)
        return (size_t)source.st_size * 4;
    return 0;
}

struct opening {
    struct map_db *db;
    const char *path;
    DBTYPE type;
    u_int32_t mode;
    int error;
};

static void work_open(void *ctx)
{
    struct opening *o = ctx;
    o->error = o->db->db->open(o->db->db, NULL, o->path, NULL, o->type, o->mode, 0644);
}

static bool db_open_handle(struct map_db *db, const char *path, DBTYPE type, u_int32_t mode,
                           struct err *err)
{
    const struct map_options *options = map_get_options();
    size_t cache = mode & DB_RDONLY ? options->berkeley_db_read_buffer_size
                                    : options->berkeley_db_create_buffer_size;
    cache = MAX(cache, MIN(whole_table_size(db), (size_t)WHOLE_TABLE_CACHE_MAX));
    int error = db_create(&db->db, NULL, 0);
    if (error != 0)
        return failed(db, "open", error, err);
    db->db->set_errcall(db->db, stay_quiet);
    if (cache > 0)
        db->db->set_cachesize(db->db, 0, (u_int32_t)MIN(cache, (size_t)UINT32_MAX), 0);
    struct opening o = {db, path, type, mode | DB_NOMMAP, EFAULT};
    if (!map_fault_try(work_open, &o))
        db->is_damaged = true;
    return o.error == 0 || failed(db, "open", o.error, err);
}

static struct map *db_open(const char *name, enum map_flags flags, DBTYPE type, struct err *err)
{
    struct map_db *db = map_alloc(sizeof *db);
    map_fault_init();
    db->map.flags = flags;
    db->source = xstrdup(name);
    db->path = xasprintf("%s.db", name);
    db->lock_fd = -1;
    db->try_nul = !(flags & MAP_WITHOUT_NUL) || (flags & MAP_WITH_NUL);
    db->try_bare = !(flags & MAP_WITH_NUL) || (flags & MAP_WITHOUT_NUL);
    db->map.find = db_find;
    db->map.put = db_put;
    db->map.remove = db_remove;
    db->map.next = db_next;
    db->map.commit = flags & (MAP_WRITE | MAP_REBUILD) ? db_commit : NULL;
    db->map.pause = db_pause;
    db->map.has_changed = db_has_changed;
    db->map.close = db_close;

    bool ok;
    if (flags & MAP_REBUILD) {
        db->rebuild = map_db_file_new(db->source, db->path, flags & MAP_DEFAULT_MODE, err);
        ok = db->rebuild &&
             db_open_handle(db, map_db_file_temporary(db->rebuild), type, DB_CREATE, err);
        if (ok) {
            db->lock_fd = open(map_db_file_temporary(db->rebuild), O_RDONLY | O_CLOEXEC);
            ok = db->lock_fd >= 0 && fstat(db->lock_fd, &db->opened) == 0;
            if (!ok)
                failed(db, "open", errno, err);
        }
    } else {
        ok = db_open_file(db, flags, err) &&
             db_open_handle(db, db->path, type, flags & MAP_WRITE ? DB_CREATE : DB_RDONLY, err);
        if (ok && !(flags & MAP_WRITE)) {
            flock(db->lock_fd, LOCK_UN);
            map_db_file_warn_when_old(&db->map, db->source, db->path, &db->opened);
        }
    }
    if (ok)
        return &db->map;
    map_close(&db->map);
    return NULL;
}

static struct map *hash_open(const char *name, enum map_flags flags, struct err *err)
{
    return db_open(name, flags, DB_HASH, err);
}

static struct map *btree_open(const char *name, enum map_flags flags, struct err *err)
{
    return db_open(name, flags, DB_BTREE, err);
}

const struct map_driver map_hash = {.type = "hash", .suffix = ".db", .open = hash_open};
const struct map_driver map_btree = {.type = "btree", .suffix = ".db", .open = btree_open};
