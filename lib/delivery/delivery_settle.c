/*
 * From a recipient's outcome to what follows from it: questions to bounce, defer and trace, the log
 * line, the mark in the queue file.
 *
 * Verdicts are carried out in order, one question at a time a job, so that a mail to thousands of
 * bad recipients holds one connection. A recipient is marked done only after the service that must
 * report it has answered: a process that dies in between leaves the recipient to be delivered (or
 * bounced) again.
 */
#include "config/common_params.h"
#include "delivery/delivery_flush.h"
#include "delivery/delivery_internal.h"

#include <string.h>
#include <strings.h>

/* Who may have to know of a verdict: the services of bounce_client.h and verify. */
enum question { ASK_VERIFY = BOUNCE_SERVICES, ASK_NOBODY };

enum verdict_kind {
    VERDICT_SENT,
    VERDICT_BOUNCED,
    VERDICT_DEFERRED,
    VERDICT_PARTS,
    VERDICT_EXPANDED
};

struct delivery_verdict {
    struct delivery_verdict *next;
    struct delivery_job *job;
    enum verdict_kind kind;
    struct recipient rcpt;
    size_t index; /* in job->recipients */
    bool is_part; /* of that recipient: never marks */
    bool is_asked[ASK_NOBODY];
    bool is_unreported; /* a probe whose result nobody took */
    const char *status; /* in the log line */
    struct delivery_outcome outcome;
    int64_t done_us;
};

static void settle_run(struct delivery_job *job);

void delivery_settle_init(struct delivery_job *job)
{
    struct delivery_job_state *state = job->state;
    state->last = &state->first;
    state->is_settled = arena_zalloc(job->arena, job->recipient_count * sizeof(bool) + 1);
    state->has_left_part = arena_zalloc(job->arena, job->recipient_count * sizeof(bool) + 1);
    state->report = (struct delivery_report){
        .dsn = "", .reason = "", .diag_type = "", .diag_text = "", .mta_name = ""};
}

void delivery_settle_free(struct delivery_job *job)
{
    call_cancel(job->state->call);
    job->state->call = NULL;
}

static bool is_trace_only(const struct delivery_job *job)
{
    return job->request.flags & DELIVERY_TRACE_ONLY;
}

static const char *copy_or_empty(struct delivery_job *job, const char *text)
{
    return text && *text ? arena_strdup(job->arena, text) : "";
}

static struct delivery_outcome outcome_copy(struct delivery_job *job,
                                            const struct delivery_outcome *o)
{
    return (struct delivery_outcome){
        .dsn = copy_or_empty(job, o->dsn),
        .relay = o->relay ? arena_strdup(job->arena, o->relay) : "none",
        .text = copy_or_empty(job, o->text),
        .action = o->action ? arena_strdup(job->arena, o->action) : NULL,
        .diag_type = copy_or_empty(job, o->diag_type),
        .diag_text = copy_or_empty(job, o->diag_text),
        .mta_name = copy_or_empty(job, o->mta_name),
        .log_extra = copy_or_empty(job, o->log_extra),
        .log_tls = copy_or_empty(job, o->log_tls),
    };
}

/* The class of the enhanced code must agree with what happens to the recipient. */
static const char *dsn_of_class(struct delivery_job *job, const char *dsn, char class)
{
    if (dsn[0] == class)
        return dsn;
    if (dsn[0] == '\0' || dsn[1] != '.')
        return arena_printf(job->arena, "%c.0.0", class);
    return arena_printf(job->arena, "%c%s", class, dsn + 1);
}

/* A probe of our own: its outcome goes to the verify service, not into a report. */
static bool is_mta_probe(const struct delivery_job *job)
{
    return is_trace_only(job) && job->envelope->trace_flags & TRACE_MTA_PROBE;
}

/* What status word, action and code a verdict has; the one place where they are decided. */
static void verdict_name(struct delivery_verdict *v)
{
    // clang-format off
    static const struct { const char *status, *action, *probe_status; char class; } names[] = {
        [VERDICT_SENT]     = {"sent",     "delivered", "deliverable",   '2'},
        [VERDICT_BOUNCED]  = {"bounced",  "failed",    "undeliverable", '5'},
        [VERDICT_DEFERRED] = {"deferred", "delayed",   "undeliverable", '4'},
    };
    // clang-format on
    bool probe = is_trace_only(v->job);
    if (!v->status || probe)
        v->status = probe ? names[v->kind].probe_status : names[v->kind].status;
    if (is_mta_probe(v->job) && v->kind != VERDICT_SENT &&
        !common_params.address_verify_negative_cache)
        v->status = "undeliverable-but-not-cached";
    if (probe)
        v->outcome.action = names[v->kind].probe_status;
    else if (!v->outcome.action || v->kind != VERDICT_SENT)
        v->outcome.action = names[v->kind].action;
    v->outcome.dsn = dsn_of_class(v->job, v->outcome.dsn, names[v->kind].class);
}

