/* From root in / to the mail owner in the queue directory, as master.cf says. */
#include "config/common_params.h"
#include "log/log.h"
#include "service/service_private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void service_jail_become(const struct passwd *owner)
{
    if (setgid(owner->pw_gid) < 0 || setuid(owner->pw_uid) < 0)
        log_fatal("cannot become %s: %s", owner->pw_name, strerror(errno));
    if (setuid(0) == 0)
        log_fatal("privileges of root could not be given up");
}

void service_jail_enter(const struct service_args *args, const struct service *service)
{
    log_open_now(); /* its sockets may be out of reach afterwards */
    tzset();
    if (geteuid() == 0) {
        const struct passwd *owner = getpwnam(common_params.mail_owner);
        if (!owner)
            log_fatal("mail_owner: user %s is not known", common_params.mail_owner);
        struct passwd copy = *owner;
        /* the groups of the mail owner (sasl, for saslauthd), while /etc/group is in reach */
        if (args->unprivileged && initgroups(copy.pw_name, copy.pw_gid) < 0)
            log_fatal("initgroups %s: %s", copy.pw_name, strerror(errno));
        if (args->chroot && (chroot(common_params.queue_directory) < 0 || chdir("/") < 0))
            log_fatal("chroot %s: %s", common_params.queue_directory, strerror(errno));
        if (args->unprivileged) {
            if (service->keep_root)
                log_fatal("service %s needs root: write n in the unpriv column of master.cf",
                          args->instance);
            service_jail_become(&copy);
        }
    }
    /* set-id changes clear it; a crash of an unprivileged service may leave a core file */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* local(8) and the like run commands, set-id ones too, for their users; sendmail -bs runs a service
 * within somebody's session. */
void service_jail_lock(const struct service_args *args, const struct service *service)
{
    const char *writable[3] = {NULL};
    size_t count = 0;
    struct err err = ERR_INIT;
    if (service->keep_root || args->on_stdin)
        return;
    if (!common_params.service_confinement) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return;
    }
    unsigned needs = service->needs | (service->more_needs ? service->more_needs() : 0);
    if (needs & CONFINE_WRITES_QUEUE)
        writable[count++] = "."; /* the queue directory, in the jail and outside */
    if (needs & CONFINE_WRITES_DATA)
        writable[count++] = common_params.data_directory;
    bool anywhere = needs & CONFINE_WRITES_ANYWHERE;
    if (!confine_process(anywhere ? NULL : writable, needs & CONFINE_NETWORK, &err))
        log_warn(NULL, "service_confinement is incomplete: %s", err.reason);
}
