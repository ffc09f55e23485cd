/*
 * psc_cache: results of tests by client address, in a table that outlives the process
 * (postscreen_cache_map).
 *
 * A cache that fails only costs clients another test: problems are logged, and nothing waits.
 */
#ifndef POSTSCREEN_PSC_CACHE_H
#define POSTSCREEN_PSC_CACHE_H

#include "base/err.h"
#include "io/loop.h"
#include "postscreen/psc_test.h"

struct psc_cache;

/* Open TABLE ("type:name"; "" is none) for one writer. While privileges are there: its files are
 * made as mail_owner. ERR: another process holds it. Problems are logged. */
struct psc_cache *psc_cache_open(const char *table, struct err *err);
/* Remove records that have counted for nothing for RETENTION_S seconds, every INTERVAL_S seconds
 * (0: never), and write changes to disk. */
void psc_cache_start(struct psc_cache *cache, struct loop *loop, int64_t interval_s,
                     int64_t retention_s);
void psc_cache_close(struct psc_cache *cache);

/* False: there is no record. */
bool psc_cache_find(struct psc_cache *cache, const char *address, struct psc_times *ret);
void psc_cache_put(struct psc_cache *cache, const char *address, const struct psc_times *times);

#endif
