#include "smtp/smtp_tls_sts.h"

#include "base/num.h"

#include <string.h>

enum { LIST_MAX = 100 };

static bool is_one_of(struct slice value, const char *const *words)
{
    for (; *words; words++)
        if (slice_eq(value, *words))
            return true;
    return false;
}

typedef const char *(*set_fn)(struct smtp_tls_sts *sts, struct slice value, struct arena *arena);

static const char *set_type(struct smtp_tls_sts *sts, struct slice value, struct arena *arena)
{
    static const char *const types[] = {"sts", "no-policy-found", NULL};
    if (!is_one_of(value, types))
        return "is not \"sts\" or \"no-policy-found\"";
    sts->type = arena_slice_dup(arena, value);
    return NULL;
}

static const char *set_domain(struct smtp_tls_sts *sts, struct slice value, struct arena *arena)
{
    sts->domain = arena_slice_dup(arena, value);
    return NULL;
}

static const char *set_ttl(struct smtp_tls_sts *sts, struct slice value, struct arena *arena)
{
    (void)arena;
    return num_parse_i64(value, &sts->ttl_s) && sts->ttl_s >= 0 ? NULL : "is no number of seconds";
}

static const char *set_failure(struct smtp_tls_sts *sts, struct slice value, struct arena *arena)
{
    static const char *const types[] = {"sts-policy-fetch-error", "sts-policy-invalid",
                                        "sts-webpki-invalid", "validation-failure", NULL};
    if (!is_one_of(value, types))
        return "is no result type of RFC 8460 for policies";
    sts->failure = arena_slice_dup(arena, value);
    return NULL;
}

static const char *add(const char ***list, size_t *count, struct slice value, struct arena *arena)
{
    if (*count == LIST_MAX)
        return "comes too often";
    if (!*list)
        *list = arena_zalloc(arena, LIST_MAX * sizeof **list);
    (*list)[(*count)++] = arena_slice_dup(arena, value);
    return NULL;
}

static const char *add_string(struct smtp_tls_sts *sts, struct slice value, struct arena *arena)
{
    return add(&sts->strings, &sts->string_count, value, arena);
}

static const char *add_pattern(struct smtp_tls_sts *sts, struct slice value, struct arena *arena)
{
    return add(&sts->patterns, &sts->pattern_count, value, arena);
}

bool smtp_tls_sts_set(struct smtp_tls_sts *sts, struct slice name, struct slice value,
                      struct arena *arena, const char **ret_wrong)
{
    static const struct {
        const char *name;
        set_fn set;
    } rows[] = {
        {"policy_type", set_type},     {"policy_domain", set_domain},
        {"policy_ttl", set_ttl},       {"policy_failure", set_failure},
        {"policy_string", add_string}, {"mx_host_pattern", add_pattern},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_eq_nocase(name, rows[i].name)) {
            *ret_wrong = value.len > 0 ? rows[i].set(sts, value, arena) : "has empty value";
            return true;
        }
    return false;
}

bool smtp_tls_sts_is_policy(const struct smtp_tls_sts *sts)
{
    return sts->type && strcmp(sts->type, "sts") == 0;
}

bool smtp_tls_sts_has_hosts(const struct smtp_tls_sts *sts)
{
    return sts->pattern_count > 0 && smtp_tls_sts_is_policy(sts);
}

bool smtp_tls_sts_allows(const struct smtp_tls_sts *sts, const char *host)
{
    struct slice name = slice_of(host);
    if (slice_ends(name, "."))
        name = slice_first(name, name.len - 1);
    struct slice parent = slice_from(name, slice_find(name, '.'));
    for (size_t i = 0; i < sts->pattern_count; i++) {
        struct slice pattern = slice_of(sts->patterns[i]);
        bool is_wild = slice_starts(pattern, "*.");
        if (slice_same_nocase(is_wild ? parent : name, is_wild ? slice_from(pattern, 1) : pattern))
            return true;
    }
    return false;
}
