/* What there is to look at: both files as text and as settings, one scope for each set of values.
 */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "map/map.h"
#include "config/host_defaults.h"
#include "config/logical_line.h"

/* What a service sees before its own -o: main.cf, which is not read a second time. */
static struct config *config_of_service(const struct postlint *lint)
{
    struct config *cfg = config_new(lint->dir);
    config_declare(cfg, known_param_rows);
    for (size_t i = 0; i < lint->setting_count; i++)
        if (lint->settings[i].scope == &lint->scopes[0])
            config_override(cfg, lint->settings[i].name, lint->settings[i].value);
    return cfg;
}

static void add_setting(struct postlint *lint, const struct postlint_scope *scope,
                        struct slice name, struct slice value, int line)
{
    for (size_t i = 0; i < lint->setting_count; i++) {
        struct postlint_setting *before = &lint->settings[i];
        if (before->scope == scope && slice_eq(name, before->name))
            before->is_overridden = true;
    }
    lint->settings =
        xrealloc_array(lint->settings, lint->setting_count + 1, sizeof *lint->settings);
    lint->settings[lint->setting_count++] = (struct postlint_setting){
        .name = slice_dup(name),
        .value = slice_dup(value),
        .file = scope->entry ? lint->master_cf : lint->main_cf,
        .line = line,
        .scope = scope,
    };
}

static void add_main_settings(struct postlint *lint)
{
    CLEANUP(logical_line_done) struct logical_line line;
    struct slice name, value;
    const char *mistake;
    logical_line_init(&line, strbuf_slice(&lint->main_text));
    while (logical_line_next(&line))
        if (!strchr(SLICE_SPACE, line.text.s[0]) &&
            config_split(strbuf_slice(&line.text), &name, &value, &mistake))
            add_setting(lint, &lint->scopes[0], name, value, line.first);
}

/* Options end at the first argument that is none. */
static bool next_option(const struct master_entry *entry, size_t *at, struct slice *ret_name,
                        struct slice *ret_value)
{
    for (; *at + 1 < entry->args.count && entry->args.at[*at][0] == '-'; ++*at) {
        if (strcmp(entry->args.at[*at], "-o") != 0)
            continue;
        ++*at;
        if (!slice_split(slice_of(entry->args.at[*at]), '=', ret_name, ret_value))
            continue;
        *ret_name = slice_trim(*ret_name);
        *ret_value = slice_trim(*ret_value);
        if (ret_name->len == 0)
            continue;
        ++*at;
        return true;
    }
    return false;
}

static void add_entry_scope(struct postlint *lint, const struct master_entry *entry)
{
    struct slice name, value;
    size_t at = 0;
    if (!next_option(entry, &at, &name, &value))
        return;
    struct config *cfg = config_of_service(lint);
    struct postlint_scope *scope = &lint->scopes[lint->scope_count++];
    *scope = (struct postlint_scope){.cfg = cfg, .entry = entry};
    do {
        add_setting(lint, scope, name, value, entry->line);
        const struct postlint_setting *added = &lint->settings[lint->setting_count - 1];
        config_override(cfg, added->name, added->value);
    } while (next_option(entry, &at, &name, &value));
    host_defaults_set_names(cfg);
    config_set_default(cfg, "mynetworks", config_default(lint->scopes[0].cfg, "mynetworks"));
    config_set_default(cfg, "service_name", entry->name);
}

bool postlint_load(struct postlint *lint, const char *dir, struct err *err)
{
    *lint = (struct postlint){
        .dir = dir,
        .main_cf = xasprintf("%s/main.cf", dir),
        .master_cf = xasprintf("%s/master.cf", dir),
        .main_text = STRBUF_ANY,
        .master_text = STRBUF_ANY,
    };
    if (!logical_line_read_file(lint->main_cf, &lint->main_text, err) ||
        !logical_line_read_file(lint->master_cf, &lint->master_text, err) ||
        !master_cf_parse(strbuf_slice(&lint->master_text), lint->master_cf, &lint->entries, err))
        return false;
    size_t most = 1;
    for (const struct master_entry *entry = lint->entries; entry; entry = entry->next)
        most++;
    lint->scopes = xrealloc_array(NULL, most, sizeof *lint->scopes);
    lint->scopes[0] = (struct postlint_scope){.cfg = config_new(dir)};
    lint->scope_count = 1;
    config_declare(lint->scopes[0].cfg, known_param_rows);
    if (!config_load(lint->scopes[0].cfg, err) || !common_params_load(lint->scopes[0].cfg, err))
        return false;
    struct map_options options = map_options_of(lint->scopes[0].cfg); /* where plugins are */
    map_set_options(&options);
    add_main_settings(lint);
    for (const struct master_entry *entry = lint->entries; entry; entry = entry->next)
        add_entry_scope(lint, entry);
    return true;
}

void postlint_done(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++)
        config_free(lint->scopes[i].cfg);
    for (size_t i = 0; i < lint->setting_count; i++) {
        free(lint->settings[i].name);
        free(lint->settings[i].value);
    }
    for (size_t i = 0; i < lint->finding_count; i++) {
        free(lint->findings[i].name);
        free(lint->findings[i].text);
        free(lint->findings[i].mend);
    }
    master_cf_free(lint->entries);
    strbuf_done(&lint->main_text);
    strbuf_done(&lint->master_text);
    free(lint->scopes);
    free(lint->settings);
    free(lint->findings);
    free(lint->main_cf);
    free(lint->master_cf);
    params_done(common_param_rows, &common_params);
}

bool postlint_get(const struct postlint_scope *scope, const char *name, struct strbuf *out)
{
    const char *raw = config_raw(scope->cfg, name);
    return raw && config_expand(scope->cfg, slice_of(raw), out, NULL);
}

void postlint_get_items(const struct postlint_scope *scope, const char *name, struct argv *out)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    if (postlint_get(scope, name, &value))
        argv_add_items(out, value.s);
}

const struct postlint_setting *postlint_setting_of(const struct postlint *lint,
                                                   const struct postlint_scope *scope,
                                                   const char *name)
{
    const struct postlint_setting *found = NULL;
    for (size_t i = 0; i < lint->setting_count; i++) {
        const struct postlint_setting *s = &lint->settings[i];
        if (s->is_overridden || strcmp(s->name, name) != 0)
            continue;
        if (s->scope == scope || (s->scope == &lint->scopes[0] && !found))
            found = s;
    }
    return found;
}

bool postlint_is_set_here(const struct postlint *lint, const struct postlint_scope *scope,
                          const char *name)
{
    const struct postlint_setting *setting = postlint_setting_of(lint, scope, name);
    return setting && setting->scope == scope;
}

struct postlint_where postlint_where(const struct postlint *lint,
                                     const struct postlint_scope *scope, const char *name)
{
    const struct postlint_setting *setting = postlint_setting_of(lint, scope, name);
    if (!setting)
        return (struct postlint_where){lint->main_cf, 0, name};
    return (struct postlint_where){setting->file, setting->line, name};
}
