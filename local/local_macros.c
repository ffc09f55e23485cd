#include "local/local_macros.h"

#include "config/common_params.h"
#include "config/config.h"

#include <string.h>

void local_macros_filter(const char *text, const char *filter, struct strbuf *out)
{
    for (; *text; text++)
        strbuf_add_char(out, !filter || strchr(filter, *text) ? *text : '_');
}

enum { MACRO_COUNT = 8 };

struct macros {
    struct {
        const char *name;
        struct strbuf value; /* ready for an expansion that expands values once more */
        bool is_set;
    } at[MACRO_COUNT];
};

static void set(struct macros *m, size_t i, const char *name, const char *value, const char *filter)
{
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    strbuf_init(&m->at[i].value, CONFIG_VALUE_MAX);
    m->at[i].name = name;
    m->at[i].is_set = value && *value;
    if (!m->at[i].is_set)
        return;
    local_macros_filter(value, filter, &clean);
    /* what a stranger put into an address is text, not a macro */
    for (size_t k = 0; k < clean.len; k++)
        strbuf_add_str(&m->at[i].value, clean.s[k] == '$' ? "$$" : (char[]){clean.s[k], '\0'});
}

static const char *lookup(void *ctx, struct slice name)
{
    struct macros *m = ctx;
    for (size_t i = 0; i < MACRO_COUNT; i++)
        if (slice_eq(name, m->at[i].name))
            return m->at[i].is_set ? m->at[i].value.s : NULL;
    return NULL;
}

bool local_macros_expand(const struct local_context *ctx, const struct local_user *user,
                         const char *filter, struct slice text, struct strbuf *out, struct err *err)
{
    struct macros m;
    set(&m, 0, "user", ctx->name, filter);
    set(&m, 1, "home", user ? user->home : NULL, filter);
    set(&m, 2, "shell", user ? user->shell : NULL, filter);
    set(&m, 3, "domain", ctx->domain, filter);
    set(&m, 4, "extension", ctx->extension, filter);
    set(&m, 5, "local", ctx->local_part, filter);
    set(&m, 6, "recipient", ctx->address, filter);
    set(&m, 7, "recipient_delimiter",
        ctx->extension ? ctx->delimiter
        : common_params.recipient_delimiter[0]
            ? (char[]){common_params.recipient_delimiter[0], '\0'}
            : NULL,
        filter);
    bool ok = config_expand_with(lookup, &m, text, out, err);
    for (size_t i = 0; i < MACRO_COUNT; i++)
        strbuf_done(&m.at[i].value);
    return ok;
}
