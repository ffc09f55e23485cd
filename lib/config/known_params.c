#include "config/known_params.h"

#include "config/param_near.h"

// clang-format off
/* Programs' tables come before the unbuilt ones. */
const struct param_row known_param_rows[] = {
#define PARAM(kind, name, def, min, max, since, purpose) \
    {#name, PARAM_##kind, def, min, max, purpose, 0, since},
#define SUBJECT(text)
#define POINTLESS(reason)
#define REFUSED(name)
#define PATTERN(kind, owner, suffix, def, min, max, since, purpose)
#include "config/known_tables.inc"
#undef PATTERN
#undef PARAM
    {0},
};

const struct param_pattern known_param_patterns[] = {
#define PARAM(kind, name, def, min, max, since, purpose)
#define PATTERN(kind, owner, suffix, def, min, max, since, purpose) \
    {{"_" #suffix, PARAM_##kind, def, min, max, purpose, 0, since}, PATTERN_##owner},
#include "config/known_patterns.inc"
#undef PATTERN
#undef PARAM
    {{0}, 0},
};

/* sorted by name */
static const struct known_param_facts facts[] = {
#define FACTS(name, comes_with, pointless, readers, words) \
    {name, comes_with, pointless, readers, words},
#include "config/known_facts.inc"
#undef FACTS
};

enum { SHOWN, HIDDEN };
/* sorted by name */
static const struct old_param old_params[] = {
#define DEPRECATED(name, instead, hidden) {#name, instead, hidden},
#include "config/deprecated_names.def"
#undef DEPRECATED
};
// clang-format on

static int by_name(const void *key, const void *element)
{
    const char *const *name = element; /* both structs begin with it */
    return strcmp(key, *name);
}

const struct known_param_facts *known_param_facts(const char *name)
{
    return bsearch(name, facts, COUNT_OF(facts), sizeof facts[0], by_name);
}

const struct old_param *known_param_old(const char *name)
{
    return bsearch(name, old_params, COUNT_OF(old_params), sizeof old_params[0], by_name);
}

const struct param_pattern *known_param_pattern_of(const char *name, struct slice *ret_service)
{
    /* the longest suffix: x_recipient_limit is not one of x_destination_recipient_limit */
    const struct param_pattern *best = NULL;
    size_t best_len = 0, len = strlen(name);
    for (const struct param_pattern *p = known_param_patterns; p->row.name; p++) {
        size_t suffix = strlen(p->row.name);
        if (suffix <= best_len || suffix >= len || strcmp(name + len - suffix, p->row.name) != 0)
            continue;
        best = p;
        best_len = suffix;
    }
    if (best)
        *ret_service = slice_first(slice_of(name), len - best_len);
    return best;
}

bool param_pattern_is_for(const struct param_pattern *pattern, const char *command)
{
    static const char *const commands[][7] = {
        [PATTERN_transport] = {"local", "virtual", "smtp", "lmtp", "error", "pipe", NULL},
        [PATTERN_command] = {"pipe", "spawn", NULL},
    };
    for (const char *const *at = commands[pattern->owner]; *at; at++)
        if (strcmp(*at, command) == 0)
            return true;
    return false;
}

size_t known_param_near(const char *name, const char **ret, size_t most)
{
    struct param_near near;
    param_near_init(&near, name);
    for (const struct param_row *row = known_param_rows; row->name; row++) {
        const struct old_param *old = known_param_old(param_name(row));
        if (!old) /* nobody is to be led to a name that is going away */
            param_near_try(&near, param_name(row));
    }
    most = MIN(most, near.count);
    for (size_t i = 0; i < most; i++)
        ret[i] = near.names[i];
    return most;
}
