/* postconf_master: the entries (-M), fields (-F) and settings (-P) of master.cf. */
#include "postconf.h"

#include "base/xmem.h"

enum { MARGIN = 79, INDENT = 4 };

/* Does "*" or TEXT stand for the request's part? */
static bool matches(struct slice part, struct slice text)
{
    return slice_eq(part, "*") || slice_same(part, text);
}

size_t postconf_master_request(struct slice request, struct slice part[3])
{
    struct slice word;
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        part[i] = slice_of("*");
    if (slice_starts(request, "/"))
        return 4;
    while (slice_next_token(&request, "/", &word)) {
        bool is_pattern = slice_find(word, '*') != SIZE_MAX && word.len > 1;
        if (count == 3 || is_pattern)
            return 4;
        part[count++] = word;
    }
    return count;
}

bool postconf_master_matches(const struct slice part[3], const struct postconf_service *service)
{
    return matches(part[0], slice_of(service->fields.at[0])) &&
           matches(part[1], slice_of(service->fields.at[1]));
}

static bool has_blank(const char *text)
{
    return text[strcspn(text, SLICE_SPACE)];
}

/* What is shown looks as Postfix shows it: braces stand around what has blanks, and not around an
 * option or what follows the options. What is written must be read again as it is. */
struct layout {
    bool fold;    /* each setting on a line of its own */
    bool written; /* to master.cf */
};

static void add_argument(struct layout layout, const char *text, bool in_options,
                         struct strbuf *out)
{
    bool needs_braces = in_options ? layout.written && !postconf_split_is_word(slice_of(text))
                                   : has_blank(text) || (layout.written && strchr("{", *text));
    strbuf_addf(out, needs_braces ? "{%s}" : "%s", text);
}

/* With -x as the service will see it. */
static void add_setting(const struct postconf *pc, const struct postconf_service *service,
                        struct layout layout, size_t at, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    const char *option = service->fields.at[at], *setting = service->fields.at[at + 1];
    bool expands = pc->expand && strcmp(option, "-o") == 0;
    if (expands)
        postconf_services_expand(pc, service, slice_of(setting), &text);
    strbuf_addf(out, "%s ", option);
    add_argument(layout, expands ? text.s : setting, false, out);
}

static void add_fields(const struct postconf_service *service, struct strbuf *out)
{
    static const size_t columns[] = {0, 11, 17, 25, 33, 41, 49, 57};
    for (size_t i = 0; i <= POSTCONF_COMMAND; i++) {
        if (i > 0)
            strbuf_add_char(out, ' ');
        if (out->len < columns[i])
            strbuf_add_fill(out, ' ', columns[i] - out->len);
        strbuf_add_str(out, service->fields.at[i]);
    }
}

static void start_line(struct strbuf *out)
{
    strbuf_add_char(out, '\n');
    strbuf_add_fill(out, ' ', INDENT);
}

static bool passes_margin(const struct strbuf *out, size_t more)
{
    struct slice line = strbuf_slice(out);
    size_t newline = slice_rfind(line, '\n');
    size_t column = newline == SIZE_MAX ? line.len : line.len - newline - 1;
    return column + 1 + more > MARGIN && column > INDENT;
}

/* Does a setting stand at AT and behind it? For Postfix -oNAME in braces is one to show. */
static bool is_setting(const struct argv *fields, struct layout layout, size_t at)
{
    const char *text = fields->at[at];
    return at + 1 < fields->count &&
           (layout.written ? strcmp(text, "-o") == 0 : strncmp(text, "-o", 2) == 0);
}

static void add_arguments(const struct postconf *pc, const struct postconf_service *service,
                          struct layout layout, struct strbuf *out)
{
    const struct argv *fields = &service->fields;
    bool after_setting = false;
    size_t end = service->options_end;
    for (size_t i = POSTCONF_COMMAND + 1; i < fields->count; i++) {
        CLEANUP(strbuf_done) struct strbuf arg = STRBUF_ANY;
        bool sets = i < end && is_setting(fields, layout, i);
        if (sets)
            add_setting(pc, service, layout, i, &arg);
        else /* the first one behind the options is shown as if it were one */
            add_argument(layout, fields->at[i], i < end || (i == end && !layout.written), &arg);
        if (layout.fold && (sets || after_setting || passes_margin(out, arg.len)))
            start_line(out);
        else
            strbuf_add_char(out, ' ');
        strbuf_add_str(out, arg.s);
        after_setting = sets;
        i += sets;
        end += sets && i == end; /* the value of -oNAME ends no options */
    }
}

