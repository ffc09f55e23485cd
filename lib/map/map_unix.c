/* map_unix: unix:passwd.byname and unix:group.byname, the system's accounts as a table. */
#include "map/map_drivers.h"

#include "base/xmem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

enum { ACCOUNT_MAX = 1 << 20 };

/* Ask with a buffer that grows as far as ACCOUNT_MAX. */
#define LOOK_UP(function, key, entry, result, buffer, error)                                       \
    do {                                                                                           \
        size_t size = 4096;                                                                        \
        buffer = NULL;                                                                             \
        do {                                                                                       \
            buffer = xrealloc(buffer, size);                                                       \
            error = function(key, &(entry), buffer, size, &(result));                              \
            size *= 4;                                                                             \
        } while (error == ERANGE && size <= ACCOUNT_MAX);                                          \
    } while (0)

static bool is_absent(int error)
{
    /* what getpwnam_r(3) lists for "no such name" besides 0 */
    return error == 0 || error == ENOENT || error == ESRCH;
}

static enum map_status no_answer(struct map *map, int error, struct err *err)
{
    if (is_absent(error))
        return MAP_NOT_FOUND;
    err_set(err, ERR_TEMP, "%s: %s", map->name, strerror(error));
    return MAP_FAILED;
}

static enum map_status passwd_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    struct passwd entry, *found = NULL;
    CLEANUP(xfree_ptr) char *buffer;
    int error;
    LOOK_UP(getpwnam_r, key, entry, found, buffer, error);
    if (!found)
        return no_answer(map, error, err);
    strbuf_addf(value, "%s:%s:%lu:%lu:%s:%s:%s", found->pw_name, found->pw_passwd,
                (unsigned long)found->pw_uid, (unsigned long)found->pw_gid, found->pw_gecos,
                found->pw_dir, found->pw_shell);
    return MAP_FOUND;
}

static enum map_status group_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    struct group entry, *found = NULL;
    CLEANUP(xfree_ptr) char *buffer;
    int error;
    LOOK_UP(getgrnam_r, key, entry, found, buffer, error);
    if (!found)
        return no_answer(map, error, err);
    strbuf_addf(value, "%s:%s:%lu:", found->gr_name, found->gr_passwd,
                (unsigned long)found->gr_gid);
    for (char **member = found->gr_mem; *member; member++)
        strbuf_addf(value, "%s%s", member == found->gr_mem ? "" : ",", *member);
    return MAP_FOUND;
}

static void unix_close(struct map *map)
{
    (void)map;
}

static struct map *unix_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    bool is_passwd = slice_eq(slice_of(name), "passwd.byname");
    if (!is_passwd && !slice_eq(slice_of(name), "group.byname")) {
        err_set(err, ERR_CONFIG, "unknown table: unix:%s", name);
        return NULL;
    }
    struct map *map = map_alloc(sizeof *map);
    map->find = is_passwd ? passwd_find : group_find;
    map->close = unix_close;
    return map;
}

const struct map_driver map_unix = {.type = "unix", .open = unix_open};
