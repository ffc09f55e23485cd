#include "postconf_options.h"

#include <unistd.h>

/* In the order in which they are named in messages. */
static const char modes[] = "aAbEFlmMpPtT";
static const char with_args[] = "pMFP"; /* modes that take name=value */

/* At most one of each group. */
static const char *const groups[] = {modes, "denX#", "efX#", "exX#", "ejX#", "deoX#", "ehHX#"};

/* What says nothing in a mode. Lists take nothing at all. */
static const struct {
    char mode;
    const char *options;
} refused[] = {
    {'a', "defhHjnoxX#"}, {'A', "defhHjnoxX#"}, {'b', "defhHjnoxX#"}, {'l', "defhHjnoxX#"},
    {'m', "defhHjnoxX#"}, {'t', "defhHjnoxX#"}, {'T', "defhHjnoxX#"}, {'F', "dnX#"},
    {'M', "dhHn"},        {'P', "dn#"},         {'E', "defhHjnxX#"},
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

/* Append " -x" for every given option of LETTERS; how many. */
static size_t add_given(const struct options *o, const char *letters, struct strbuf *out)
{
    size_t count = 0;
    for (; *letters; letters++) {
        if (!o->given[(unsigned char)*letters])
            continue;
        strbuf_addf(out, " -%c", *letters);
        count++;
    }
    return count;
}

static void check_groups(const struct postconf *pc, const struct options *o)
{
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        CLEANUP(strbuf_done) struct strbuf names = STRBUF_ANY;
        if (add_given(o, groups[i], &names) > 1)
            postconf_fatal(pc, "specify one of%s", names.s);
    }
}

static void check_mode(const struct postconf *pc, const struct options *o)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CLEANUP(strbuf_done) struct strbuf names = STRBUF_ANY;
        if (refused[i].mode == o->mode && add_given(o, refused[i].options, &names) > 0)
            postconf_fatal(pc, "with option -%c, do not specify%s", o->mode, names.s);
    }
    if ((o->mode == 'b' || o->mode == 't') && o->args[0] && o->args[1])
        postconf_fatal(pc, "options -b and -t require at most one template file");
}

/* Option C whose argument, if it has one, is ARG. */
static void take(struct postconf *pc, struct options *o, int c, char *arg)
{
    o->given[c] = true;
    switch (c) {
    case 'c':
        o->dir = arg;
        break;
    case 'C':
        pc->classes = parse_classes(pc, arg);
        break;
    case 'o':
        argv_add(&pc->overrides, arg);
        break;
    case 'T':
        o->tls = arg;
        break;
    case 'b':
    case 't':
        if (o->given['b'] && o->given['t'])
            postconf_fatal(pc, "specify one of -b and -t");
        break;
    case '?':
    case ':':
        usage(pc);
    default: /* -v: there is nothing more to say */
        break;
    }
}

void options_parse(struct postconf *pc, struct options *o, int argc, char **argv)
{
    /* "+": options end at the first argument, wherever the C library would look for more */
    for (int c; (c = getopt(argc, argv, "+aAbc:C:deEfFhHjlmMno:pPqtT:vxX#")) > 0;)
        take(pc, o, c, optarg);
    o->args = argv + optind;
    o->mode = 'p';
    for (const char *m = modes; *m; m++)
        if (o->given[(unsigned char)*m])
            o->mode = *m;
    for (char **arg = o->args; *arg && strchr(with_args, o->mode); arg++)
        if (**arg && strchr(*arg + 1, '='))
            o->given['e'] = true;
    check_groups(pc, o);
    check_mode(pc, o);
    o->edit = o->given['e'] ? 'e' : o->given['X'] ? 'X' : o->given['#'] ? '#' : '\0';
    pc->defaults = o->given['d'];
    pc->fold = o->given['f'];
    pc->values_only = o->given['h'];
    pc->names_only = o->given['H'];
    pc->json = o->given['j'];
    pc->set_only = o->given['n'];
    pc->quiet = o->given['q'];
    pc->expand = o->given['x'];
}