void postconf_master_format(const struct postconf *pc, const struct postconf_service *service,
                            struct strbuf *out)
{
    add_fields(service, out);
    add_arguments(pc, service, (struct layout){.fold = true, .written = true}, out);
}

static struct layout shown(const struct postconf *pc)
{
    return (struct layout){.fold = pc->fold && !pc->json};
}

static void show_entry(const struct postconf *pc, const struct postconf_service *service)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY, name = STRBUF_ANY;
    add_fields(service, &line);
    add_arguments(pc, service, shown(pc), &line);
    strbuf_addf(&name, "%s/%s", service->fields.at[0], service->fields.at[1]);
    if (pc->json)
        postconf_print_json(name.s, line.s);
    else
        puts(line.s);
}

/* The command field is the command with its arguments, as they would stand in the file. */
static void show_command(const struct postconf *pc, const struct postconf_service *service,
                         const char *name)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    bool is_labelled = !pc->values_only && !pc->json;
    if (pc->names_only) {
        puts(name);
        return;
    }
    if (is_labelled)
        strbuf_addf(&line, "%s = ", name);
    strbuf_add_str(&line, service->fields.at[POSTCONF_COMMAND]);
    add_arguments(pc, service, shown(pc), &line);
    if (pc->json)
        postconf_print_json(name, line.s);
    else
        puts(line.s);
}

static size_t show_fields(const struct postconf *pc, const struct postconf_service *service,
                          struct slice wanted)
{
    size_t shown = 0;
    for (size_t i = 0; i <= POSTCONF_COMMAND; i++) {
        if (!matches(wanted, slice_of(postconf_field_names[i])))
            continue;
        CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
        strbuf_addf(&name, "%s/%s/%s", service->fields.at[0], service->fields.at[1],
                    postconf_field_names[i]);
        if (i == POSTCONF_COMMAND)
            show_command(pc, service, name.s);
        else
            postconf_print(pc, name.s, service->fields.at[i]);
        shown++;
    }
    return shown;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_setting(const struct postconf *pc, const struct postconf_service *service,
                         const char *name)
{
    CLEANUP(strbuf_done) struct strbuf label = STRBUF_ANY, text = STRBUF_ANY;
    struct slice value = SLICE_EMPTY;
    (void)postconf_services_setting(service, slice_of(name), &value);
    strbuf_addf(&label, "%s/%s/%s", service->fields.at[0], service->fields.at[1], name);
    if (pc->expand)
        postconf_services_expand(pc, service, value, &text);
    else
        strbuf_add_slice(&text, value);
    postconf_print(pc, label.s, text.s);
}

/* In the order of the names; of two settings of one name the last counts. */
static size_t show_settings(const struct postconf *pc, const struct postconf_service *service,
                            struct slice wanted)
{
    CLEANUP(argv_done) struct argv names = ARGV_INIT;
    struct slice name, value;
    for (size_t at = 0; postconf_services_next_setting(service, &at, &name, &value);)
        if (matches(wanted, name))
            argv_add_slice(&names, name);
    if (names.count > 0)
        qsort(names.at, names.count, sizeof *names.at, by_text);
    for (size_t i = 0; i < names.count; i++)
        if (i == 0 || strcmp(names.at[i - 1], names.at[i]) != 0)
            show_setting(pc, service, names.at[i]);
    return names.count;
}

static void show_request(const struct postconf *pc, char what, const char *request)
{
    struct slice part[3];
    size_t shown = 0;
    (void)postconf_master_request(slice_of(request), part);
    for (const struct postconf_service *s = pc->services; s; s = s->next) {
        if (!postconf_master_matches(part, s))
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

static void check_request(const struct postconf *pc, char what, const char *request)
{
    struct slice part[3];
    size_t count = postconf_master_request(slice_of(request), part), i = 0;
    if (count < 1 || count > (what == 'M' ? 2 : 3))
        postconf_fatal(pc, "-%c option requires service_name[/type%s]", what,
                       what == 'M'   ? ""
                       : what == 'F' ? "[/field]"
                                     : "[/parameter]");
    while (what == 'F' && i <= POSTCONF_COMMAND &&
           !matches(part[2], slice_of(postconf_field_names[i])))
        i++;
    if (i > POSTCONF_COMMAND)
        postconf_fatal(pc, "invalid service attribute name: \"%.*s\"", SLICE_ARG(part[2]));
}

void postconf_master_show(struct postconf *pc, char what, char **requests)
{
    if (!*requests)
        show_request(pc, what, NULL);
    for (; *requests; requests++) {
        check_request(pc, what, *requests);
        show_request(pc, what, *requests);
    }
}
