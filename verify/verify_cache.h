/*
 * verify_cache: what is known of addresses, in the table address_verify_map or in memory.
 *
 * The key is the address, the value "RESULT:PROBED:UPDATED:TEXT": times in seconds
 * of the clock, 0 for never. Postfix reads and writes the same.
 */
#ifndef VERIFY_VERIFY_CACHE_H
#define VERIFY_VERIFY_CACHE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "mail/verify_msg.h"
#include "map/map.h"

struct verify_entry {
    enum verify_result result;
    int64_t probed_s;  /* when the probe that is under way was sent; 0: none is */
    int64_t updated_s; /* when a probe has told */
    struct strbuf text;
};

struct verify_cache;

/* NAME: "type:table", or "" for memory only. It is opened with the rights of the owner of the mail
 * system, so before the jail. */
struct verify_cache *verify_cache_open(const char *name, struct err *err);
void verify_cache_close(struct verify_cache *cache); /* NULL is fine */

/* ENTRY->text has to be initialised. MAP_NOT_FOUND also for what has no meaning. */
enum map_status verify_cache_find(struct verify_cache *cache, const char *address,
                                  struct verify_entry *ret, struct err *err);
bool verify_cache_put(struct verify_cache *cache, const char *address,
                      const struct verify_entry *entry, struct err *err);
/* Onto the disk: what was found out costs others a message to find out again. */
bool verify_cache_commit(struct verify_cache *cache, struct err *err);
/* Remove what IS_DEAD says; a table that cannot be listed fails. */
bool verify_cache_clean(struct verify_cache *cache, bool (*is_dead)(const struct verify_entry *e),
                        size_t *ret_kept, size_t *ret_dropped, struct err *err);

bool verify_entry_parse(struct slice value, struct verify_entry *ret);
void verify_entry_format(const struct verify_entry *entry, struct strbuf *out);

#endif
