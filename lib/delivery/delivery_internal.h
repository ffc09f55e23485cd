/* delivery_internal: what the files of lib/delivery share. */
#ifndef DELIVERY_INTERNAL_H
#define DELIVERY_INTERNAL_H

#include "delivery/delivery.h"
#include "delivery/delivery_log.h"
#include "mail/bounce_client.h"
#include "mail/verify_client.h"

/* What happens with the answers: settling is a queue of verdicts, one question at a time. */
struct delivery_verdict;

struct delivery_job_state {
    void (*on_settled)(
        struct delivery_job *job); /* the last verdict is carried out, the job is done */
    struct delivery_verdict *first, **last;
    struct call *call; /* the question of the first verdict */
    bool *is_settled;  /* by index in job->recipients */
    bool *has_left_part;
    bool is_done;                  /* delivery_job_done() was called */
    bool is_running;               /* verdicts are being carried out */
    bool is_left;                  /* some recipient stays */
    bool has_log[BOUNCE_SERVICES]; /* something was put into it */
    struct delivery_report report;
    void *connection;
};

void delivery_settle_init(struct delivery_job *job);
void delivery_settle_free(struct delivery_job *job); /* cancels the pending question */
/* Defer what the program forgot, then carry out what is left and call on_settled. */
void delivery_settle_finish(struct delivery_job *job);

/* The table that edits outcomes; opened before the jail. */
void delivery_filter_open(const struct config *cfg, const char *program);
bool delivery_filter_is_stale(void);
void delivery_filter_apply(struct delivery_job *job, const char **dsn, const char **text);

/* The clients; the tests replace the asking. */
void delivery_services_open(struct loop *loop);
void delivery_services_close(void);
extern struct call *(*delivery_ask)(enum bounce_service service,
                                    const struct bounce_append *question, call_fn fn, void *owner);
extern struct call *(*delivery_tell_verify)(const struct verify_update *update, call_fn fn,
                                            void *owner);

#endif
