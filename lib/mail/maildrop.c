#include "mail/maildrop.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "io/sock.h"
#include "mail/queue_id.h"
#include "mail/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_AT = 64 * 1024, NAME_TRIES = 20 };

struct maildrop {
    int fd;
    bool committed;
    enum maildrop_segment segment;
    struct strbuf id, path, out;
};

/* the file of the one message a submitter writes, for its signal handler */
static const char *unfinished_path;

const char *maildrop_unfinished_path(void)
{
    return unfinished_path;
}

static bool attribute_is(struct slice data, const char *const *names)
{
    struct slice name, value;
    if (!slice_split(data, '=', &name, &value))
        return false;
    for (; *names; names++)
        if (slice_eq(name, *names))
            return true;
    return false;
}

enum maildrop_verdict maildrop_check(enum maildrop_segment *segment, int type, struct slice data)
{
    static const char *const attributes[] = {"create_time",     "encoding",    "dsn_orig_rcpt",
                                             "notify_flags",    "envelope_id", "ret_flags",
                                             "rewrite_context", "trace_flags", NULL};
    static const struct {
        const char *types;
        int last; /* the type that begins the next segment */
    } allowed[] = {
        [MAILDROP_ENVELOPE] = {"AFSRVniM", REC_MESSAGE},
        [MAILDROP_CONTENT] = {"NLX", REC_EXTRACTED},
        [MAILDROP_EXTRACTED] = {"ARE", REC_END},
        [MAILDROP_END] = {"", 0},
    };
    if (type <= 0 || !strchr(allowed[*segment].types, type))
        return MAILDROP_REFUSE;
    if (type == allowed[*segment].last)
        (*segment)++;
    if (type == REC_ATTRIBUTE)
        return attribute_is(data, attributes) ? MAILDROP_KEEP : MAILDROP_SKIP;
    return MAILDROP_KEEP;
}

static bool maildrop_flush(struct maildrop *m, struct err *err)
{
    if (!fd_write_all(m->fd, m->out.s, m->out.len))
        return err_set(err, ERR_TEMP, "write queue file %s: %s", m->path.s, strerror(errno));
    strbuf_reset(&m->out);
    return true;
}

/* The name is made of the time and the inode, so the file exists under a temporary name first. */
static bool maildrop_create(struct maildrop *m, struct timeval *now, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf temporary = STRBUF_ANY;
    for (int try = 0; try < NAME_TRIES; try++) {
        clock_wall(now);
        strbuf_setf(&temporary, "%s/%ld.%d.%d", QUEUE_MAILDROP, (long)now->tv_usec, (int)getpid(),
                    try);
        m->fd = open(temporary.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (m->fd >= 0 || errno != EEXIST)
            break;
    }
    struct stat st;
    if (m->fd < 0 || fstat(m->fd, &st) < 0)
        return err_set(err, ERR_TEMP, "create file %s: %s", temporary.s, strerror(errno));
    queue_id_make(now, st.st_ino, common_params.enable_long_queue_ids, &m->id);
    strbuf_addf(&m->path, "%s/%s", QUEUE_MAILDROP, m->id.s);
    if (rename(temporary.s, m->path.s) < 0) {
        err_set(err, ERR_TEMP, "rename %s to %s: %s", temporary.s, m->path.s, strerror(errno));
        unlink(temporary.s);
        strbuf_reset(&m->path);
        return false;
    }
    unfinished_path = m->path.s;
    return true;
}

struct maildrop *maildrop_new(struct err *err)
{
    struct maildrop *m = xzalloc(sizeof *m);
    struct timeval now;
    m->fd = -1;
    strbuf_init(&m->id, QUEUE_ID_MAX);
    strbuf_init(&m->path, 256);
    strbuf_init(&m->out, SIZE_MAX / 4);
    if (!maildrop_create(m, &now, err)) {
        maildrop_free(m);
        return NULL;
    }
    record_addf(&m->out, REC_TIME, "%ld %ld", (long)now.tv_sec, (long)now.tv_usec);
    return m;
}

const char *maildrop_id(const struct maildrop *m)
{
    return m->id.s;
}

bool maildrop_add(struct maildrop *m, int type, struct slice data, struct err *err)
{
    enum maildrop_verdict verdict = maildrop_check(&m->segment, type, data);
    if (verdict == MAILDROP_REFUSE)
        return err_set(err, ERR_PERM, "unexpected record type: %d", type);
    if (verdict == MAILDROP_KEEP)
        record_add(&m->out, type, data);
    return m->out.len < WRITE_AT || maildrop_flush(m, err);
}

bool maildrop_has_end(const struct maildrop *m)
{
    return m->segment == MAILDROP_END;
}

void maildrop_wake_pickup(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "public/%s", common_params.pickup_service_name);
    CLEANUP(fd_done) int fd = sock_connect_unix_start(path.s, NULL);
    /* pickup looks by itself once a minute: a lost wake-up delays, nothing more */
    if (fd >= 0 && send(fd, "W", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

bool maildrop_commit(struct maildrop *m, struct err *err)
{
    if (!maildrop_flush(m, err))
        return false;
    if (fchmod(m->fd, 0744) < 0 || fsync(m->fd) < 0)
        return err_set(err, ERR_TEMP, "sync queue file %s: %s", m->path.s, strerror(errno));
    m->committed = true;
    unfinished_path = NULL;
    maildrop_wake_pickup();
    return true;
}

void maildrop_free(struct maildrop *m)
{
    if (!m)
        return;
    if (!m->committed && m->path.len > 0) {
        unfinished_path = NULL;
        unlink(m->path.s);
    }
    fd_done(&m->fd);
    strbuf_done(&m->id);
    strbuf_done(&m->path);
    strbuf_done(&m->out);
    free(m);
}

bool maildrop_is_writable(void)
{
    return eaccess(QUEUE_MAILDROP, W_OK | X_OK) == 0;
}
