/*
 * postdrop: write one local submission into maildrop/, with the group that may.
 *
 * One of the two programs with a privilege bit, so: no tables but those that say who may submit
 * what, no network, an environment of its own making, and every byte of input is checked by
 * lib/mail/maildrop. Input: records on standard input; answer: NUL-terminated name and value pairs
 * on standard output (docs/protocol/queue_file.md).
 */
#include "base/xmem.h"
#include "config/command_setup.h"
#include "io/fd.h"
#include "mail/maildrop.h"
#include "mail/record.h"
#include "mail/submit_rights.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { READ_CHUNK = 64 * 1024 };

static void postdrop_on_signal(int signum)
{
    const char *path = maildrop_unfinished_path();
    if (path)
        unlink(path);
    signal(signum, SIG_DFL);
    raise(signum);
}

/* A submitter that is killed, or hangs up, leaves no file. */
static void postdrop_catch_signals(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (signal(signals[i], SIG_IGN) != SIG_IGN)
            signal(signals[i], postdrop_on_signal);
    signal(SIGXFSZ, SIG_IGN); /* file size limits of the caller become write errors */
}

static void postdrop_answer(const char *const *pairs)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    for (; *pairs; pairs++)
        strbuf_add(&out, *pairs, strlen(*pairs) + 1);
    strbuf_add_char(&out, 0);
    if (!fd_write_all(STDOUT_FILENO, out.s, out.len))
        log_warn(NULL, "write to caller: %s", strerror(errno));
}

static bool postdrop_add(struct maildrop *m, int type, struct slice data, struct err *err)
{
    char who[32];
    if (type == REC_SENDER && !submit_rights_check_sender(getuid(), data, err))
        return false;
    if (maildrop_add(m, type, data, err))
        return true;
    (void)snprintf(who, sizeof who, "uid=%d", (int)getuid());
    return err_prefix(err, who);
}

/* True: the whole message is in the file. False: the input ended before its E record. */
static bool postdrop_copy(struct maildrop *m)
{
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    struct err err = ERR_INIT;
    for (;;) {
        struct slice unread = strbuf_slice(&in), data;
        int type;
        size_t size;
        enum record_status status = RECORD_MORE;
        while (!maildrop_has_end(m) &&
               (status = record_peek(unread, &type, &data, &size)) == RECORD_READY) {
            if (!postdrop_add(m, type, data, &err)) {
                maildrop_free(m);
                log_fatal_status(err.kind == ERR_TEMP ? EX_TEMPFAIL : 1, "%s", err.reason);
            }
            unread = slice_from(unread, size);
        }
        if (maildrop_has_end(m))
            return true;
        if (status == RECORD_BAD) {
            maildrop_free(m);
            log_fatal("uid=%d: malformed input", (int)getuid());
        }
        strbuf_remove_front(&in, in.len - unread.len);
        ssize_t n = read(STDIN_FILENO, strbuf_room(&in, READ_CHUNK), READ_CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        strbuf_grew(&in, (size_t)n);
    }
}

int main(int argc, char **argv)
{
    const char *dir = NULL;
    int option;
    log_set_tag("postfix/postdrop");
    while ((option = getopt(argc, argv, "c:rv")) > 0) {
        if (option == 'c')
            dir = optarg;
        else if (option == '?')
            log_fatal("usage: %s [-c config_dir] [-v]", argv[0]);
    }
    CLEANUP(xfree_ptr) char *wanted = command_guard_privilege(dir, EXIT_FAILURE);
    struct config *cfg = command_setup("postdrop", wanted, LOG_SETUP_STDERR);
    command_enter_queue_directory();
    umask(077);
    postdrop_catch_signals();

    struct err err = ERR_INIT;
    if (!submit_rights_check_user(getuid(), &err))
        log_fatal_status(err.kind == ERR_TEMP ? EX_TEMPFAIL : 1, "%s", err.reason);
    struct maildrop *m = maildrop_new(&err);
    if (!m)
        log_fatal_status(EX_TEMPFAIL, "%s", err.reason);
    postdrop_answer(
        (const char *const[]){"protocol", "postdrop_protocol", "queue_id", maildrop_id(m), NULL});
    if (postdrop_copy(m)) {
        if (!maildrop_commit(m, &err)) {
            maildrop_free(m);
            log_fatal_status(EX_TEMPFAIL, "%s", err.reason);
        }
        postdrop_answer((const char *const[]){"status", "0", "reason", "", NULL});
    }
    maildrop_free(m);
    config_free(cfg);
    return 0;
}
