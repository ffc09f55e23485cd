/*
 * mailbox_message: a message on its way into a mailbox, a file or a command: the lines put in front
 * of it, and its text in large pieces.
 */
#ifndef DELIVERY_MAILBOX_MESSAGE_H
#define DELIVERY_MAILBOX_MESSAGE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <sys/types.h>

struct mailbox_message {
    int queue_fd;
    off_t data_offset;
    const char *sender;             /* internal form; "" is the null sender */
    const char *original_recipient; /* NULL: no X-Original-To header */
    const char *delivered_to;       /* NULL: no Delivered-To header */
    const char *eol;                /* NULL: "\n" */
};

// clang-format off
/* what is done to the text, as a sum */
enum mailbox_form {
    MAILBOX_FROM_LINE   = 1 << 0, /* begin with "From sender  date" */
    MAILBOX_QUOTE_FROM  = 1 << 1, /* "From " at the start of a line becomes ">From " */
    MAILBOX_BLANK_LINE  = 1 << 2, /* end with an empty line */
    MAILBOX_RETURN_PATH = 1 << 3,
    MAILBOX_DOTS        = 1 << 4, /* "." at the start of a line becomes ".." */
};
// clang-format on
#define MAILBOX_FORM_MBOX                                                                          \
    (MAILBOX_FROM_LINE | MAILBOX_QUOTE_FROM | MAILBOX_BLANK_LINE | MAILBOX_RETURN_PATH)
#define MAILBOX_FORM_MAILDIR MAILBOX_RETURN_PATH
#define MAILBOX_FORM_COMMAND (MAILBOX_FROM_LINE | MAILBOX_RETURN_PATH)

enum mailbox_copy {
    MAILBOX_COPY_OK,
    MAILBOX_COPY_UNREADABLE, /* the queue file; ERR has the reason */
    MAILBOX_COPY_UNWRITABLE, /* PUT said no */
};
/* Hand the whole message to PUT in large pieces. */
enum mailbox_copy mailbox_message_copy(const struct mailbox_message *m, unsigned form,
                                       bool (*put)(void *ctx, struct slice text), void *ctx,
                                       struct err *err);

/* Why a delivery did not happen. The class of DSN decides: 4 is tried again, 5 is bounced. */
struct mailbox_trouble {
    const char *dsn;
    char reason[1024];
    char warning[1024]; /* "", or what the operator should hear; also after a success */
};
/* Always false. */
bool mailbox_trouble_set(struct mailbox_trouble *t, const char *dsn, const char *fmt, ...)
    PRINTF(3, 4);
/* The enhanced code for an errno met while opening or writing; OTHERWISE when nothing special. */
const char *mailbox_trouble_dsn(int error, const char *otherwise);

#endif
