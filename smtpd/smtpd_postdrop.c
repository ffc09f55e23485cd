/*
 * A message for postdrop: its records go to the standard input of a `postdrop -r` process; that
 * answers with the attributes queue_id at once, status and reason at the end, each name and value
 * ended by a zero byte.
 */
#include "smtpd/smtpd_postdrop.h"

#include "base/num.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/stream.h"
#include "log/log.h"
#include "mail/record.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096 };

struct smtpd_postdrop {
    const struct smtpd_postdrop_events *events;
    void *owner;
    pid_t pid;
    struct stream *stream;
    struct strbuf buffer;
    bool is_open, is_finished;
};

/* "name" NUL "value" NUL pairs. */
static bool answer_value(struct slice answer, const char *name, char *ret, size_t size)
{
    struct slice key, value;
    while (slice_split(answer, '\0', &key, &answer)) {
        if (key.len == 0)
            continue; /* the end of one list of attributes */
        if (!slice_split(answer, '\0', &value, &answer))
            return false;
        if (!slice_eq(key, name))
            continue;
        snprintf(ret, size, "%.*s", SLICE_ARG(value));
        return true;
    }
    return false;
}

/* The queue id comes first, the outcome at the end. */
static void on_answer(void *owner, struct stream *stream)
{
    struct smtpd_postdrop *p = owner;
    char queue_id[64];
    struct slice answer = stream_input(stream);
    if (answer.len > ANSWER_MAX)
        stream_pause(stream, true); /* on_closed makes sense of the beginning */
    if (p->is_open || !answer_value(answer, "queue_id", queue_id, sizeof queue_id))
        return;
    p->is_open = true;
    p->events->on_opened(p->owner, queue_id);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    struct smtpd_postdrop *p = owner;
    struct err why = *err;
    char status[24] = "", queue_id[64] = "", reason[512] = "";
    struct slice answer = stream_input(stream);
    int64_t number = 0;
    bool good = answer_value(answer, "status", status, sizeof status) &&
                num_parse_i64(slice_of(status), &number) &&
                answer_value(answer, "queue_id", queue_id, sizeof queue_id);
    answer_value(answer, "reason", reason, sizeof reason);
    struct cleanup_done done = {.status = number, .queue_id = queue_id, .reason = reason};
    if (!good)
        err_set(&why, ERR_TEMP, "postdrop gave no answer");
    p->events->on_done(p->owner, good ? &done : NULL, good ? NULL : &why);
}

static const struct stream_events answer_events = {on_answer, on_closed, NULL, NULL};

static void run_postdrop(int fd)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_setf(&path, "%s/postdrop", common_params.command_directory);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
        execl(path.s, "postdrop", "-r", "-c", common_params.config_directory, (char *)NULL);
    _exit(127);
}

struct smtpd_postdrop *smtpd_postdrop_open(struct loop *loop,
                                           const struct smtpd_postdrop_events *events, void *owner)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0)
        run_postdrop(pair[1]);
    close(pair[1]);
    if (pid < 0) {
        log_warn(NULL, "fork: %s", strerror(errno));
        close(pair[0]);
        return NULL;
    }
    struct smtpd_postdrop *p = xzalloc(sizeof *p);
    p->events = events;
    p->owner = owner;
    p->pid = pid;
    p->stream = stream_new(loop, pair[0], &answer_events, p);
    strbuf_init(&p->buffer, SIZE_MAX / 4);
    return p;
}

void smtpd_postdrop_free(struct smtpd_postdrop *p)
{
    if (!p)
        return;
    stream_free(p->stream); /* postdrop drops a message that was cut off */
    waitpid(p->pid, NULL, 0);
    strbuf_done(&p->buffer);
    free(p);
}

struct strbuf *smtpd_postdrop_buffer(struct smtpd_postdrop *p)
{
    return &p->buffer;
}

void smtpd_postdrop_flush(struct smtpd_postdrop *p)
{
    stream_write(p->stream, strbuf_slice(&p->buffer));
    strbuf_reset(&p->buffer);
}

bool smtpd_postdrop_is_full(const struct smtpd_postdrop *p)
{
    return stream_output_is_full(p->stream);
}

void smtpd_postdrop_finish(struct smtpd_postdrop *p)
{
    record_add(&p->buffer, REC_END, SLICE_EMPTY);
    smtpd_postdrop_flush(p);
    stream_flush(p->stream);
    p->is_finished = true;
}
