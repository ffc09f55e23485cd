/* check: what an administrator should know about owners and modes; and the queue's own check. */
#include "postfix/postfix.h"

#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "postfix/postfix_jail.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_FDS = 32, WRITABLE_BY_OTHERS = 022, COMPARE_MAX = 64 * 1024 * 1024 };

/* nftw() has no argument for its callback */
static struct {
    uid_t uid;
    const char *owner;
    size_t root_length;
} walk;

static int on_owner(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type != FTW_NS && st->st_uid != walk.uid)
        log_warn(NULL, "not owned by %s: %s", walk.owner, path);
    return 0;
}

static int on_writable(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type != FTW_NS && !S_ISLNK(st->st_mode) && st->st_mode & WRITABLE_BY_OTHERS)
        log_warn(NULL, "group or other writable: %s", path);
    return 0;
}

static void check_owner_below(const char *path, uid_t uid, const char *owner)
{
    walk.uid = uid;
    walk.owner = owner;
    nftw(path, on_owner, WALK_FDS, FTW_PHYS);
}

static void check_trusted_tree(const char *dir)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "%s/.", dir);
    check_owner_below(path.s, 0, "root");
    nftw(path.s, on_writable, WALK_FDS, FTW_PHYS);
}

static void check_trusted(const struct postfix *postfix)
{
    check_trusted_tree(postfix->dir);
    if (strcmp(common_params.daemon_directory, postfix->dir) != 0)
        check_trusted_tree(common_params.daemon_directory);
    if (strcmp(common_params.meta_directory, postfix->dir) != 0 &&
        strcmp(common_params.meta_directory, common_params.daemon_directory) != 0)
        check_trusted_tree(common_params.meta_directory);
}

static void check_data(uid_t mail_uid)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "%s/.", common_params.data_directory);
    check_owner_below(path.s, mail_uid, common_params.mail_owner);
    nftw(path.s, on_writable, WALK_FDS, FTW_PHYS);
}

/* Sockets in private and public; queue files are postsuper's work. */
static void check_queue_owners(uid_t mail_uid)
{
    static const char *const names[] = {"private", "public"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        strbuf_addf(&path, "%s/%s", common_params.queue_directory, names[i]);
        check_owner_below(path.s, mail_uid, common_params.mail_owner);
    }
}

static void check_group(const char *dir, const char *name, gid_t gid, bool is_command)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct stat st;
    strbuf_addf(&path, "%s/%s", dir, name);
    if (stat(path.s, &st) < 0)
        return;
    if (st.st_gid != gid)
        log_warn(NULL, "not owned by group %s: %s", common_params.setgid_group, path.s);
    if (is_command && (st.st_mode & 02111) != 02111)
        log_warn(NULL, "not set-gid or not owner+group+world executable: %s", path.s);
}

static void check_groups(gid_t gid)
{
    check_group(common_params.queue_directory, "public", gid, false);
    check_group(common_params.queue_directory, "maildrop", gid, false);
    check_group(common_params.command_directory, "postqueue", gid, true);
    check_group(common_params.command_directory, "postdrop", gid, true);
}

static bool same_content(int a, int b)
{
    char x[8192], y[sizeof x];
    for (size_t done = 0; done < COMPARE_MAX;) {
        ssize_t n = pread(a, x, sizeof x, (off_t)done), m = pread(b, y, sizeof y, (off_t)done);
        if (n != m || n < 0 || memcmp(x, y, (size_t)n) != 0)
            return false;
        if (n == 0)
            return true;
        done += (size_t)n;
    }
    return true;
}

/* A file of the jail that is no longer like the system's: stale name service or time zone data. */
static int on_jail_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    const char *original = path + walk.root_length;
    struct stat original_st;
    if (type != FTW_F || !S_ISREG(st->st_mode) || stat(original, &original_st) < 0 ||
        !S_ISREG(original_st.st_mode))
        return 0;
    CLEANUP(fd_done) int a = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(fd_done) int b = open(original, O_RDONLY | O_CLOEXEC);
    if (a >= 0 && b >= 0 && !same_content(a, b))
        log_warn(NULL, "%s and %s differ", path, original);
    return 0;
}

static void check_jail(void)
{
    static const char *const names[] = {"etc", "lib", "lib64", "usr", "bin", "dev"};
    walk.root_length = strlen(common_params.queue_directory);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        strbuf_addf(&path, "%s/%s", common_params.queue_directory, names[i]);
        check_owner_below(path.s, 0, "root");
        nftw(path.s, on_jail_file, WALK_FDS, FTW_PHYS);
    }
}

static int on_damaged(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    if (type == FTW_F)
        log_warn(NULL, "damaged message: %s", path + walk.root_length);
    return 0;
}

static void check_corrupt(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    walk.root_length = strlen(common_params.queue_directory) + 1;
    strbuf_addf(&path, "%s/corrupt", common_params.queue_directory);
    nftw(path.s, on_damaged, WALK_FDS, FTW_PHYS);
}

static void check_present(const struct postfix *postfix)
{
    static const char *const names[] = {"main.cf", "master.cf"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        strbuf_addf(&path, "%s/%s", postfix->dir, names[i]);
        if (access(path.s, R_OK) < 0)
            log_fatal("open %s: %s", path.s, strerror(errno));
    }
    if (access(common_params.daemon_directory, X_OK) < 0)
        log_fatal("daemon_directory %s: %s", common_params.daemon_directory, strerror(errno));
}

/* File names that do not match their inodes, leftovers of a crash: postsuper knows. */
static void check_queue_files(void)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    argv_addf(&argv, "%s/postsuper", common_params.command_directory);
    if (!postfix_can_run(argv.at[0]) || postfix_master_pid() != 0)
        return;
    static const char *const queues[] = {"active", "deferred", "hold", "incoming", "maildrop"};
    argv_add(&argv, "-s");
    for (size_t i = 0; i < COUNT_OF(queues); i++)
        argv_add(&argv, queues[i]);
    if (postfix_run(&argv) != 0)
        log_fatal("Postfix integrity check failed!");
}

static void check_all(const struct postfix *postfix)
{
    if (postfix->is_root) {
        check_trusted(postfix);
        check_groups(postfix_setgid_gid());
        check_jail();
    }
    check_data(postfix_mail_uid());
    check_queue_owners(postfix_mail_uid());
    check_corrupt();
    check_queue_files();
}

int postfix_check(const struct postfix *postfix)
{
    check_present(postfix);
    postfix_dirs_create(postfix);
    check_all(postfix);
    return postfix_lint(postfix);
}

void postfix_check_for_start(const struct postfix *postfix)
{
    check_present(postfix);
    postfix_dirs_create(postfix);
    postfix_jail_update(postfix); /* first: what it cures is not worth a warning */
    check_all(postfix);
}
