/*
 * notice: what went on in an SMTP session, told to the postmaster (notify_classes).
 *
 * A transcript collects the lines of one session. It is bounded: when it is full, its older half
 * makes room, and says so. Secrets are not for it: who adds a line leaves them out.
 */
#ifndef MAIL_NOTICE_H
#define MAIL_NOTICE_H

#include "base/strbuf.h"
#include "mail/cleanup_client.h"

#include <time.h>

enum notice_class {
    NOTICE_BOUNCE = 1 << 0,
    NOTICE_2BOUNCE = 1 << 1,
    NOTICE_DATA = 1 << 2,
    NOTICE_DELAY = 1 << 3,
    NOTICE_POLICY = 1 << 4,
    NOTICE_PROTOCOL = 1 << 5,
    NOTICE_RESOURCE = 1 << 6,
    NOTICE_SOFTWARE = 1 << 7,
};

/* What notify_classes asks for. False and ERR: it has a word that is not known, and which counts
 * for nothing. */
bool notice_classes(unsigned *ret, struct err *err);

/* Zeroed: empty. */
struct transcript {
    struct strbuf text; /* a line each, as it will be told */
    size_t lines;
};

/* " In:  " or " Out: ", as seen from here */
void transcript_add(struct transcript *t, bool is_sent, struct slice line);
/* The same of each line of a text with line ends, such as a reply on its way out. */
void transcript_add_text(struct transcript *t, bool is_sent, struct slice text);
void transcript_clear(struct transcript *t);

struct notice {
    unsigned classes;   /* what went wrong; the recipients follow from it */
    const char *role;   /* "server", "client" */
    const char *peer;   /* "name[address]" */
    const char *first;  /* a line in front of the transcript, or NULL */
    const char *reason; /* why the session was aborted, or NULL */
    const struct transcript *transcript;
};

/* The Received: header of a notice, whoever writes it. */
void notice_add_received(struct strbuf *out, const char *queue_id, time_t now);

/* It is in the queue; or not, and PROBLEM (else NULL) says why. */
typedef void (*notice_fn)(void *owner, const char *problem);
/* Write NOTICE into the queue; nothing of it is needed after this call. FN is called once, never
 * from inside this call. What cannot be queued is given up: the log has told of the session, too.
 */
void notice_send(struct cleanup_client *cleanup, const struct notice *notice, notice_fn fn,
                 void *owner);

#endif
