/* postconf_edit_master: change entries (-M), fields (-F) and settings (-P) of master.cf. */
#include "postconf.h"
#include "postconf_file.h"
#include "postconf_lines.h"

#include "base/xmem.h"
#include "config/logical_line.h"

struct request {
    const struct postconf *pc;
    const char *arg;
    char what; /* M, F, P */
    enum postconf_edit edit;
    struct slice part[3];        /* service, type, and the field or the parameter */
    struct slice value;          /* behind "=" */
    size_t field;                /* index of the field */
    struct postconf_service new; /* for -Me: the entry in VALUE */
    int seen;                    /* entries that matched */
    struct err *err;
};

/* The words that the value makes as an entry of master.cf, checked. */
static void parse_entry(struct request *r)
{
    bool ok;
    if (!postconf_split(r->pc, r->value, &r->new, &ok))
        postconf_fatal(r->pc, "bad field count: \"%s\"", r->arg);
    postconf_services_check(r->pc, &r->new, r->value);
    if (!ok)
        postconf_fatal(r->pc, "master.cf is left as it was");
}

static void parse_field(struct request *r)
{
    const struct postconf *pc = r->pc;
    if (slice_eq(r->part[2], "*"))
        postconf_fatal(pc, "-Fe does not accept wild-card field name");
    while (r->field <= POSTCONF_COMMAND && !slice_eq(r->part[2], postconf_field_names[r->field]))
        r->field++;
    if (r->field > POSTCONF_COMMAND)
        postconf_fatal(pc, "invalid service attribute name: \"%.*s\"", SLICE_ARG(r->part[2]));
    if (r->field < POSTCONF_COMMAND && r->value.s[strcspn(r->value.s, SLICE_SPACE)])
        postconf_fatal(pc, "-Fe does not accept whitespace in non-command field");
    if (!postconf_services_field_ok(r->field, r->value.s))
        postconf_fatal(pc, "invalid %s field \"%s\" in \"%s\"", postconf_field_names[r->field],
                       r->value.s, r->value.s);
}

static void parse_setting(struct request *r)
{
    if (slice_eq(r->part[2], "*"))
        postconf_fatal(r->pc, "-Pe does not accept wild-card parameter name");
    if (r->value.s && r->value.s[strcspn(r->value.s, SLICE_SPACE)])
        postconf_fatal(r->pc, "-Pe does not accept whitespace in parameter value");
}

/* "service/type[/name][=value]" */
static void parse_request(struct request *r, char *arg)
{
    const char *mistake;
    struct slice key = slice_trim(slice_of(arg));
    struct err err = ERR_INIT;
    r->arg = arg;
    r->value = SLICE_EMPTY;
    if (strchr(arg, '\n'))
        postconf_fatal(r->pc, "-e, -X, or -# accepts no multi-line input");
    if (!logical_line_check(slice_of(arg), "argument", &err))
        postconf_fatal(r->pc, "%s", err.reason);
    if (r->edit == EDIT_SET && !config_split(slice_of(arg), &key, &r->value, &mistake))
        postconf_fatal(r->pc, "%s: \"%s\"", mistake, arg);
    if (r->edit == EDIT_SET) /* the value is the end of ARG, which may be cut behind it */
        arg[r->value.s - arg + (ptrdiff_t)r->value.len] = '\0';
    if (postconf_master_request(key, r->part) != (r->what == 'M' ? 2 : 3))
        postconf_fatal(r->pc, r->what == 'M'   ? "-Me, -MX or -M# requires service_name/type"
                              : r->what == 'F' ? "-Fe or -FX requires service_name/type/field_name"
                                               : "-Pe or -PX requires service_name/type/parameter");
    if (r->what == 'F')
        parse_field(r);
    if (r->what == 'P')
        parse_setting(r);
    if (r->what == 'M' && r->edit == EDIT_SET)
        parse_entry(r);
}

/* False, with a warning, if a new command cannot be read; the entry then stays. */
static bool set_field(const struct request *r, struct postconf_service *service)
{
    struct postconf_service changed = {0};
    bool ok = true;
    for (size_t i = 0; i < POSTCONF_COMMAND; i++)
        argv_add(&changed.fields, i == r->field ? r->value.s : service->fields.at[i]);
    if (r->field == POSTCONF_COMMAND) {
        struct slice command, rest = r->value;
        (void)slice_next_token(&rest, SLICE_SPACE, &command);
        argv_add_slice(&changed.fields, command);
        postconf_split_arguments(r->pc, rest, &changed, &ok);
    } else {
        for (size_t i = POSTCONF_COMMAND; i < service->fields.count; i++)
            argv_add(&changed.fields, service->fields.at[i]);
        changed.options_end = service->options_end;
    }
    postconf_services_done(service);
    *service = changed;
    return ok;
}

static void add_setting(const struct request *r, struct argv *fields)
{
    argv_add(fields, "-o");
    argv_addf(fields, "%.*s=%s", SLICE_ARG(r->part[2]), r->value.s);
}

