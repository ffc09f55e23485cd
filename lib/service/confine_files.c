/* Landlock: no writing but below given directories, no starting of programs, no signals outside. */
#include "service/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's, as of ABI 6; the headers that are installed may be older than the kernel. */
struct landlock_rules {
    uint64_t files, network, scopes;
};
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#define LANDLOCK_TRUNCATE   (1ULL << 14)
#define LANDLOCK_SCOPE_KILL (1ULL << 1)

enum {
    ABI_REFER = 2, /* a file may move to another directory: the queue cannot do without */
    ABI_TRUNCATE = 3,
    ABI_SCOPES = 6,
};

static const uint64_t writes =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;

static bool confine_files_allow(int rules, const char *dir, uint64_t access, struct err *err)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    rule.parent_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno == ENOENT || err_set(err, ERR_TEMP, "%s: %s", dir, strerror(errno));
    bool done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ||
                err_set(err, ERR_TEMP, "landlock_add_rule %s: %s", dir, strerror(errno));
    close(rule.parent_fd);
    return done;
}

bool confine_files(const char *const writable[], struct err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < ABI_REFER)
        return true;
    uint64_t access = writes | (abi >= ABI_TRUNCATE ? LANDLOCK_TRUNCATE : 0);
    struct landlock_rules wanted = {.files = access | LANDLOCK_ACCESS_FS_EXECUTE,
                                    .scopes = LANDLOCK_SCOPE_KILL};
    size_t size = abi >= ABI_SCOPES ? sizeof wanted : sizeof wanted.files;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    if (rules < 0)
        return err_set(err, ERR_TEMP, "landlock_create_ruleset: %s", strerror(errno));
    bool done = confine_files_allow(rules, "/dev", LANDLOCK_ACCESS_FS_WRITE_FILE, err);
    for (size_t i = 0; done && writable[i]; i++)
        done = confine_files_allow(rules, writable[i], access, err);
    if (done && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        done = err_set(err, ERR_TEMP, "landlock_restrict_self: %s", strerror(errno));
    close(rules);
    return done;
}
