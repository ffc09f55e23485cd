/*
 * seccomp: the system calls that no service of ours makes after its start, and that somebody who
 * has taken one over would. A list of what is refused, not of what is allowed: the libraries below
 * us (resolver, TLS, databases) may change their ordinary calls with any update, and mail must not
 * stop for it.
 */
#include "service/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

/* The leak check of a sanitizer watches the process from a clone of it. */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED_BY_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED_BY_SANITIZER true
#endif
#endif
#ifndef WATCHED_BY_SANITIZER
#define WATCHED_BY_SANITIZER false
#endif

// clang-format off
static const char *const refused[] = {
    /* start programs */
    "execve", "execveat", "fork", "vfork",
    /* become somebody else */
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid",
    "setgroups", "capset",
    /* watch or steer other processes */
    "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    "pidfd_open", "perf_event_open", "bpf", "userfaultfd", "move_pages", "migrate_pages",
    /* change the machine */
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "swapon", "swapoff", "reboot", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module", "quotactl", "quotactl_fd",
    "acct", "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_adjtime",
    "adjtimex", "iopl", "ioperm", "syslog", "mknod", "mknodat", "open_by_handle_at",
    "name_to_handle_at", "lookup_dcookie", "vhangup", "personality", "modify_ldt",
    /* other name spaces, keys, queues of requests that no filter sees */
    "unshare", "setns", "keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter",
    "io_uring_register",
    NULL,
};
// clang-format on

static struct scmp_arg_cmp arg0(enum scmp_compare op, scmp_datum_t a, scmp_datum_t b)
{
    return (struct scmp_arg_cmp){.arg = 0, .op = op, .datum_a = a, .datum_b = b};
}

/* A thread is made by clone with CLONE_THREAD; without, it makes a process. clone3 hides its
 * flags behind a pointer: as if it were not there, the C library then uses clone. */
static int confine_calls_threads_only(scmp_filter_ctx filter)
{
    int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (!failed && !WATCHED_BY_SANITIZER)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  arg0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (!failed && !WATCHED_BY_SANITIZER)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);
    return failed;
}

/* Left are Unix, internet and AF_NETLINK (the C library asks it for the own addresses). */
static int confine_calls_sockets(scmp_filter_ctx filter, bool network)
{
    static const struct {
        enum scmp_compare op;
        int family;
    } always[] = {{SCMP_CMP_GT, AF_NETLINK},
                  {SCMP_CMP_EQ, AF_AX25},
                  {SCMP_CMP_EQ, AF_IPX},
                  {SCMP_CMP_EQ, AF_X25},
                  {SCMP_CMP_EQ, AF_KEY}};
    int failed = 0;
    for (size_t i = 0; !failed && i < COUNT_OF(always); i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  arg0(always[i].op, (scmp_datum_t)always[i].family, 0));
    if (!failed && !network)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  arg0(SCMP_CMP_EQ, AF_INET, 0));
    if (!failed && !network)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                  arg0(SCMP_CMP_EQ, AF_INET6, 0));
    return failed;
}

static int confine_calls_fill(scmp_filter_ctx filter, bool network)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; !failed && refused[i]; i++) {
        int number = seccomp_syscall_resolve_name(refused[i]);
        if (number != __NR_SCMP_ERROR) /* newer than this libseccomp, or not of this machine */
            failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
    }
    if (!failed)
        failed = confine_calls_threads_only(filter);
    return failed ? failed : confine_calls_sockets(filter, network);
}

bool confine_calls(bool network, struct err *err)
{
    if (seccomp_api_get() < 2) /* a kernel without filters, or without them for all threads */
        return true;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return err_set(err, ERR_TEMP, "seccomp_init failed");
    int failed = confine_calls_fill(filter, network);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    return !failed || err_set(err, ERR_TEMP, "seccomp: %s", strerror(-failed));
}