/* Replace, add or remove "-o name=value". */
static void change_setting(const struct request *r, struct postconf_service *service)
{
    struct argv old = service->fields, changed = ARGV_INIT;
    bool done = r->edit != EDIT_SET;
    size_t end = service->options_end;
    for (size_t i = 0; i < old.count; i++) {
        struct slice name, value;
        if (i == end && !done)
            add_setting(r, &changed);
        if (i == end)
            service->options_end = changed.count;
        bool is_setting = i > POSTCONF_COMMAND && i + 1 < end && strcmp(old.at[i], "-o") == 0;
        bool is_ours = is_setting && slice_split(slice_of(old.at[i + 1]), '=', &name, &value) &&
                       slice_same(slice_trim(name), r->part[2]);
        if (is_ours && r->edit == EDIT_SET) {
            add_setting(r, &changed);
            done = true;
        } else if (!is_ours) {
            argv_add(&changed, old.at[i]);
            if (is_setting)
                argv_add(&changed, old.at[i + 1]);
        }
        i += is_setting;
    }
    if (end == old.count && !done)
        add_setting(r, &changed);
    if (end == old.count)
        service->options_end = changed.count;
    argv_done(&old);
    service->fields = changed;
}

static bool is_wanted(const struct request *r, struct slice logical, int number)
{
    CLEANUP(postconf_services_done) struct postconf_service head = {0};
    struct slice word;
    if (slice_find(slice_of(SLICE_SPACE), logical.s[0]) != SIZE_MAX)
        return false;
    while (head.fields.count < 2 && slice_next_token(&logical, SLICE_SPACE, &word))
        argv_add_slice(&head.fields, word);
    if (head.fields.count == 2)
        return postconf_master_matches(r->part, &head);
    (void)err_set(r->err, ERR_CONFIG,
                  "file %s/master.cf: line %d: specify service name and type on the same line",
                  r->pc->dir, number);
    return false;
}

/* Change a field or a setting of the entry LOGICAL. */
static enum line_action change_part(struct request *r, struct slice logical, int number,
                                    struct strbuf *replacement)
{
    CLEANUP(postconf_services_done) struct postconf_service service = {0};
    bool ok;
    if (!postconf_split(r->pc, logical, &service, &ok)) {
        (void)err_set(r->err, ERR_CONFIG, "file %s/master.cf: line %d: bad field count", r->pc->dir,
                      number);
        return LINE_KEEP;
    }
    if (r->what == 'P')
        change_setting(r, &service);
    else if (!set_field(r, &service))
        return LINE_KEEP;
    postconf_master_format(r->pc, &service, replacement);
    return LINE_MOVE;
}

static enum line_action decide(void *ctx, struct slice logical, int number,
                               struct strbuf *replacement)
{
    struct request *r = ctx;
    if (!is_wanted(r, logical, number))
        return LINE_KEEP;
    r->seen++;
    if (r->what != 'M')
        return change_part(r, logical, number, replacement);
    if (r->edit != EDIT_SET)
        return r->edit == EDIT_DELETE ? LINE_DELETE : LINE_COMMENT;
    if (r->seen > 1)
        return LINE_DELETE; /* one entry takes the place of all */
    postconf_master_format(r->pc, &r->new, replacement);
    return LINE_REPLACE;
}

/* False when CONTENT cannot be read; the reason is in r->err then. */
static bool carry_out(struct request *r, struct strbuf *content)
{
    CLEANUP(strbuf_done) struct strbuf changed = STRBUF_ANY;
    postconf_lines_edit(strbuf_slice(content), decide, r, &changed);
    if (r->err->kind != ERR_NONE)
        return false;
    if (r->seen == 0 && r->what == 'M' && r->edit == EDIT_SET) {
        CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
        postconf_master_format(r->pc, &r->new, &line);
        postconf_lines_append(&changed, line.s);
    } else if (r->seen == 0 && r->what != 'M') {
        postconf_warn(r->pc, "unmatched service_name/type: \"%s\"", r->arg);
    }
    strbuf_set_slice(content, strbuf_slice(&changed));
    return true;
}

static bool carry_out_all(const struct postconf *pc, struct request *requests, size_t count,
                          struct err *err)
{
    CLEANUP(xfree_ptr) char *path = xasprintf("%s/master.cf", pc->dir);
    CLEANUP(postconf_file_done) struct postconf_file file;
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (!postconf_file_open(&file, path, err))
        return false;
    strbuf_add_slice(&content, strbuf_slice(&file.content));
    for (size_t i = 0; i < count; i++)
        if (!carry_out(&requests[i], &content))
            return false;
    return postconf_file_replace(&file, strbuf_slice(&content), err);
}

void postconf_edit_master(struct postconf *pc, char what, enum postconf_edit edit, char **args)
{
    size_t count = 0;
    struct err err = ERR_INIT;
    while (args[count])
        count++;
    CLEANUP(xfree_ptr) struct request *requests = xrealloc_array(NULL, count, sizeof *requests);
    for (size_t i = 0; i < count; i++) {
        requests[i] = (struct request){.pc = pc, .what = what, .edit = edit, .err = &err};
        parse_request(&requests[i], args[i]);
    }
    bool ok = carry_out_all(pc, requests, count, &err);
    for (size_t i = 0; i < count; i++)
        postconf_services_done(&requests[i].new);
    if (!ok)
        postconf_fatal(pc, "%s", err.reason);
}
