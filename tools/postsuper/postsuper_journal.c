/*
 * After a crash of the machine: messages that were accepted and whose queue files had not reached
 * the disk, from the journals of cleanup(8). Journals that a running cleanup(8) fills are left
 * alone.
 *
 * Dying in here, at whatever step, leaves the journal; the next run goes through it again.
 */
#include "base/clock.h"
#include "io/fd.h"
#include "log/log.h"
#include "mail/queue_journal_restore.h"
#include "postsuper/postsuper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void restore_from(const char *path, int fd, const struct queue_journal_origin *now)
{
    struct queue_restore restore = {.err = ERR_INIT};
    struct queue_journal_origin origin = queue_journal_origin_of(fd);
    restore.missing_is_gone = queue_journal_same_origin(&origin, now);
    if (!queue_journal_read(fd, queue_restore_entry, &restore, &restore.err) ||
        (restore.checked > 0 && !queue_journal_clear(fd, &restore.err)))
        log_fatal("%s: restore messages: %s", path, restore.err.reason);
    if (postsuper.verbose)
        log_info(NULL, "%s: %lu messages", path, restore.checked);
    postsuper.restored += restore.restored;
}

/* A process that was just killed may not have let go yet; one that lives needs no restoring. */
static bool lock_in_time(int fd, int64_t until_ms)
{
    enum { STEP_US = 20 * 1000 };
    while (!fd_lock(fd, true, false)) {
        if (clock_now_ms() >= until_ms)
            return false;
        usleep(STEP_US);
    }
    return true;
}

void postsuper_restore(void)
{
    enum { PATIENCE_MS = 2000 };
    struct queue_journal_origin now = queue_journal_origin();
    int64_t until_ms = clock_now_ms() + PATIENCE_MS;
    for (int i = 1; i <= QUEUE_JOURNALS; i++) {
        char path[sizeof QUEUE_JOURNAL_DIR + 16];
        snprintf(path, sizeof path, QUEUE_JOURNAL_DIR "/%d", i);
        CLEANUP(fd_done) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            if (errno != ENOENT)
                log_fatal("%s: %s", path, strerror(errno));
            continue;
        }
        if (lock_in_time(fd, until_ms))
            restore_from(path, fd, &now);
        else if (postsuper.verbose)
            log_info(NULL, "%s: in use by cleanup(8)", path);
    }
}
