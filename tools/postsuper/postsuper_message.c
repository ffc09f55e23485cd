/*
 * Operations on messages. A message may move to another queue while we look for it, so all queues
 * are looked at twice; what is named by the user is never followed when it is a symbolic link.
 */
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "mail/bounce_log.h"
#include "mail/queue_id.h"
#include "mail/queue_walk.h"
#include "postsuper/postsuper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_READY = 0100, MODE_EXPIRE = 0010, LOOKS = 2 };

static const char *const defaults_delete[] = {QUEUE_HOLD,     QUEUE_INCOMING, QUEUE_ACTIVE,
                                              QUEUE_DEFERRED, QUEUE_MAILDROP, NULL};
static const char *const defaults_any[] = {QUEUE_HOLD, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED,
                                           NULL};
static const char *const defaults_hold[] = {QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, NULL};
static const char *const defaults_release[] = {QUEUE_HOLD, NULL};

static const char *const *default_queues(enum action action)
{
    switch (action) {
    case ACTION_DELETE:
        return defaults_delete;
    case ACTION_HOLD:
        return defaults_hold;
    case ACTION_RELEASE:
        return defaults_release;
    default:
        return defaults_any;
    }
}

bool postsuper_is_message_queue(const char *queue)
{
    return queue_name_is_valid(queue) && strcmp(queue, QUEUE_CORRUPT) != 0;
}

void postsuper_check_queue(const char *queue)
{
    static const char *const others[] = {"bounce", "defer", "trace", "flush"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (strcmp(queue, others[i]) == 0)
            return;
    if (!postsuper_is_message_queue(queue))
        log_fatal("invalid directory name: %s", queue);
}

/* May ACTION touch messages there? The command line can only narrow what it may. */
static bool is_allowed(enum action action, const char *queue)
{
    for (const char *const *q = default_queues(action); *q; q++)
        if (strcmp(*q, queue) == 0)
            return true;
    return false;
}

static const char *const logs[] = {BOUNCE_LOG_BOUNCE, BOUNCE_LOG_DEFER, BOUNCE_LOG_TRACE};

struct message {
    const char *queue, *id;
    const char *path;
    mode_t mode;
    bool is_one; /* named, not one of ALL: each is reported */
};

static void done(const struct message *m, struct postsuper_counts *count, const char *what)
{
    count->messages++;
    if (m->is_one)
        log_info(NULL, "%s: %s", m->id, what);
}

/* The logs go first: dying then leaves a message without the reasons of its delays. The other way
 * round the logs would be taken for those of a new message with the same id. */
static bool delete_one(const struct message *m)
{
    for (size_t i = 0; i < COUNT_OF(logs); i++) {
        struct err err = ERR_INIT;
        if (!bounce_log_remove(logs[i], m->id, &err))
            log_warn(NULL, "%s", err.reason);
    }
    if (unlink(m->path) < 0) {
        if (errno != ENOENT)
            log_fatal("remove file %s: %s", m->path, strerror(errno));
        return false;
    }
    if (postsuper.verbose)
        log_info(NULL, "removed file %s", m->path);
    if (m->mode & MODE_READY)
        done(m, &postsuper.deleted, "removed");
    return true;
}

/* One rename: the message is in one queue or the other. It may stand where it does not belong (see
 * -s), so it is taken from where it was seen. */
static bool move_one(const struct message *m, const char *to)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    queue_path(&path, to, m->id);
    bool ok = rename(m->path, path.s) == 0;
    if (!ok && errno == ENOENT && access(m->path, F_OK) == 0)
        ok = queue_path_make_dirs(path.s) && rename(m->path, path.s) == 0;
    if (!ok && errno != ENOENT)
        log_fatal("rename file %s as %s: %s", m->path, path.s, strerror(errno));
    if (ok && postsuper.verbose)
        log_info(NULL, "renamed file %s as %s", m->path, path.s);
    return ok;
}

