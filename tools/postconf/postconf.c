/* postconf: show and change main.cf and master.cf. */
#include "postconf.h"
#include "postconf_options.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "config/host_defaults.h"
#include "map/map_plugin.h"
#include "sasl/auth_client.h"
#include "sasl/auth_server.h"

static void override(struct postconf *pc)
{
    for (size_t i = 0; i < pc->overrides.count; i++) {
        struct slice name, value;
        const char *mistake, *text = pc->overrides.at[i];
        if (!config_split(slice_of(text), &name, &value, &mistake))
            postconf_fatal(pc, "invalid parameter override: %s: %s", text, mistake);
        CLEANUP(xfree_ptr) char *name_text = slice_dup(name);
        CLEANUP(xfree_ptr) char *value_text = slice_dup(value);
        config_override(pc->cfg, name_text, value_text);
    }
}

static void load_main(struct postconf *pc, bool dir_given)
{
    struct err err = ERR_INIT;
    if (dir_given)
        config_preset(pc->cfg, "config_directory", pc->dir);
    if (!config_load(pc->cfg, &err))
        postconf_fatal(pc, "%s", err.reason);
    struct slice in = slice_of(config_warnings(pc->cfg)), line;
    while (slice_next_line(&in, &line))
        postconf_warn(pc, "%.*s", SLICE_ARG(line));
    override(pc);
}

/* What the host adds depends on this default, which depends on compatibility_level. */
static void check_level(const struct postconf *pc)
{
    CLEANUP(strbuf_done) struct strbuf style = STRBUF_ANY;
    struct err err = ERR_INIT;
    const char *text = config_raw(pc->cfg, "mynetworks_style");
    if (config_expand(pc->cfg, slice_of(text), &style, &err))
        return;
    postconf_warn(pc, "%s", err.reason);
    postconf_fatal(pc, "macro processing error");
}

static void load(struct postconf *pc, bool dir_given, bool needs_services)
{
    struct err err = ERR_INIT;
    pc->cfg = config_new(pc->defaults ? "/etc/postfix" : pc->dir);
    if (!pc->defaults)
        load_main(pc, dir_given);
    postconf_services_load(pc, needs_services);
    postconf_names_load(pc);
    check_level(pc);
    if (!host_defaults_set(pc->cfg, &err)) /* shown values stay those of the table */
        postconf_warn(pc, "%s", err.reason);
    config_set_default(pc->cfg, "process_name", "postconf");
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Those in the program and those in plugins, of which main.cf says where they are. */
static void list_table_types(struct postconf *pc)
{
    struct err err = ERR_INIT;
    CLEANUP(argv_done) struct argv types = ARGV_INIT;
    struct config *cfg = config_new(pc->dir);
    if (!config_load(cfg, &err) || !common_params_load(cfg, &err))
        postconf_fatal(pc, "%s", err.reason);
    struct map_options options = map_options_of(cfg);
    map_set_options(&options);
    for (const struct map_driver *const *at = map_drivers(); *at; at++)
        argv_add(&types, (*at)->type);
    argv_add(&types, "proxy"); /* no driver: another table, asked through proxymap */
    if (!map_plugin_list(&types, &err))
        postconf_fatal(pc, "%s", err.reason);
    qsort(types.at, types.count, sizeof *types.at, by_text);
    for (size_t i = 0; i < types.count; i++)
        puts(types.at[i]);
    config_free(cfg);
}

static void list_sasl_types(const char *const *type)
{
    for (; *type; type++)
        puts(*type);
}

static void list(struct postconf *pc, const struct options *o)
{
    if (o->mode == 'l')
        puts("flock\nfcntl\ndotlock");
    else if (o->mode == 'a')
        list_sasl_types(auth_types());
    else if (o->mode == 'A')
        list_sasl_types(auth_client_types());
    else if (o->mode == 'm')
        list_table_types(pc);
    else if (o->mode == 'T')
        pc->failed = !postconf_tls_show(pc, o->tls);
}

static void done(struct postconf *pc)
{
    config_free(pc->cfg);
    postconf_services_free(pc);
    argv_done(&pc->owned_names);
    argv_done(&pc->used);
    argv_done(&pc->overrides);
    argv_done(&pc->checked);
    free(pc->names);
}

static void show(struct postconf *pc, const struct options *o)
{
    load(pc, o->dir || getenv("MAIL_CONFIG"), !strchr("pE", o->mode));
    if (o->mode == 'E') {
        pc->failed = !postconf_explain(pc, o->args);
        return;
    }
    if (o->mode != 'p') {
        postconf_master_show(pc, o->mode, o->args);
    } else {
        postconf_show(pc, o->args);
        if (!pc->defaults)
            postconf_names_warn_main(pc);
    }
    if (!pc->defaults)
        postconf_names_warn_master(pc);
}

static void run(struct postconf *pc, const struct options *o)
{
    enum postconf_edit edit = o->edit == 'e'   ? EDIT_SET
                              : o->edit == 'X' ? EDIT_DELETE
                                               : EDIT_COMMENT;
    if (strchr("aAlmT", o->mode)) {
        list(pc, o);
    } else if (strchr("bt", o->mode)) {
        load(pc, o->dir || getenv("MAIL_CONFIG"), false);
        postconf_templates_show(pc, o->mode == 'b', o->args[0]);
    } else if (!o->edit) {
        show(pc, o);
    } else if (!o->args[0]) {
        postconf_fatal(pc, edit == EDIT_SET ? "-e requires name=value argument"
                                            : "missing service argument");
    } else if (o->mode == 'p') {
        postconf_edit_main(pc, edit, o->args);
    } else {
        postconf_edit_master(pc, o->mode, edit, o->args);
    }
}

int main(int argc, char **argv)
{
    struct postconf pc = {.program = argv[0] ? argv[0] : "postconf",
                          .classes = CLASS_BUILTIN | CLASS_SERVICE | CLASS_USER};
    struct options o = {0};
    options_parse(&pc, &o, argc, argv);
    pc.dir = config_choose_dir(o.dir);
    run(&pc, &o);
    done(&pc);
    return fflush(stdout) == 0 && !ferror(stdout) && !pc.failed ? 0 : 1;
}
