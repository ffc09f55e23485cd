#include "local/local_user.h"

#include "config/common_params.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_FIRST = 4096, TEXT_MAX = 1024 * 1024 };

static struct user_rights default_rights;

/* Look with a buffer that grows as the entry needs; RESULT NULL: no such user. */
static int look(const char *name, uid_t uid, struct passwd *entry, struct strbuf *text,
                struct passwd **ret)
{
    int error = ERANGE;
    for (size_t size = TEXT_FIRST; error == ERANGE && size <= TEXT_MAX; size *= 4) {
        strbuf_reset(text);
        char *room = strbuf_room(text, size);
        do
            error = name ? getpwnam_r(name, entry, room, size, ret)
                         : getpwuid_r(uid, entry, room, size, ret);
        while (error == EINTR);
    }
    /* some sources say "not there" by way of errno (getpwnam(3)) */
    if (error == ENOENT || error == ESRCH)
        error = 0;
    return error;
}

enum local_user_status local_user_find(struct arena *arena, const char *name,
                                       struct local_user **ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX + 1);
    struct passwd entry, *found = NULL;
    if (name[0] == '\0' || strchr(name, '/'))
        return LOCAL_USER_NONE; /* never part of a path */
    int error = look(name, 0, &entry, &text, &found);
    if (error) {
        err_set(err, ERR_TEMP, "user lookup error for %s: %s", name, strerror(error));
        return LOCAL_USER_FAILED;
    }
    /* 123 is a name, not a number, wherever the entry comes from */
    if (!found || strcasecmp(found->pw_name, name) != 0)
        return LOCAL_USER_NONE;
    struct local_user *user = arena_zalloc(arena, sizeof *user);
    user->name = arena_strdup(arena, found->pw_name);
    user->home = arena_strdup(arena, found->pw_dir ? found->pw_dir : "");
    user->shell = arena_strdup(arena, found->pw_shell ? found->pw_shell : "");
    user->rights = (struct user_rights){found->pw_uid, found->pw_gid};
    *ret = user;
    return LOCAL_USER_FOUND;
}

bool local_user_rights_of(uid_t uid, struct user_rights *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX + 1);
    struct passwd entry, *found = NULL;
    int error = look(NULL, uid, &entry, &text, &found);
    if (error)
        return err_set(err, ERR_TEMP, "user lookup error for id %u: %s", (unsigned)uid,
                       strerror(error));
    *ret = (struct user_rights){uid, found ? found->pw_gid : default_rights.gid};
    return true;
}

bool local_user_start(struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX + 1);
    struct passwd entry, *found = NULL;
    if (getuid() != 0) {
        default_rights = (struct user_rights){getuid(), getgid()};
        return true;
    }
    int error = look(common_params.default_privs, 0, &entry, &text, &found);
    if (error || !found)
        return err_set(err, ERR_CONFIG, "default_privs: unknown user: %s",
                       common_params.default_privs);
    if (found->pw_uid == 0)
        return err_set(err, ERR_CONFIG, "default_privs: %s: privileged user is not allowed",
                       common_params.default_privs);
    default_rights = (struct user_rights){found->pw_uid, found->pw_gid};
    return true;
}

const struct user_rights *local_user_default_rights(void)
{
    return &default_rights;
}
