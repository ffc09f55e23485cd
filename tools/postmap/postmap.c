/*
 * postmap: build, query and change lookup tables; under the name postalias, alias databases.
 */
#include "base/argv.h"
#include "base/xmem.h"
#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/log_setup.h"
#include "tools/postmap/postmap_build.h"
#include "tools/postmap/postmap_check.h"
#include "tools/postmap/postmap_explain.h"
#include "tools/postmap/postmap_query.h"

#include <getopt.h>
#include <unistd.h>

static const char postmap_usage[] = "usage: postmap [-bfFhijmnNoprsuUvw] [-c config_dir] [-d key] "
                                    "[-q key] [map_type:]file...";
static const char postalias_usage[] = "usage: postalias [-Nfijnoprsuvw] [-c config_dir] [-d key] "
                                      "[-q key] [map_type:]file...";

/* The options that do nothing but set one thing. */
struct command_line {
    struct postmap_options options;
    const char *config_dir;
    bool ignores_utf8, forces_utf8;
};

static void set_option(struct command_line *line, int letter, const char *usage)
{
    struct postmap_options *o = &line->options;
    // clang-format off
    switch (letter) {
    case 'b': o->wants_body = true; break;
    case 'c': line->config_dir = optarg; break;
    case 'F': o->encodes_files = true; break;
    case 'f': o->flags &= ~(enum map_flags)MAP_FOLD; break;
    case 'h': o->wants_headers = true; break;
    case 'i': o->is_incremental = true; break;
    case 'j': o->json = true; break;
    case 'm': o->wants_mime = true; break;
    case 'N': o->flags = (o->flags | MAP_WITH_NUL) & ~(enum map_flags)MAP_WITHOUT_NUL; break;
    case 'n': o->flags = (o->flags | MAP_WITHOUT_NUL) & ~(enum map_flags)MAP_WITH_NUL; break;
    case 'o': o->keeps_root = true; break;
    case 'p': o->flags |= MAP_DEFAULT_MODE; break;
    case 'r': o->flags |= MAP_KEEP_DUPLICATES_QUIET; break;
    case 'U': line->forces_utf8 = true; break;
    case 'u': line->ignores_utf8 = true; break;
    case 'v': o->verbose = true; break;
    case 'w': o->flags |= MAP_IGNORE_DUPLICATES; break;
    default: log_fatal("%s", usage);
    }
    // clang-format on
}

/* What Postfix has not. */
enum { LONG_AS = 256, LONG_CHECK, LONG_EXPLAIN };
static const struct option long_options[] = {
    {"as", required_argument, NULL, LONG_AS},
    {"check", no_argument, NULL, LONG_CHECK},
    {"explain", required_argument, NULL, LONG_EXPLAIN},
    {0},
};

static void set_long_option(struct postmap_options *o, int option)
{
    if (option == LONG_AS)
        o->use = optarg;
    else if (option == LONG_CHECK)
        o->checks = true;
    else
        o->explain = optarg;
}

static void check_long_options(const struct postmap_options *o)
{
    int jobs = o->checks + (o->explain != NULL) + (o->query != NULL) + (o->remove != NULL) +
               o->dumps + o->is_incremental;
    if ((o->checks || o->explain) && jobs > 1)
        log_fatal("specify only one of --check --explain -d -i -q -s");
    if (o->use && !o->explain)
        log_fatal("specify --as only with --explain");
}

static void parse_options(struct command_line *line, int argc, char **argv, bool is_postalias)
{
    const char *usage = is_postalias ? postalias_usage : postmap_usage;
    struct postmap_options *o = &line->options;
    int letter;
    while ((letter = getopt_long(argc, argv,
                                 is_postalias ? "Nc:d:fijnopq:rsuvw" : "bc:d:fFhijmnNopq:rsuUvw",
                                 long_options, NULL)) > 0) {
        if (letter >= LONG_AS) {
            set_long_option(o, letter);
        } else if (letter == 's') {
            if (o->query || o->remove)
                log_fatal("specify only one of -s or -q or -d");
            o->dumps = true;
        } else if (letter == 'q' || letter == 'd') {
            if (o->dumps || o->query || o->remove)
                log_fatal("specify only one of -s -q or -d");
            *(letter == 'q' ? &o->query : &o->remove) = optarg;
        } else {
            set_option(line, letter, usage);
        }
    }
    bool wants_message = o->wants_body || o->wants_headers || o->wants_mime;
    if (wants_message && (!o->query || strcmp(o->query, "-") != 0))
        log_fatal("specify -b -h or -m only with \"-q -\"");
    if (o->json && !o->query && !o->dumps)
        log_fatal("specify -j only with -q or -s");
    check_long_options(o);
    if (optind == argc)
        log_fatal("%s", usage);
}

/* The configuration lives as long as tables may ask it for their settings. */
static struct config *load_config(const char *dir, const char *program)
{
    struct err err = ERR_INIT;
    struct config *cfg = config_new(config_choose_dir(dir));
    if (!config_load(cfg, &err) || !common_params_load(cfg, &err))
        log_fatal("%s", err.reason);
    log_setup_command(program, LOG_SETUP_STDERR);
    log_setup_say_warnings(cfg);
    if (!clean_env_apply(common_params.import_environment, &err))
        log_fatal("%s", err.reason);
    struct map_options options = map_options_of(cfg);
    options.proxy_write_path = xasprintf("%s/private/%s", common_params.queue_directory,
                                         common_params.proxywrite_service_name);
    map_set_options(&options);
    return cfg;
}

static int run(const struct postmap_options *options, const struct argv *tables)
{
    struct err err = ERR_INIT;
    if (options->explain)
        return postmap_explain(tables->at, tables->count, options) ? 0 : 1;
    if (options->checks) {
        bool ok = true;
        for (size_t i = 0; i < tables->count; i++)
            ok &= postmap_check(tables->at[i], options);
        return ok ? 0 : 1;
    }
    if (options->dumps)
        return postmap_dump(tables->at, tables->count, options) ? 0 : 1;
    if (options->remove)
        return postmap_delete(tables->at, tables->count, options) ? 0 : 1;
    if (options->query && strcmp(options->query, "-") == 0)
        return postmap_query_stdin(tables->at, tables->count, options) ? 0 : 1;
    if (options->query)
        return postmap_query(tables->at, tables->count, options) ? 0 : 1;
    for (size_t i = 0; i < tables->count; i++)
        if (!postmap_build(tables->at[i], options, &err))
            log_fatal("%s", err.reason);
    return 0;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    bool is_postalias = strcmp(slash ? slash + 1 : argv[0], "postalias") == 0;
    const char *program = is_postalias ? "postalias" : "postmap";
    struct command_line line = {.options = {.flags = MAP_FOLD}};
    line.options.format = is_postalias ? MAP_TEXT_ALIASES : MAP_TEXT_POSTMAP;

    log_setup_early(program, LOG_SETUP_STDERR);
    parse_options(&line, argc, argv, is_postalias);
    struct config *cfg = load_config(line.config_dir, program);
    bool reads_message = line.options.wants_body || line.options.wants_headers;
    if (common_params.smtputf8_enable && !line.ignores_utf8 && (!reads_message || line.forces_utf8))
        line.options.flags |= MAP_UTF8;

    CLEANUP(argv_done) struct argv tables = ARGV_INIT;
    for (int i = optind; i < argc; i++) {
        if (strchr(argv[i], ':'))
            argv_add(&tables, argv[i]);
        else
            argv_addf(&tables, "%s:%s", common_params.default_database_type, argv[i]);
    }
    int status = run(&line.options, &tables);
    config_free(cfg);
    return status;
}
