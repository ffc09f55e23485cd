#include "master/master.h"

#include "base/num.h"
#include "config/common_params.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

enum { PID_COLUMNS = 32 };

static void pid_path(struct strbuf *out)
{
    strbuf_addf(out, "%s/%s/master.pid", common_params.queue_directory,
                common_params.process_id_directory);
}

static void data_path(struct strbuf *out)
{
    strbuf_addf(out, "%s/master.lock", common_params.data_directory);
}

bool master_lock_test(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    pid_path(&path);
    CLEANUP(fd_done) int fd = open(path.s, O_RDWR | O_CLOEXEC);
    return fd < 0 || fd_lock(fd, true, false);
}

/* Open as the owner of the directory would, so that a link placed there gains nothing. */
static int open_as(const char *path, const struct passwd *owner)
{
    if (owner && (setegid(owner->pw_gid) < 0 || seteuid(owner->pw_uid) < 0))
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int saved = errno;
    if (owner && (seteuid(0) < 0 || setegid(0) < 0))
        abort(); /* an in-between identity must not go on */
    errno = saved;
    return fd;
}

static bool lock_file(const char *path, const struct passwd *owner, struct err *err)
{
    CLEANUP(fd_done) int fd = open_as(path, owner);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "open lock file %s: %s", path, strerror(errno));
    if (!fd_lock(fd, true, false))
        return err_set(err, ERR_TEMP, "open lock file %s: unable to set exclusive lock: %s", path,
                       strerror(errno));
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "%*d\n", PID_COLUMNS, (int)getpid());
    if (ftruncate(fd, 0) < 0 || !fd_pwrite_all(fd, text.s, text.len, 0))
        return err_set(err, ERR_TEMP, "cannot update lock file %s: %s", path, strerror(errno));
    (void)fd_take(&fd); /* the lock lasts as long as the process */
    return true;
}

bool master_lock_take(struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf pid = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    pid_path(&pid);
    data_path(&data);
    struct passwd *owner = getpwnam(common_params.mail_owner);
    if (!owner)
        return err_set(err, ERR_CONFIG,
                       "file %s/main.cf: parameter mail_owner: unknown user "
                       "name value: %s",
                       common_params.config_directory, common_params.mail_owner);
    return lock_file(pid.s, NULL, err) && lock_file(data.s, master.is_root ? owner : NULL, err);
}
