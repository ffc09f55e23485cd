/* postlog(1): log a text, or each line of standard input, as a mail program would. */
#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "log/log.h"

#include <getopt.h>
#include <unistd.h>

enum { LINE_LIMIT = 64 * 1024 };

static const struct {
    const char *name;
    enum log_level level;
} priorities[] = {
    {"info", LOG_LEVEL_INFO},   {"warn", LOG_LEVEL_WARN},   {"warning", LOG_LEVEL_WARN},
    {"error", LOG_LEVEL_ERROR}, {"err", LOG_LEVEL_ERROR},   {"fatal", LOG_LEVEL_FATAL},
    {"crit", LOG_LEVEL_FATAL},  {"panic", LOG_LEVEL_PANIC},
};

static enum log_level find_priority(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(priorities); i++)
        if (strcmp(priorities[i].name, name) == 0)
            return priorities[i].level;
    log_fatal("bad severity: \"%s\"", name);
}

static void PRINTF(2, 3) put(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_line(level, NULL, fmt, ap);
    va_end(ap);
    log_flush();
    if (level >= LOG_LEVEL_FATAL)
        sleep(1); /* as programs pause that meet such trouble again and again */
}

static void put_words(enum log_level level, char **words)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(LINE_LIMIT);
    for (; *words; words++)
        strbuf_addf(&text, "%s%s", text.len ? " " : "", *words);
    put(level, "%s", text.s);
}

static void put_input(enum log_level level)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) >= 0) {
        struct slice text = slice_first((struct slice){line, (size_t)len}, LINE_LIMIT);
        if (text.len > 0 && text.s[text.len - 1] == '\n')
            text.len--;
        put(level, "%.*s", SLICE_ARG(text));
    }
    free(line);
}

/* With set-gid, the group of the log server's socket must not serve somebody else's main.cf. */
static void check_privilege(const char *dir)
{
    if (getgid() != getegid() && strcmp(dir, config_choose_dir("/etc/postfix")) != 0)
        log_fatal("unauthorized configuration directory name: %s", dir);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    const char *dir = NULL, *tag = NULL;
    enum log_level level = LOG_LEVEL_INFO;
    int option;

    log_setup_early("postlog", LOG_SETUP_STDERR);
    while ((option = getopt(argc, argv, "c:ip:t:v")) > 0) {
        switch (option) {
        case 'c':
            dir = optarg;
            break;
        case 'i': /* the process id is always logged */
        case 'v':
            break;
        case 'p':
            level = find_priority(optarg);
            break;
        case 't':
            tag = optarg;
            break;
        default:
            log_fatal("usage: %s [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text]", argv[0]);
        }
    }
    dir = config_choose_dir(dir);
    check_privilege(dir);
    struct config *config = config_new(dir);
    config_set_default(config, "process_name", "postlog");
    if (!config_load(config, &err) || !common_params_load(config, &err) ||
        !clean_env_apply(common_params.import_environment, &err))
        log_fatal("%s", err.reason);
    log_setup_command("postlog", LOG_SETUP_TERMINAL | LOG_SETUP_FILE | LOG_SETUP_FULL_TAG);
    if (tag)
        log_set_tag(tag);
    if (optind < argc)
        put_words(level, argv + optind);
    else
        put_input(level);
    params_done(common_param_rows, &common_params);
    config_free(config);
    return 0;
}
