/* set-permissions, upgrade-configuration and post-install. */
#include "postfix/postfix.h"

#include "config/common_params.h"
#include "config/config.h"
#include "config/master_cf.h"
#include "io/fd.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_FDS = 32, FILE_MAX = 1 << 20 };

/* Services that an older master.cf may lack; master(5) format. */
static const char *const needed_services[] = {
    "flush     unix  n       -       n       1000?   0       flush",
    "trace     unix  -       -       n       -       0       bounce",
    "verify    unix  -       -       n       -       1       verify",
    "tlsmgr    unix  -       -       n       1000?   1       tlsmgr",
    "anvil     unix  -       -       n       -       1       anvil",
    "scache    unix  -       -       n       -       1       scache",
    "proxymap  unix  -       -       n       -       -       proxymap",
    "proxywrite unix -       -       n       -       1       proxymap",
    "discard   unix  -       -       n       -       -       discard",
    "retry     unix  -       -       n       -       -       error",
    "relay     unix  -       -       n       -       -       smtp",
    "postlog   unix-dgram n  -       n       -       1       postlogd",
};

static bool read_file(const char *path, struct strbuf *out, struct err *err)
{
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char data[8192];
    ssize_t n = 0;
    while (fd >= 0 && (n = read(fd, data, sizeof data)) > 0)
        strbuf_add(out, data, (size_t)n);
    if (fd < 0 || n < 0)
        return err_set(err, ERR_CONFIG, "open %s: %s", path, strerror(errno));
    return !out->overflow || err_set(err, ERR_CONFIG, "%s: too large", path);
}

/* name=value arguments: make them main.cf's, then use them here. */
static void apply_settings(const struct postfix *postfix, char **args)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    struct err err = ERR_INIT;
    if (!*args)
        return;
    argv_addf(&argv, "%s/postconf", common_params.command_directory);
    argv_add(&argv, "-e");
    for (; *args; args++) {
        struct slice name, value;
        if (!slice_split(slice_of(*args), '=', &name, &value) || name.len == 0)
            log_fatal("usage: name=value expected, not %s", *args);
        argv_add(&argv, *args);
        CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
        strbuf_add_slice(&key, name);
        config_override(postfix->config, key.s, value.s);
    }
    if (postfix_run(&argv) != 0)
        log_fatal("main.cf could not be changed");
    params_done(common_param_rows, &common_params);
    if (!common_params_load(postfix->config, &err))
        log_fatal("%s", err.reason);
}

struct rights {
    uid_t uid;
    gid_t gid; /* -1: as it is */
    mode_t mode;
    bool changes_mode;
};

static struct rights walk_rights;

static bool set_rights(const char *path, const struct rights *rights)
{
    struct stat st;
    CLEANUP(fd_done) int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    if (S_ISLNK(st.st_mode))
        return true;
    if (fchownat(fd, "", rights->uid, rights->gid, AT_EMPTY_PATH) < 0)
        return false;
    CLEANUP(strbuf_done) struct strbuf self = STRBUF_ANY;
    strbuf_addf(&self, "/proc/self/fd/%d", fd);
    return !rights->changes_mode || chmod(self.s, rights->mode) == 0;
}

static int on_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    struct rights below = walk_rights;
    below.changes_mode = at->level == 0; /* queue files say by their mode what state they are in */
    if (!set_rights(path, &below))
        log_warn(NULL, "cannot change owner of %s: %s", path, strerror(errno));
    return 0;
}

static bool expand(const struct postfix *postfix, struct slice text, struct strbuf *out)
{
    struct err err = ERR_INIT;
    if (!config_expand(postfix->config, text, out, &err))
        log_fatal("postfix-files: %s", err.reason);
    return out->s[0] == '/'; /* "no" and "no/man1/..": not installed */
}

static struct rights find_rights(const struct postfix *postfix, const struct postfix_file *file)
{
    CLEANUP(strbuf_done) struct strbuf owner = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf group = STRBUF_ANY;
    struct rights rights = {.gid = (gid_t)-1, .mode = file->mode, .changes_mode = true};
    expand(postfix, file->owner, &owner);
    expand(postfix, file->group, &group);
    const struct passwd *user = getpwnam(owner.s);
    if (!user)
        log_fatal("postfix-files: unknown user %s", owner.s);
    rights.uid = user->pw_uid;
    if (strcmp(group.s, "-") != 0) {
        const struct group *found = getgrnam(group.s);
        if (!found)
            log_fatal("postfix-files: unknown group %s", group.s);
        rights.gid = found->gr_gid;
    }
    return rights;
}

/* False: it should be there and is not, or could not be changed. */
static bool fix_file(const struct postfix *postfix, const struct postfix_file *file)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct stat st;
    if (file->type == 'h' || file->type == 'l' || file->is_obsolete ||
        !expand(postfix, file->path, &path))
        return true;
    if (lstat(path.s, &st) < 0) {
        /* documentation and optional parts may be in other packages */
        bool is_needed = slice_starts(file->path, "$daemon_directory") && file->mode & 0111;
        if (is_needed)
            log_warn(NULL, "%s: %s", path.s, strerror(errno));
        return true;
    }
    struct rights rights = find_rights(postfix, file);
    if (file->is_recursive && S_ISDIR(st.st_mode)) {
        walk_rights = rights;
        return nftw(path.s, on_file, WALK_FDS, FTW_PHYS) == 0;
    }
    if (set_rights(path.s, &rights))
        return true;
    log_error(NULL, "cannot change owner or mode of %s: %s", path.s, strerror(errno));
    return false;
}