/* The next service that must know before the verdict is final, of enum bounce_service or question.
 */
static int verdict_next_question(const struct delivery_verdict *v)
{
    int64_t notify = v->rcpt.dsn_notify;
    int64_t flags = v->job->request.flags;
    bool needs[ASK_NOBODY] = {false};
    if (v->kind == VERDICT_EXPANDED) {
        needs[TRACE_SERVICE] = true;
    } else if (is_trace_only(v->job)) {
        needs[TRACE_SERVICE] = !is_mta_probe(v->job);
        needs[ASK_VERIFY] = is_mta_probe(v->job) && (v->kind == VERDICT_SENT ||
                                                     common_params.address_verify_negative_cache);
    } else {
        bool hears_of_delays = notify == 0 || notify & DSN_NOTIFY_DELAY;
        bool is_cleared = flags & DELIVERY_DELAY_CLEARED && hears_of_delays;
        needs[TRACE_SERVICE] =
            flags & DELIVERY_TRACE_RECORD ||
            (v->kind == VERDICT_SENT && (notify & DSN_NOTIFY_SUCCESS || is_cleared));
        /* also what the sender does not want to hear of: the postmaster's copy has it */
        needs[BOUNCE_SERVICE] = v->kind == VERDICT_BOUNCED;
        needs[DEFER_SERVICE] = v->kind == VERDICT_DEFERRED;
    }
    for (int i = 0; i < ASK_NOBODY; i++)
        if (needs[i] && !v->is_asked[i])
            return i;
    return ASK_NOBODY;
}

/* A service did not take the status. A bounce or a probe's result that could not be reported is not
 * finished: the recipient stays and is tried again. A deferred recipient stays anyway; and one that
 * has the mail already must not get it again every few minutes because its success notice cannot be
 * sent. */
static void verdict_service_failed(struct delivery_verdict *v, enum bounce_service service,
                                   const struct err *why)
{
    log_warn(&v->job->log, "%s service failure: %s", bounce_client_name(service), why->reason);
    if (is_trace_only(v->job))
        v->is_unreported = true;
    if (service != BOUNCE_SERVICE)
        return;
    v->kind = VERDICT_DEFERRED;
    v->status = NULL;
    v->outcome.dsn = "4.3.0";
    v->outcome.text = "bounce or trace service failure";
    v->outcome.diag_type = v->outcome.diag_text = v->outcome.mta_name = "";
    verdict_name(v);
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct delivery_verdict *v = owner;
    struct delivery_job *job = v->job;
    job->state->call = NULL;
    struct err why = ERR_INIT;
    bool ok = bounce_client_answer(kind, body, err, &why);
    int service = verdict_next_question(v); /* the one that was asked */
    v->is_asked[service] = true;
    if (ok)
        job->state->has_log[service] = true;
    else
        verdict_service_failed(v, (enum bounce_service)service, &why);
    settle_run(job);
}

/* Reports of what became of mail name who did it; those of failures have it in the text. */
static const char *trace_text(const struct delivery_verdict *v)
{
    const struct delivery_outcome *o = &v->outcome;
    if (strcmp(o->relay, "none") == 0)
        return o->text;
    return arena_printf(v->job->arena, "delivery via %s: %s", o->relay, o->text);
}

static void verdict_ask(struct delivery_verdict *v, enum bounce_service service)
{
    struct delivery_status status = {
        .dsn = v->outcome.dsn,
        .action = v->outcome.action,
        .reason = service == TRACE_SERVICE ? trace_text(v) : v->outcome.text,
        .diag_type = v->outcome.diag_type,
        .diag_text = v->outcome.diag_text,
        .mta_type = *v->outcome.mta_name ? "dns" : "",
        .mta_name = v->outcome.mta_name,
    };
    struct bounce_append question = {
        .queue_id = v->job->request.queue_id,
        .recipients = &v->rcpt,
        .recipients_count = 1,
        .statuses = &status,
        .statuses_count = 1,
    };
    v->job->state->call = delivery_ask(service, &question, on_answer, v);
}

/* The address as verify asked for it, before it was rewritten. */
static const char *verify_key(const struct recipient *rcpt)
{
    static const char type[] = "rfc822;";
    if (strncasecmp(rcpt->dsn_orcpt, type, sizeof type - 1) == 0)
        return rcpt->dsn_orcpt + sizeof type - 1;
    return rcpt->orig_address[0] ? rcpt->orig_address : rcpt->address;
}

