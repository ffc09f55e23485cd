/*
 * pipe_command: the command of a pipe service with its macros replaced by what a message and its
 * recipients say.
 */
#ifndef PIPE_PIPE_COMMAND_H
#define PIPE_PIPE_COMMAND_H

#include "mail/envelope.h"
#include "pipe/pipe_attributes.h"

struct pipe_message {
    const char *queue_id, *nexthop;
    const struct envelope *envelope;
    const struct recipient *recipients;
    size_t recipient_count;
};

/* An argument with a macro of recipients becomes one argument for each. Values are put in as they
 * are: nothing in them is a macro, and no shell sees them. False (ERR_CONFIG): unknown macro. */
bool pipe_command_expand(const struct pipe_attributes *a, const struct pipe_message *m,
                         struct argv *out, struct err *err);
/* The sender as the command and the header lines get it: the null sender has a name. */
const char *pipe_command_sender(const struct pipe_attributes *a, const struct envelope *e);

#endif