static int fix_all(const struct postfix *postfix)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(FILE_MAX);
    struct err err = ERR_INIT;
    struct postfix_file file;
    bool all = true;
    strbuf_addf(&path, "%s/postfix-files", common_params.meta_directory);
    if (!read_file(path.s, &text, &err))
        log_fatal("%s", err.reason);
    struct slice in = strbuf_slice(&text);
    while (postfix_file_next(&in, &file, &err))
        all = fix_file(postfix, &file) && all;
    if (err.kind != ERR_NONE)
        log_fatal("%s", err.reason);
    return all ? 0 : 1;
}

int postfix_set_permissions(const struct postfix *postfix)
{
    if (!postfix->is_root)
        log_fatal("set-permissions needs the superuser");
    apply_settings(postfix, postfix->args);
    postfix_dirs_create(postfix);
    return fix_all(postfix);
}

static bool has_service(const struct master_entry *entries, const struct master_entry *wanted)
{
    for (; entries; entries = entries->next)
        if (entries->type == wanted->type && strcmp(entries->name, wanted->name) == 0)
            return true;
    return false;
}

/* Lines for OUT: the services that ENTRIES lacks. */
static void add_missing(const struct master_entry *entries, struct strbuf *out)
{
    for (size_t i = 0; i < COUNT_OF(needed_services); i++) {
        struct master_entry *wanted = NULL;
        struct err err = ERR_INIT;
        if (!master_cf_parse(slice_of(needed_services[i]), "needed services", &wanted, &err))
            log_panic("%s", err.reason);
        if (!has_service(entries, wanted)) {
            log_info(NULL, "editing master.cf: adding missing entry for %s service", wanted->name);
            strbuf_addf(out, "%s\n", needed_services[i]);
        }
        master_cf_free(wanted);
    }
}

int postfix_upgrade(const struct postfix *postfix)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf old = STRBUF_INIT(FILE_MAX);
    CLEANUP(strbuf_done) struct strbuf missing = STRBUF_ANY;
    struct master_entry *entries = NULL;
    struct err err = ERR_INIT;
    apply_settings(postfix, postfix->args);
    strbuf_addf(&path, "%s/master.cf", postfix->dir);
    if (!read_file(path.s, &old, &err) ||
        !master_cf_parse(strbuf_slice(&old), path.s, &entries, &err))
        log_fatal("%s", err.reason);
    add_missing(entries, &missing);
    master_cf_free(entries);
    if (missing.len == 0)
        return 0;
    if (old.len > 0 && old.s[old.len - 1] != '\n')
        strbuf_insert(&missing, 0, slice_of("\n"));
    CLEANUP(fd_done) int fd = open(path.s, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || !fd_write_all(fd, missing.s, missing.len) || fsync(fd) < 0)
        log_fatal("write %s: %s", path.s, strerror(errno));
    return 0;
}

static int create_missing(const struct postfix *postfix)
{
    postfix_dirs_create(postfix);
    return 0;
}

static int upgrade_package(const struct postfix *postfix)
{
    struct postfix rest = *postfix;
    char *none[] = {NULL};
    rest.args = none;
    int upgraded = postfix_upgrade(&rest), fixed = postfix_set_permissions(&rest);
    return upgraded || fixed;
}

static int remind(const struct postfix *postfix)
{
    log_info(NULL,
             "edit %s/main.cf (myhostname, mydestination, mynetworks), then run: postfix start",
             postfix->dir);
    return 0;
}

int postfix_post_install(const struct postfix *postfix)
{
    static const struct {
        const char *name;
        int (*run)(const struct postfix *postfix);
    } steps[] = {
        {"create-missing", create_missing},         {"upgrade-source", upgrade_package},
        {"upgrade-package", upgrade_package},       {"set-permissions", postfix_set_permissions},
        {"upgrade-configuration", postfix_upgrade}, {"first-install-reminder", remind},
    };
    /* settings come first, the step last */
    struct postfix step = *postfix;
    size_t count = 0;
    while (postfix->args[count])
        count++;
    for (size_t i = 0; count > 0 && i < COUNT_OF(steps); i++) {
        if (strcmp(steps[i].name, postfix->args[count - 1]) != 0)
            continue;
        CLEANUP(argv_done) struct argv settings = ARGV_INIT;
        for (size_t k = 0; k + 1 < count; k++)
            argv_add(&settings, postfix->args[k]);
        char *none[] = {NULL};
        apply_settings(postfix, settings.at ? settings.at : none);
        step.args = none;
        return steps[i].run(&step);
    }
    log_fatal("usage: postfix post-install [name=value ...] create-missing | set-permissions | "
              "upgrade-configuration | upgrade-package | upgrade-source | first-install-reminder");
}
