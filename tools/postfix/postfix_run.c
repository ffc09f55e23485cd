#include "postfix/postfix.h"

#include "log/log.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_RUN = 127 };

bool postfix_can_run(const char *path)
{
    return access(path, X_OK) == 0;
}

void postfix_exec(const struct argv *argv)
{
    log_flush();
    execvp(argv->at[0], argv->at);
    log_fatal("cannot run %s: %s", argv->at[0], strerror(errno));
}

int postfix_run(const struct argv *argv)
{
    int status;
    log_flush();
    pid_t pid = fork();
    if (pid < 0)
        log_fatal("fork: %s", strerror(errno));
    if (pid == 0) {
        execvp(argv->at[0], argv->at);
        log_error(NULL, "cannot run %s: %s", argv->at[0], strerror(errno));
        _exit(CANNOT_RUN);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CANNOT_RUN;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CANNOT_RUN;
}
