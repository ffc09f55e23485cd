/*
 * postconf_used: names of the administrator's own that something refers to.
 *
 * By $name in a value of main.cf or master.cf, as a restriction class, or as a setting of a table
 * that is configured in main.cf ("ldap:NAME" reads NAME_server_host).
 */
#include "postconf.h"

#include "config/param.h"

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void add_references(struct argv *used, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] != '$')
            continue;
        struct slice rest = slice_from(text, i + 1);
        if (rest.len > 0 && rest.s[0] == '$') {
            i++;
            continue;
        }
        if (rest.len > 0 && (rest.s[0] == '{' || rest.s[0] == '('))
            rest = slice_trim_left(slice_from(rest, 1));
        size_t len = 0;
        while (len < rest.len && is_name_char(rest.s[len]))
            len++;
        if (len > 0)
            argv_add_slice(used, slice_first(rest, len));
    }
}

/* "type:name" in a list: settings of the table begin with "name_". Stored as "name_*". */
static void add_tables(struct argv *used, struct slice text)
{
    static const char *const types[] = {"ldap:", "mysql:", "pgsql:", "sqlite:", "memcache:"};
    struct slice word;
    while (slice_next_token(&text, ", \t\r\n{}", &word)) {
        if (slice_starts(word, "proxy:"))
            word = slice_from(word, strlen("proxy:"));
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            if (!slice_starts(word, types[i]))
                continue;
            struct slice name = slice_from(word, strlen(types[i]));
            if (name.len > 0 && name.s[0] != '/' && name.s[0] != '.')
                argv_addf(used, "%.*s_*", SLICE_ARG(name));
        }
    }
}

static void add_value(void *ctx, const char *name, const char *raw)
{
    struct postconf *pc = ctx;
    add_references(&pc->used, slice_of(raw));
    add_tables(&pc->used, slice_of(raw));
    if (strcmp(name, "smtpd_restriction_classes") == 0)
        argv_add_items(&pc->used, raw);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void postconf_used_load(struct postconf *pc)
{
    config_each(pc->cfg, add_value, pc);
    for (size_t i = 0; i < pc->name_count; i++) {
        const char *text = config_default(pc->cfg, pc->names[i].name);
        add_references(&pc->used, slice_of(text));
    }
    for (const struct postconf_service *s = pc->services; s; s = s->next) {
        struct slice name, value;
        for (size_t at = 0; postconf_services_next_setting(s, &at, &name, &value);) {
            add_references(&pc->used, value);
            add_tables(&pc->used, value);
            if (slice_eq(name, "smtpd_restriction_classes")) {
                CLEANUP(strbuf_done) struct strbuf classes = STRBUF_ANY;
                strbuf_add_slice(&classes, value);
                argv_add_items(&pc->used, classes.s);
            }
        }
    }
    if (pc->used.count > 0)
        qsort(pc->used.at, pc->used.count, sizeof *pc->used.at, by_text);
}

bool postconf_used_has(const struct postconf *pc, const char *name)
{
    if (pc->used.count == 0)
        return false;
    if (bsearch(&name, pc->used.at, pc->used.count, sizeof *pc->used.at, by_text))
        return true;
    for (size_t i = 0; i < pc->used.count; i++) {
        struct slice prefix = slice_of(pc->used.at[i]);
        if (prefix.len > 0 && prefix.s[prefix.len - 1] == '*' &&
            strncmp(name, prefix.s, prefix.len - 1) == 0)
            return true;
    }
    return false;
}
