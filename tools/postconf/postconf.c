/* postconf: show and change main.cf and master.cf. */
#include "postconf.h"

#include "base/xmem.h"
#include "config/host_defaults.h"
#include "map/map.h"

#include <unistd.h>

struct options {
    char master; /* M, F, P, E or 0 */
    char list;   /* a, A, l, m, T or 0 */
    char text;   /* b, t or 0 */
    char edit;   /* e, X, # or 0 */
    const char *dir;
};

static void NORETURN usage(const struct postconf *pc)
{
    postconf_fatal(pc,
                   "usage: %s [-a (server SASL types)] [-A (client SASL types)] [-b (bounce "
                   "templates)] [-c config_dir] "
                   "[-C param_class] [-d (parameter defaults)] [-e (edit configuration)] "
                   "[-E (explain parameters)] [-f (fold lines)] [-F (master.cf fields)] [-h (no "
                   "names)] [-H (no values)] [-j (JSON)] "
                   "[-l (lock types)] [-m (map types)] [-M (master.cf)] [-n (non-default "
                   "parameters)] [-o name=value (override parameter value)] [-p (main.cf, "
                   "default)] [-P (master.cf parameters)] [-q (no warnings)] [-t (bounce "
                   "templates)] [-T mode (TLS versions)] [-v (verbose)] [-x (expand parameter "
                   "values)] [-X (exclude)] [-# (comment-out)] [name...]",
                   pc->program);
}

static unsigned parse_classes(const struct postconf *pc, const char *text)
{
    static const struct {
        const char *name;
        unsigned classes;
    } words[] = {{"builtin", CLASS_BUILTIN},
                 {"service", CLASS_SERVICE},
                 {"user", CLASS_USER},
                 {"all", CLASS_BUILTIN | CLASS_SERVICE | CLASS_USER}};
    struct slice in = slice_of(text), word;
    unsigned classes = 0;
    while (slice_next_item(&in, &word)) {
        size_t i = 0;
        while (i < COUNT_OF(words) && !slice_eq_nocase(word, words[i].name))
            i++;
        if (i == COUNT_OF(words))
            postconf_fatal(pc, "unknown -C option value \"%.*s\" in \"%s\"", SLICE_ARG(word), text);
        classes |= words[i].classes;
    }
    return classes;
}

/* Remember that OPTION was given in the place of *AT; two different ones exclude each other. */
static void choose(const struct postconf *pc, char *at, int option)
{
    if (*at && *at != option)
        postconf_fatal(pc, "specify one of -%c -%c", MIN(*at, option), MAX(*at, option));
    *at = (char)option;
}

static void parse_options(struct postconf *pc, struct options *o, int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "aAbc:C:deEfFhHjlmMno:pPqtT:vxX#")) > 0;) {
        switch (c) {
        case 'a':
        case 'A':
        case 'l':
        case 'm':
            choose(pc, &o->list, c);
            break;
        case 'E':
        case 'M':
        case 'F':
        case 'P':
        case 'p':
            choose(pc, &o->master, c);
            break;
        case 'e':
        case 'X':
        case '#':
            choose(pc, &o->edit, c);
            break;
        case 'c':
            o->dir = optarg;
            break;
        case 'C':
            pc->classes = parse_classes(pc, optarg);
            break;
        case 'o':
            argv_add(&pc->overrides, optarg);
            break;
        case 'd':
            pc->defaults = true;
            break;
        case 'f':
            pc->fold = true;
            break;
        case 'h':
            pc->values_only = true;
            break;
        case 'H':
            pc->names_only = true;
            break;
        case 'j':
            pc->json = true;
            break;
        case 'n':
            pc->set_only = true;
            break;
        case 'q':
            pc->quiet = true;
            break;
        case 'x':
            pc->expand = true;
            break;
        case 'v': /* there is nothing more to say */
            break;
        case 'b':
        case 't':
            choose(pc, &o->text, c);
            break;
        case 'T':
            choose(pc, &o->list, c);
            break;
        default:
            usage(pc);
        }
    }
}

