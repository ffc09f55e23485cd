#include "proxymap/proxymap_tables.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "log/log.h"

#include <uthash.h>

enum { THREADS = 16 }; /* tables whose servers may be slow at the same time */

struct proxymap_table {
    UT_hash_handle hh;
    struct map *map; /* NULL: a file that is written is open only while it is used */
    enum map_flags flags;
    struct proxymap_job *first, **last; /* the first one is being done */
    char key[]; /* flags and name: a table that folds its keys is another one */
};

static struct argv approved;
static enum map_flags extra_flags;
static struct proxymap_table *tables;
static struct work_pool *pool; /* made when first needed */

void proxymap_tables_approve(const char *list, enum map_flags extra)
{
    struct slice in = slice_of(list), item;
    extra_flags = extra;
    while (slice_next_item(&in, &item)) {
        if (!slice_starts(item, "proxy:"))
            continue;
        while (slice_starts(item, "proxy:"))
            item = slice_from(item, strlen("proxy:"));
        argv_add_slice(&approved, item);
    }
}

struct proxymap_table *proxymap_tables_get(const char *name, enum map_flags flags)
{
    if (!argv_has(&approved, name))
        return NULL;
    struct proxymap_table *t = NULL;
    CLEANUP(xfree_ptr) char *key = xasprintf("%u %s", (unsigned)flags, name);
    HASH_FIND_STR(tables, key, t);
    if (!t) { /* at most one for each approved name and combination of flags */
        size_t len = strlen(key);
        t = xzalloc(sizeof *t + len + 1);
        memcpy(t->key, key, len + 1);
        t->last = &t->first;
        t->flags = flags | extra_flags;
        t->map = map_open(name, t->flags);
        map_warnings_clear(t->map); /* they were logged as they came */
        HASH_ADD_STR(tables, key, t);
    }
    return t;
}

bool proxymap_tables_have_changed(void)
{
    struct proxymap_table *t, *next;
    if (extra_flags & MAP_WRITE)
        return false; /* we are who changes them */
    HASH_ITER (hh, tables, t, next)
        if (!t->first && map_has_changed(t->map))
            return true;
    return false;
}

/* --- work ----------------------------------------------------------------------------------- */

static enum map_status next_entry(struct proxymap_job *job, struct map *map)
{
    if (map->next)
        return map->next(map, job->kind == PROXY_FIRST, &job->ret_key, &job->ret_value, &job->err);
    err_set(&job->err, ERR_CONFIG, "table %s: sequence operation is not supported", map->name);
    return MAP_FAILED;
}

/* The answer says that the update will survive us. */
static void make_durable(struct proxymap_job *job, struct map *map)
{
    if (job->status == MAP_FOUND && map->commit && !map->commit(map, &job->err))
        job->status = MAP_FAILED;
}

/* May run in a thread: touches nothing but the job and its table. */
static void job_run(void *owner)
{
    struct proxymap_job *job = owner;
    struct map *map = job->table->map;
    switch (job->kind) {
    case PROXY_FIND:
        job->status = map_find(map, job->key, &job->ret_value, &job->err);
        break;
    case PROXY_PUT:
        job->status = map_put(map, job->key, job->value, &job->err) ? MAP_FOUND : MAP_FAILED;
        make_durable(job, map);
        break;
    case PROXY_REMOVE:
        job->status = map_remove(map, job->key, &job->err);
        make_durable(job, map);
        break;
    case PROXY_FIRST:
    case PROXY_NEXT:
        job->status = next_entry(job, map);
        break;
    case PROXY_ANSWER:
        break;
    }
}

static void log_warnings(struct map *map)
{
    struct slice text = slice_of(map_warnings(map)), line;
    while (slice_next_line(&text, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    map_warnings_clear(map);
}

static void start(struct proxymap_job *job);

static void job_done(void *owner)
{
    struct proxymap_job *job = owner;
    struct proxymap_table *t = job->table;
    log_warnings(t->map); /* a thread cannot */
    t->first = job->next;
    if (!t->first)
        t->last = &t->first;
    job->on_done(job);
    if (t->first)
        start(t->first);
}

static void start(struct proxymap_job *job)
{
    work_submit(pool, job_run, job_done, job);
}

/* A file that is open to be written is locked, and its readers wait; so it is closed after each
 * update. It stays open while somebody lists it, or the next entry would be the first one again. */
static void close_file(struct proxymap_table *t, const struct proxymap_job *job)
{
    bool is_listed =
        (job->kind == PROXY_FIRST || job->kind == PROXY_NEXT) && job->status == MAP_FOUND;
    if (!(t->flags & MAP_WRITE) || !t->map->driver->suffix || is_listed)
        return;
    map_close(t->map);
    t->map = NULL;
}

static struct map *map_of(struct proxymap_table *t)
{
    if (!t->map)
        t->map = map_open(strchr(t->key, ' ') + 1, t->flags);
    return t->map;
}

void proxymap_tables_do(struct loop *loop, struct proxymap_job *job)
{
    struct proxymap_table *t = job->table;
    if (!map_of(t)->driver->is_remote) {
        job_run(job);
        map_warnings_clear(t->map);
        close_file(t, job);
        job->on_done(job);
        return;
    }
    if (!pool)
        pool = work_pool_new(loop, THREADS);
    bool is_free = t->first == NULL;
    job->next = NULL;
    *t->last = job;
    t->last = &job->next;
    if (is_free)
        start(job);
}
