/*
 * Which entry of a transport goes next, and how small mail slips past bulk mail.
 *
 * Jobs are served in the order they came. Every slot_cost entries of a job earn it one free
 * delivery slot; a smaller job that needs no more slots than that may go first ("preempts" it). The
 * candidate is the job with the most waiting time for each of its entries; a part of the slots is
 * lent in advance.
 */
#include "base/clock.h"
#include "base/xmem.h"
#include "qmgr/qmgr.h"

/* How long a candidate is good, and how many jobs are looked at to find one: bounds the cost when
 * tens of thousands of messages wait. */
enum { CANDIDATE_MS = 1000, CANDIDATE_LOOK = 1000 };

static void rank_last(struct qmgr_job *job)
{
    struct qmgr_transport *t = job->transport;
    job->rank = t->jobs ? t->jobs->prev->rank + 1 : 0;
    DL_APPEND(t->jobs, job);
}

struct qmgr_job *qmgr_job_get(struct qmgr_message *m, struct qmgr_transport *t)
{
    struct qmgr_job *job;
    DL_FOREACH2(m->jobs, job, message_next)
    {
        if (job->transport == t)
            return job;
    }
    job = xzalloc(sizeof *job);
    job->message = m;
    job->transport = t;
    job->enqueued_ms = clock_now_ms();
    DL_APPEND2(m->jobs, job, message_prev, message_next);
    rank_last(job);
    return job;
}

void qmgr_job_drop_if_unused(struct qmgr_job *job)
{
    if (job->todo > 0)
        return;
    if (job->transport->candidate == job)
        job->transport->candidate = NULL;
    DL_DELETE(job->transport->jobs, job);
    DL_DELETE2(job->message->jobs, job, message_prev, message_next);
    free(job);
}

/* Ranks have come too close for a number between them. Happens after some fifty preemptions in one
 * place. */
static void renumber(struct qmgr_transport *t)
{
    struct qmgr_job *job;
    double rank = 0;
    DL_FOREACH (t->jobs, job)
        job->rank = rank++; /* the order of jobs, peers and heap is the same as before */
}

/* Move JOB in front of BEFORE. */
static void move_before(struct qmgr_job *job, struct qmgr_job *before)
{
    struct qmgr_transport *t = job->transport;
    DL_DELETE(t->jobs, job);
    DL_PREPEND_ELEM(t->jobs, before, job);
    double low = job == t->jobs ? before->rank - 2 : job->prev->rank;
    job->rank = (low + before->rank) / 2;
    if (!(low < job->rank && job->rank < before->rank))
        renumber(t);
    struct qmgr_peer *peer, *next;
    DL_FOREACH_SAFE2(job->peers, peer, next, job_next)
    qmgr_peer_reorder(peer);
}

static bool job_is_ready(const struct qmgr_job *job)
{
    const struct qmgr_peer *peer;
    DL_FOREACH2(job->peers, peer, job_next)
    {
        if (peer->queue->heap_at)
            return true;
    }
    return false;
}

/* The slots CURRENT has earned, and the most it can earn until its end. */
static void count_slots(const struct qmgr_job *current, int64_t *ret_earned, int64_t *ret_at_most)
{
    int64_t cost = current->transport->limits.slot_cost;
    *ret_earned = (int64_t)current->selected / cost - current->lent;
    *ret_at_most = ((int64_t)current->selected + current->todo) / cost - current->lent;
}

static struct qmgr_job *find_candidate(const struct qmgr_transport *t,
                                       const struct qmgr_job *current, int64_t at_most)
{
    int64_t now = clock_now_ms();
    struct qmgr_job *job, *best = NULL;
    double best_score = -1;
    int looked = 0;
    DL_FOREACH (t->jobs, job) {
        if (++looked > CANDIDATE_LOOK)
            break;
        /* with recipients unread its size is not known */
        if (job == current || job->message->next_offset || job->todo > at_most ||
            !job_is_ready(job))
            continue;
        double score = (double)(now - job->enqueued_ms + 1) / job->todo;
        if (score > best_score) {
            best_score = score;
            best = job;
        }
    }
    return best;
}

static struct qmgr_job *get_candidate(struct qmgr_transport *t, const struct qmgr_job *current,
                                      int64_t at_most)
{
    int64_t now = clock_now_ms();
    struct qmgr_job *known = t->candidate;
    if (known && known != current && known->todo <= at_most && job_is_ready(known) &&
        now - t->candidate_ms < CANDIDATE_MS)
        return known;
    if (!known && now == t->candidate_ms) /* looked for in vain just now */
        return NULL;
    t->candidate = find_candidate(t, current, at_most);
    t->candidate_ms = now;
    return t->candidate;
}

/* Let a smaller job go in front of the one whose turn it is. */
static void preempt(struct qmgr_transport *t, struct qmgr_job *current)
{
    const struct qmgr_transport_limits *limits = &t->limits;
    if (limits->slot_cost < 2 || !current->next)
        return;
    int64_t earned, at_most;
    count_slots(current, &earned, &at_most);
    if (at_most < limits->minimum_slots)
        return;
    struct qmgr_job *candidate = get_candidate(t, current, at_most);
    if (!candidate || candidate->rank < current->rank)
        return;
    int64_t needed = candidate->todo * (100 - limits->slot_discount) / 100 - limits->slot_loan;
    if (earned < needed)
        return;
    current->lent += candidate->todo;
    candidate->has_preempted = true;
    t->candidate = NULL;
    t->candidate_ms = 0;
    move_before(candidate, current);
}

struct qmgr_entry *qmgr_job_select(struct qmgr_transport *t)
{
    if (!qmgr_share_find_ready(t))
        return NULL;
    preempt(t, t->heap[0]->peers->job);
    if (!qmgr_share_find_ready(t))
        return NULL;
    struct qmgr_queue *q = t->heap[0];
    struct qmgr_entry *e = q->peers->entries;
    e->peer->job->selected++;
    q->served = ++t->served;
    q->busy++;
    t->busy++;
    qmgr_entry_unlink(e);
    return e;
}
