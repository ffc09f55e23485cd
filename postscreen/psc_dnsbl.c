#include "postscreen/psc_dnsbl.h"

#include "base/xmem.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/dnsblog_msg.h"

#include <stdlib.h>
#include <uthash.h>

struct question {
    int64_t id;
    size_t site;
    struct psc_dnsbl_query *query;
    bool was_repeated;
    UT_hash_handle hh;
};

struct psc_dnsbl {
    struct loop *loop;
    const char *path;
    const struct psc_sites *sites;
    int64_t timeout_ms, last_id;
    struct chan *chan; /* NULL: not connected */
    struct question *pending;
};

struct psc_dnsbl_query {
    struct psc_dnsbl *dnsbl;
    struct question *questions; /* one a site */
    size_t left;
    struct psc_dnsbl_result result;
    int64_t best_score;
    struct timer *timer;
    void (*fn)(void *owner);
    void *owner;
    char address[64];
};

static bool send_question(struct psc_dnsbl *d, const struct question *q)
{
    if (!d->chan)
        return false;
    const struct dnsblog_ask ask = {
        .id = q->id, .domain = psc_sites_domain(d->sites, q->site), .address = q->query->address};
    chan_send(d->chan, DNSBLOG_ASK, &dnsblog_ask_type, &ask);
    return true;
}

/* That was the last one: the owner may forget the query now. */
static void settle(struct psc_dnsbl_query *query)
{
    timer_stop(query->timer);
    query->fn(query->owner);
}

static void question_done(struct psc_dnsbl *d, struct question *q)
{
    HASH_DEL(d->pending, q);
    q->id = 0;
    q->query->left--;
}

static void take_answer(struct psc_dnsbl *d, const struct dnsblog_answer *answer)
{
    struct question *q;
    HASH_FIND(hh, d->pending, &answer->id, sizeof answer->id, q);
    if (!q)
        return; /* of a client that has gone since */
    struct psc_dnsbl_query *query = q->query;
    struct psc_dnsbl_result *result = &query->result;
    int64_t score = psc_sites_score(d->sites, q->site, slice_of(answer->addresses));
    result->score += score;
    if (score > query->best_score) {
        query->best_score = score;
        result->domain = psc_sites_domain(d->sites, q->site);
    }
    if (answer->ttl >= 0 && (result->ttl < 0 || answer->ttl < result->ttl))
        result->ttl = answer->ttl;
    question_done(d, q);
    if (query->left == 0)
        settle(query);
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("psc_dnsbl");
    struct dnsblog_answer answer;
    struct err err = ERR_INIT;
    if (kind == DNSBLOG_ANSWER && msg_decode(&dnsblog_answer_type, body, arena, &answer, &err))
        take_answer(owner, &answer);
    else
        log_warn(NULL, "dnsblog: unexpected answer: %s", err.reason);
}

static bool is_connected(struct psc_dnsbl *d);

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    struct psc_dnsbl *d = owner;
    struct question *q, *next;
    chan_free(chan);
    d->chan = NULL;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "%s: %s", d->path, err->reason);
    HASH_ITER (hh, d->pending, q, next) {
        if (!q->was_repeated && is_connected(d) && send_question(d, q)) {
            q->was_repeated = true;
            continue;
        }
        struct psc_dnsbl_query *query = q->query;
        question_done(d, q);
        if (query->left == 0)
            timer_start(query->timer, 0); /* settled from there: NEXT stays valid */
    }
}

static bool is_connected(struct psc_dnsbl *d)
{
    static const struct chan_events events = {.on_message = on_message, .on_closed = on_closed};
    struct err err = ERR_INIT;
    if (d->chan)
        return true;
    int fd = sock_connect_unix_start(d->path, &err);
    if (fd < 0) {
        log_warn(NULL, "dnsblog: %s", err.reason);
        return false;
    }
    d->chan = chan_new(d->loop, fd, &events, d);
    return true;
}

struct psc_dnsbl *psc_dnsbl_new(struct loop *loop, const char *path, const struct psc_sites *sites,
                                int64_t timeout_ms)
{
    struct psc_dnsbl *d = xzalloc(sizeof *d);
    *d = (struct psc_dnsbl){.loop = loop, .path = path, .sites = sites, .timeout_ms = timeout_ms};
    return d;
}

void psc_dnsbl_free(struct psc_dnsbl *d)
{
    if (!d)
        return;
    chan_free(d->chan);
    free(d);
}

/* Too late for what is missing. */
static void on_timeout(void *owner)
{
    struct psc_dnsbl_query *query = owner;
    for (size_t i = 0; query->left > 0; i++)
        if (query->questions[i].id != 0)
            question_done(query->dnsbl, &query->questions[i]);
    settle(query);
}

struct psc_dnsbl_query *psc_dnsbl_ask(struct psc_dnsbl *d, const char *address,
                                      void (*fn)(void *owner), void *owner)
{
    struct psc_dnsbl_query *query = xzalloc(sizeof *query);
    size_t count = psc_sites_count(d->sites);
    *query = (struct psc_dnsbl_query){.dnsbl = d, .fn = fn, .owner = owner, .result.ttl = -1};
    snprintf(query->address, sizeof query->address, "%s", address);
    query->timer = timer_new(d->loop, on_timeout, query);
    query->questions = xrealloc_array(NULL, count, sizeof *query->questions);
    bool connected = is_connected(d);
    for (size_t i = 0; i < count; i++) {
        struct question *q = &query->questions[i];
        *q = (struct question){.id = ++d->last_id, .site = i, .query = query};
        if (!connected || !send_question(d, q)) {
            q->id = 0;
            continue;
        }
        HASH_ADD(hh, d->pending, id, sizeof q->id, q);
        query->left++;
    }
    timer_start(query->timer, query->left > 0 ? d->timeout_ms : 0);
    return query;
}

struct psc_dnsbl_result psc_dnsbl_result(const struct psc_dnsbl_query *query)
{
    return query->result;
}

void psc_dnsbl_forget(struct psc_dnsbl_query *query)
{
    if (!query)
        return;
    for (size_t i = 0; query->left > 0; i++)
        if (query->questions[i].id != 0)
            question_done(query->dnsbl, &query->questions[i]);
    timer_free(query->timer);
    free(query->questions);
    free(query);
}
