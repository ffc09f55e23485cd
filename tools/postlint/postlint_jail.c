/* What services with the queue directory as their root directory need to look names up. */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"localtime", "services",  "resolv.conf",
                                    "hosts",     "host.conf", "nsswitch.conf"};
enum { SIZE_MAX_BYTES = 1024 * 1024 };

static const struct master_entry *first_jailed(const struct postlint *lint)
{
    const struct master_entry *entry = lint->entries;
    while (entry && !master_entry_is_jailed(entry, common_params.compatibility_level))
        entry = entry->next;
    return entry;
}

static int open_file(const char *path, int flags)
{
    struct stat st;
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    return fd_take(&fd);
}

static bool differ(int a, int b)
{
    char x[8192], y[sizeof x];
    for (off_t at = 0; at < SIZE_MAX_BYTES;) {
        ssize_t n = pread(a, x, sizeof x, at), m = pread(b, y, sizeof y, at);
        if (n != m || (n > 0 && memcmp(x, y, (size_t)n) != 0))
            return true;
        if (n <= 0)
            return false;
        at += n;
    }
    return false;
}

void postlint_jail(struct postlint *lint)
{
    struct stat st;
    const struct master_entry *entry = first_jailed(lint);
    CLEANUP(xfree_ptr) char *etc = xasprintf("%s/etc", common_params.queue_directory);
    /* "postfix start" makes the directory and its files */
    if (!entry || stat(etc, &st) < 0)
        return;
    struct postlint_where where = {lint->master_cf, entry->line, entry->name};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP(xfree_ptr) char *original = xasprintf("/etc/%s", names[i]);
        CLEANUP(xfree_ptr) char *copy = xasprintf("%s/%s", etc, names[i]);
        CLEANUP(fd_done) int a = open_file(original, 0);
        CLEANUP(fd_done) int b = open_file(copy, O_NOFOLLOW);
        if (a < 0)
            continue;
        if (b < 0)
            postlint_report(lint, LINT_V100, where, NULL,
                            "services in the jail cannot read %s: %s is missing", original, copy);
        else if (differ(a, b))
            postlint_report(lint, LINT_V101, where, NULL, "%s is not like %s", copy, original);
    }
}
