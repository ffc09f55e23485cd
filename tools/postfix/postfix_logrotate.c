/* logrotate: move maillog_file aside, have a new one begun, compress the old one. */
#include "postfix/postfix.h"

#include "config/common_params.h"
#include "io/deadline.h"
#include "io/fd.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUFFIX_MAX = 256, WRITERS_MS = 10 * 1000, WRITERS_POLL_US = 50 * 1000 };

static void rotated_name(struct strbuf *out)
{
    char suffix[SUFFIX_MAX];
    time_t now = time(NULL);
    struct tm tm;
    if (!localtime_r(&now, &tm) ||
        strftime(suffix, sizeof suffix, common_params.maillog_file_rotate_suffix, &tm) == 0)
        log_fatal("bad maillog_file_rotate_suffix: %s", common_params.maillog_file_rotate_suffix);
    strbuf_addf(out, "%s.%s", common_params.maillog_file, suffix);
}

/* A write lease is granted when nobody else has the file open. Where the system cannot tell, wait
 * the whole time. */
static void wait_for_writers(const char *path)
{
    struct deadline deadline = deadline_in_ms(WRITERS_MS);
    CLEANUP(fd_done) int fd = open(path, O_RDWR | O_CLOEXEC);
    signal(SIGIO, SIG_IGN); /* says that somebody wants to break the lease */
    while (fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) < 0 && deadline_left_ms(deadline) > 0)
        usleep(WRITERS_POLL_US);
    if (fd >= 0)
        fcntl(fd, F_SETLEASE, F_UNLCK);
}

int postfix_logrotate(const struct postfix *postfix)
{
    (void)postfix;
    CLEANUP(strbuf_done) struct strbuf old = STRBUF_ANY;
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    struct stat st;
    if (common_params.maillog_file[0] == 0)
        log_fatal("maillog_file is empty: there is no logfile to rotate");
    if (slice_starts(slice_of(common_params.maillog_file), "/dev/"))
        log_fatal("refusing to rotate a logfile under /dev: %s", common_params.maillog_file);
    rotated_name(&old);
    if (lstat(old.s, &st) == 0)
        log_fatal("cannot rotate %s: %s exists", common_params.maillog_file, old.s);
    if (rename(common_params.maillog_file, old.s) < 0)
        log_fatal("rename %s to %s: %s", common_params.maillog_file, old.s, strerror(errno));
    log_reopen();
    pid_t pid = postfix_master_pid();
    if (pid != 0 && kill(pid, SIGHUP) < 0)
        log_fatal("cannot send signal %d to process %d: %s", SIGHUP, (int)pid, strerror(errno));
    wait_for_writers(old.s);
    argv_add_items(&argv, common_params.maillog_file_compressor);
    if (argv.count == 0)
        return 0;
    argv_add(&argv, old.s);
    if (postfix_run(&argv) != 0)
        log_fatal("%s %s failed", common_params.maillog_file_compressor, old.s);
    return 0;
}
