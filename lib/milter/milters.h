/*
 * milters: the mail filters of one session, asked one after the other.
 *
 * The first one that refuses or discards ends a question; those behind it are not asked.
 */
#ifndef MILTER_MILTERS_H
#define MILTER_MILTERS_H

#include "milter/milter.h"

struct milters;

struct milters_events {
    /* What all of them say to the question that was pending. */
    void (*on_outcome)(void *owner, const struct milter_outcome *outcome);
    void (*on_quarantine)(void *owner, struct slice reason);
    void (*on_warning)(void *owner, const char *text);
    milter_macro_fn macro; /* called with the owner */
};

/* One connection for each of SPECS, which must live as long. NULL when there are none. */
struct milters *milters_new(struct loop *loop, struct work_pool *pool,
                            const struct milter_specs *specs, const struct milters_events *events,
                            void *owner);
void milters_free(struct milters *ms); /* NULL is fine */

/* True: RET_OUTCOME (NONE, HOLD, DISCARD, REFUSE or SHUTDOWN) is the answer. False: on_outcome
 * follows, never from inside this call. */
bool milters_ask(struct milters *ms, int command, struct slice data,
                 struct milter_outcome *ret_outcome);
/* The same, asking only those that want to hear of refused recipients. */
bool milters_ask_rejected(struct milters *ms, struct slice data,
                          struct milter_outcome *ret_outcome);
bool milters_is_asking(const struct milters *ms); /* NULL: no */
void milters_abort(struct milters *ms);

size_t milters_count(const struct milters *ms);
struct milter *milters_at(struct milters *ms, size_t i);

/* The data of a connect event. FAMILY: AF_INET, AF_INET6, else unknown. */
void milters_add_connect(struct strbuf *out, const char *name, int family, uint16_t port,
                         const char *address);

#endif
