#include "master/master.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "io/sock.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

/* private/ and public/ belong to the mail owner, who could put a link where root is about to change
 * a mode. What we make there is made with that owner's rights. */
static bool become_owner(struct err *err)
{
    if (!master.is_root)
        return true;
    const struct passwd *owner = getpwnam(common_params.mail_owner);
    if (!owner)
        return err_set(err, ERR_CONFIG, "unknown mail_owner: %s", common_params.mail_owner);
    if (setegid(owner->pw_gid) < 0 || seteuid(owner->pw_uid) < 0)
        return err_set(err, ERR_TEMP, "become %s: %s", common_params.mail_owner, strerror(errno));
    return true;
}

static void become_root(void)
{
    if (master.is_root && (seteuid(0) < 0 || setegid(0) < 0))
        log_fatal("cannot become root again: %s", strerror(errno));
}

/* Both ends are open in master, so that a client never sees a fifo without a reader. */
static int open_fifo(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISFIFO(st.st_mode) && unlink(path) < 0) {
        err_set(err, ERR_TEMP, "remove %s: %s", path, strerror(errno));
        return -1;
    }
    int fd = -1;
    if ((mkfifo(path, 0666) == 0 || errno == EEXIST) && chmod(path, 0666) == 0)
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        err_set(err, ERR_TEMP, "create fifo %s: %s", path, strerror(errno));
    return fd;
}

static int open_local(const struct master_service *service, struct err *err)
{
    if (service->type == SERVICE_FIFO)
        return open_fifo(service->path, err);
    int type = service->type == SERVICE_UNIX_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
    return sock_listen_unix(service->path, type, 0666, err);
}

static bool listen_local(struct master_service *service, struct err *err)
{
    bool is_owner = become_owner(err);
    CLEANUP(fd_done) int fd = is_owner ? open_local(service, err) : -1;
    become_root();
    if (fd < 0)
        return false;
    fd_set_nonblocking(fd, true);
    service->listeners = xzalloc(sizeof *service->listeners);
    service->listeners[0] = (struct master_listener){.fd = fd_take(&fd), .service = service};
    service->listener_count = 1;
    return true;
}

/* The descriptor that is open for ADDRESS already, taken out of OLD; -1: none. */
static int take_listener(struct master_listener *old, size_t old_count,
                         const struct master_address *address)
{
    for (size_t i = 0; i < old_count; i++)
        if (old[i].fd >= 0 && old[i].addr_len == address->len &&
            memcmp(&old[i].addr, &address->addr, address->len) == 0)
            return fd_take(&old[i].fd);
    return -1;
}

/* A process that was started before has the descriptor too and may live for hours, and one that is
 * being started has it until it executes its program: shutdown() frees the address at once. */
static void close_listeners(struct master_listener *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        watch_free(listeners[i].watch);
        if (listeners[i].fd >= 0 && listeners[i].addr_len > 0)
            shutdown(listeners[i].fd, SHUT_RDWR);
        fd_done(&listeners[i].fd);
    }
    free(listeners);
}

static bool open_address(struct master_listener *listener, struct err *err)
{
    if (listener->fd < 0)
        listener->fd = sock_listen_inet((struct sockaddr *)&listener->addr, listener->addr_len,
                                        SOMAXCONN, (int)common_params.tcp_windowsize, err);
    return listener->fd >= 0 && fd_set_nonblocking(listener->fd, true);
}

static bool listen_inet(struct master_service *service, struct err *err)
{
    struct master_address *addresses = NULL;
    size_t count = 0, opened = 0;
    if (!master_inet_addresses(service->name, &addresses, &count, err))
        return false;
    struct master_listener *fresh = xzalloc(count * sizeof *fresh);
    for (size_t i = 0; i < service->listener_count; i++) { /* their descriptors may move on */
        watch_free(service->listeners[i].watch);
        service->listeners[i].watch = NULL;
    }
    for (size_t i = 0; i < count; i++)
        fresh[i] = (struct master_listener){
            .fd = take_listener(service->listeners, service->listener_count, &addresses[i]),
            .addr = addresses[i].addr,
            .addr_len = addresses[i].len,
            .service = service};
    /* first close what goes: it may be part of what comes (127.0.0.1 and all) */
    close_listeners(service->listeners, service->listener_count);
    free(addresses);
    bool all = true;
    for (size_t i = 0; i < count; i++) { /* better some addresses than none */
        if (open_address(&fresh[i], err))
            fresh[opened++] = fresh[i];
        else
            all = false;
    }
    service->listeners = fresh;
    service->listener_count = opened;
    return all;
}

bool master_listen(struct master_service *service, struct err *err)
{
    if (service->type == SERVICE_INET)
        return listen_inet(service, err);
    return service->listener_count > 0 || listen_local(service, err);
}

void master_listener_close(struct master_service *service)
{
    close_listeners(service->listeners, service->listener_count);
    service->listeners = NULL;
    service->listener_count = 0;
}
