/* Any text as inline rules of regexp tables: opening never crashes, and a result comes from a rule.
 */
#include "map/map.h"

#include "base/xmem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_table(const char *type, struct slice rules, const char *key)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    strbuf_addf(&name, "%s:{{%.*s}}", type, SLICE_ARG(rules));
    struct map *map = map_open(name.s, MAP_READ);
    enum map_status status = map_find(map, key, &value, &err);
    if (status == MAP_FAILED && err.reason[0] == 0)
        abort(); /* a failure has a reason */
    if (status == MAP_NOT_FOUND && value.len > 0)
        abort();
    map_close(map);
}

/* The C library's regcomp() makes a copy of all that a '+' or a bound stands behind: one upon the
 * other, a dozen of them fill the memory. */
static bool is_too_much_for_regcomp(struct slice rules)
{
    enum { REPETITIONS_MAX = 8 };
    size_t count = 0;
    for (size_t i = 0; i < rules.len; i++)
        count += rules.s[i] == '+' || rules.s[i] == '{';
    return count > REPETITIONS_MAX;
}

/* The first line is the key, the rest the rules. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, line;
    if (slice_has_nul(in) || size > 2000 || !slice_next_line(&in, &line))
        return 0;
    CLEANUP(xfree_ptr) char *key = slice_dup(line);
    try_table("pcre", in, key);
    if (!is_too_much_for_regcomp(in))
        try_table("regexp", in, key);
    return 0;
}
