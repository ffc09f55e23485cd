/*
 * check, the second half: have postlint(8) look for mistakes in main.cf and master.cf. It gives up
 * root for what it parses, and with that perhaps the right to write the log: so it prints, and we
 * log what it prints.
 */
#include "postfix/postfix.h"

#include "config/common_params.h"
#include "log/log.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static void add_options(const struct postfix *postfix, struct argv *argv, bool *ret_json)
{
    bool with_notes = isatty(STDERR_FILENO);
    for (char **word = postfix->args; *word; word++) {
        if (strcmp(*word, "--json") == 0)
            *ret_json = true;
        else if (strcmp(*word, "--notes") == 0)
            with_notes = true;
        else
            log_fatal("usage: postfix check [--json] [--notes]");
    }
    if (*ret_json)
        argv_add(argv, "-j");
    if (with_notes)
        argv_add(argv, "-n");
}

static void log_finding(struct slice line)
{
    static const char error[] = "error: ", warning[] = "warning: ";
    if (slice_starts(line, error))
        log_error(NULL, "%.*s", SLICE_ARG(slice_from(line, strlen(error))));
    else if (slice_starts(line, warning))
        log_warn(NULL, "%.*s", SLICE_ARG(slice_from(line, strlen(warning))));
    else
        log_info(NULL, "%.*s", SLICE_ARG(line));
}

static pid_t start(const struct argv *argv, FILE **ret_output)
{
    int ends[2];
    log_flush();
    pid_t pid = pipe(ends) < 0 ? -1 : fork();
    if (pid < 0)
        log_fatal("cannot start %s: %s", argv->at[0], strerror(errno));
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        postfix_exec(argv);
    }
    close(ends[1]);
    *ret_output = fdopen(ends[0], "r");
    if (!*ret_output)
        log_fatal("fdopen: %s", strerror(errno));
    return pid;
}

int postfix_lint(const struct postfix *postfix)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    bool as_json = false;
    FILE *output;
    char line[LINE_MAX_BYTES];
    int status = 0;
    argv_addf(&argv, "%s/postlint", common_params.daemon_directory);
    argv_add(&argv, "-c");
    argv_add(&argv, postfix->dir);
    add_options(postfix, &argv, &as_json);
    if (as_json)
        return postfix_run(&argv) != 0;
    pid_t pid = start(&argv, &output);
    while (fgets(line, sizeof line, output))
        log_finding(slice_trim_right(slice_of(line)));
    (void)fclose(output);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            log_fatal("waitpid: %s", strerror(errno));
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}
