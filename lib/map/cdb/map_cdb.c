/*
 * map_cdb: cdb:, constant databases in one file, NAME.cdb, that are only ever built anew.
 *
 * A look-up reads the file's memory map without a lock, because a file never changes: a rebuild
 * replaces it.
 */
#include "map/map_db_file.h"
#include "map/map_fault.h"
#include "map/map_plugin.h"

#include "base/xmem.h"
#include "io/fd.h"

#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

struct map_cdb {
    struct map map;
    char *source, *path; /* NAME and NAME.cdb */
    int fd;
    struct stat opened;
    bool try_nul, try_bare; /* which forms of the key may be in there */
    bool is_reader;
    struct cdb reader;
    unsigned hinted_slot; /* where the file says where the last hinted key is; 0: none */
    struct map_db_file *rebuild;
    struct cdb_make maker;
    bool is_making;   /* MAKER holds memory */
    uint64_t *hashes; /* of the keys that were put, HASH_SIZE places, 0: free */
    size_t hash_count, hash_size;
};

static struct map_cdb *map_cdb_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_cdb, map);
}

static bool failed(struct map_cdb *db, const char *what, struct err *err)
{
    return err_set(err, ERR_TEMP, "%s database %s: %s", what, db->path, strerror(errno));
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One question; ANSWER as of cdb_find(): 1 found, 0 not there, -1 error. */
struct look {
    struct map_cdb *db;
    const char *key;
    struct strbuf *value;
    int answer;
};

static int get(struct look *look, bool with_nul)
{
    struct map_cdb *db = look->db;
    size_t len = strlen(look->key) + with_nul;
    int found = len <= UINT_MAX ? cdb_find(&db->reader, look->key, (unsigned)len) : 0;
    if (found <= 0)
        return found;
    struct slice data = {cdb_getdata(&db->reader), cdb_datalen(&db->reader)};
    if (!data.s)
        return -1;
    if (data.len > 0 && data.s[data.len - 1] == 0)
        data.len--;
    strbuf_set_slice(look->value, data);
    /* the file is of one kind; from now on ask once */
    db->try_nul = with_nul;
    db->try_bare = !with_nul;
    return 1;
}

static void look_up(void *ctx)
{
    struct look *look = ctx;
    bool try_nul = look->db->try_nul;
    if (look->db->try_bare)
        look->answer = get(look, false);
    if (look->answer == 0 && try_nul)
        look->answer = get(look, true);
}

static enum map_status find(struct map *map, const char *key, struct strbuf *value, struct err *err)
{
    struct map_cdb *db = map_cdb_of(map);
    struct look look = {db, key, value, 0};
    if (!map_fault_try(look_up, &look))
        look.answer = -1;
    bool is_sure = look.answer > 0 && !map_fault_may_be_cut(strbuf_slice(value));
    if (!is_sure && !map_db_file_is_whole(db->fd, &db->opened, db->path, err))
        return MAP_FAILED;
    if (look.answer < 0)
        err_set(err, ERR_TEMP, "read database %s: file is damaged", db->path);
    return look.answer > 0 ? MAP_FOUND : look.answer == 0 ? MAP_NOT_FOUND : MAP_FAILED;
}

/* --- hints ------------------------------------------------------------------------------------ */

/* A key's way through the file (cdb(5)): by its hash to a slot, which has the place of its record.
 * Both are somewhere in it, so each costs the time memory takes. With one hint ahead the slot is
 * fetched, with the next hint, when it has come, the record. */

static unsigned number_at(const struct cdb *cdb, unsigned at)
{
    return cdb_unpack(cdb->cdb_mem + at);
}

static void prefetch(const struct cdb *cdb, size_t at, size_t len)
{
    enum { CACHE_LINE = 64 };
    for (size_t end = MIN(at + len, (size_t)cdb->cdb_fsize); at < end; at += CACHE_LINE)
        __builtin_prefetch(cdb->cdb_mem + at);
}

struct coming {
    struct map_cdb *db;
    const char *key;
};

static void fetch(void *ctx)
{
    enum { TABLES = 256, ENTRY = 8, HALF = 4, RECORD_MAX = 128 };
    struct coming *coming = ctx;
    struct map_cdb *db = coming->db;
    const struct cdb *cdb = &db->reader;
    unsigned before = db->hinted_slot;
    db->hinted_slot = 0; /* a page that is gone is tried once */
    if (before)
        prefetch(cdb, number_at(cdb, before + HALF), RECORD_MAX);
    if (cdb->cdb_fsize < TABLES * ENTRY)
        return;
    size_t len = strlen(coming->key) + !db->try_bare;
    unsigned hash = cdb_hash(coming->key, (unsigned)MIN(len, (size_t)UINT_MAX));
    unsigned table = hash % TABLES * ENTRY, slots = number_at(cdb, table + HALF);
    uint64_t slot = slots ? number_at(cdb, table) + (uint64_t)(hash / TABLES % slots) * ENTRY : 0;
    if (slot == 0 || slot + ENTRY > cdb->cdb_fsize)
        return;
    db->hinted_slot = (unsigned)slot;
    prefetch(cdb, db->hinted_slot, ENTRY);
}

static void hint(struct map *map, const char *key)
{
    struct coming coming = {map_cdb_of(map), key};
    map_fault_try(fetch, &coming);
}

static bool has_changed(struct map *map)
{
    struct map_cdb *db = map_cdb_of(map);
    return map_db_file_has_changed(db->fd, &db->opened);
}

/* --- building ----------------------------------------------------------------------------------
 */

/* The library looks for duplicates by going through all keys of a kind. Nearly always, asking a set
 * of the hash values tells that there is none. */
static bool may_be_there(struct map_cdb *db, uint32_t hash)
{
    if (2 * db->hash_count >= db->hash_size) {
        size_t size = MAX((size_t)1024, 4 * db->hash_size);
        uint64_t *old = db->hashes;
        size_t old_size = db->hash_size;
        db->hashes = xzalloc(size * sizeof *db->hashes);
        db->hash_size = size;
        db->hash_count = 0;
        for (size_t i = 0; i < old_size; i++)
            if (old[i])
                may_be_there(db, (uint32_t)old[i]);
        free(old);
    }
    uint64_t wanted = hash | (1ULL << 32); /* 0 is a free place */
    size_t at = hash & (db->hash_size - 1);
    while (db->hashes[at] && db->hashes[at] != wanted)
        at = (at + 1) & (db->hash_size - 1);
    if (db->hashes[at])
        return true;
    db->hashes[at] = wanted;
    db->hash_count++;
    return false;
}

static bool put(struct map *map, const char *key, const char *value, struct err *err)
{
    struct map_cdb *db = map_cdb_of(map);
    bool with_nul = map->flags & MAP_WITH_NUL;
    size_t key_len = strlen(key) + with_nul, value_len = strlen(value) + with_nul;
    if (key_len + value_len > UINT32_MAX / 2)
        return err_set(err, ERR_PERM, "%s: entry too large", db->path);
    enum cdb_put_mode mode = CDB_PUT_ADD;
    if (may_be_there(db, cdb_hash(key, (unsigned)key_len)))
        mode = map->flags & MAP_KEEP_DUPLICATES_QUIET ? CDB_PUT_REPLACE : CDB_PUT_INSERT;
    int status = cdb_make_put(&db->maker, key, (unsigned)key_len, value, (unsigned)value_len, mode);
    if (status < 0)
        return failed(db, "write", err);
    if (status > 0 && mode == CDB_PUT_INSERT && !(map->flags & MAP_IGNORE_DUPLICATES))
        map_warn(map, "%s: duplicate entry: \"%s\"", db->source, key);
    return true;
}

static bool commit(struct map *map, struct err *err)
{
    struct map_cdb *db = map_cdb_of(map);
    db->is_making = false;
    return cdb_make_finish(&db->maker) == 0 ? map_db_file_commit(db->rebuild, err)
                                            : failed(db, "write", err);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool open_rebuild(struct map_cdb *db, enum map_flags flags, struct err *err)
{
    db->rebuild = map_db_file_new(db->source, db->path, flags & MAP_DEFAULT_MODE, err);
    if (!db->rebuild)
        return false;
    db->fd = open(map_db_file_temporary(db->rebuild), O_RDWR | O_CLOEXEC);
    if (db->fd < 0 || cdb_make_start(&db->maker, db->fd) < 0 || fstat(db->fd, &db->opened) < 0)
        return failed(db, "open", err);
    db->is_making = true;
    db->map.put = put;
    db->map.commit = commit;
    return true;
}

static bool open_table(struct map_cdb *db, struct err *err)
{
    db->fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (db->fd < 0 || fstat(db->fd, &db->opened) < 0)
        return failed(db, "open", err);
    if (cdb_init(&db->reader, db->fd) < 0)
        return err_set(err, ERR_TEMP, "unable to init %s: %s", db->path, strerror(errno));
    db->is_reader = true;
    db->map.find = find;
    db->map.hint = hint;
    map_db_file_warn_when_old(&db->map, db->source, db->path, &db->opened);
    return true;
}

static enum map_status find_nothing(struct map *map, const char *key, struct strbuf *value,
                                    struct err *err)
{
    (void)key;
    (void)value;
    err_set(err, ERR_CONFIG, "table %s is being built", map->name);
    return MAP_FAILED;
}

static void close_cdb(struct map *map)
{
    struct map_cdb *db = map_cdb_of(map);
    if (db->is_making)
        cdb_make_finish(&db->maker); /* in vain, but it has the memory */
    if (db->is_reader)
        cdb_free(&db->reader);
    fd_done(&db->fd);
    map_db_file_free(db->rebuild);
    free(db->hashes);
    free(db->source);
    free(db->path);
}

static struct map *open_cdb(const char *name, enum map_flags flags, struct err *err)
{
    if (flags & MAP_WRITE) {
        err_set(err, ERR_CONFIG, "database cdb:%s cannot be updated in place, only built anew",
                name);
        return NULL;
    }
    struct map_cdb *db = map_alloc(sizeof *db);
    map_fault_init();
    db->map.flags = flags;
    db->source = xstrdup(name);
    db->path = xasprintf("%s.cdb", name);
    db->fd = -1;
    db->try_nul = !(flags & MAP_WITHOUT_NUL) || (flags & MAP_WITH_NUL);
    db->try_bare = !(flags & MAP_WITH_NUL) || (flags & MAP_WITHOUT_NUL);
    db->map.find = find_nothing;
    db->map.has_changed = has_changed;
    db->map.close = close_cdb;
    if (flags & MAP_REBUILD ? open_rebuild(db, flags, err) : open_table(db, err))
        return &db->map;
    map_close(&db->map);
    return NULL;
}

static const struct map_driver map_cdb = {.type = "cdb", .suffix = ".cdb", .open = open_cdb};

MAP_PLUGIN(&map_cdb)
