/*
 * qmgr: the structures of the queue manager and who works on them.
 *
 * A message in the active queue has recipients; those that go the same way are grouped into
 * entries. An entry is what one delivery order carries. It belongs to a queue (a destination of a
 * transport), and to the peer that is this message's share of that queue. A job is a message within
 * a transport: all its peers there.
 *
 *     message -- job (one a transport) -- peer (one a destination) -- entry (one an order) --
 * recipients transport -- queue (one a destination) -- peers of all messages, in the order of their
 * jobs
 *
 * docs/internals/qmgr.md tells the rest.
 */
#ifndef QMGR_QMGR_H
#define QMGR_QMGR_H

#include "base/arena.h"
#include "config/config.h"
#include "io/loop.h"
#include "log/log.h"
#include "mail/bounce_client.h"
#include "mail/delivery_msg.h"
#include "mail/envelope.h"
#include "mail/resolve.h"
#include "qmgr/qmgr_feedback.h"
#include "qmgr/qmgr_params.h"
#include "service/service.h"

#include <sys/types.h>
#include <uthash.h>
#include <utlist.h>

struct qmgr_conn;

/* One reading of recipients; its memory goes with the last entry made of it. */
struct qmgr_batch {
    struct arena *arena; /* NULL: the recipients live in the message's own arena */
    size_t entries;
};

struct qmgr_message {
    UT_hash_handle hh; /* by id */
    struct arena *arena;
    const char *id;
    struct envelope *env; /* without recipients once they are assigned */
    struct qmgr_job *jobs;
    struct call *call; /* a question to bounce, defer or trace */
    int64_t active_us; /* wall clock */
    int64_t last_refill_ms;
    off_t next_offset;      /* recipients not read yet begin here; 0: all read */
    size_t recipient_count; /* in memory */
    unsigned entry_count;   /* with what holds the message back from being done */
    unsigned is_left : 1;   /* some recipient was deferred */
    unsigned is_fresh : 1;  /* never was in the active queue before: no logs exist */
    unsigned has_bounce_log : 1;
    unsigned has_trace_log : 1;
    unsigned is_flushed : 1; /* somebody asked for it: defer_transports do not hold it */
    unsigned wakes_dead : 1; /* dead destinations are tried for it */
    unsigned is_force_expired : 1;
    unsigned is_probe : 1;
};

struct qmgr_entry {
    struct qmgr_message *message;
    struct qmgr_queue *queue;
    struct qmgr_peer *peer; /* NULL: taken for delivery */
    struct qmgr_batch *batch;
    struct recipient *recipients;
    uint32_t recipient_count;
    bool was_repeated; /* given once more after its connection had closed */
    struct qmgr_entry *prev, *next;
};

struct qmgr_peer {
    struct qmgr_job *job;
    struct qmgr_queue *queue;
    struct qmgr_entry *entries;
    struct qmgr_peer *prev, *next;         /* in queue->peers, by rank of the job */
    struct qmgr_peer *job_prev, *job_next; /* in job->peers */
};

struct qmgr_job {
    struct qmgr_message *message;
    struct qmgr_transport *transport;
    struct qmgr_peer *peers;
    double rank; /* place in transport->jobs: lower goes first */
    int64_t enqueued_ms;
    unsigned selected;                            /* entries given out so far */
    unsigned todo;                                /* entries waiting */
    unsigned lent;                                /* slots given to those who preempted it */
    bool has_preempted;                           /* may use the extra recipient limit */
    struct qmgr_job *prev, *next;                 /* in transport->jobs, by rank */
    struct qmgr_job *message_prev, *message_next; /* in message->jobs */
};

enum qmgr_queue_state { QUEUE_READY, QUEUE_SUSPENDED /* rate delay */, QUEUE_DEAD };

struct qmgr_queue {
    UT_hash_handle hh; /* by name */
    struct qmgr_transport *transport;
    char *name, *nexthop;
    struct qmgr_peer *peers;
    struct qmgr_window window;
    unsigned busy, todo; /* entries */
    enum qmgr_queue_state state;
    uint64_t served;     /* when it was last served, for round robin within a job */
    size_t heap_at;      /* 1 + index in the transport's heap; 0: not there */
    bool is_in_use;      /* counted in the transport's in_use */
    bool is_held;        /* has its share of the transport's slots: in the list held */
    struct timer *timer; /* end of a dead time or a rate delay */
    char *dead_dsn, *dead_text;
    struct qmgr_queue *prev, *next; /* in transport->held */
};

struct qmgr_transport_limits {
    int64_t concurrency_limit, recipient_limit, recipients_in_memory, extra_recipients,
        refill_limit, refill_delay_s, slot_cost, slot_discount, slot_loan, minimum_slots,
        destination_rate_delay_s, transport_rate_delay_s;
    struct qmgr_window_rules window;
};

