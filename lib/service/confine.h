/*
 * confine: what a process may still ask of the kernel once it has started: where it may write, and
 * which system calls answer. Reading is left free, because tables may be anywhere.
 *
 * Linux only: Landlock (5.19 or later) and seccomp. What a kernel lacks is left out.
 */
#ifndef SERVICE_CONFINE_H
#define SERVICE_CONFINE_H

#include "base/base.h"
#include "base/err.h"

enum confine_needs {
    CONFINE_WRITES_QUEUE = 1,    /* files below the queue directory */
    CONFINE_WRITES_DATA = 2,     /* files below data_directory */
    CONFINE_NETWORK = 4,         /* internet sockets of its own: clients, tables on servers */
    CONFINE_WRITES_ANYWHERE = 8, /* tables, wherever main.cf has them */
};

/* Give up, for this process, its threads and for good: starting programs, becoming another user,
 * watching or signalling other processes, mounts, kernel modules and the like; writing outside
 * WRITABLE (NULL-terminated directories; one that does not exist is skipped); without NETWORK the
 * making of sockets other than Unix ones. WRITABLE NULL: files are left alone. A refused call fails
 * with EPERM or EACCES. Error: the kernel knows the means but did not take the rules. */
bool confine_process(const char *const writable[], bool network, struct err *err);

/* The halves of it. Both need no_new_privs. */
bool confine_files(const char *const writable[], struct err *err);
bool confine_calls(bool network, struct err *err);

#endif
