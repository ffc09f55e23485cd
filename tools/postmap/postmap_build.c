/* postmap_build: see the header. */
#include "tools/postmap/postmap_build.h"

#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "map/map_files.h"
#include "tools/postmap/postmap_rights.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

void postmap_log_warnings(struct map *map)
{
    struct slice in = slice_of(map_warnings(map)), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    map_warnings_clear(map);
}

static const char *name_of(const char *table)
{
    const char *colon = strchr(table, ':');
    return colon ? colon + 1 : table;
}

/* An update that a signal cuts off would leave half a table. */
static void hold_signals(sigset_t *ret_old)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGQUIT);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, ret_old);
}

bool postmap_take_rights(const char *table, const struct postmap_options *options, struct err *err)
{
    struct stat source;
    if (options->keeps_root || stat(name_of(table), &source) < 0)
        return true;
    return postmap_rights_of_owner(&source, err);
}

/* -F: the value names files; what is stored is their content. */
static bool encode_files(struct strbuf *value, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (!map_files_encode(strbuf_slice(value), &content, err))
        return false;
    strbuf_set_slice(value, strbuf_slice(&content));
    return true;
}

static bool put_entries(struct map *map, struct slice text, const char *source,
                        const struct postmap_options *options, struct err *err)
{
    struct map_text in;
    struct map_text_entry entry;
    struct map_text_options text_options = {
        .format = options->format, .source = source, .utf8 = options->flags & MAP_UTF8};
    bool ok = true;
    map_text_init(&in, text);
    map_text_entry_init(&entry);
    while (ok && map_text_next_entry(&in, &text_options, &entry)) {
        if (entry.problem.len > 0)
            log_warn(NULL, "%s", entry.problem.s);
        if (entry.key.len == 0)
            continue;
        if (options->encodes_files && !encode_files(&entry.value, err)) {
            log_warn(NULL, "%s, line %d: %s -- ignoring this line", source, in.first_line,
                     err->reason);
            continue;
        }
        ok = map_put(map, entry.key.s, entry.value.s, err);
        postmap_log_warnings(map);
    }
    map_text_entry_done(&entry);
    map_text_done(&in);
    return ok;
}

/* The entries that NIS and Sendmail expect in an alias database. */
static bool put_alias_marks(struct map *map, struct err *err)
{
    char now[32];
    snprintf(now, sizeof now, "%lld", (long long)time(NULL));
    /* their names are in upper case whatever -f says; a repeated update replaces them */
    enum map_flags flags = map->flags;
    map->flags = (flags & ~(enum map_flags)MAP_FOLD) | MAP_KEEP_DUPLICATES_QUIET;
    bool ok = map_put(map, "@", "@", err) && map_put(map, "YP_LAST_MODIFIED", now, err) &&
              map_put(map, "YP_MASTER_NAME", common_params.myhostname, err);
    map->flags = flags;
    return ok;
}

static bool check_type(const char *table, struct err *err)
{
    struct slice type, name;
    if (!slice_split(slice_of(table), ':', &type, &name))
        return err_set(err, ERR_CONFIG, "bad table name: %s", table);
    const struct map_driver *driver = map_driver_find(type, err);
    if (!driver)
        return false;
    if (!driver->suffix)
        return err_set(err, ERR_CONFIG,
                       "unsupported dictionary type: %.*s does not support bulk-mode creation.",
                       SLICE_ARG(type));
    return true;
}

static bool write_table(const char *table, struct slice text, const char *source,
                        const struct postmap_options *options, struct err *err)
{
    enum map_flags how = options->is_incremental ? MAP_WRITE : MAP_REBUILD;
    struct map *map = map_open_strict(table, options->flags | how, err);
    if (!map)
        return false;
    bool ok = put_entries(map, text, source, options, err);
    if (ok && options->format == MAP_TEXT_ALIASES)
        ok = put_alias_marks(map, err);
    if (ok && map->commit)
        ok = map->commit(map, err);
    map_close(map);
    return ok;
}

bool postmap_build(const char *table, const struct postmap_options *options, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    const char *source = options->is_incremental ? "stdin" : name_of(table);
    bool ok = options->is_incremental ? map_text_read_fd(STDIN_FILENO, source, &text, err)
                                      : map_text_read_file(source, &text, err);
    if (!ok || !check_type(table, err))
        return false;

    sigset_t old;
    hold_signals(&old);
    ok = postmap_take_rights(table, options, err) &&
         write_table(table, strbuf_slice(&text), source, options, err);
    postmap_rights_back();
    sigprocmask(SIG_SETMASK, &old, NULL);
    return ok;
}
