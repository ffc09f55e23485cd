/*
 * command_run: run an external command as another user, feed it a message, keep what it says.
 */
#ifndef DELIVERY_COMMAND_RUN_H
#define DELIVERY_COMMAND_RUN_H

#include "base/argv.h"
#include "delivery/mailbox_message.h"
#include "delivery/user_rights.h"

struct command_run {
    const char *program; /* who we are, in messages; NULL: they are reasons only */
    const char *command; /* as one text; NULL when argv is given */
    char *const *argv;   /* run as it is, without a shell */
    const char *shell;   /* NULL: the system's, and only when COMMAND needs one; else always
                            this one (with its arguments) */
    struct user_rights rights;
    const char *where;     /* in front of what the command could not be started for, or NULL */
    const char *chroot;    /* NULL: no other root directory; needs root */
    const char *directory; /* NULL: stay in the working directory */
    const struct argv *environment; /* "NAME=value", everything the command gets */
    int64_t time_limit_s;
    int64_t file_limit; /* largest file it may write; 0: none */
    unsigned form;      /* enum mailbox_form */
};

struct command_result {
    enum {
        COMMAND_EXITED,      /* status */
        COMMAND_KILLED,      /* signal in status */
        COMMAND_TIMED_OUT,   /* and was killed with all it started */
        COMMAND_NOT_STARTED, /* err says why; a temporary error */
        COMMAND_UNREADABLE,  /* the queue file; err */
    } end;
    int status;
    struct strbuf output; /* the first COMMAND_OUTPUT_MAX bytes of stdout and stderr */
    struct err err;
};
enum { COMMAND_OUTPUT_MAX = 4096 };

void command_result_init(struct command_result *result);
void command_result_done(struct command_result *result);
/* Blocks until the command has ended. A command that does not read all of its input is fine. */
void command_run(const struct command_run *run, const struct mailbox_message *m,
                 struct command_result *ret);

/* In a child: become the command, with its input and output there, no other descriptor open, in a
 * session of its own. Why that cannot be done goes to COMPLAINTS, before the child ends. All three
 * must be above 2. Reads neither time_limit_s nor form. */
void command_run_child(const struct command_run *run, int in, int out, int complaints)
    __attribute__((noreturn));

/* Does COMMAND need a shell? */
bool command_run_needs_shell(const char *command);

/* What an ended command means for the mail. TEXT is appended to; NULL dsn: it was delivered.
 * COMMAND is the text for messages. */
const char *command_run_verdict(const struct command_result *result, const char *command,
                                struct strbuf *dsn, struct strbuf *text);

/* What a command said although it delivered: " (TEXT)", or nothing. */
void command_run_add_output(const struct command_result *result, struct strbuf *text);

#endif