/* Nothing hangs on the answer: an address whose probe came to nothing is probed again when somebody
 * asks for it, so a probe never stays in the queue. */
static void on_verify_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct delivery_verdict *v = owner;
    struct delivery_job *job = v->job;
    struct verify_status status;
    struct err why = ERR_INIT;
    job->state->call = NULL;
    v->is_asked[ASK_VERIFY] = true;
    if (!verify_client_answer(kind, body, err, job->arena, &status, &why))
        log_warn(&job->log, "%s service failure: %s", common_params.address_verify_service_name,
                 why.reason);
    settle_run(job);
}

static void verdict_tell_verify(struct delivery_verdict *v)
{
    static const enum verify_result results[] = {[VERDICT_SENT] = VERIFY_OK,
                                                 [VERDICT_BOUNCED] = VERIFY_BOUNCED,
                                                 [VERDICT_DEFERRED] = VERIFY_DEFERRED};
    struct verify_update update = {
        .address = verify_key(&v->rcpt), .result = results[v->kind], .text = v->outcome.text};
    v->job->state->call = delivery_tell_verify(&update, on_verify_answer, v);
}

static void verdict_mark(struct delivery_verdict *v)
{
    struct err err = ERR_INIT;
    if (v->rcpt.offset == 0)
        return; /* what an alias made of a recipient, passed on to us (delivery_pass.h) */
    /* Dies here, before the write: the recipient gets the mail (or the sender the bounce) once more
     * after the restart. After the write: never again, even when the report to qmgr is lost. */
    if (queue_file_mark_done(v->job->fd, v->rcpt.offset, &err))
        return;
    log_warn(&v->job->log, "cannot mark recipient %s done: %s", v->rcpt.address, err.reason);
    v->job->state->is_left = true;
}

/* All that must know the outcome knows it. */
static void verdict_finish(struct delivery_verdict *v)
{
    struct delivery_job_state *state = v->job->state;
    bool is_left = is_trace_only(v->job) ? v->is_unreported : v->kind == VERDICT_DEFERRED;
    if (v->kind == VERDICT_PARTS)
        is_left = state->has_left_part[v->index];
    else
        delivery_log_outcome(v->job, &v->rcpt, &v->outcome, v->status, v->done_us);
    if (v->kind == VERDICT_DEFERRED && !is_trace_only(v->job))
        delivery_flush_add(v->job->request.queue_id, &v->rcpt);
    if (is_left) {
        state->is_left = true;
        state->has_left_part[v->index] = true;
    } else if (!v->is_part) {
        verdict_mark(v);
    }
}

/* Carry out verdicts until one waits for an answer. */
static void settle_run(struct delivery_job *job)
{
    struct delivery_job_state *state = job->state;
    if (state->is_running)
        return;
    state->is_running = true;
    while (state->first && !state->call) {
        struct delivery_verdict *v = state->first;
        int service = v->kind == VERDICT_PARTS ? ASK_NOBODY : verdict_next_question(v);
        if (service != ASK_NOBODY) {
            if (service == ASK_VERIFY)
                verdict_tell_verify(v);
            else
                verdict_ask(v, (enum bounce_service)service);
            break;
        }
        if (v->kind != VERDICT_EXPANDED)
            verdict_finish(v);
        state->first = v->next;
        if (!state->first)
            state->last = &state->first;
    }
    state->is_running = false;
    if (!state->first && state->is_done)
        state->on_settled(job); /* JOB is gone */
}

/* Which of the job's recipients RCPT is, or is a part of. */
static size_t recipient_index(const struct delivery_job *job, const struct recipient *rcpt,
                              bool *ret_is_part)
{
    *ret_is_part = !(rcpt >= job->recipients && rcpt < job->recipients + job->recipient_count);
    if (!*ret_is_part)
        return (size_t)(rcpt - job->recipients);
    for (size_t i = 0; i < job->recipient_count; i++)
        if (job->recipients[i].offset == rcpt->offset)
            return i;
    log_panic("%s: recipient %s is not of this job", job->log.queue_id, rcpt->address);
}

