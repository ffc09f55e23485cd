/* What a new instance has of its own: main.cf and master.cf, made of the prototypes, and its
 * directories. */
#include "postmulti/postmulti.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "config/config.h"
#include "io/fd.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const char *dir, const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static bool is_there(const char *dir, const char *name)
{
    CLEANUP(xfree_ptr) char *path = path_of(dir, name);
    return access(path, F_OK) == 0;
}

bool postmulti_exists(const struct new_instance *new)
{
    return is_there(new->dir, "main.cf") && is_there(new->dir, "master.cf");
}

static void copy(int from, int to, const char *path)
{
    char buffer[8192];
    ssize_t n;
    while ((n = read(from, buffer, sizeof buffer)) > 0)
        if (!fd_write_all(to, buffer, (size_t)n))
            log_fatal("write %s: %s", path, strerror(errno));
    if (n < 0 || fsync(to) < 0)
        log_fatal("copy %s: %s", path, strerror(errno));
}

/* The whole file or none. */
static void copy_prototype(const char *dir, const char *name)
{
    CLEANUP(xfree_ptr) char *to = path_of(dir, name);
    CLEANUP(xfree_ptr) char *part = xasprintf("%s.tmp", to);
    CLEANUP(xfree_ptr) char *from = xasprintf("%s/%s.proto", common_params.meta_directory, name);
    CLEANUP(fd_done) int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        log_fatal("Missing %s prototype: %s", name, from);
    CLEANUP(fd_done)
    int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (out < 0)
        log_fatal("open %s: %s", part, strerror(errno));
    copy(in, out, part);
    if (rename(part, to) < 0)
        log_fatal("rename %s: %s", part, strerror(errno));
}

/* What all instances share, as far as main.cf of the primary one says it. */
static void add_shared(const struct postmulti *pm, struct argv *settings)
{
    static const char *const shared[] = {
        "command_directory", "daemon_directory",    "mail_owner",      "setgid_group",
        "sendmail_path",     "newaliases_path",     "mailq_path",      "html_directory",
        "manpage_directory", "readme_directory",    "shlib_directory", "meta_directory",
        "sample_directory",  "compatibility_level",
    };
    for (size_t i = 0; i < COUNT_OF(shared); i++) {
        const char *raw = config_set_value(pm->all.at[0].config, shared[i]);
        if (raw)
            argv_addf(settings, "%s = %s", shared[i], raw);
    }
}

static void make_directories(const struct postmulti *pm, const char *dir)
{
    CLEANUP(xfree_ptr) char *postfix = path_of(common_params.command_directory, "postfix");
    char *words[] = {postfix, "-c", (char *)dir, "post-install", "create-missing", NULL};
    if (postmulti_run(pm, &pm->all.at[0], words) != 0)
        log_fatal("cannot make the directories of instance %s", dir);
}

/* master.cf comes last: an instance without it is none yet, and is made again. */
void postmulti_make(const struct postmulti *pm, const struct new_instance *new,
                    const struct argv *settings)
{
    CLEANUP(argv_done) struct argv all = ARGV_INIT;
    if (mkdir(new->dir, 0755) < 0 && errno != EEXIST)
        log_fatal("cannot create directory %s: %s", new->dir, strerror(errno));
    if (!is_there(new->dir, "main.cf"))
        copy_prototype(new->dir, "main.cf");
    add_shared(pm, &all);
    argv_addf(&all, "queue_directory = %s", new->queue);
    argv_addf(&all, "data_directory = %s", new->data);
    for (size_t i = 0; i < settings->count; i++)
        argv_add(&all, settings->at[i]);
    /* it must neither take the ports nor the mail of others until somebody has looked at it */
    argv_add(&all, "multi_instance_enable = no");
    argv_add(&all, "master_service_disable = inet");
    argv_add(&all, "authorized_submit_users =");
    postmulti_set(pm, new->dir, &all);
    make_directories(pm, new->dir);
    copy_prototype(new->dir, "master.cf");
}
