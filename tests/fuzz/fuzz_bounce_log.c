/* Any bytes as a bounce log: texts are bounded and printable, and reading ends. */
#include "io/fd.h"
#include "mail/bounce_log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
    if (strlen(text) > BOUNCE_LOG_TEXT_MAX || strchr(text, '\n'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("bounce_log", MFD_CLOEXEC);
    if (fd < 0 || !fd_write_all(fd, data, size) || lseek(fd, 0, SEEK_SET) < 0)
        abort();
    struct bounce_log *log = bounce_log_open_fd(fd);
    struct bounce_log_entry e;
    size_t count = 0;
    while (bounce_log_next(log, &e)) {
        if (++count > size)
            abort();
        if (!*e.rcpt.address || e.rcpt.offset < 0)
            abort();
        check(e.rcpt.address);
        check(e.rcpt.orig_address);
        check(e.rcpt.dsn_orcpt);
        check(e.status.reason);
        check(e.status.diag_text);
    }
    bounce_log_rewind(log);
    while (bounce_log_next(log, &e))
        count--;
    if (count != 0)
        abort(); /* the second reading sees the same */
    bounce_log_close(log);
    return 0;
}
