/* Commands for each instance, and the list of them. */
#include "postmulti/postmulti.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "postmulti/postmulti_params.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The N-th in the order asked for. */
static const struct instance *nth(const struct postmulti *pm, size_t n, bool reverse)
{
    return &pm->all.at[reverse ? pm->all.count - 1 - n : n];
}

int postmulti_list(const struct postmulti *pm)
{
    for (size_t i = 0; i < pm->all.count; i++) {
        const struct instance *one = nth(pm, i, pm->reverse);
        if (instance_is_selected(one, &pm->selected))
            printf("%-15s %-15s %-9s %s\n", one->name[0] ? one->name : "-",
                   one->group[0] ? one->group : "-", one->is_enabled ? "y" : "n", one->dir);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

/* In the child. */
static void set_environment(const struct postmulti *pm, const struct instance *one)
{
    static const char *const names[] = {"daemon_directory",    "command_directory",
                                        "queue_directory",     "data_directory",
                                        "multi_instance_name", "multi_instance_group"};
    const char *path = getenv("PATH");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP(xfree_ptr) char *value = instance_text(one, names[i]);
        setenv(names[i], value, 1);
    }
    setenv("MAIL_CONFIG", one->dir, 1);
    setenv("config_directory", one->dir, 1);
    setenv("multi_instance_enable", one->is_enabled ? "yes" : "no", 1);
    if (pm->verbose)
        setenv("MAIL_VERBOSE", "", 1);
    CLEANUP(xfree_ptr)
    char *search =
        xasprintf("%s:%s", common_params.command_directory, path ? path : "/usr/bin:/bin");
    setenv("PATH", search, 1);
}

int postmulti_run(const struct postmulti *pm, const struct instance *instance, char *const *command)
{
    int status;
    log_flush();
    pid_t pid = fork();
    if (pid < 0)
        log_fatal("fork: %s", strerror(errno));
    if (pid == 0) {
        set_environment(pm, instance);
        execvp(command[0], command);
        log_error(NULL, "cannot run %s: %s", command[0], strerror(errno));
        log_flush();
        _exit(1);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void need_one(bool is_any)
{
    if (!is_any)
        log_fatal("No matching instances");
}

int postmulti_each(const struct postmulti *pm, char *const *command)
{
    int failed = 0;
    bool is_any = false;
    for (size_t i = 0; i < pm->all.count; i++) {
        const struct instance *one = nth(pm, i, pm->reverse);
        if (!instance_is_selected(one, &pm->selected))
            continue;
        is_any = true;
        failed |= postmulti_run(pm, one, command) != 0;
    }
    need_one(is_any);
    return failed;
}

static bool is_listed(const char *list, const char *command)
{
    CLEANUP(argv_done) struct argv names = ARGV_INIT;
    argv_add_items(&names, list);
    return argv_has(&names, command);
}

int postmulti_postfix(const struct postmulti *pm, char *const *command)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    bool is_start = is_listed(postmulti_params.postmulti_start_commands, command[0]);
    bool is_stop = is_listed(postmulti_params.postmulti_stop_commands, command[0]);
    bool for_enabled =
        is_start || is_stop || is_listed(postmulti_params.postmulti_control_commands, command[0]);
    int failed = 0;
    bool is_any = false;
    argv_addf(&words, "%s/postfix", common_params.command_directory);
    for (int i = 0; i < pm->verbose; i++)
        argv_add(&words, "-v");
    char *check[] = {words.at[0], "check", NULL};
    for (; *command; command++)
        argv_add(&words, *command);
    for (size_t i = 0; i < pm->all.count; i++) {
        const struct instance *one = nth(pm, i, is_stop);
        if (!instance_is_selected(one, &pm->selected))
            continue;
        if (for_enabled && !one->is_enabled && !is_start)
            continue;
        is_any = true;
        /* faults are told of where nothing is started, too */
        bool is_check = for_enabled && !one->is_enabled;
        failed |= postmulti_run(pm, one, is_check ? check : words.at) != 0;
    }
    need_one(is_any);
    return failed;
}
