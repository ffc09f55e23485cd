/* postconf_edit_master: change entries (-M), fields (-F) and settings (-P) of master.cf. */
#include "postconf.h"
#include "postconf_lines.h"

#include "base/xmem.h"
#include "config/logical_line.h"
#include "config/master_cf.h"

enum { COMMAND = 7 };

static const char *const field_names[] = {"service", "type",   "private",       "unprivileged",
                                          "chroot",  "wakeup", "process_limit", "command"};

struct request {
    struct postconf *pc;
    char what; /* M, F, P */
    enum postconf_edit edit;
    struct slice service, type, name; /* name: the field or the parameter */
    struct slice value;               /* behind "=" */
    int seen;
};

/* "service/type[/name][=value]" */
static void parse_request(struct request *r, char *arg)
{
    struct slice key = slice_of(arg);
    bool has_value = slice_split(key, '=', &key, &r->value);
    if (strchr(arg, '\n'))
        postconf_fatal(r->pc, "-e, -X, or -# accepts no multi-line input");
    if (has_value != (r->edit == EDIT_SET))
        postconf_fatal(r->pc,
                       r->edit == EDIT_SET ? "-%ce requires service_name/type%s=value"
                                           : "-%c with -X or -# requires service_name/type%s",
                       r->what, r->what == 'M' ? "" : "/name");
    key = slice_trim(key);
    r->value = slice_trim(r->value);
    bool ok = slice_split(key, '/', &r->service, &r->type);
    if (ok && r->what != 'M')
        ok = slice_split(r->type, '/', &r->type, &r->name) && r->name.len > 0;
    if (!ok || r->service.len == 0 || r->type.len == 0 || slice_find(r->type, '/') != SIZE_MAX)
        postconf_fatal(r->pc, "-%c requires service_name/type%s: \"%s\"", r->what,
                       r->what == 'M' ? "" : "/name", arg);
    if (r->what == 'P' && r->edit == EDIT_SET && r->value.s[strcspn(r->value.s, SLICE_SPACE)])
        postconf_fatal(r->pc, "-Pe does not accept whitespace in parameter value");
}

/* The entry that LINE describes, checked as master would check it. */
static void parse_entry(struct request *r, struct slice line, struct postconf_service *service)
{
    struct master_entry *entries;
    struct err err = ERR_INIT;
    if (!master_cf_parse(line, "argument", &entries, &err))
        postconf_fatal(r->pc, "%s", err.reason);
    master_cf_free(entries);
    (void)master_cf_split(line, &service->fields, NULL);
    if (service->fields.count <= COMMAND)
        postconf_fatal(r->pc, "argument: bad field count");
}

static void set_field(struct request *r, struct postconf_service *service)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    size_t wanted = 0;
    while (wanted <= COMMAND && !slice_eq(r->name, field_names[wanted]))
        wanted++;
    if (wanted > COMMAND)
        postconf_fatal(r->pc, "unknown service field name: \"%.*s\"", SLICE_ARG(r->name));
    if (r->value.len == 0 || (wanted < COMMAND && r->value.s[strcspn(r->value.s, SLICE_SPACE)]))
        postconf_fatal(r->pc, "-F does not accept an empty value or white space in field \"%s\"",
                       field_names[wanted]);
    /* the command field is the command with its arguments */
    for (size_t i = 0; i <= COMMAND; i++)
        strbuf_addf(&line, "%s ", i == wanted ? r->value.s : service->fields.at[i]);
    struct postconf_service changed = {0};
    parse_entry(r, strbuf_slice(&line), &changed);
    for (size_t i = COMMAND + 1; wanted != COMMAND && i < service->fields.count; i++)
        argv_add(&changed.fields, service->fields.at[i]);
    argv_done(&service->fields);
    *service = changed;
}

