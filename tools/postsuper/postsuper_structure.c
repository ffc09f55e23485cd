/*
 * The structure of the queue: files under the name their inode demands, in the directory that
 * hash_queue_names and hash_queue_depth demand.
 *
 * A new name may be the old name of a file not looked at yet. So a file gets the new name with #FIX
 * behind it first; when all files have been seen, no wrong name is left, and the #FIX is taken off.
 * Logs move ahead of their message: if we die between them, the next run finds the message, and
 * makes the same new name of it.
 */
#include "base/clock.h"
#include "config/common_params.h"
#include "log/log.h"
#include "mail/queue_id.h"
#include "mail/queue_walk.h"
#include "postsuper/postsuper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIX "#FIX"
enum { MODE_ANY_EXECUTE = 0111, MODE_CORRUPT = 0400, TEMPORARY_AGE_S = 7 * 24 * 3600 };

static const char *const message_queues[] = {QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE,
                                             QUEUE_DEFERRED, QUEUE_HOLD,     NULL};
static const char *const every_queue[] = {
    QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD,
    "bounce",       "defer",        "trace",      "flush",        NULL};
static const char *const log_queues[] = {"bounce", "defer", "trace"};

enum pass { PASS_NAMES, PASS_TAKE_FIX_OFF };

struct fixing {
    enum pass pass;
    bool every_name;
    bool has_fix; /* names with #FIX exist */
    const char *queue;
    struct queue_walk *walk;
};

static struct queue_walk *open_queue(const char *queue)
{
    struct err err = ERR_INIT;
    struct queue_walk *walk = queue_walk_new(queue, &err);
    if (!walk)
        log_fatal("%s", err.reason);
    if (postsuper.verbose)
        log_info(NULL, "queue: %s", queue);
    return walk;
}

static void purge_file(const char *path)
{
    struct stat st;
    struct timeval now;
    clock_wall(&now);
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_mode & MODE_ANY_EXECUTE ||
        (st.st_mode & 0777) == MODE_CORRUPT || now.tv_sec - st.st_mtime < TEMPORARY_AGE_S)
        return;
    if (unlink(path) < 0 && errno != ENOENT)
        log_fatal("remove file %s: %s", path, strerror(errno));
    if (postsuper.verbose)
        log_info(NULL, "removed file %s", path);
}

void postsuper_purge(void)
{
    const char *const *queues = *postsuper.queues ? postsuper.queues : message_queues;
    for (const char *const *q = queues; *q; q++)
        postsuper_check_queue(*q);
    for (const char *const *q = queues; *q; q++) {
        struct err err = ERR_INIT;
        const char *name;
        enum queue_walk_step step;
        if (!postsuper_is_message_queue(*q)) /* logs are never executable */
            continue;
        struct queue_walk *walk = open_queue(*q);
        while ((step = queue_walk_next(walk, &name, &err)) != QUEUE_WALK_END) {
            if (step == QUEUE_WALK_FILE)
                purge_file(queue_walk_path(walk));
            if (step == QUEUE_WALK_FAILED)
                log_warn(NULL, "%s", err.reason);
        }
        queue_walk_free(walk);
    }
}

/* Never onto an existing file. True: nothing stands in the way of going on. */
static bool move_file(const char *from, const char *to)
{
    for (int i = 0; i < 2; i++) {
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
            if (postsuper.verbose)
                log_info(NULL, "renamed file %s as %s", from, to);
            return true;
        }
        if (errno != ENOENT || access(from, F_OK) < 0)
            break;
        if (!queue_path_make_dirs(to))
            break;
    }
    if (errno == ENOENT) /* it went its way */
        return false;
    if (errno != EEXIST)
        log_fatal("rename file %s as %s: %s", from, to, strerror(errno));
    log_warn(NULL, "rename file %s as %s: %s", from, to, strerror(EEXIST));
    return false;
}

static void path_of(struct strbuf *out, const char *queue, const char *id, bool with_fix)
{
    queue_path(out, queue, id);
    if (with_fix)
        strbuf_add_str(out, FIX);
}

static void move_logs(const char *id, bool had_fix, const char *new_id, bool with_fix)
{
    CLEANUP(strbuf_done) struct strbuf from = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf to = STRBUF_ANY;
    for (size_t i = 0; i < COUNT_OF(log_queues); i++) {
        path_of(&from, log_queues[i], id, had_fix);
        path_of(&to, log_queues[i], new_id, with_fix);
        if (access(from.s, F_OK) == 0)
            move_file(from.s, to.s);
    }
}