struct qmgr_transport {
    UT_hash_handle hh; /* by name */
    char *name;
    struct qmgr_transport_limits limits;
    struct qmgr_queue *queues;
    struct qmgr_job *jobs;
    struct qmgr_queue **heap; /* ready queues, the one with the first job on top */
    size_t heap_count, heap_capacity;
    struct qmgr_job *candidate; /* for preemption, found at candidate_ms */
    int64_t candidate_ms;
    uint64_t served;
    size_t recipients_in_memory;
    struct qmgr_conn *conns, *idle;
    size_t conn_count, conn_limit; /* limit: of the service in master.cf; 0: none */
    unsigned busy;                 /* orders out */
    unsigned in_use;               /* destinations with mail or orders out */
    struct qmgr_queue *held;       /* could be served if they had not got their share already */
    unsigned lost_in_a_row;        /* connections that closed instead of reporting */
    bool is_dead, is_rate_delayed;
    struct timer *timer, *rate_timer, *idle_timer;
    struct later run;
};

/* qmgr_transport.c */
void qmgr_transport_init(struct config *cfg); /* before the jail: master.cf, limits */
struct qmgr_transport *qmgr_transport_get(const char *name);
void qmgr_transport_throttle(struct qmgr_transport *t);
void qmgr_transport_unthrottle_all(void);
struct qmgr_transport *qmgr_transport_first(void);

/* qmgr_queue.c */
struct qmgr_queue *qmgr_queue_get(struct qmgr_transport *t, const char *name, const char *nexthop);
void qmgr_queue_changed(struct qmgr_queue *q); /* after a change of busy, peers, state, window */
void qmgr_queue_drop_if_unused(struct qmgr_queue *q);
void qmgr_queue_succeeded(struct qmgr_queue *q);
void qmgr_queue_failed(struct qmgr_queue *q, const char *dsn, const char *text);
void qmgr_queue_unthrottle(struct qmgr_queue *q);
void qmgr_queue_order_done(struct qmgr_queue *q); /* rate delays begin */
void qmgr_queue_warn_clog(void);

/* qmgr_share.c: how the destinations of a transport share its slots. */
/* May a destination that has MINE of the BUSY deliveries under way start another? LIMIT: of the
 * transport, 0: none; IN_USE: destinations that have mail; IS_TRIED: as in its window. */
bool qmgr_share_allows(size_t limit, unsigned busy, unsigned in_use, unsigned mine, bool is_tried);
/* A ready queue that has its share is held until it has less. True: it is ready and may go on. */
bool qmgr_share_admits(struct qmgr_queue *q, bool is_ready);
void qmgr_share_count(struct qmgr_queue *q); /* after a change of its mail or its orders */
/* A destination that may be served now; false: there is none, whatever the heap had. */
bool qmgr_share_find_ready(struct qmgr_transport *t);
void qmgr_share_order_done(struct qmgr_transport *t);

/* qmgr_job.c, qmgr_peer.c, qmgr_entry.c */
struct qmgr_job *qmgr_job_get(struct qmgr_message *m, struct qmgr_transport *t);
void qmgr_job_drop_if_unused(struct qmgr_job *job);
/* The entry to deliver next; NULL: every destination with mail is at its limit or has its share. It
 * counts as busy: qmgr_share_order_done() when its order is done. */
struct qmgr_entry *qmgr_job_select(struct qmgr_transport *t);
struct qmgr_peer *qmgr_peer_get(struct qmgr_job *job, struct qmgr_queue *q);
void qmgr_peer_drop_if_unused(struct qmgr_peer *peer);
void qmgr_peer_reorder(struct qmgr_peer *peer); /* its job's rank has changed */
void qmgr_heap_update(struct qmgr_transport *t, struct qmgr_queue *q, bool is_ready);
void qmgr_entry_new(struct qmgr_message *m, struct qmgr_queue *q, struct qmgr_batch *batch,
                    struct recipient *recipients, uint32_t count);
void qmgr_entry_unlink(struct qmgr_entry *e); /* off its peer: taken for delivery or moved */
void qmgr_entry_move(struct qmgr_entry *e, struct qmgr_queue *to); /* a taken entry */
void qmgr_entry_done(struct qmgr_entry *e); /* a taken entry; may end the message */

/* qmgr_deliver.c */
void qmgr_deliver_run(struct qmgr_transport *t); /* soon: give out what can be given out */
void qmgr_deliver_now(struct qmgr_transport *t);

/* qmgr_defer.c: the way to retry and error. */
/* A queue of the transport retry (error) that says "DSN TEXT". */
struct qmgr_queue *qmgr_defer_queue(const char *dsn, const char *text);
struct qmgr_queue *qmgr_error_queue(const char *dsn, const char *text);
void qmgr_defer_entry(struct qmgr_entry *e, const char *dsn, const char *text); /* a taken one */
void qmgr_defer_todo(struct qmgr_queue *q, const char *dsn, const char *text);
bool qmgr_defer_is_last_resort(const struct qmgr_transport *t);

