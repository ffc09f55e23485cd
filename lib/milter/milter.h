/*
 * milter: one connection to one mail filter, seen as questions and outcomes.
 *
 * A question is one event of the SMTP dialogue or one piece of the message; the answer is an
 * outcome. A milter that cannot be reached, takes too long or breaks the protocol is not asked
 * again in its session: what stands in its settings as default action is its answer to everything.
 */
#ifndef MILTER_MILTER_H
#define MILTER_MILTER_H

#include "io/loop.h"
#include "io/work.h"
#include "milter/milter_macros.h"
#include "milter/milter_spec.h"
#include "milter/milter_wire.h"

enum milter_outcome_kind {
    MILTER_OUTCOME_NONE,     /* nothing to say */
    MILTER_OUTCOME_SKIP,     /* no more headers, or no more of the body, please */
    MILTER_OUTCOME_ACCEPT,   /* it wants to hear no more of this message */
    MILTER_OUTCOME_HOLD,     /* the fallback is to quarantine */
    MILTER_OUTCOME_DISCARD,  /* pretend to accept */
    MILTER_OUTCOME_REFUSE,   /* with TEXT; 421 closes the session */
    MILTER_OUTCOME_SHUTDOWN, /* TEXT "421 4.7.0 ...", and close the session */
};

struct milter_outcome {
    enum milter_outcome_kind kind;
    const char *text; /* as struct reply has it; lives until the next question */
    const char *wire; /* as the filter wrote it, for log lines */
};

struct milter;

struct milter_events {
    /* The outcome of the question that was pending. */
    void (*on_outcome)(void *owner, struct milter *m, const struct milter_outcome *outcome);
    /* A change that the filter asks for at the end of the message (a quarantine at any time). A
     * text that is returned ends the trust in this filter; it says why. */
    const char *(*on_edit)(void *owner, struct milter *m, const struct milter_edit *edit);
    /* "milter inet:localhost:1: ...": for the log. */
    void (*on_warning)(void *owner, const char *text);
};

/* SPEC lives as long as the milter; nothing is connected yet. */
struct milter *milter_new(struct loop *loop, struct work_pool *pool, const struct milter_spec *spec,
                          const struct milter_events *events, void *owner);
void milter_free(struct milter *m); /* says goodbye if it can; NULL is fine */
const struct milter_spec *milter_spec_of(const struct milter *m);

/* True: RET_OUTCOME is the answer. False: on_outcome follows, never from inside this call. The
 * first question connects. */
bool milter_ask(struct milter *m, int command, struct slice data, milter_macro_fn macros, void *ctx,
                struct milter_outcome *ret_outcome);
/* Does the filter want this event? (Its answer may be missing for want of one.) */
bool milter_wants(const struct milter *m, int command);
bool milter_wants_leading_space(const struct milter *m);
bool milter_wants_rejected(const struct milter *m); /* recipients */
bool milter_may(const struct milter *m, uint32_t action_bit);
/* The message is over, one way or the other; forget what was said of it. */
void milter_abort(struct milter *m);
/* Stop believing in it: its fallback is the outcome from now on. WHY is logged. */
void milter_break(struct milter *m, const char *why, struct milter_outcome *ret_outcome);

/* ---- one connection, two processes: smtpd asks about the envelope, cleanup about the content ----
 */

/* Everything another process has to know, besides the descriptor. Texts belong to the milter. */
struct milter_state {
    const char *name;
    uint32_t version, actions, protocol;
    int64_t content_ms;
    int fallback;
    bool has_connection; /* else OUTCOME is the answer to everything */
    int outcome;         /* enum milter_outcome_kind */
    const char *text;
    struct slice macros[MILTER_STAGES]; /* lists set by the filter; s NULL: none */
};
void milter_get_state(const struct milter *m, struct milter_state *ret);
int milter_fd(const struct milter *m); /* -1: not connected */
/* From here on the other process talks; milter_resume() takes it back, with IS_LOST when nothing
 * is known of where the conversation stands. */
void milter_suspend(struct milter *m);
void milter_resume(struct milter *m, bool is_lost);
/* In the other process: FD (taken over; -1 without a connection). Texts are copied. milter_free()
 * leaves the connection to the first process if the conversation stands at the end of a message,
 * else it is cut, so that the first process notices. */
struct milter *milter_adopt(struct loop *loop, int fd, const struct milter_state *state,
                            const struct milter_events *events, void *owner);

#endif
