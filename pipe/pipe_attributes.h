/*
 * pipe_attributes: what the master.cf entry of a pipe service says after the program's options:
 * name=value, argv=COMMAND last. See pipe(8).
 */
#ifndef PIPE_PIPE_ATTRIBUTES_H
#define PIPE_PIPE_ATTRIBUTES_H

#include "base/argv.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "delivery/user_rights.h"

enum pipe_flags {
    PIPE_FLAG_DELIVERED_TO = 1 << 0, /* D */
    PIPE_FLAG_ORIGINAL_TO = 1 << 1,  /* O */
    PIPE_FLAG_FINAL = 1 << 2,        /* X */
    PIPE_FLAG_FOLD_DOMAIN = 1 << 3,  /* h */
    PIPE_FLAG_FOLD_LOCAL = 1 << 4,   /* u */
    PIPE_FLAG_QUOTE = 1 << 5,        /* q */
};

struct pipe_attributes {
    unsigned flags;
    unsigned form; /* enum mailbox_form */
    struct strbuf eol;
    const char *null_sender;
    const char *chroot, *directory; /* NULL: none */
    int64_t size_limit;             /* bytes; 0: none */
    struct user_rights rights;
    struct argv command; /* with its macros */
};

/* ARGS is NULL-terminated and must live as long as RET. MAIL_OWNER: the user whose rights are
 * refused. False (ERR_CONFIG): what is wrong, in Postfix's words. */
bool pipe_attributes_parse(char *const *args, const char *mail_owner, struct pipe_attributes *ret,
                           struct err *err);
void pipe_attributes_done(struct pipe_attributes *a);

#endif
