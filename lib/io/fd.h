/* fd: descriptors as things with an owner. */
#ifndef IO_FD_H
#define IO_FD_H

#include "base/err.h"
#include "base/slice.h"

#include <sys/types.h>

void fd_done(int *fd); /* for CLEANUP(fd_done) int fd = ...; closes when >= 0 */
int fd_take(int *fd);  /* give it away: *fd is -1 afterwards */
bool fd_set_nonblocking(int fd, bool on);
bool fd_set_cloexec(int fd, bool on);
/* Write all of it, for blocking descriptors; false with errno. */
bool fd_write_all(int fd, const void *data, size_t len);
bool fd_pwrite_all(int fd, const void *data, size_t len, off_t offset);
/* Pass a descriptor over a Unix socket (one byte of data goes along). */
bool fd_send(int sock, int fd);
/* The same with DATA in place of the byte: how much of it went, -1 with errno: nothing. */
ssize_t fd_send_with(int sock, int fd, const void *data, size_t len);
int fd_recv(int sock); /* -1: nothing came */

/* Exclusive (shared) flock without waiting; false: somebody else has it. */
bool fd_lock(int fd, bool exclusive, bool wait);

#endif
