#include "cleanup/cleanup_seen.h"

#include "base/strbuf.h"
#include "base/text.h"
#include "base/xmem.h"

#include <uthash.h>

struct seen_pair {
    UT_hash_handle hh;
    char key[]; /* folded original, LF, folded address */
};

struct cleanup_address_seen {
    struct seen_pair *pairs;
    size_t limit;
    struct strbuf key;
};

struct cleanup_address_seen *cleanup_seen_new(size_t limit)
{
    struct cleanup_address_seen *seen = xzalloc(sizeof *seen);
    seen->limit = limit;
    strbuf_init(&seen->key, SIZE_MAX / 4);
    return seen;
}

void cleanup_seen_free(struct cleanup_address_seen *seen)
{
    if (!seen)
        return;
    struct seen_pair *pair, *tmp;
    HASH_ITER (hh, seen->pairs, pair, tmp) {
        HASH_DEL(seen->pairs, pair);
        free(pair);
    }
    strbuf_done(&seen->key);
    free(seen);
}

static struct seen_pair *find(struct cleanup_address_seen *seen, const char *original,
                              const char *address)
{
    struct seen_pair *pair;
    strbuf_reset(&seen->key);
    text_fold_case(&seen->key, slice_of(original));
    strbuf_add_char(&seen->key, '\n');
    text_fold_case(&seen->key, slice_of(address));
    HASH_FIND(hh, seen->pairs, seen->key.s, seen->key.len, pair);
    return pair;
}

void cleanup_seen_remove(struct cleanup_address_seen *seen, const char *original,
                         const char *address)
{
    struct seen_pair *pair = find(seen, original, address);
    if (pair)
        HASH_DEL(seen->pairs, pair);
    free(pair);
}

bool cleanup_seen_add(struct cleanup_address_seen *seen, const char *original, const char *address)
{
    struct seen_pair *pair = find(seen, original, address);
    if (pair)
        return true;
    if (seen->limit > 0 && HASH_COUNT(seen->pairs) >= seen->limit)
        return false;
    pair = xmalloc(sizeof *pair + seen->key.len + 1);
    memcpy(pair->key, seen->key.s, seen->key.len + 1);
    HASH_ADD(hh, seen->pairs, key[0], seen->key.len, pair);
    return false;
}
