#include "config/command_setup.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "config/clean_env.h"

#include <errno.h>
#include <sys/auxv.h>
#include <unistd.h>

struct config *command_setup(const char *program, const char *dir_option, unsigned log_flags)
{
    struct err err = ERR_INIT;
    log_setup_early(program, log_flags & ~(unsigned)LOG_SETUP_FILE);
    if (dir_option)
        setenv("MAIL_CONFIG", dir_option, 1); /* for the commands this one runs */
    struct config *cfg = config_new(config_choose_dir(dir_option));
    config_set_default(cfg, "process_name", program);
    if (!config_load(cfg, &err) || !common_params_load(cfg, &err))
        log_fatal("%s", err.reason);
    log_setup_command(program, log_flags);
    log_setup_say_warnings(cfg);
    return cfg;
}

static bool command_dir_is_listed(const char *dir)
{
    static const char *const lists[] = {"alternate_config_directories",
                                        "multi_instance_directories"};
    struct err err = ERR_INIT;
    bool listed = false;
    struct config *cfg = config_new(config_choose_dir(NULL));
    if (!config_load(cfg, &err))
        log_fatal("%s", err.reason);
    for (size_t i = 0; i < COUNT_OF(lists) && !listed; i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        CLEANUP(argv_done) struct argv dirs = ARGV_INIT;
        if (!config_get_text(cfg, lists[i], "", &text, &err))
            log_fatal("%s", err.reason);
        argv_add_items(&dirs, text.s);
        listed = argv_has(&dirs, dir);
    }
    config_free(cfg);
    return listed;
}

char *command_guard_privilege(const char *dir_option, int fatal_status)
{
    const char *asked = dir_option ? dir_option : getenv("MAIL_CONFIG");
    char *dir = asked ? xstrdup(asked) : NULL;
    /* the kernel sets AT_SECURE when the program has more rights than its caller */
    if (!getauxval(AT_SECURE) || getuid() == 0)
        return dir;
    struct err err = ERR_INIT;
    if (!clean_env_apply("TZ LANG=C", &err))
        log_fatal("%s", err.reason);
    const char *standard = config_choose_dir(NULL);
    if (dir && strcmp(dir, standard) != 0 && !command_dir_is_listed(dir)) {
        log_error(NULL, "unauthorized configuration directory name: %s", dir);
        log_fatal_status(fatal_status,
                         "specify \"alternate_config_directories = %s\" or "
                         "\"multi_instance_directories = %s\" in %s/main.cf",
                         dir, dir, standard);
    }
    return dir;
}

void command_enter_queue_directory(void)
{
    if (chdir(common_params.queue_directory) < 0)
        log_fatal_status(69, "chdir %s: %s", common_params.queue_directory, strerror(errno));
}
