#include "smtpd/smtpd_proxy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "incoming"

/* For file systems that know files with names only; the dot keeps queue runs away from one that a
 * crash leaves in between. */
static int open_and_unlink(void)
{
    char name[] = DIRECTORY "/.proxy.XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

int smtpd_proxy_file_open(struct err *err)
{
    int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
        fd = open_and_unlink();
    if (fd < 0)
        err_set(err, ERR_TEMP, "make a file in %s: %s", DIRECTORY, strerror(errno));
    return fd;
}

bool smtpd_proxy_file_add(int fd, struct slice data, struct err *err)
{
    while (data.len) {
        ssize_t done = write(fd, data.s, data.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return err_set(err, ERR_TEMP, "write a file in %s: %s", DIRECTORY,
                           done == 0 ? "nothing written" : strerror(errno));
        data = slice_from(data, (size_t)done);
    }
    return true;
}

bool smtpd_proxy_file_read(int fd, off_t *at, char *buffer, size_t size, size_t *ret_size,
                           struct err *err)
{
    ssize_t got;
    do
        got = pread(fd, buffer, size, *at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set(err, ERR_TEMP, "read a file in %s: %s", DIRECTORY, strerror(errno));
    *at += got;
    *ret_size = (size_t)got;
    return true;
}
