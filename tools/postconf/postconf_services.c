#include "postconf.h"

#include "base/xmem.h"
#include "config/logical_line.h"
#include "config/master_cf.h"

void postconf_services_load(struct postconf *pc, bool required)
{
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/master.cf", pc->dir);
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    CLEANUP(logical_line_done) struct logical_line line;
    struct master_entry *entries;
    struct err err = ERR_INIT;
    logical_line_init(&line, SLICE_EMPTY);
    if (!logical_line_read_file(file, &content, &err)) {
        if (required)
            postconf_fatal(pc, "%s", err.reason);
        postconf_warn(pc, "%s", err.reason); /* main.cf can be shown without it */
        return;
    }
    if (!master_cf_parse(strbuf_slice(&content), file, &entries, &err))
        postconf_fatal(pc, "%s", err.reason);
    master_cf_free(entries);

    struct postconf_service **end = &pc->services;
    logical_line_init(&line, strbuf_slice(&content));
    while (logical_line_next(&line)) {
        if (strchr(SLICE_SPACE, line.text.s[0]))
            continue; /* as the parser does with a first line that continues nothing */
        *end = xzalloc(sizeof **end);
        (*end)->line = line.first;
        /* cannot fail: the parser above took the same line */
        (void)master_cf_split(strbuf_slice(&line.text), &(*end)->fields, NULL);
        end = &(*end)->next;
    }
}

void postconf_services_free(struct postconf *pc)
{
    while (pc->services) {
        struct postconf_service *next = pc->services->next;
        argv_done(&pc->services->fields);
        free(pc->services);
        pc->services = next;
    }
}

bool postconf_services_next_setting(const struct postconf_service *service, size_t *at,
                                    struct slice *ret_name, struct slice *ret_value)
{
    const struct argv *fields = &service->fields;
    for (size_t i = MAX(*at, (size_t)8); i + 1 < fields->count; i++) {
        /* options end at the first argument that is none */
        if (fields->at[i][0] != '-')
            break;
        if (strcmp(fields->at[i], "-o") != 0)
            continue;
        *at = i + 2;
        if (slice_split(slice_of(fields->at[i + 1]), '=', ret_name, ret_value))
            return true;
        i++;
    }
    return false;
}

struct scope {
    const struct postconf *pc;
    const struct postconf_service *service;
    struct argv found; /* keeps what look-ups returned while it is being expanded */
};

static const char *lookup(void *ctx, struct slice name)
{
    struct scope *scope = ctx;
    struct slice set, value;
    size_t before = scope->found.count;
    for (size_t at = 0; postconf_services_next_setting(scope->service, &at, &set, &value);) {
        if (slice_same(set, name))
            argv_add_slice(&scope->found, value);
    }
    if (scope->found.count > before)
        return scope->found.at[scope->found.count - 1]; /* the last -o wins */
    if (slice_eq(name, "service_name"))
        return scope->service->fields.at[0];
    CLEANUP(xfree_ptr) char *text = slice_dup(name);
    return config_raw(scope->pc->cfg, text);
}

void postconf_services_expand(const struct postconf *pc, const struct postconf_service *service,
                              struct slice text, struct strbuf *out)
{
    struct err err = ERR_INIT;
    struct scope scope = {.pc = pc, .service = service, .found = ARGV_INIT};
    bool ok = config_expand_with(lookup, &scope, text, out, &err);
    argv_done(&scope.found);
    if (ok)
        return;
    postconf_warn(pc, "%s", err.reason);
    postconf_fatal(pc, "macro processing error");
}
