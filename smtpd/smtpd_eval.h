/*
 * smtpd_eval: restriction lists at work.
 *
 * A run goes through the lists of one stage. It keeps its own stack (lists that access tables and
 * restriction classes name), so a rule that has to wait returns SMTPD_VERDICT_PENDING and the run
 * goes on when smtpd_eval_resume() brings its verdict.
 */
#ifndef SMTPD_SMTPD_EVAL_H
#define SMTPD_SMTPD_EVAL_H

#include "mail/resolve.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_restrictions.h"
#include "smtpd/smtpd_tx.h"

enum smtpd_verdict {
    SMTPD_VERDICT_NONE,    /* nothing to say; the next restriction decides */
    SMTPD_VERDICT_PERMIT,  /* ends this list */
    SMTPD_VERDICT_REJECT,  /* ends the run; the reply was made by smtpd_reject() */
    SMTPD_VERDICT_DISCARD, /* accept and drop the message: ends the run */
    SMTPD_VERDICT_PENDING,
};

enum { SMTPD_EVAL_DEPTH = 50, SMTPD_EVAL_LISTS = 6 };

struct smtpd_eval_frame {
    const struct smtpd_list *list;
    size_t next;
    const char *item; /* what an access table found the list for; NULL: the list's own */
    int class;        /* enum smtpd_reply_class */
};

/* A deferral that waits for the outcome. */
struct smtpd_deferral {
    const char *text; /* NULL: none */
};

/* What is left for later stages by lists that ran before MAIL (smtpd_delay_reject = no). */
struct smtpd_held {
    struct arena *arena;
    struct smtpd_actions actions;
    struct smtpd_deferral if_permit, if_reject;
};

struct smtpd_eval {
    struct arena *arena;
    struct smtpd_session *s;
    enum smtpd_stage stage;
    smtpd_next_fn next;
    enum smtpd_list_id lists[SMTPD_EVAL_LISTS];
    size_t list_count, list_at;
    enum smtpd_list_id list; /* the one being evaluated: names and classes in replies */
    struct smtpd_eval_frame stack[SMTPD_EVAL_DEPTH];
    size_t depth;
    unsigned warn_if_reject; /* the restriction at work is only tried out */
    struct smtpd_deferral if_permit, if_reject;
    const char *refusal;
    unsigned trouble; /* enum notice_class of the refusal to come; 0: policy */
    const char *etrn_domain;
    struct timer *timer; /* of the sleep restriction */
    struct smtpd_policy_call *policy_call;
    struct smtpd_verify *verify;
    const struct smtpd_rule *policy_rule; /* that waits for it */
    unsigned rule_warn;                   /* warn_if_reject and depth when the rule at work began */
    size_t rule_depth;
    bool is_asking; /* the rule at work waits for answers of the DNS */
    bool unlisted_sender_done, unlisted_recipient_done;
    struct resolve_reply *sender_resolved, *recipient_resolved;
};

void smtpd_eval_free(struct smtpd_eval *e);
void smtpd_verify_cancel(struct smtpd_verify *v); /* smtpd_restrict_verify.c; NULL is fine */
void smtpd_held_free(struct smtpd_held *held);

struct smtpd_eval *smtpd_eval_new(struct smtpd_session *s, enum smtpd_stage stage,
                                  smtpd_next_fn next);
/* Run to the end or to the first pending rule. */
struct reply smtpd_eval_run(struct smtpd_eval *e);
/* The verdict of the rule that was pending. */
void smtpd_eval_resume(struct smtpd_eval *e, enum smtpd_verdict verdict);
/* Go on with LIST, then with what comes after the current rule. */
enum smtpd_verdict smtpd_eval_push(struct smtpd_eval *e, const struct smtpd_list *list);

/* Where HOLD, FILTER and the like are kept; memory for their texts. */
struct smtpd_actions *smtpd_eval_actions(struct smtpd_eval *e, struct arena **ret_arena);

/* Resolve sender or recipient once a run. NULL: a look-up failed and *RET_VERDICT says what to
 * return. */
const struct resolve_reply *smtpd_eval_sender(struct smtpd_eval *e,
                                              enum smtpd_verdict *ret_verdict);
const struct resolve_reply *smtpd_eval_recipient(struct smtpd_eval *e,
                                                 enum smtpd_verdict *ret_verdict);
const char *smtpd_eval_recipient_address(const struct smtpd_eval *e); /* NULL: none */

#endif
