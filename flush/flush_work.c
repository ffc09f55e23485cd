#include "flush/flush_work.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "flush/flush_site.h"
#include "io/fd.h"
#include "io/sock.h"
#include "log/log.h"
#include "mail/queue_id.h"
#include "mail/queue_walk.h"
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum { IDS_PER_TURN = 200, LISTS_PER_TURN = 50 };
enum { MODE_UNTHROTTLE = 0040, MODE_READY = 0100 };

struct site_job {
    char *name;
    struct flush_site site;
    struct site_job *prev, *next;
};

static struct {
    struct loop *loop;
    struct timer *timer;
    int64_t refresh_s, purge_s;
    struct site_job *jobs;
    struct queue_walk *lists; /* of a refresh under way */
    bool is_refresh_all, is_busy, wants_qmgr;
} work;

static void work_on_timer(void *owner);

void flush_work_start(struct loop *loop, int64_t refresh_s, int64_t purge_s)
{
    work.loop = loop;
    work.refresh_s = refresh_s;
    work.purge_s = purge_s;
    work.timer = timer_new(loop, work_on_timer, NULL);
}

/* The process must not go while there is something left to do. */
static void work_go_on(void)
{
    bool has_work = work.jobs || work.lists;
    if (has_work && !work.is_busy)
        service_client_added();
    if (has_work)
        timer_start(work.timer, 0);
    bool was_busy = work.is_busy;
    work.is_busy = has_work;
    if (was_busy && !has_work)
        service_client_done();
}

/* I: look into incoming. Dead destinations and deferred transports are tried for the messages that
 * carry the mark, not for others. */
static void work_trigger_qmgr(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!work.wants_qmgr)
        return;
    work.wants_qmgr = false;
    strbuf_addf(&path, "public/%s", common_params.queue_service_name);
    CLEANUP(fd_done) int fd = sock_connect_unix(path.s, common_params.trigger_timeout * 1000, &err);
    if (fd < 0 || !fd_write_all(fd, "I", 1))
        log_warn(NULL, "cannot wake the queue manager: %s", fd < 0 ? err.reason : strerror(errno));
}

/* Due now, and not to be held back by a dead destination. True: it was there. */
static bool make_due(const char *queue, const char *id, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct stat st;
    queue_path(&path, queue, id);
    CLEANUP(fd_done) int fd = open(path.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return false;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(err, ERR_TEMP, "%s: %s", path.s, strerror(errno));
    if (!S_ISREG(st.st_mode) || !(st.st_mode & MODE_READY))
        return false;
    if (fchmod(fd, (st.st_mode & 07777) | MODE_UNTHROTTLE) < 0 || futimens(fd, NULL) < 0)
        return err_set(err, ERR_TEMP, "update %s: %s", path.s, strerror(errno));
    return true;
}

/* Dying after the time stamp was set: the next scan of deferred finds the message due. Dying after
 * the rename: the next scan of incoming finds it. */
static bool send_message(const char *id, struct err *err)
{
    struct err why = ERR_INIT;
    bool was_deferred = make_due(QUEUE_DEFERRED, id, &why);
    if (was_deferred && !queue_move(id, QUEUE_DEFERRED, QUEUE_INCOMING) && errno != ENOENT)
        err_set(&why, ERR_TEMP, "move %s to incoming: %s", id, strerror(errno));
    if (was_deferred || make_due(QUEUE_INCOMING, id, &why))
        work.wants_qmgr = true;
    if (why.kind == ERR_NONE)
        return true;
    if (err)
        *err = why;
    return false;
}

bool flush_work_send_file(const char *queue_id, struct err *err)
{
    bool ok = send_message(queue_id, err);
    work_trigger_qmgr();
    return ok;
}

static void job_free(struct site_job *job)
{
    DL_DELETE(work.jobs, job);
    flush_site_close(&job->site);
    free(job->name);
    free(job);
}

/* True: its end was reached. */
static bool job_step(struct site_job *job)
{
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    for (int i = 0; i < IDS_PER_TURN; i++) {
        struct err err = ERR_INIT;
        if (!flush_site_next(&job->site, &id))
            return true;
        if (id.len > 0 && !send_message(id.s, &err))
            log_warn(NULL, "%s", err.reason);
    }
    return false;
}

static bool start_job(const char *name, struct err *err)
{
    struct site_job *job;
    struct err why = ERR_INIT;
    struct flush_site site;
    DL_FOREACH (work.jobs, job) {
        if (strcmp(job->name, name) == 0)
            return true; /* what was added since it began stays in the list */
    }
    if (!flush_site_open(name, &site, &why)) {
        if (err && why.kind != ERR_NONE)
            *err = why;
        return why.kind == ERR_NONE;
    }
    job = xzalloc(sizeof *job);
    *job = (struct site_job){.name = xstrdup(name), .site = site};
    DL_APPEND(work.jobs, job);
    return true;
}

bool flush_work_send_site(const char *site, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    flush_site_name(&name, site);
    bool ok = start_job(name.s, err);
    work_go_on();
    return ok;
}

void flush_work_refresh(bool all)
{
    struct err err = ERR_INIT;
    work.is_refresh_all |= all;
    if (!work.lists) {
        work.lists = queue_walk_new(FLUSH_DIRECTORY, &err);
        if (!work.lists)
            log_warn(NULL, "%s", err.reason);
    }
    work_go_on();
}

static void refresh_list(const char *name)
{
    struct err err = ERR_INIT;
    struct stat st;
    struct timeval now;
    if (stat(queue_walk_path(work.lists), &st) < 0 || !S_ISREG(st.st_mode))
        return;
    clock_wall(&now);
    if (st.st_size > 0 && (work.is_refresh_all || st.st_atime + work.refresh_s < now.tv_sec))
        start_job(name, &err);
    else if (st.st_size == 0)
        flush_site_purge(name, work.purge_s, &err);
    if (err.kind != ERR_NONE)
        log_warn(NULL, "%s", err.reason);
}

static void refresh_step(void)
{
    for (int i = 0; i < LISTS_PER_TURN; i++) {
        struct err err = ERR_INIT;
        const char *name;
        enum queue_walk_step step = queue_walk_next(work.lists, &name, &err);
        if (step == QUEUE_WALK_FILE)
            refresh_list(name);
        if (step == QUEUE_WALK_FAILED)
            log_warn(NULL, "%s", err.reason);
        if (step == QUEUE_WALK_END) {
            queue_walk_free(work.lists);
            work.lists = NULL;
            work.is_refresh_all = false;
            return;
        }
    }
}

static void work_on_timer(void *owner)
{
    (void)owner;
    struct err err = ERR_INIT;
    struct site_job *job = work.jobs;
    if (job && job_step(job)) {
        if (!flush_site_clear(&job->site, &err))
            log_warn(NULL, "%s: %s", job->name, err.reason);
        job_free(job);
    }
    if (!work.jobs && work.lists)
        refresh_step();
    work_trigger_qmgr();
    work_go_on();
}
