/* map_regexp: regexp:/file, POSIX regular expressions. */
#include "map/map_drivers.h"
#include "map/map_pattern.h"

#include "base/xmem.h"

#include <regex.h>

static void *regexp_compile(const char *pattern, const char *toggled, bool utf8, size_t *ret_groups,
                            struct strbuf *problem)
{
    (void)utf8;
    static const struct {
        char letter;
        int flag;
    } letters[] = {{'i', REG_ICASE}, {'x', REG_EXTENDED}, {'m', REG_NEWLINE}};
    int flags = REG_ICASE | REG_EXTENDED;
    for (size_t i = 0; i < COUNT_OF(letters); i++)
        if (strchr(toggled, letters[i].letter))
            flags ^= letters[i].flag;
    regex_t *compiled = xzalloc(sizeof *compiled);
    int error = regcomp(compiled, pattern, flags);
    if (error == 0) {
        *ret_groups = compiled->re_nsub;
        return compiled;
    }
    char text[200];
    regerror(error, compiled, text, sizeof text);
    strbuf_add_str(problem, text);
    free(compiled);
    return NULL;
}

static void regexp_free(void *pattern)
{
    regfree(pattern);
    free(pattern);
}

static enum map_status regexp_match(void *pattern, struct slice key, struct slice *groups,
                                    size_t count, struct err *err)
{
    regmatch_t at[MAP_TEMPLATE_GROUPS];
    int error = regexec(pattern, key.s, count, at, 0);
    if (error == REG_NOMATCH)
        return MAP_NOT_FOUND;
    if (error != 0) {
        char text[200];
        regerror(error, pattern, text, sizeof text);
        err_set(err, ERR_TEMP, "error in regexp matching: %s", text);
        return MAP_FAILED;
    }
    for (size_t i = 0; i < count; i++)
        groups[i] = at[i].rm_so < 0
                        ? SLICE_EMPTY
                        : (struct slice){key.s + at[i].rm_so, (size_t)(at[i].rm_eo - at[i].rm_so)};
    return MAP_FOUND;
}

static const struct map_pattern_engine regexp_engine = {
    .type = "regexp",
    .unclosed = "skipping this rule",
    .flags = "ixm",
    .unlike_prefix = "xm",
    .compile = regexp_compile,
    .free_pattern = regexp_free,
    .match = regexp_match,
};

static struct map *regexp_open(const char *name, enum map_flags flags, struct err *err)
{
    return map_pattern_open(&regexp_engine, name, flags, err);
}

const struct map_driver map_regexp = {
    .type = "regexp", .is_pattern = true, .has_raw_key = true, .open = regexp_open};
