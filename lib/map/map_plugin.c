/* map_plugin: see the header. */
#include "map/map_plugin.h"

#include "base/xmem.h"
#include "config/logical_line.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TYPES_MAX = 64 };

/* Drivers that were loaded; they stay, because maps point at them. */
static const struct map_driver *loaded[TYPES_MAX];
static size_t loaded_count;

static const struct map_driver *find_loaded(struct slice type)
{
    for (size_t i = 0; i < loaded_count; i++)
        if (slice_eq(type, loaded[i]->type))
            return loaded[i];
    return NULL;
}

/* --- dynamicmaps.cf ------------------------------------------------------------------------- */

/* What a line of the file does: it is called for each; false ends the reading. */
typedef bool (*on_line)(void *ctx, struct slice type, struct slice file);

static bool is_word(struct slice a)
{
    for (size_t i = 0; i < a.len; i++)
        if (!isalnum((unsigned char)a.s[i]))
            return false;
    return a.len > 0;
}

static bool read_file(const char *path, on_line fn, void *ctx, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (!logical_line_read_file(path, &content, err))
        return false;
    struct slice in = strbuf_slice(&content), line;
    for (int number = 1; slice_next_line(&in, &line); number++) {
        struct slice words[5] = {{0}}, at = line;
        size_t count = 0;
        while (count < COUNT_OF(words) && slice_next_token(&at, SLICE_SPACE, &words[count]))
            count++;
        if (count == 0 || words[0].s[0] == '#')
            continue;
        if (count < 3 || count > 4)
            return err_set(err, ERR_CONFIG,
                           "%s, line %d: Expected \"dict-type .so-name dict-function "
                           "[mkmap-function]\"",
                           path, number);
        if (!is_word(words[0]))
            return err_set(err, ERR_CONFIG, "%s, line %d: bad dictionary type \"%.*s\"", path,
                           number, SLICE_ARG(words[0]));
        if (!fn(ctx, words[0], words[1]))
            return true;
    }
    return true;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* dynamicmaps.cf, then the files of dynamicmaps.cf.d in the order of their names; the first line of
 * a type counts. None need be there. */
static bool read_lines(on_line fn, void *ctx, struct err *err)
{
    const char *meta = map_get_options()->meta_directory;
    if (!meta)
        return true;
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/dynamicmaps.cf", meta);
    if (access(file, F_OK) == 0 && !read_file(file, fn, ctx, err))
        return false;
    CLEANUP(xfree_ptr) char *dir = xasprintf("%s/dynamicmaps.cf.d", meta);
    struct dirent **entries;
    int count = scandir(dir, &entries, is_visible, alphasort);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        CLEANUP(xfree_ptr) char *part = xasprintf("%s/%s", dir, entries[i]->d_name);
        ok = ok && read_file(part, fn, ctx, err);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return ok;
}

struct wanted {
    struct slice type;
    char *file;
};

static bool note_file(void *ctx, struct slice type, struct slice file)
{
    struct wanted *wanted = ctx;
    if (!slice_same(type, wanted->type))
        return true;
    wanted->file = slice_dup(file);
    return false;
}

/* --- where the files are ---------------------------------------------------------------------- */

/* Directories with plugins, the best first: those of the tree that the running program is in. */
static void find_places(struct argv *ret)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    const char *slash = len > 0 ? memrchr(self, '/', (size_t)len) : NULL;
    if (slash) {
        int dir = (int)(slash - self);
        argv_addf(ret, "%.*s/../lib/postfix", dir, self); /* from sbin and bin */
        argv_addf(ret, "%.*s/..", dir, self);             /* from lib/postfix/sbin */
    }
    if (map_get_options()->shlib_directory)
        argv_add(ret, map_get_options()->shlib_directory);
}

