/*
 * tlsmgr_cache: TLS sessions in a table: each with the time it came, in base64.
 *
 * The table is only a cache: one that this program did not close itself is begun anew, because the
 * file may be broken, or another product's. What has expired is not given out, and is removed now
 * and then.
 */
#ifndef TLSMGR_TLSMGR_CACHE_H
#define TLSMGR_TLSMGR_CACHE_H

#include "base/strbuf.h"
#include "io/loop.h"

enum { TLSMGR_ENTRIES_MAX = 100000 }; /* of one cache; more are not kept */

struct map;
struct tlsmgr_cache {
    const char *name;   /* "smtpd" */
    int64_t lifetime_s; /* 0: no resumption */
    bool logs;          /* tells what it does */
    struct map *map;    /* NULL: no table */
    size_t count;       /* entries, about */
    size_t seen;        /* by the sweep under way */
    bool is_first;      /* of the sweep's steps */
    struct timer *sweep;
};

/* DATABASE: "type:name", "" for none; what goes wrong is logged. With the mail owner's rights. */
void tlsmgr_cache_open(struct tlsmgr_cache *cache, const char *database);
/* Begin to remove what has expired. */
void tlsmgr_cache_start(struct tlsmgr_cache *cache, struct loop *loop);
void tlsmgr_cache_close(struct tlsmgr_cache *cache);

/* Append to SESSION. False: there is none (any more). */
bool tlsmgr_cache_find(struct tlsmgr_cache *cache, const char *id, struct strbuf *session);
void tlsmgr_cache_save(struct tlsmgr_cache *cache, const char *id, struct slice session);
void tlsmgr_cache_remove(struct tlsmgr_cache *cache, const char *id);

#endif