/* A message's file. */
static void fix_message(struct fixing *f, struct slice name, bool had_fix)
{
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf right = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf to = STRBUF_ANY;
    const char *path = queue_walk_path(f->walk);
    struct stat st;
    if (lstat(path, &st) < 0)
        return;
    strbuf_set_slice(&id, name);
    if (!S_ISREG(st.st_mode) || !postsuper_right_name(name, st.st_ino, f->every_name, &right)) {
        if (f->pass == PASS_NAMES)
            log_warn(NULL, "bogus file name: %s", path);
        return;
    }
    bool is_right = strcmp(id.s, right.s) == 0;
    if (had_fix && !is_right) {
        log_warn(NULL, "name/inode mismatch: %s", path);
        return;
    }
    bool with_fix = f->pass == PASS_NAMES && (had_fix || !is_right);
    f->has_fix |= with_fix;
    path_of(&to, f->queue, right.s, with_fix);
    if (strcmp(to.s, path) == 0)
        return;
    if (had_fix != with_fix || !is_right)
        move_logs(id.s, had_fix, right.s, with_fix);
    if (move_file(path, to.s) && !is_right)
        postsuper.renamed++;
}

/* A log, or the list of a site: only its place can be wrong. */
static void fix_place(struct fixing *f, struct slice name, bool had_fix)
{
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf to = STRBUF_ANY;
    const char *path = queue_walk_path(f->walk);
    struct stat st;
    if (lstat(path, &st) < 0)
        return;
    strbuf_set_slice(&id, name);
    bool is_id = queue_id_is_valid(name) || strcmp(f->queue, "flush") == 0;
    if (!S_ISREG(st.st_mode) || !is_id) {
        if (f->pass == PASS_NAMES)
            log_warn(NULL, "bogus file name: %s", path);
        return;
    }
    path_of(&to, f->queue, id.s, had_fix);
    if (strcmp(to.s, path) != 0)
        move_file(path, to.s);
}

static int64_t hash_depth(const char *queue)
{
    struct slice list = slice_of(common_params.hash_queue_names), name;
    while (slice_next_item(&list, &name))
        if (slice_eq(name, queue))
            return common_params.hash_queue_depth;
    return 0;
}

/* Levels that are no longer wanted go when they are empty. */
static void fix_directory(const struct fixing *f)
{
    const char *path = queue_walk_path(f->walk);
    if (queue_walk_depth(f->walk) <= hash_depth(f->queue))
        return;
    if (rmdir(path) == 0) {
        if (postsuper.verbose)
            log_info(NULL, "remove directory %s", path);
    } else if (errno != ENOENT && f->pass == PASS_NAMES) {
        log_warn(NULL, "remove directory %s: %s", path, strerror(errno));
    }
}

static void fix_queue(struct fixing *f, const char *queue)
{
    struct err err = ERR_INIT;
    const char *text;
    enum queue_walk_step step;
    f->queue = queue;
    f->walk = open_queue(queue);
    while ((step = queue_walk_next(f->walk, &text, &err)) != QUEUE_WALK_END) {
        struct slice name = slice_of(step == QUEUE_WALK_FILE ? text : "");
        bool had_fix = slice_ends_nocase(name, FIX);
        if (had_fix)
            name = slice_first(name, name.len - strlen(FIX));
        if (step == QUEUE_WALK_FAILED)
            log_warn(NULL, "%s", err.reason);
        else if (step == QUEUE_WALK_LEAVING)
            fix_directory(f);
        else if (postsuper_is_message_queue(queue))
            fix_message(f, name, had_fix);
        else
            fix_place(f, name, had_fix);
    }
    queue_walk_free(f->walk);
}

void postsuper_fix_structure(bool every_name)
{
    static const char *const flat[] = {QUEUE_MAILDROP, QUEUE_CORRUPT};
    const char *const *queues = *postsuper.queues ? postsuper.queues : every_queue;
    struct fixing f = {.pass = PASS_NAMES, .every_name = every_name};
    for (const char *const *q = queues; *q; q++)
        postsuper_check_queue(*q);
    for (size_t i = 0; i < COUNT_OF(flat); i++)
        if (hash_depth(flat[i]) > 0)
            log_fatal("%s queue must not be hashed", flat[i]);
    postsuper.is_incomplete = true;
    postsuper_restore();
    for (const char *const *q = queues; *q; q++)
        fix_queue(&f, *q);
    if (f.has_fix) {
        f.pass = PASS_TAKE_FIX_OFF;
        for (const char *const *q = queues; *q; q++)
            fix_queue(&f, *q);
    }
    postsuper.is_incomplete = false;
}