/* Options that do not go together. */
static void check_options(const struct postconf *pc, struct options *o, char **args)
{
    if (o->master == 'p')
        o->master = 0;
    if (o->text && args[0] && args[1])
        postconf_fatal(pc, "options -b and -t require at most one template file");
    if (o->list || o->text)
        return;
    for (; *args && !o->edit && o->master != 'E'; args++)
        if (strchr(*args, '='))
            o->edit = 'e';
    for (; *args && o->edit && o->edit != 'e'; args++)
        if (strchr(*args, '='))
            postconf_fatal(pc, "specify one of -e -%c", o->edit);
    if (pc->values_only && pc->names_only)
        postconf_fatal(pc, "specify one of -h -H");
    if (pc->defaults && pc->set_only)
        postconf_fatal(pc, "specify one of -d -n");
    if (pc->defaults && pc->overrides.count > 0)
        postconf_fatal(pc, "specify one of -d -o");
    if (o->master && (pc->defaults || pc->set_only))
        postconf_fatal(pc, "with option -%c, do not specify -%c", o->master,
                       pc->defaults ? 'd' : 'n');
    if (o->master == 'E' &&
        (o->edit || pc->values_only || pc->names_only || pc->json || pc->expand))
        postconf_fatal(pc, "with option -E, specify none of -ehHjxX#");
    if (o->edit && (pc->defaults || pc->set_only || pc->expand || pc->fold || pc->values_only ||
                    pc->names_only || pc->json || pc->overrides.count > 0))
        postconf_fatal(pc, "option -%c edits a file; it shows nothing and takes no -dfhHjnox",
                       o->edit);
}

static void override(struct postconf *pc)
{
    for (size_t i = 0; i < pc->overrides.count; i++) {
        struct slice name, value;
        const char *mistake, *text = pc->overrides.at[i];
        if (!config_split(slice_of(text), &name, &value, &mistake))
            postconf_fatal(pc, "%s: \"%s\"", mistake, text);
        CLEANUP(xfree_ptr) char *name_text = slice_dup(name);
        CLEANUP(xfree_ptr) char *value_text = slice_dup(value);
        config_override(pc->cfg, name_text, value_text);
    }
}

static void load(struct postconf *pc, bool dir_given, bool needs_services)
{
    struct err err = ERR_INIT;
    pc->cfg = config_new(pc->defaults ? "/etc/postfix" : pc->dir);
    if (!pc->defaults) {
        if (!config_load(pc->cfg, &err))
            postconf_fatal(pc, "%s", err.reason);
        struct slice in = slice_of(config_warnings(pc->cfg)), line;
        while (slice_next_line(&in, &line))
            postconf_warn(pc, "%.*s", SLICE_ARG(line));
        if (dir_given)
            config_override(pc->cfg, "config_directory", pc->dir);
        override(pc);
    }
    postconf_services_load(pc, needs_services);
    postconf_names_load(pc);
    if (!host_defaults_set(pc->cfg, &err)) /* shown values stay those of the table */
        postconf_warn(pc, "%s", err.reason);
    config_set_default(pc->cfg, "process_name", "postconf");
}

/* -a, -A, -T: neither SASL nor TLS is built in, so there is nothing to print. */
static void list(char what)
{
    if (what == 'l')
        puts("flock\nfcntl\ndotlock");
    for (const struct map_driver *const *at = map_drivers(); what == 'm' && *at; at++)
        puts((*at)->type);
}

static void done(struct postconf *pc)
{
    config_free(pc->cfg);
    postconf_services_free(pc);
    argv_done(&pc->owned_names);
    argv_done(&pc->used);
    argv_done(&pc->overrides);
    free(pc->names);
}

static void show(struct postconf *pc, const struct options *o, char **args)
{
    load(pc, o->dir || getenv("MAIL_CONFIG"), o->master && o->master != 'E');
    if (o->master == 'E') {
        pc->failed = !postconf_explain(pc, args);
        return;
    }
    if (o->master) {
        postconf_master_show(pc, o->master, args);
    } else {
        postconf_show(pc, args);
        if (!pc->defaults)
            postconf_names_warn_main(pc);
    }
    if (!pc->defaults)
        postconf_names_warn_master(pc);
}

static NORETURN void show_templates(struct postconf *pc, const struct options *o, const char *file)
{
    load(pc, o->dir || getenv("MAIL_CONFIG"), false);
    postconf_templates_show(pc, o->text == 'b', file);
}

int main(int argc, char **argv)
{
    struct postconf pc = {.program = argv[0] ? argv[0] : "postconf",
                          .classes = CLASS_BUILTIN | CLASS_SERVICE | CLASS_USER};
    struct options o = {0};
    parse_options(&pc, &o, argc, argv);
    check_options(&pc, &o, argv + optind);
    pc.dir = config_choose_dir(o.dir);

    enum postconf_edit edit = o.edit == 'e' ? EDIT_SET : o.edit == 'X' ? EDIT_DELETE : EDIT_COMMENT;
    if (o.list)
        list(o.list);
    else if (o.text)
        show_templates(&pc, &o, argv[optind]);
    else if (o.edit && o.master)
        postconf_edit_master(&pc, o.master, edit, argv + optind);
    else if (o.edit)
        postconf_edit_main(&pc, edit, argv + optind);
    else
        show(&pc, &o, argv + optind);
    done(&pc);
    return fflush(stdout) == 0 && !ferror(stdout) && !pc.failed ? 0 : 1;
}
