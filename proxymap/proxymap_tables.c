#include "proxymap/proxymap_tables.h"

#include "base/argv.h"
#include "base/xmem.h"

#include <uthash.h>

struct table {
    UT_hash_handle hh;
    struct map *map;
    char key[]; /* flags and name: a table that folds its keys is another one */
};

static struct argv approved;
static struct table *tables;

void proxymap_tables_approve(const char *list)
{
    struct slice in = slice_of(list), item;
    while (slice_next_item(&in, &item)) {
        if (!slice_starts(item, "proxy:"))
            continue;
        while (slice_starts(item, "proxy:"))
            item = slice_from(item, strlen("proxy:"));
        argv_add_slice(&approved, item);
    }
}

struct map *proxymap_tables_get(const char *name, enum map_flags flags)
{
    if (!argv_has(&approved, name))
        return NULL;
    struct table *t = NULL;
    CLEANUP(xfree_ptr) char *key = xasprintf("%u %s", (unsigned)flags, name);
    HASH_FIND_STR(tables, key, t);
    if (!t) { /* at most one for each approved name and combination of flags */
        size_t len = strlen(key);
        t = xzalloc(sizeof *t + len + 1);
        memcpy(t->key, key, len + 1);
        t->map = map_open(name, flags);
        HASH_ADD_STR(tables, key, t);
    }
    return t->map;
}

bool proxymap_tables_have_changed(void)
{
    struct table *t, *next;
    HASH_ITER (hh, tables, t, next)
        if (map_has_changed(t->map))
            return true;
    return false;
}