/* qmgr_resolve.c */
bool qmgr_resolve_init(struct config *cfg, struct err *err); /* before the jail: opens tables */
bool qmgr_resolve_has_stale_tables(void);
/* Where one recipient goes. NULL: it is settled already (discarded). May change rcpt->address. */
struct qmgr_queue *qmgr_resolve(struct qmgr_message *m, struct recipient *rcpt,
                                struct arena *arena);

/* qmgr_message.c */
struct qmgr_message *qmgr_message_find(const char *id);
size_t qmgr_message_count(void);
size_t qmgr_message_probe_count(void);
struct qmgr_message *qmgr_message_new(const char *id, struct arena *arena, struct envelope *env);
void qmgr_message_free(struct qmgr_message *m);
/* Has each recipient a copy of his own, from a sender that names him? */
bool qmgr_message_is_verp(const struct qmgr_message *m);
/* Group recipients into entries. BATCH arena NULL: they live in the message's arena. */
void qmgr_message_assign(struct qmgr_message *m, struct arena *batch_arena,
                         struct recipient *recipients, size_t count);
/* How many recipients may be read at first. */
size_t qmgr_message_first_limit(void);
/* Read more, when there are more and the limits allow it. False: the file cannot be read. */
bool qmgr_message_refill(struct qmgr_message *m, size_t room);
void qmgr_message_consider_refill(struct qmgr_job *job);
/* Take recipients that the queue file says are done out of a taken entry. False: it cannot be read.
 */
bool qmgr_message_skip_done(struct qmgr_entry *e);
void qmgr_message_recipients_gone(size_t count);
void qmgr_message_log(const struct qmgr_message *m, const char *what); /* from=<..>, WHAT */
void qmgr_message_tag(const char *id, struct log_tag *ret);

/* qmgr_active.c */
enum qmgr_feed { FEED_DONE, FEED_GONE /* not for us, forget it */, FEED_FULL };
/* A message just stored by cleanup, its envelope in ARENA (taken). */
enum qmgr_feed qmgr_active_feed_fresh(const char *id, struct arena *arena, struct envelope *env);
/* A queue file found in incoming or deferred. */
enum qmgr_feed qmgr_active_feed_file(const char *queue, const char *id, bool is_flushed);
bool qmgr_active_has_room(void);
void qmgr_active_hold(struct qmgr_message *m);    /* not done before the matching release */
void qmgr_active_release(struct qmgr_message *m); /* M may be gone */
void qmgr_active_corrupt(const char *queue, const char *id);
void qmgr_active_stop(void); /* the process ends: begin no more deliveries */

/* qmgr_remove.c: FN gets 0 or the error number; M must live until then. */
typedef void (*qmgr_remove_fn)(struct qmgr_message *m, int error);
void qmgr_remove(struct qmgr_message *m, const char *queue, qmgr_remove_fn fn);
void qmgr_remove_drain(void); /* wait for those that were asked for */

/* qmgr_bounce.c: questions about the logs of one message. FN gets true when the service did it. */
typedef void (*qmgr_bounce_fn)(struct qmgr_message *m, bool ok);
void qmgr_bounce_init(void);
void qmgr_bounce_ask(struct qmgr_message *m, enum bounce_service log, enum bounce_kind kind,
                     qmgr_bounce_fn fn);
/* Put one status into the defer log: when no transport can do it. */
struct call *qmgr_bounce_append_defer(const struct bounce_append *question, call_fn fn,
                                      void *owner);
bool qmgr_bounce_log_exists(const char *id, enum bounce_service log);

/* qmgr_scan.c, qmgr_deferred.c */
void qmgr_scan_init(void);
void qmgr_scan_incoming(bool ignore_times);
void qmgr_scan_deferred(bool ignore_times);
void qmgr_scan_continue(void);
void qmgr_scan_wake(void);                                   /* the active queue has room again */
void qmgr_scan_deferred_add(const char *id, int64_t when_s); /* this message was deferred */
void qmgr_scan_retry_stray(void);  /* a message could not be moved out of active: try again */
void qmgr_scan_retry_locked(void); /* a message in incoming is still being delivered: look again */
enum qmgr_step { STEP_NONE /* nothing to do now */, STEP_LOOKED, STEP_TAKEN /* into active */ };
enum qmgr_step qmgr_deferred_step(void); /* see qmgr_scan.c */
void qmgr_deferred_start(bool ignore_times);
void qmgr_deferred_run(void);

/* qmgr_arrival.c */
void qmgr_arrival_on_connect(int fd);
void qmgr_arrival_on_trigger(struct slice letters);

#endif
