#include "sendmail/sendmail_sink.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "mail/maildrop.h"
#include "mail/record.h"
#include "mail/submit_rights.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { WRITE_AT = 32 * 1024, ANSWER_MAX = 4096 };

struct sendmail_sink {
    struct maildrop *maildrop; /* or */
    pid_t postdrop;
    int to_postdrop, from_postdrop;
    struct strbuf out;
};

static NORETURN void run_postdrop(int in, int out, const char *config_dir)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "%s/postdrop", common_params.command_directory);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    if (config_dir)
        execl(path.s, "postdrop", "-r", "-c", config_dir, (char *)NULL);
    else
        execl(path.s, "postdrop", "-r", (char *)NULL);
    log_fatal_status(EX_TEMPFAIL, "%s: %s", path.s, strerror(errno));
}

static bool start_postdrop(struct sendmail_sink *s, const char *config_dir, struct err *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (s->postdrop = fork()) < 0) {
        err_set(err, ERR_TEMP, "start postdrop: %s", strerror(errno));
        fd_done(&in[0]);
        fd_done(&in[1]);
        fd_done(&out[0]);
        fd_done(&out[1]);
        return false;
    }
    if (s->postdrop == 0)
        run_postdrop(in[0], out[1], config_dir);
    fd_done(&in[0]);
    fd_done(&out[1]);
    s->to_postdrop = in[1];
    s->from_postdrop = out[0];
    return true;
}

struct sendmail_sink *sendmail_sink_new(const char *config_dir, struct err *err)
{
    struct sendmail_sink *s = xzalloc(sizeof *s);
    s->to_postdrop = s->from_postdrop = -1;
    strbuf_init(&s->out, SIZE_MAX / 4);
    signal(SIGPIPE, SIG_IGN);
    if (maildrop_is_writable())
        s->maildrop = maildrop_new(err);
    else
        start_postdrop(s, config_dir, err);
    if (s->maildrop || s->postdrop > 0)
        return s;
    sendmail_sink_free(s);
    return NULL;
}

static bool flush_to_postdrop(struct sendmail_sink *s, struct err *err)
{
    if (!fd_write_all(s->to_postdrop, s->out.s, s->out.len))
        return err_set(err, ERR_TEMP, "write to postdrop: %s", strerror(errno));
    strbuf_reset(&s->out);
    return true;
}

bool sendmail_sink_add(struct sendmail_sink *s, int type, struct slice data, struct err *err)
{
    if (s->maildrop) /* else postdrop asks */
        return (type != REC_SENDER || submit_rights_check_sender(getuid(), data, err)) &&
               maildrop_add(s->maildrop, type, data, err);
    record_add(&s->out, type, data);
    return s->out.len < WRITE_AT || flush_to_postdrop(s, err);
}

bool sendmail_sink_addf(struct sendmail_sink *s, struct err *err, int type, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    return sendmail_sink_add(s, type, strbuf_slice(&text), err);
}

/* postdrop says "status" NUL "0" NUL ... only when the message is on stable storage. */
static bool postdrop_stored_it(struct sendmail_sink *s)
{
    static const char stored[] = "status\0000";
    CLEANUP(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    char *room;
    while ((room = strbuf_room(&answer, 256))) {
        ssize_t n = read(s->from_postdrop, room, 256);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        strbuf_grew(&answer, (size_t)n);
    }
    return memmem(answer.s, answer.len, stored, sizeof stored) != NULL;
}

static bool commit_to_postdrop(struct sendmail_sink *s, int *ret_status, struct err *err)
{
    *ret_status = EX_TEMPFAIL;
    bool sent = flush_to_postdrop(s, err);
    fd_done(&s->to_postdrop);
    bool stored = postdrop_stored_it(s);
    int status = 0;
    waitpid(s->postdrop, &status, 0);
    s->postdrop = 0;
    if (sent && stored)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) >= EX__BASE)
        *ret_status = WEXITSTATUS(status);
    return err_set(err, ERR_TEMP, "postdrop did not store the message; it was not queued");
}

bool sendmail_sink_commit(struct sendmail_sink *s, int *ret_status, struct err *err)
{
    if (!s->maildrop)
        return commit_to_postdrop(s, ret_status, err);
    *ret_status = EX_TEMPFAIL;
    return maildrop_commit(s->maildrop, err);
}

void sendmail_sink_free(struct sendmail_sink *s)
{
    if (!s)
        return;
    maildrop_free(s->maildrop);
    fd_done(&s->to_postdrop); /* an early end of input makes postdrop remove its file */
    fd_done(&s->from_postdrop);
    if (s->postdrop > 0)
        waitpid(s->postdrop, NULL, 0);
    strbuf_done(&s->out);
    free(s);
}