/* Replace, add or remove "-o name=value". */
static void change_setting(struct request *r, struct postconf_service *service)
{
    struct argv old = service->fields, changed = ARGV_INIT;
    bool done = r->edit != EDIT_SET, in_options = true;
    for (size_t i = 0; i < old.count; i++) {
        struct slice name, value;
        bool option = i > COMMAND && in_options && strcmp(old.at[i], "-o") == 0 && old.at[i + 1];
        if (i > COMMAND && in_options && old.at[i][0] != '-') {
            in_options = false;
            if (!done) { /* options come before other arguments */
                argv_add(&changed, "-o");
                argv_addf(&changed, "%.*s=%s", SLICE_ARG(r->name), r->value.s);
                done = true;
            }
        }
        if (option && slice_split(slice_of(old.at[i + 1]), '=', &name, &value) &&
            slice_same(name, r->name)) {
            i++;
            if (done)
                continue;
            argv_add(&changed, "-o");
            argv_addf(&changed, "%.*s=%s", SLICE_ARG(r->name), r->value.s);
            done = true;
            continue;
        }
        argv_add(&changed, old.at[i]);
        if (option)
            argv_add(&changed, old.at[++i]);
    }
    if (!done) {
        argv_add(&changed, "-o");
        argv_addf(&changed, "%.*s=%s", SLICE_ARG(r->name), r->value.s);
    }
    argv_done(&old);
    service->fields = changed;
}

static enum line_action decide(void *ctx, struct slice logical, struct strbuf *replacement)
{
    struct request *r = ctx;
    struct postconf_service service = {0};
    enum line_action action = LINE_REPLACE;
    if (strchr(SLICE_SPACE, logical.s[0]) || !master_cf_split(logical, &service.fields, NULL) ||
        !slice_eq(r->service, service.fields.at[0]) || !slice_eq(r->type, service.fields.at[1])) {
        argv_done(&service.fields);
        return LINE_KEEP;
    }
    r->seen++;
    if (r->what == 'M' && r->edit != EDIT_SET) {
        action = r->edit == EDIT_DELETE ? LINE_DELETE : LINE_COMMENT;
    } else if (r->what == 'M' && r->seen > 1) {
        action = LINE_DELETE; /* one entry takes the place of all */
    } else {
        if (r->what == 'M') {
            argv_done(&service.fields);
            parse_entry(r, r->value, &service);
        } else if (r->what == 'F') {
            set_field(r, &service);
        } else {
            change_setting(r, &service);
        }
        postconf_master_format(r->pc, &service, true, replacement);
    }
    argv_done(&service.fields);
    return action;
}

static void carry_out(struct request *r, const char *arg, struct strbuf *content)
{
    CLEANUP(strbuf_done) struct strbuf changed = STRBUF_ANY;
    postconf_lines_edit(strbuf_slice(content), decide, r, &changed);
    if (r->seen == 0 && r->what == 'M' && r->edit == EDIT_SET) {
        struct postconf_service service = {0};
        CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
        parse_entry(r, r->value, &service);
        postconf_master_format(r->pc, &service, true, &line);
        strbuf_addf(&changed, "%s\n", line.s);
        argv_done(&service.fields);
    } else if (r->seen == 0 && r->what != 'M') {
        postconf_warn(r->pc, "unmatched service_name/type: \"%s\"", arg);
    }
    strbuf_set_slice(content, strbuf_slice(&changed));
}

void postconf_edit_master(struct postconf *pc, char what, enum postconf_edit edit, char **args)
{
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/master.cf", pc->dir);
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!*args)
        postconf_fatal(pc, "missing service argument");
    if ((what == 'F' && edit != EDIT_SET) || (what == 'P' && edit == EDIT_COMMENT))
        postconf_fatal(pc, "option -%c cannot be used with -%c", what,
                       edit == EDIT_DELETE ? 'X' : '#');
    if (!logical_line_read_file(file, &content, &err))
        postconf_fatal(pc, "%s", err.reason);
    for (; *args; args++) {
        struct request request = {.pc = pc, .what = what, .edit = edit};
        parse_request(&request, *args);
        carry_out(&request, *args, &content);
    }
    if (!postconf_lines_replace_file(file, strbuf_slice(&content), &err))
        postconf_fatal(pc, "%s", err.reason);
}
