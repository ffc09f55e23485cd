/* smtp_native: addresses of a host from the system's resolver (hosts file, nsswitch.conf), asked in
 * a worker thread. */
#ifndef SMTP_SMTP_NATIVE_H
#define SMTP_SMTP_NATIVE_H

#include "base/err.h"

#include <sys/socket.h>

struct smtp_native_address {
    struct sockaddr_storage address;
    socklen_t len;
};

struct smtp_native;
typedef void (*smtp_native_fn)(void *owner, const struct smtp_native_address *addresses,
                               size_t count, const struct err *err);
struct smtp_native *smtp_native_find(const char *name, smtp_native_fn fn, void *owner);
void smtp_native_cancel(struct smtp_native *lookup); /* NULL is fine */

#endif
