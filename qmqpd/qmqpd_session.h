/*
 * qmqpd_session: one connection: who it is, the request, the answer.
 *
 * The content comes in front of the envelope, and cleanup wants it behind: it is held in memory, at
 * most message_size_limit bytes of it.
 */
#ifndef QMQPD_QMQPD_SESSION_H
#define QMQPD_QMQPD_SESSION_H

#include "base/argv.h"
#include "io/stream.h"
#include "log/log.h"
#include "mail/cleanup_client.h"
#include "qmqpd/qmqpd_read.h"

#include <sys/time.h>

struct qmqpd_lookup;

struct qmqpd_session {
    struct log_tag log;
    struct stream *stream;
    struct timer *delay; /* of a bad answer */
    struct qmqpd_lookup *lookup;
    char *name, *address, *namaddr;
    int port, family;
    struct qmqpd_reader reader;
    struct cleanup_stream *cleanup;
    struct timeval arrival;
    struct strbuf content;
    char *sender; /* NULL: has not come */
    char verp[3]; /* delimiters; "": not asked for */
    struct argv recipients;
    size_t recipient_bytes;
    size_t fed;    /* bytes of CONTENT that cleanup has */
    bool is_whole; /* the request */
    char *answer;  /* to be sent after the delay */
};

/* Takes over a connection that was accepted. */
void qmqpd_session_start(int fd);

/* qmqpd_message.c: the records of the message, once the request is whole. */
void qmqpd_message_envelope(struct qmqpd_session *s);
/* Up to a screenful of the content; false: nothing is left, the message is finished. */
bool qmqpd_message_feed(struct qmqpd_session *s);

#endif
