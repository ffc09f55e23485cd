/* milter_private: one connection, for the two halves that make it: asking and hearing. */
#ifndef MILTER_MILTER_PRIVATE_H
#define MILTER_MILTER_PRIVATE_H

#include "io/stream.h"
#include "milter/milter.h"

struct milter_dial;

enum milter_phase {
    PHASE_NEW,       /* not yet connected */
    PHASE_DIALING,   /* waits for the connection */
    PHASE_AGREEING,  /* waits for the answer to MILTER_NEGOTIATE */
    PHASE_READY,     /* may be asked */
    PHASE_WAITING,   /* was asked */
    PHASE_DRAINING,  /* nothing to wait for but room in the output */
    PHASE_SUSPENDED, /* another process has it */
    PHASE_OVER,      /* not connected any more: OUTCOME is the answer */
};

struct milter {
    struct loop *loop;
    struct work_pool *pool;
    const struct milter_spec *spec;
    struct milter_spec own_spec; /* of an adopted one */
    const struct milter_events *events;
    void *owner;
    enum milter_phase phase;
    struct milter_dial *dial;
    struct stream *stream;
    struct timer *timer;
    int suspended_fd;
    uint32_t version, actions, protocol;
    char *macros[MILTER_STAGES];
    int command;          /* the one being asked about */
    struct strbuf packet; /* it, while there is no connection yet */
    bool skips_rcpts;     /* it wants to hear of no more recipients of this message */
    bool is_done;         /* the filter wants no more of this message */
    bool is_confused;     /* it spoke without being asked */
    bool is_adopted;
    struct milter_outcome outcome; /* in PHASE_OVER */
    struct strbuf text, wire;      /* of an outcome */
};

/* milter_answer.c */
extern const struct stream_events milter_stream_events;
void milter_on_timer(void *owner);
void milter_on_dialed(void *owner, int fd, const struct err *err);
void milter_open_stream(struct milter *m, int fd);
void milter_hang_up(struct milter *m);
int64_t milter_time_limit(const struct milter *m); /* of the question under way */

#endif
