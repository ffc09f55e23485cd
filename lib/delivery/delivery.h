/*
 * delivery: the skeleton of delivery programs: reads qmgr's orders, opens and locks the queue file,
 * and turns each recipient's outcome into log line, mark, bounce, defer or trace entry, and the
 * report.
 *
 * A program gets a job, settles every recipient exactly once with one of delivery_sent(),
 * delivery_bounced(), delivery_deferred() (or the like), and calls delivery_job_done(). The
 * skeleton waits for the bounce and defer services, then reports to qmgr and frees the job. A
 * recipient that was never settled is deferred. Nothing is lost when the process dies: qmgr sees
 * the connection close and defers the message.
 *
 * on_job runs outside the event loop, so a program that does one thing at a time may run the loop
 * in it (cleanup_stream_wait() does).
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "base/arena.h"
#include "log/log.h"
#include "mail/bounce_msg.h"
#include "mail/delivery_msg.h"
#include "mail/queue_file.h"
#include "service/service.h"

struct delivery_job {
    struct arena *arena;
    struct log_tag log; /* the queue id */
    struct delivery_request request;
    struct envelope *envelope;    /* request.envelopes[0] */
    struct recipient *recipients; /* envelope->recipients */
    size_t recipient_count;
    int fd;                  /* the queue file, shared lock held */
    int64_t connect_done_us; /* wall clock, when the connection stood: c of delays=; 0: none */
    void *program;           /* the program's own */
    struct delivery_job_state *state; /* the skeleton's own */
};

struct delivery_program {
    struct service service; /* name, params, hooks; model and on_connect are filled in */
    bool is_event_driven;   /* many jobs at once; on_job returns before the job is done */
    void (*on_job)(struct delivery_job *job);
    /* qmgr's connection closed with no job on it, or the process retires: what was kept for the
     * next job (a cached session) may go. May be NULL. */
    void (*on_idle)(void);
};
int delivery_main(const struct delivery_program *program, int argc, char **argv);

/* How one recipient ended. RELAY is what the log shows ("local", "none", "host[addr]:25"). Texts
 * are copied. */
struct delivery_outcome {
    const char *dsn; /* "2.0.0", "5.1.1", "4.4.1" */
    const char *relay;
    const char *text;   /* without parentheses */
    const char *action; /* NULL: by outcome (relayed for smtp is the program's to say; delivered,
                           expanded) */
    const char *diag_type, *diag_text, *mta_name; /* for DSN reports; NULL: none */
    const char *log_extra; /* NULL, or "conn_use=2, " - goes after relay=..., in front of delay= */
    const char *log_tls;   /* NULL, or "tls=may": in front of dsn= */
};

/*
 * RCPT is one of job->recipients. A copy of one (same offset, other address) is a part of it: what
 * an alias or a .forward file made of it. Parts are logged and reported but not marked; the
 * recipient itself is then settled with delivery_settled_by_parts(): done when none of its parts
 * was deferred. A program whose peer sends the success notice itself clears DSN_NOTIFY_SUCCESS in
 * rcpt->dsn_notify first.
 */
void delivery_sent(struct delivery_job *job, struct recipient *rcpt,
                   const struct delivery_outcome *o);
/* RCPT is an alias. Who wants to hear of success is told that it was expanded (a list: delivered),
 * and of nothing behind it: RFC 3461, section 5.2.7. */
void delivery_expanded(struct delivery_job *job, struct recipient *rcpt, const char *relay,
                       bool is_list);
void delivery_settled_by_parts(struct delivery_job *job, struct recipient *rcpt);
void delivery_bounced(struct delivery_job *job, struct recipient *rcpt,
                      const struct delivery_outcome *o); /* soft_bounce turns it into deferred */
void delivery_deferred(struct delivery_job *job, struct recipient *rcpt,
                       const struct delivery_outcome *o);
/* The destination as a whole failed (for qmgr's feedback): DSN and text as of a deferred outcome.
 */
void delivery_destination_failed(struct delivery_job *job, const struct delivery_outcome *o);
void delivery_job_done(struct delivery_job *job); /* JOB is gone when this returns or later */

/* "5.1.1 no such user": split an enhanced status code off the front of TEXT. False, with RET_DSN
 * empty and all of TEXT in RET_TEXT, when there is none. */
bool delivery_split_dsn(struct slice text, struct slice *ret_dsn, struct slice *ret_text);

/* For programs that build new messages or ask services while delivering */
struct loop *delivery_loop(void);

#endif
