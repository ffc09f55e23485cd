/* postconf_master: the entries (-M), fields (-F) and settings (-P) of master.cf. */
#include "postconf.h"

static const char *const field_names[] = {"service", "type",   "private",       "unprivileged",
                                          "chroot",  "wakeup", "process_limit", "command"};
enum { COMMAND = 7 };

/* Does "*" or TEXT stand for the request's part? */
static bool matches(struct slice part, const char *text)
{
    return slice_eq(part, "*") || slice_eq(part, text);
}

/* Cut "service/type/rest"; parts left out are "*". A service name may not hold "/". */
static void split_request(const char *request, struct slice part[3])
{
    struct slice rest = slice_of(request);
    for (size_t i = 0; i < 3; i++)
        part[i] = slice_of("*");
    for (size_t i = 0; i < 3; i++) {
        if (i == 2 || !slice_split(rest, '/', &part[i], &rest)) {
            part[i] = rest;
            return;
        }
    }
}

static bool service_matches(const struct slice part[3], const struct postconf_service *s)
{
    return matches(part[0], s->fields.at[0]) && matches(part[1], s->fields.at[1]);
}

/* An argument as it can be read again; a setting with -x as the service will see it. */
static void add_argument(const struct postconf *pc, const struct postconf_service *service,
                         const char *arg, bool is_setting, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (pc->expand && is_setting)
        postconf_services_expand(pc, service, slice_of(arg), &text);
    else
        strbuf_add_str(&text, arg);
    bool needs_braces = text.len == 0 || text.s[strcspn(text.s, SLICE_SPACE)];
    strbuf_addf(out, needs_braces ? "{%s}" : "%s", text.s);
}

static void add_fields(const struct postconf_service *service, struct strbuf *out)
{
    static const size_t columns[] = {0, 11, 17, 25, 33, 41, 49, 57};
    for (size_t i = 0; i <= COMMAND; i++) {
        if (i > 0)
            strbuf_add_char(out, ' ');
        if (out->len < columns[i])
            strbuf_add_fill(out, ' ', columns[i] - out->len);
        strbuf_add_str(out, service->fields.at[i]);
    }
}

static void add_arguments(const struct postconf *pc, const struct postconf_service *service,
                          bool fold, struct strbuf *out)
{
    const struct argv *fields = &service->fields;
    bool in_options = true;
    for (size_t i = COMMAND + 1; i < fields->count; i++) {
        CLEANUP(strbuf_done) struct strbuf arg = STRBUF_ANY;
        const char *text = fields->at[i];
        in_options = in_options && text[0] == '-';
        if (in_options && strcmp(text, "-o") == 0 && i + 1 < fields->count) {
            add_argument(pc, service, fields->at[++i], true, &arg);
            strbuf_addf(out, fold ? "\n    -o %s" : " -o %s", arg.s);
            continue;
        }
        add_argument(pc, service, text, false, &arg);
        struct slice line = strbuf_slice(out);
        size_t newline = slice_rfind(line, '\n');
        size_t column = newline == SIZE_MAX ? line.len : line.len - newline - 1;
        bool too_long = fold && column + 1 + arg.len > 79 && column > 4;
        strbuf_addf(out, too_long ? "\n    %s" : " %s", arg.s);
    }
}

void postconf_master_format(const struct postconf *pc, const struct postconf_service *service,
                            bool fold, struct strbuf *out)
{
    add_fields(service, out);
    add_arguments(pc, service, fold, out);
}

static void show_entry(const struct postconf *pc, const struct postconf_service *service)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY, name = STRBUF_ANY;
    postconf_master_format(pc, service, pc->fold && !pc->json, &line);
    strbuf_addf(&name, "%s/%s", service->fields.at[0], service->fields.at[1]);
    if (pc->json)
        postconf_print_json(name.s, line.s);
    else
        puts(line.s);
}

static size_t show_fields(const struct postconf *pc, const struct postconf_service *service,
                          struct slice wanted)
{
    size_t shown = 0;
    for (size_t i = 0; i <= COMMAND; i++) {
        if (!matches(wanted, field_names[i]))
            continue;
        CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY, value = STRBUF_ANY;
        strbuf_addf(&name, "%s/%s/%s", service->fields.at[0], service->fields.at[1],
                    field_names[i]);
        strbuf_add_str(&value, service->fields.at[i]);
        if (i == COMMAND)
            add_arguments(pc, service, false, &value);
        postconf_print(pc, name.s, value.s);
        shown++;
    }
    return shown;
}

static size_t show_settings(const struct postconf *pc, const struct postconf_service *service,
                            struct slice wanted)
{
    size_t shown = 0;
    struct slice name, value;
    for (size_t at = 0; postconf_services_next_setting(service, &at, &name, &value);) {
        CLEANUP(strbuf_done) struct strbuf label = STRBUF_ANY, text = STRBUF_ANY;
        if (!slice_eq(wanted, "*") && !slice_same(wanted, name))
            continue;
        strbuf_addf(&label, "%s/%s/%.*s", service->fields.at[0], service->fields.at[1],
                    SLICE_ARG(name));
        if (pc->expand)
            postconf_services_expand(pc, service, value, &text);
        else
            strbuf_add_slice(&text, value);
        postconf_print(pc, label.s, text.s);
        shown++;
    }
    return shown;
}

static void show_request(const struct postconf *pc, char what, const char *request)
{
    struct slice part[3];
    size_t shown = 0;
    split_request(request ? request : "*", part);
    for (const struct postconf_service *s = pc->services; s; s = s->next) {
        if (!service_matches(part, s))
            continue;
        if (what == 'M')
            show_entry(pc, s);
        shown += what == 'M'   ? 1
                 : what == 'F' ? show_fields(pc, s, part[2])
                               : show_settings(pc, s, part[2]);
    }
    if (shown == 0 && request)
        postconf_warn(pc, "unmatched request: \"%s\"", request);
}

void postconf_master_show(struct postconf *pc, char what, char **requests)
{
    if (!*requests)
        show_request(pc, what, NULL);
    for (; *requests; requests++) {
        struct slice part[3];
        split_request(*requests, part);
        if (what == 'M' && strchr(*requests, '*'))
            postconf_fatal(pc, "-M option requires service_name[/type]");
        show_request(pc, what, *requests);
    }
}
