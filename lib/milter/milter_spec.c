/* Lists of milters in main.cf. */
#include "milter/milter_spec.h"

#include "base/xmem.h"
#include "config/param.h"
#include "milter/milter_params.h"
#include "milter/milter_wire.h"

#include <stdlib.h>

static const char *const fallback_words[] = {
    [MILTER_FALLBACK_ACCEPT] = "accept",     [MILTER_FALLBACK_REJECT] = "reject",
    [MILTER_FALLBACK_TEMPFAIL] = "tempfail", [MILTER_FALLBACK_QUARANTINE] = "quarantine",
    [MILTER_FALLBACK_SHUTDOWN] = "shutdown",
};

enum milter_fallback milter_fallback_find(struct slice word)
{
    for (size_t i = 0; i < COUNT_OF(fallback_words); i++)
        if (slice_eq_nocase(word, fallback_words[i]))
            return (enum milter_fallback)i;
    return MILTER_FALLBACK_BROKEN;
}

/* "6", or "6 no_header_reply": a version, and which of its parts are left out. */
static bool parse_protocol(struct milter_spec *spec, struct slice text, struct err *err)
{
    static const struct {
        const char *word;
        uint32_t version, events;
    } words[] = {
        {"2", 2, 0x7f},
        {"3", 3, 0x17f},
        {"4", 4, 0x37f},
        {"6", 6, MILTER_EVENTS},
        {"no_header_reply", 0, 0x80}, /* of a version before 6 */
    };
    struct slice rest = text, word;
    spec->version = spec->events = 0;
    while (slice_next_item(&rest, &word)) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(words); i++) {
            if (!slice_eq(word, words[i].word))
                continue;
            is_known = true;
            spec->version = words[i].version ? words[i].version : spec->version;
            spec->events |= words[i].events;
        }
        if (!is_known)
            return err_set(err, ERR_CONFIG, "unknown milter protocol: %.*s", SLICE_ARG(word));
    }
    return spec->version ||
           err_set(err, ERR_CONFIG, "milter protocol without a version: %.*s", SLICE_ARG(text));
}

static bool parse_time(const char *value, int64_t *ret_ms, struct err *err)
{
    int64_t seconds;
    if (!param_parse_time("milter time limit", value, 's', 1, 0, &seconds, err))
        return false;
    *ret_ms = seconds * 1000;
    return true;
}

static bool set_one(struct milter_spec *spec, struct slice name, struct slice value,
                    struct err *err)
{
    CLEANUP(xfree_ptr) char *text = slice_dup(value);
    if (slice_eq(name, "connect_timeout"))
        return parse_time(text, &spec->connect_ms, err);
    if (slice_eq(name, "command_timeout"))
        return parse_time(text, &spec->command_ms, err);
    if (slice_eq(name, "content_timeout"))
        return parse_time(text, &spec->content_ms, err);
    if (slice_eq(name, "protocol"))
        return parse_protocol(spec, value, err);
    if (!slice_eq(name, "default_action"))
        return err_set(err, ERR_CONFIG, "unknown milter setting: %.*s", SLICE_ARG(name));
    spec->fallback = milter_fallback_find(value);
    return true;
}

static bool is_endpoint(struct slice name)
{
    struct slice host, port;
    if (slice_starts(name, "unix:") || slice_starts(name, "local:"))
        return slice_from(name, slice_find(name, ':') + 1).len > 0;
    if (!slice_starts(name, "inet:") && !slice_starts(name, "inet6:"))
        return false;
    return slice_rsplit(slice_from(name, slice_find(name, ':') + 1), ':', &host, &port) &&
           port.len > 0;
}

/* "endpoint" or "{ endpoint, name=value, { name = value } }" */
static bool parse_one(struct milter_spec *spec, struct slice item, struct err *err)
{
    struct slice rest = item, word, name, value;
    if (item.len && item.s[0] == '{') {
        if (item.s[item.len - 1] != '}')
            return err_set(err, ERR_CONFIG, "missing '}' in \"%.*s\"", SLICE_ARG(item));
        rest = slice_trim((struct slice){item.s + 1, item.len - 2});
    }
    if (!slice_next_item(&rest, &word) || !is_endpoint(word))
        return err_set(err, ERR_CONFIG, "bad milter endpoint: %.*s", SLICE_ARG(item));
    spec->name = slice_dup(word);
    while (slice_next_item(&rest, &word)) {
        if (word.len > 1 && word.s[0] == '{' && word.s[word.len - 1] == '}')
            word = slice_trim((struct slice){word.s + 1, word.len - 2});
        if (!slice_split(word, '=', &name, &value))
            return err_set(err, ERR_CONFIG, "milter setting without '=': %.*s", SLICE_ARG(word));
        if (!set_one(spec, slice_trim(name), slice_trim(value), err))
            return false;
    }
    return true;
}

bool milter_specs_parse(struct milter_specs *specs, const char *title, const char *text,
                        struct err *err)
{
    struct slice rest = slice_of(text), item;
    *specs = (struct milter_specs){0};
    while (slice_next_item(&rest, &item)) {
        struct milter_spec spec = {
            .connect_ms = milter_params.milter_connect_timeout * 1000,
            .command_ms = milter_params.milter_command_timeout * 1000,
            .content_ms = milter_params.milter_content_timeout * 1000,
            .fallback = milter_fallback_find(slice_of(milter_params.milter_default_action)),
        };
        bool good = specs->count < MILTER_MAX ||
                    err_set(err, ERR_CONFIG, "more than %d milters", MILTER_MAX);
        good = good && parse_protocol(&spec, slice_of(milter_params.milter_protocol), err) &&
               parse_one(&spec, item, err);
        if (!good) {
            free(spec.name);
            milter_specs_done(specs);
            return err_prefix(err, title);
        }
        specs->at = xrealloc_array(specs->at, specs->count + 1, sizeof *specs->at);
        specs->at[specs->count++] = spec;
    }
    return true;
}

void milter_specs_done(struct milter_specs *specs)
{
    for (size_t i = 0; i < specs->count; i++)
        free(specs->at[i].name);
    free(specs->at);
    *specs = (struct milter_specs){0};
}
