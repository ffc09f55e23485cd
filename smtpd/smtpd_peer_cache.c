#include "smtpd/smtpd_peer_cache.h"

#include "base/clock.h"
#include "base/xmem.h"

#include <uthash.h>

struct entry {
    UT_hash_handle hh; /* in the order of insertion: the oldest comes first */
    char *name, *reverse_name;
    int64_t expires_ms;
    char address[];
};

static struct entry *entries;

static void drop(struct entry *e)
{
    HASH_DEL(entries, e);
    free(e->name);
    free(e->reverse_name);
    free(e);
}

bool smtpd_peer_cache_get(const char *address, const char **ret_name, const char **ret_reverse_name)
{
    struct entry *e = NULL;
    HASH_FIND_STR(entries, address, e);
    if (!e)
        return false;
    if (e->expires_ms <= clock_now_ms()) {
        drop(e);
        return false;
    }
    *ret_name = e->name;
    *ret_reverse_name = e->reverse_name;
    return true;
}

void smtpd_peer_cache_put(const char *address, const char *name, const char *reverse_name)
{
    struct entry *e = NULL;
    HASH_FIND_STR(entries, address, e);
    if (e)
        drop(e);
    if (HASH_COUNT(entries) >= SMTPD_PEER_CACHE_MAX)
        drop(entries);
    size_t len = strlen(address);
    e = xzalloc(sizeof *e + len + 1);
    memcpy(e->address, address, len + 1);
    e->name = name ? xstrdup(name) : NULL;
    e->reverse_name = reverse_name ? xstrdup(reverse_name) : NULL;
    e->expires_ms = clock_now_ms() + SMTPD_PEER_CACHE_MS;
    HASH_ADD_STR(entries, address, e);
}
