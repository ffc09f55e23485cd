/* The directories of a queue: made when missing, repaired when somebody changed them. */
#include "postfix/postfix.h"

#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// clang-format off
const struct postfix_dir postfix_dirs[] = {
    /* name      root?  postdrop? mode */
    {"active",   false, false, 0700},
    {"bounce",   false, false, 0700},
    {"corrupt",  false, false, 0700},
    {"defer",    false, false, 0700},
    {"deferred", false, false, 0700},
    {"flush",    false, false, 0700},
    {"hold",     false, false, 0700},
    {"incoming", false, false, 0700},
    {"journal",  false, false, 0700},
    {"maildrop", false, true,  01730},
    {"pid",      true,  false, 0755},
    {"private",  false, false, 0700},
    {"public",   false, true,  02710},
    {"saved",    false, false, 0700},
    {"trace",    false, false, 0700},
    {0},
};
// clang-format on

/* The set-gid and sticky bits are Debian's additions; a queue without them is fine too. */
enum { RIGHTS = 0777 };

struct owner {
    uid_t uid;
    gid_t gid;
    mode_t mode;
};

static void set(int fd, const char *path, const struct owner *owner, const struct stat *st)
{
    bool wrong_owner = st->st_uid != owner->uid || (owner->gid && st->st_gid != owner->gid);
    gid_t gid = owner->gid ? owner->gid : (gid_t)-1;
    if (geteuid() == 0 && wrong_owner && fchown(fd, owner->uid, gid) < 0)
        log_fatal("chown %s: %s", path, strerror(errno));
    if ((wrong_owner || (st->st_mode & RIGHTS) != (owner->mode & RIGHTS)) &&
        fchmod(fd, owner->mode) < 0)
        log_fatal("chmod %s: %s", path, strerror(errno));
}

static void create(int parent, const char *name, const char *path, const struct owner *owner)
{
    struct stat st;
    bool is_new = mkdirat(parent, name, owner->mode & RIGHTS) == 0;
    if (!is_new && errno != EEXIST) {
        log_error(NULL, "cannot create directory %s: %s", path, strerror(errno));
        log_fatal("unable to create missing queue directories");
    }
    /* never through a link: the queue's owner is not trusted with root's chmod */
    CLEANUP(fd_done) int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        log_error(NULL, "cannot create directory %s: %s", path, strerror(errno));
        log_fatal("unable to create missing queue directories");
    }
    if (is_new)
        st.st_mode &= ~(mode_t)RIGHTS; /* so that all bits are set */
    set(fd, path, owner, &st);
}

static void create_top(const char *path, const struct owner *owner)
{
    if (mkdir(path, owner->mode) < 0) {
        if (errno == EEXIST)
            return;
        log_fatal("cannot create directory %s: %s", path, strerror(errno));
    }
    if (geteuid() == 0 && chown(path, owner->uid, owner->gid) < 0)
        log_fatal("chown %s: %s", path, strerror(errno));
    if (chmod(path, owner->mode) < 0)
        log_fatal("chmod %s: %s", path, strerror(errno));
}

void postfix_dirs_create(const struct postfix *postfix)
{
    uid_t mail_uid = postfix_mail_uid();
    gid_t drop_gid = postfix_setgid_gid();
    uid_t root_uid = postfix->is_root ? 0 : mail_uid;
    const char *queue = common_params.queue_directory;

    create_top(queue, &(struct owner){root_uid, 0, 0755});
    create_top(common_params.data_directory, &(struct owner){mail_uid, postfix_mail_gid(), 0700});
    CLEANUP(fd_done) int parent = open(queue, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        log_fatal("open %s: %s", queue, strerror(errno));
    for (const struct postfix_dir *dir = postfix_dirs; dir->name; dir++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        strbuf_addf(&path, "%s/%s", queue, dir->name);
        struct owner owner = {dir->is_roots ? root_uid : mail_uid,
                              dir->has_setgid_group ? drop_gid : 0, dir->mode};
        create(parent, dir->name, path.s, &owner);
    }
}