/* Dying after the time stamps were set makes the message due, no more. */
static bool requeue_one(const struct message *m)
{
    if (utimensat(AT_FDCWD, m->path, NULL, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
        log_warn(NULL, "%s: reset time stamps: %s", m->path, strerror(errno));
    if (!move_one(m, QUEUE_MAILDROP))
        return false;
    done(m, &postsuper.requeued, "requeued");
    return true;
}

/* The mark is set on what was opened, so that nothing can be put in its place. */
static bool mark_expired(const struct message *m)
{
    struct stat st;
    CLEANUP(fd_done) int fd = open(m->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return false;
    if (fd < 0 || fstat(fd, &st) < 0) {
        log_warn(NULL, "expire file %s: %s", m->path, strerror(errno));
        return true;
    }
    if (!S_ISREG(st.st_mode) || !(st.st_mode & MODE_READY) || st.st_mode & MODE_EXPIRE)
        return true;
    if (fchmod(fd, (st.st_mode & 07777) | MODE_EXPIRE) < 0)
        log_warn(NULL, "expire file %s: cannot set permission: %s", m->path, strerror(errno));
    else
        done(m, &postsuper.expired, "expired");
    return true;
}

static bool release_one(const struct message *m)
{
    if (!move_one(m, QUEUE_DEFERRED))
        return false;
    done(m, &postsuper.released, "released from hold");
    return true;
}

/* False: it is not there any more. */
static bool act(enum action action, const struct message *m)
{
    switch (action) {
    case ACTION_DELETE:
        return delete_one(m);
    case ACTION_HOLD:
        if (!move_one(m, QUEUE_HOLD))
            return false;
        done(m, &postsuper.held, "placed on hold");
        return true;
    case ACTION_RELEASE:
        return release_one(m);
    case ACTION_REQUEUE:
        return requeue_one(m);
    case ACTION_EXPIRE:
        return mark_expired(m);
    case ACTION_EXPIRE_RELEASE:
        /* dying in between leaves it expired and on hold, as -e would */
        return mark_expired(m) && (strcmp(m->queue, QUEUE_HOLD) != 0 || release_one(m));
    case ACTIONS:
        break;
    }
    return false;
}

/* Is there a message? IS_ONE: one that is complete. */
static bool look(struct message *m)
{
    struct stat st;
    if (lstat(m->path, &st) < 0) {
        if (errno != ENOENT)
            log_warn(NULL, "%s: %s", m->path, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        log_warn(NULL, "%s: uid %ld: not a regular file", m->path, (long)st.st_uid);
        return false;
    }
    m->mode = st.st_mode;
    return !m->is_one || st.st_mode & MODE_READY;
}

static bool by_id_in(enum action action, const char *queue, const char *id)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    if (!is_allowed(action, queue))
        return false;
    queue_path(&path, queue, id);
    struct message m = {.queue = queue, .id = id, .path = path.s, .is_one = true};
    return look(&m) && act(action, &m);
}

void postsuper_by_id(enum action action, const char *id)
{
    bool is_given = *postsuper.queues;
    const char *const *queues = is_given ? postsuper.queues : default_queues(action);
    if (!queue_id_is_valid(slice_of(id)) || strlen(id) > QUEUE_ID_MAX) {
        log_warn(NULL, "invalid mail queue id: %s", id);
        return;
    }
    for (const char *const *q = queues; *q; q++)
        postsuper_check_queue(*q);
    for (int i = 0; i < LOOKS; i++)
        for (const char *const *q = queues; *q; q++)
            if (by_id_in(action, *q, id))
                return;
}

static void all_in(enum action action, const char *queue)
{
    struct err err = ERR_INIT;
    const char *name;
    struct queue_walk *walk = queue_walk_new(queue, &err);
    if (!walk)
        log_fatal("%s", err.reason);
    enum queue_walk_step step;
    while ((step = queue_walk_next(walk, &name, &err)) != QUEUE_WALK_END) {
        if (step == QUEUE_WALK_FAILED)
            log_warn(NULL, "%s", err.reason);
        if (step != QUEUE_WALK_FILE || !queue_id_is_valid(slice_of(name)) ||
            strlen(name) > QUEUE_ID_MAX)
            continue;
        struct message m = {.queue = queue, .id = name, .path = queue_walk_path(walk)};
        if (look(&m))
            act(action, &m);
    }
    queue_walk_free(walk);
}

static bool has_message(const char *id)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    for (int i = 0; i < LOOKS; i++) {
        for (const char *const *q = defaults_delete; *q; q++) {
            queue_path(&path, *q, id);
            if (access(path.s, F_OK) == 0)
                return true;
        }
    }
    return false;
}

/* After "-d ALL": logs without a message would speak for the next one with their id. */
static void delete_stale_logs(const char *log)
{
    struct err err = ERR_INIT;
    const char *name;
    enum queue_walk_step step;
    struct queue_walk *walk = queue_walk_new(log, &err);
    if (!walk)
        log_fatal("%s", err.reason);
    while ((step = queue_walk_next(walk, &name, &err)) != QUEUE_WALK_END)
        if (step == QUEUE_WALK_FILE && queue_id_is_valid(slice_of(name)) && !has_message(name) &&
            unlink(queue_walk_path(walk)) < 0 && errno != ENOENT)
            log_warn(NULL, "remove file %s: %s", queue_walk_path(walk), strerror(errno));
    queue_walk_free(walk);
}

void postsuper_all(enum action action)
{
    const char *const *queues = *postsuper.queues ? postsuper.queues : default_queues(action);
    for (const char *const *q = queues; *q; q++)
        postsuper_check_queue(*q);
    for (const char *const *q = queues; *q; q++)
        if (is_allowed(action, *q))
            all_in(action, *q);
    if (action == ACTION_DELETE && !*postsuper.queues)
        for (size_t i = 0; i < COUNT_OF(logs); i++)
            delete_stale_logs(logs[i]);
}