/* Whoever may write the file runs code as us, often as root. */
static bool is_trusted(const char *path, struct err *err)
{
    struct stat file, self;
    if (stat(path, &file) < 0)
        return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    bool is_ours = stat("/proc/self/exe", &self) == 0 && self.st_uid == file.st_uid;
    if (!S_ISREG(file.st_mode) || (file.st_uid != 0 && !is_ours) ||
        (file.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err, ERR_CONFIG, "%s: file is owned or writable by non-root users", path);
    return true;
}

/* --- loading ---------------------------------------------------------------------------------- */

static bool fits(const struct map_plugin *plugin)
{
    return strncmp(plugin->version, MAP_PLUGIN_VERSION, sizeof plugin->version) == 0 &&
           plugin->map_size == sizeof(struct map) &&
           plugin->driver_size == sizeof(struct map_driver);
}

static const struct map_driver *load(struct slice type, const char *path, struct err *err)
{
    void *handle = is_trusted(path, err) ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const struct map_plugin *plugin = handle ? dlsym(handle, MAP_PLUGIN_SYMBOL) : NULL;
    const struct map_driver *found = NULL;
    if (!handle) {
        const char *reason = dlerror();
        if (reason)
            err_set(err, ERR_CONFIG, "%s", reason);
    } else if (!plugin || !fits(plugin)) {
        err_set(err, ERR_CONFIG, "%s: %s", path,
                plugin ? "plugin of another version" : "not a plugin of this mail system");
    } else {
        for (size_t i = 0; i < COUNT_OF(plugin->drivers) && plugin->drivers[i]; i++)
            if (slice_eq(type, plugin->drivers[i]->type))
                found = plugin->drivers[i];
        if (!found)
            err_set(err, ERR_CONFIG, "%s: has no type %.*s", path, SLICE_ARG(type));
    }
    if (found)
        loaded[loaded_count++] = found;
    else if (handle)
        dlclose(handle);
    return found;
}

/* The reason that says most is that of a file which is there. */
static const struct map_driver *load_from_places(struct slice type, const char *file,
                                                 struct err *err)
{
    CLEANUP(argv_done) struct argv places = ARGV_INIT;
    struct err missing = ERR_INIT;
    if (*file == '/')
        return load(type, file, err);
    find_places(&places);
    for (size_t i = 0; i < places.count; i++) {
        CLEANUP(xfree_ptr) char *path = xasprintf("%s/%s", places.at[i], file);
        bool is_there = access(path, F_OK) == 0;
        const struct map_driver *driver = load(type, path, is_there ? err : &missing);
        if (driver)
            return driver;
    }
    if (err && err->kind == ERR_NONE)
        *err = missing;
    return NULL;
}

const struct map_driver *map_plugin_find(struct slice type, struct err *err)
{
    const struct map_driver *driver = find_loaded(type);
    if (driver)
        return driver;
    struct wanted wanted = {.type = type};
    struct err why = ERR_INIT;
    if (!read_lines(note_file, &wanted, err))
        return NULL;
    bool is_listed = wanted.file;
    if (!is_listed)
        wanted.file = xasprintf("postfix-%.*s.so", SLICE_ARG(type));
    if (is_word(type) && loaded_count < TYPES_MAX)
        driver = load_from_places(type, wanted.file, &why);
    bool says_why = is_listed || !strstr(why.reason, strerror(ENOENT));
    if (!driver && says_why && *why.reason)
        err_set(err, ERR_CONFIG, "unsupported dictionary type: %.*s (%s)", SLICE_ARG(type),
                why.reason);
    else if (!driver)
        err_set(err, ERR_CONFIG, "unsupported dictionary type: %.*s", SLICE_ARG(type));
    free(wanted.file);
    return driver;
}

/* --- listing ---------------------------------------------------------------------------------- */

static bool note_type(void *ctx, struct slice type, struct slice file)
{
    (void)file;
    CLEANUP(xfree_ptr) char *text = slice_dup(type);
    if (!argv_has(ctx, text))
        argv_add(ctx, text);
    return true;
}

bool map_plugin_list(struct argv *ret_types, struct err *err)
{
    CLEANUP(argv_done) struct argv places = ARGV_INIT;
    if (!read_lines(note_type, ret_types, err))
        return false;
    find_places(&places);
    for (size_t i = 0; i < places.count; i++) {
        DIR *dir = opendir(places.at[i]);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            struct slice name = slice_of(entry->d_name);
            if (slice_starts(name, "postfix-") && slice_ends(name, ".so")) {
                name = slice_from(name, strlen("postfix-"));
                name = slice_first(name, name.len - strlen(".so"));
                if (is_word(name))
                    note_type(ret_types, name, SLICE_EMPTY);
            }
        }
        if (dir)
            closedir(dir);
    }
    return true;
}
