/* Names: mistyped, old, of features that are not there, of the administrator's own but unused. */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "postlint/postlint_refs.h"

static void add_refs(const struct postlint *lint, struct argv *refs)
{
    for (const struct param_row *row = known_param_rows; row->name; row++)
        postlint_refs_add(refs, slice_of(row->default_text));
    for (size_t i = 0; i < lint->setting_count; i++) {
        const struct postlint_setting *s = &lint->settings[i];
        postlint_refs_add(refs, slice_of(s->value));
        if (strcmp(s->name, "smtpd_restriction_classes") == 0)
            argv_add_items(refs, s->value);
    }
    postlint_refs_sort(refs);
}

bool postlint_is_param(const struct postlint *lint, const char *name)
{
    struct slice service;
    if (config_default(lint->scopes[0].cfg, name))
        return true;
    const struct param_pattern *pattern = known_param_pattern_of(name, &service);
    for (const struct master_entry *entry = lint->entries; pattern && entry; entry = entry->next)
        if (slice_eq(service, entry->name) && param_pattern_is_for(pattern, entry->program))
            return true;
    return false;
}

/* "write a, b or c"; empty: no name is near. */
static void add_near(struct strbuf *out, const char *name)
{
    const char *near[3];
    size_t count = known_param_near(name, near, COUNT_OF(near));
    for (size_t i = 0; i < count; i++)
        strbuf_addf(out, "%s%s", i == 0 ? "write " : i + 1 < count ? ", " : " or ", near[i]);
}

static void check_unknown(struct postlint *lint, const struct postlint_setting *s)
{
    struct postlint_where where = {s->file, s->line, s->name};
    CLEANUP(strbuf_done) struct strbuf near = STRBUF_ANY;
    struct slice service;
    add_near(&near, s->name);
    if (known_param_pattern_of(s->name, &service))
        postlint_report(lint, LINT_V014, where, NULL,
                        "%s: master.cf has no service %.*s that has such a parameter", s->name,
                        SLICE_ARG(service));
    else if (near.len > 0)
        postlint_report(lint, LINT_V010, where, near.s, "unknown parameter %s", s->name);
    else
        postlint_report(lint, LINT_V013, where, NULL,
                        "%s is no parameter, and nothing refers to it", s->name);
}

static void check_old(struct postlint *lint, const struct postlint_setting *s,
                      const struct old_param *old)
{
    struct postlint_where where = {s->file, s->line, s->name};
    CLEANUP(xfree_ptr) char *mend = old->instead[0] ? xasprintf("use %s", old->instead) : NULL;
    postlint_report(lint, LINT_V011, where, mend, "%s is an old parameter that is going away",
                    s->name);
}

/* A setting that asks for nothing (the default) is no mistake. */
static bool is_like_default(const struct postlint_setting *s)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY, usual = STRBUF_ANY;
    const char *text = config_default(s->scope->cfg, s->name);
    return text && config_expand(s->scope->cfg, slice_of(text), &usual, NULL) &&
           postlint_get(s->scope, s->name, &value) && strcmp(value.s, usual.s) == 0;
}

static void check_setting(struct postlint *lint, const struct postlint_setting *s,
                          const struct argv *refs)
{
    const struct known_param_facts *facts = known_param_facts(s->name);
    const struct old_param *old = known_param_old(s->name);
    if (old)
        check_old(lint, s, old);
    if (facts && facts->comes_with && !is_like_default(s))
        postlint_report(lint, LINT_V012, (struct postlint_where){s->file, s->line, s->name}, NULL,
                        "%s: not built into this release: %s", s->name, facts->comes_with);
    if (!old && facts && facts->pointless && !is_like_default(s))
        postlint_report(lint, LINT_V011, (struct postlint_where){s->file, s->line, s->name},
                        "remove the setting", "%s has no effect: %s", s->name, facts->pointless);
    if (!old && !postlint_is_param(lint, s->name) && !postlint_refs_has(refs, s->name))
        check_unknown(lint, s);
}

void postlint_names(struct postlint *lint)
{
    CLEANUP(argv_done) struct argv refs = ARGV_INIT;
    add_refs(lint, &refs);
    for (size_t i = 0; i < lint->setting_count; i++)
        check_setting(lint, &lint->settings[i], &refs);
}
