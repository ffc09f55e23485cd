/*
 * smtp-sink: an SMTP or LMTP server that throws mail away, for tests and measurements. By the name
 * qmqp-sink it speaks QMQP.
 */
#include "tools/smtp-sink/sink_listen.h"
#include "tools/smtp-sink/sink_qmqp.h"
#include "tools/smtp-sink/sink_server.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <syslog.h>
#include <unistd.h>

/* The sockets are open: give up the privileges that needed. */
static void drop_privileges(const struct sink_options *o)
{
    const struct passwd *user = NULL;
    if (o->user && !(user = getpwnam(o->user)))
        sink_fatal(o, "unknown user: %s", o->user);
    if (o->root_directory && (chroot(o->root_directory) < 0 || chdir("/") < 0))
        sink_fatal(o, "chroot %s: %s", o->root_directory, strerror(errno));
    if (!user || (user->pw_uid == geteuid() && geteuid() != 0))
        return;
    if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
        setuid(user->pw_uid) < 0)
        sink_fatal(o, "become user %s: %s", o->user, strerror(errno));
}

int main(int argc, char **argv)
{
    struct sink_options options;
    int fds[SINK_LISTEN_MAX];
    sink_options_parse(argc, argv, &options);
    signal(SIGPIPE, SIG_IGN);
    openlog("smtp-sink", LOG_PID | LOG_NDELAY, LOG_MAIL);
    size_t count = sink_listen(&options, fds);
    drop_privileges(&options);
    srandom((unsigned)getpid());
    if (options.qmqp)
        sink_qmqp_run(&options, fds, count);
    else
        sink_server_run(&options, fds, count);
    sink_options_done(&options);
    return 0;
}