static struct delivery_verdict *verdict_new(struct delivery_job *job, enum verdict_kind kind,
                                            const struct recipient *rcpt)
{
    struct delivery_verdict *v = arena_zalloc(job->arena, sizeof *v);
    v->job = job;
    v->kind = kind;
    v->index = recipient_index(job, rcpt, &v->is_part);
    v->done_us = delivery_wall_us();
    v->rcpt = *rcpt;
    if (v->is_part) { /* the program's copy may be gone when the answer comes */
        v->rcpt.address = arena_strdup(job->arena, rcpt->address);
        v->rcpt.orig_address = arena_strdup(job->arena, rcpt->orig_address);
        v->rcpt.dsn_orcpt = arena_strdup(job->arena, rcpt->dsn_orcpt);
    } else if (job->state->is_settled[v->index]) {
        log_panic("%s: recipient %s is settled twice", job->log.queue_id, rcpt->address);
    } else {
        job->state->is_settled[v->index] = true;
    }
    *job->state->last = v;
    job->state->last = &v->next;
    return v;
}

static void settle(struct delivery_job *job, enum verdict_kind kind, const char *status,
                   const struct recipient *rcpt, const struct delivery_outcome *o)
{
    struct delivery_verdict *v = verdict_new(job, kind, rcpt);
    v->status = status;
    v->outcome = outcome_copy(job, o);
    verdict_name(v);
    settle_run(job);
}

void delivery_sent(struct delivery_job *job, struct recipient *rcpt,
                   const struct delivery_outcome *o)
{
    struct delivery_outcome filtered = *o;
    delivery_filter_apply(job, &filtered.dsn, &filtered.text);
    settle(job, VERDICT_SENT, NULL, rcpt, &filtered);
}

static void settle_failure(struct delivery_job *job, char class, const struct recipient *rcpt,
                           const struct delivery_outcome *o)
{
    struct delivery_outcome filtered = *o;
    filtered.dsn = dsn_of_class(job, copy_or_empty(job, o->dsn), class);
    delivery_filter_apply(job, &filtered.dsn, &filtered.text);
    bool is_hard = filtered.dsn[0] == '5';
    if (is_hard && common_params.soft_bounce && !is_trace_only(job))
        settle(job, VERDICT_DEFERRED, "SOFTBOUNCE", rcpt, &filtered);
    else if (is_hard || job->request.flags & DELIVERY_BOUNCE_HARD)
        settle(job, VERDICT_BOUNCED, NULL, rcpt, &filtered);
    else
        settle(job, VERDICT_DEFERRED, NULL, rcpt, &filtered);
}

void delivery_bounced(struct delivery_job *job, struct recipient *rcpt,
                      const struct delivery_outcome *o)
{
    settle_failure(job, '5', rcpt, o);
}

void delivery_deferred(struct delivery_job *job, struct recipient *rcpt,
                       const struct delivery_outcome *o)
{
    settle_failure(job, '4', rcpt, o);
}

void delivery_settled_by_parts(struct delivery_job *job, struct recipient *rcpt)
{
    verdict_new(job, VERDICT_PARTS, rcpt);
    settle_run(job);
}

void delivery_destination_failed(struct delivery_job *job, const struct delivery_outcome *o)
{
    struct delivery_outcome copy = outcome_copy(job, o);
    struct delivery_report *report = &job->state->report;
    report->dsn = dsn_of_class(job, copy.dsn, '4');
    report->reason = copy.text;
    report->diag_type = copy.diag_type;
    report->diag_text = copy.diag_text;
    report->mta_name = copy.mta_name;
}

void delivery_expanded(struct delivery_job *job, struct recipient *rcpt, const char *relay,
                       bool is_list)
{
    if (!(rcpt->dsn_notify & DSN_NOTIFY_SUCCESS) || is_trace_only(job))
        return;
    const struct delivery_outcome o = {.dsn = "2.0.0",
                                       .relay = relay,
                                       .text = "alias expanded",
                                       .action = is_list ? "delivered" : "expanded"};
    struct recipient part = *rcpt; /* not settled by this */
    struct delivery_verdict *v = verdict_new(job, VERDICT_EXPANDED, &part);
    v->outcome = outcome_copy(job, &o);
    rcpt->dsn_notify = rcpt->dsn_notify == DSN_NOTIFY_SUCCESS
                           ? DSN_NOTIFY_NEVER
                           : rcpt->dsn_notify & ~DSN_NOTIFY_SUCCESS;
    settle_run(job);
}

void delivery_settle_finish(struct delivery_job *job)
{
    static const struct delivery_outcome forgotten = {
        .dsn = "4.3.0", .relay = "none", .text = "delivery program gave no outcome"};
    for (size_t i = 0; i < job->recipient_count; i++)
        if (!job->state->is_settled[i])
            settle(job, VERDICT_DEFERRED, NULL, &job->recipients[i], &forgotten);
    job->state->is_done = true;
    settle_run(job);
}
