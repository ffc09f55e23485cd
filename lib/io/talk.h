/*
 * talk: a blocking connection to a server, every step of which has a deadline. For worker threads
 * and for programs that do one thing at a time; event-driven code uses stream.
 */
#ifndef IO_TALK_H
#define IO_TALK_H

#include "base/err.h"
#include "base/strbuf.h"
#include "io/deadline.h"

struct talk {
    int fd; /* -1: not connected */
    struct strbuf in;
    size_t used; /* bytes at the front of IN that were handed out by the last read */
};

void talk_init(struct talk *t); /* not connected */
void talk_close(struct talk *t);
bool talk_is_open(const struct talk *t);

/* ENDPOINT: "inet:host:port", "inet:[2001:db8::1]:port" or "unix:/path". Host and service names are
 * resolved, which takes as long as the resolver takes. All addresses are tried. The error names
 * ENDPOINT without its prefix. */
bool talk_open(struct talk *t, const char *endpoint, struct deadline deadline, struct err *err);

/* After a false the connection is of no use: talk_close() it. */
bool talk_send(struct talk *t, struct slice data, struct deadline deadline, struct err *err);
/* One line without its LF, at most MAX bytes with it; valid until the next read. */
bool talk_line(struct talk *t, size_t max, struct slice *ret_line, struct deadline deadline,
               struct err *err);
/* Exactly LEN bytes; valid until the next read. */
bool talk_bytes(struct talk *t, size_t len, struct slice *ret, struct deadline deadline,
                struct err *err);
/* What is there, at least one byte; valid until the next read. */
bool talk_some(struct talk *t, struct slice *ret, struct deadline deadline, struct err *err);
/* What was received and not yet read: a reply nobody asked for. */
size_t talk_unread(const struct talk *t);

#endif
