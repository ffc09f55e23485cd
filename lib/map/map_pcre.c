/*
 * map_pcre: pcre:/file, Perl-compatible regular expressions.
 *
 * Keys are often a stranger's text: a match that needs too many steps is given up as a temporary
 * error instead of keeping the process busy.
 */
#include "map/map_drivers.h"
#include "map/map_pattern.h"

#include "base/xmem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MATCH_LIMIT = 1000000,
    DEPTH_LIMIT = 100000,
    HEAP_LIMIT_KIB = 20000,
    USES_BEFORE_JIT = 4, /* machine code costs more time to make than a few matches take */
};

struct pcre_pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
    unsigned uses;
};

static void pcre_free(void *pattern)
{
    struct pcre_pattern *p = pattern;
    pcre2_match_context_free(p->limits);
    pcre2_match_data_free(p->data);
    pcre2_code_free(p->code);
    free(p);
}

static void *pcre_compile(const char *pattern, const char *toggled, bool utf8, size_t *ret_groups,
                          struct strbuf *problem)
{
    static const struct {
        char letter;
        uint32_t flag;
    } letters[] = {
        {'i', PCRE2_CASELESS}, {'s', PCRE2_DOTALL},   {'m', PCRE2_MULTILINE},
        {'x', PCRE2_EXTENDED}, {'A', PCRE2_ANCHORED}, {'E', PCRE2_DOLLAR_ENDONLY},
        {'U', PCRE2_UNGREEDY}, /* X, on in PCRE2 whatever one says, changes nothing */
    };
    uint32_t flags = PCRE2_CASELESS | PCRE2_DOTALL | (utf8 ? PCRE2_UTF : 0), groups = 0;
    for (size_t i = 0; i < COUNT_OF(letters); i++)
        if (strchr(toggled, letters[i].letter))
            flags ^= letters[i].flag;
    int error;
    size_t offset;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags, &error, &offset, NULL);
    if (!code) {
        unsigned char text[200] = "";
        pcre2_get_error_message(error, text, sizeof text);
        strbuf_addf(problem, "error in regex at offset %zu: %s", offset, (const char *)text);
        return NULL;
    }
    struct pcre_pattern *p = xzalloc(sizeof *p);
    p->code = code;
    p->data = pcre2_match_data_create_from_pattern(code, NULL);
    p->limits = pcre2_match_context_create(NULL);
    if (!p->data || !p->limits) {
        strbuf_add_str(problem, "out of memory");
        pcre_free(p);
        return NULL;
    }
    pcre2_set_match_limit(p->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(p->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(p->limits, HEAP_LIMIT_KIB);
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
    *ret_groups = groups;
    return p;
}

/* Where patterns are UTF-8, map_find() has seen to it that keys are, too. */
static int match(struct pcre_pattern *p, struct slice key, uint32_t options)
{
    return pcre2_match(p->code, (PCRE2_SPTR)key.s, key.len, 0, options | PCRE2_NO_UTF_CHECK,
                       p->data, p->limits);
}

static enum map_status pcre_match(void *pattern, struct slice key, struct slice *groups,
                                  size_t count, struct err *err)
{
    struct pcre_pattern *p = pattern;
    if (p->uses < USES_BEFORE_JIT && ++p->uses == USES_BEFORE_JIT)
        pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* where it cannot, matching is slower */
    int error = match(p, key, 0);
    if (error == PCRE2_ERROR_JIT_STACKLIMIT)
        error = match(p, key, PCRE2_NO_JIT);
    if (error == PCRE2_ERROR_NOMATCH)
        return MAP_NOT_FOUND;
    if (error < 0) {
        unsigned char text[200] = "";
        pcre2_get_error_message(error, text, sizeof text);
        err_set(err, ERR_TEMP, "error in pcre matching: %s", (const char *)text);
        return MAP_FAILED;
    }
    const size_t *at = pcre2_get_ovector_pointer(p->data);
    for (size_t i = 0; i < count; i++) {
        bool took_part = i < (size_t)error && at[2 * i] != PCRE2_UNSET &&
                         at[2 * i] <= at[2 * i + 1]; /* \K can turn the whole match around */
        groups[i] =
            took_part ? (struct slice){key.s + at[2 * i], at[2 * i + 1] - at[2 * i]} : SLICE_EMPTY;
    }
    return MAP_FOUND;
}

static const struct map_pattern_engine pcre_engine = {
    .type = "pcre",
    .unclosed = "ignoring this rule",
    .flags = "ismxAEUX",
    .unlike_prefix = "mx",
    .compile = pcre_compile,
    .free_pattern = pcre_free,
    .match = pcre_match,
};

static struct map *pcre_open(const char *name, enum map_flags flags, struct err *err)
{
    return map_pattern_open(&pcre_engine, name, flags, err);
}

const struct map_driver map_pcre = {
    .type = "pcre", .is_pattern = true, .has_raw_key = true, .open = pcre_open};
