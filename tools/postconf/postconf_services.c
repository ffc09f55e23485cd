/* postconf_services: the entries of master.cf and the settings they make. */
#include "postconf.h"

#include "base/xmem.h"
#include "config/logical_line.h"

const char *const postconf_field_names[] = {"service", "type",   "private",       "unprivileged",
                                            "chroot",  "wakeup", "process_limit", "command"};

enum { TYPE = 1, PRIVATE, UNPRIVILEGED, CHROOT, WAKEUP, PROCESS_LIMIT, COMMAND };

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

bool postconf_services_field_ok(size_t field, const char *text)
{
    static const char *const types[] = {"inet", "unix", "fifo", "pass", "unix-dgram", NULL};
    static const char *const flags[] = {"y", "n", "-", NULL};
    switch (field) {
    case TYPE:
        return is_one_of(text, types);
    case PRIVATE:
    case UNPRIVILEGED:
    case CHROOT:
        return is_one_of(text, flags);
    case WAKEUP: /* a number or "-", then perhaps "?" */
        text += *text == '-' ? 1 : strspn(text, "0123456789");
        return *text == '\0' || strcmp(text, "?") == 0;
    case PROCESS_LIMIT:
        return strcmp(text, "-") == 0 || (*text && text[strspn(text, "0123456789")] == '\0');
    default:
        return *text != '\0';
    }
}

void postconf_services_check(const struct postconf *pc, const struct postconf_service *service,
                             struct slice line)
{
    for (size_t i = TYPE; i < COMMAND; i++)
        if (!postconf_services_field_ok(i, service->fields.at[i]))
            postconf_fatal(pc, "invalid %s field \"%s\" in \"%.*s\"", postconf_field_names[i],
                           service->fields.at[i], SLICE_ARG(line));
}

static struct postconf_service *read_entry(const struct postconf *pc, const char *file,
                                           const struct logical_line *line)
{
    struct slice text = slice_trim_right(strbuf_slice(&line->text));
    bool ok;
    if (strchr(SLICE_SPACE, text.s[0])) {
        postconf_warn(pc, "%s: logical line must not start with whitespace: \"%.*s\"", file,
                      SLICE_ARG(text));
        return NULL;
    }
    struct postconf_service *service = xzalloc(sizeof *service);
    service->line = line->first;
    if (!postconf_split(pc, text, service, &ok))
        postconf_fatal(pc, "file %s: line %d: bad field count", file, line->first);
    postconf_services_check(pc, service, text);
    return service;
}

void postconf_services_load(struct postconf *pc, bool required)
{
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/master.cf", pc->dir);
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    CLEANUP(logical_line_done) struct logical_line line;
    struct err err = ERR_INIT;
    logical_line_init(&line, SLICE_EMPTY);
    if (!logical_line_read_file(file, &content, &err)) {
        if (required)
            postconf_fatal(pc, "%s", err.reason);
        postconf_warn(pc, "%s", err.reason); /* main.cf can be shown without it */
        return;
    }
    struct postconf_service **end = &pc->services;
    logical_line_init(&line, strbuf_slice(&content));
    while (logical_line_next(&line)) {
        *end = read_entry(pc, file, &line);
        if (*end)
            end = &(*end)->next;
    }
}

void postconf_services_done(struct postconf_service *service)
{
    argv_done(&service->fields);
    argv_done(&service->used);
}

void postconf_services_free(struct postconf *pc)
{
    while (pc->services) {
        struct postconf_service *next = pc->services->next;
        postconf_services_done(pc->services);
        free(pc->services);
        pc->services = next;
    }
}

bool postconf_services_next_setting(const struct postconf_service *service, size_t *at,
                                    struct slice *ret_name, struct slice *ret_value)
{
    const struct argv *fields = &service->fields;
    for (size_t i = MAX(*at, (size_t)COMMAND + 1); i + 1 < service->options_end; i++) {
        if (strcmp(fields->at[i], "-o") != 0)
            continue;
        *at = i + 2;
        if (slice_split(slice_of(fields->at[i + 1]), '=', ret_name, ret_value)) {
            *ret_name = slice_trim(*ret_name); /* has blanks when the -o stood in braces as well */
            *ret_value = slice_trim(*ret_value);
            if (ret_name->len > 0)
                return true;
        }
        i++;
    }
    return false;
}

bool postconf_services_setting(const struct postconf_service *service, struct slice name,
                               struct slice *ret_value)
{
    struct slice set, value;
    bool found = false;
    for (size_t at = 0; postconf_services_next_setting(service, &at, &set, &value);) {
        if (!slice_same(set, name))
            continue;
        *ret_value = value; /* the last one counts */
        found = true;
    }
    return found;
}

struct scope {
    const struct postconf *pc;
    const struct postconf_service *service;
    struct argv found; /* keeps what look-ups returned while it is being expanded */
};

static const char *lookup(void *ctx, struct slice name)
{
    struct scope *scope = ctx;
    struct slice value;
    if (scope->service && postconf_services_setting(scope->service, name, &value)) {
        argv_add_slice(&scope->found, value);
        return scope->found.at[scope->found.count - 1];
    }
    if (scope->service && slice_eq(name, "service_name"))
        return scope->service->fields.at[0];
    if (scope->service && slice_eq(name, "process_name"))
        return scope->service->fields.at[COMMAND];
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
