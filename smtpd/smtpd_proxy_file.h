/* smtpd_proxy_file: a message on its way to the before-queue filter, in a file that has no name:
 * it is gone with the process, and so is the message, which nobody has accepted yet. */
#ifndef SMTPD_SMTPD_PROXY_FILE_H
#define SMTPD_SMTPD_PROXY_FILE_H

#include "base/err.h"
#include "base/slice.h"

/* A new one, in the queue's file system; -1 with ERR. */
int smtpd_proxy_file_open(struct err *err);
bool smtpd_proxy_file_add(int fd, struct slice data, struct err *err);
/* Up to SIZE bytes from *AT on, which moves; *RET_SIZE 0 at the end. */
bool smtpd_proxy_file_read(int fd, off_t *at, char *buffer, size_t size, size_t *ret_size,
                           struct err *err);

#endif
