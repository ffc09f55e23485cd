/* Messages in memory: their recipients, read in portions and grouped into entries. */
#include "qmgr/qmgr.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "delivery/delivery_log.h"
#include "io/fd.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "mail/record.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct qmgr_message *messages;
static size_t recipients_in_memory, probe_count;

struct qmgr_message *qmgr_message_find(const char *id)
{
    struct qmgr_message *m;
    HASH_FIND_STR(messages, id, m);
    return m;
}

size_t qmgr_message_count(void)
{
    return HASH_COUNT(messages);
}

size_t qmgr_message_probe_count(void)
{
    return probe_count;
}

struct qmgr_message *qmgr_message_new(const char *id, struct arena *arena, struct envelope *env)
{
    struct qmgr_message *m = arena_zalloc(arena, sizeof *m);
    m->arena = arena;
    m->id = arena_strdup(arena, id);
    m->env = env;
    m->active_us = delivery_wall_us();
    m->is_probe = (env->trace_flags & TRACE_MTA_PROBE) != 0;
    probe_count += m->is_probe;
    HASH_ADD_KEYPTR(hh, messages, m->id, strlen(m->id), m);
    return m;
}

void qmgr_message_free(struct qmgr_message *m)
{
    HASH_DEL(messages, m);
    probe_count -= m->is_probe;
    call_cancel(m->call);
    arena_free(m->arena); /* M lives in it */
}

void qmgr_message_tag(const char *id, struct log_tag *ret)
{
    *ret = (struct log_tag){.session = 0};
    size_t len = MIN(strlen(id), sizeof ret->queue_id - 1);
    memcpy(ret->queue_id, id, len);
}

void qmgr_message_log(const struct qmgr_message *m, const char *what)
{
    struct log_tag tag;
    qmgr_message_tag(m->id, &tag);
    CLEANUP(strbuf_done) struct strbuf sender = STRBUF_INIT(64 * 1024);
    delivery_log_address(m->env->sender, &sender);
    log_info(&tag, "from=%s, %s", sender.s, what);
}

/* Assigning */

struct routed {
    struct recipient recipient;
    struct qmgr_queue *queue;
    size_t order;
};

/* By domain, then by the whole address: the order in which a host hears of recipients. */
static int compare_addresses(const char *a, const char *b)
{
    const char *a_at = strrchr(a, '@'), *b_at = strrchr(b, '@');
    int found = strcasecmp(a_at ? a_at : "", b_at ? b_at : "");
    return found != 0 ? found : strcmp(a, b);
}

static int compare_routed(const void *left, const void *right)
{
    const struct routed *a = left, *b = right;
    if (a->queue != b->queue)
        return (uintptr_t)a->queue < (uintptr_t)b->queue ? -1 : 1;
    int found = compare_addresses(a->recipient.address, b->recipient.address);
    if (found != 0)
        return found;
    return a->order < b->order ? -1 : 1;
}

/* Where each goes; queues are kept alive by counting as busy until the entries exist. */
static size_t route(struct qmgr_message *m, struct arena *arena, struct recipient *recipients,
                    size_t count, struct routed *out)
{
    size_t routed = 0;
    for (size_t i = 0; i < count; i++) {
        struct qmgr_queue *q = qmgr_resolve(m, &recipients[i], arena);
        if (!q)
            continue;
        q->busy++;
        out[routed] = (struct routed){recipients[i], q, routed};
        routed++;
    }
    qsort(out, routed, sizeof *out, compare_routed);
    return routed;
}

bool qmgr_message_is_verp(const struct qmgr_message *m)
{
    return strlen(m->env->verp) >= 2 && m->env->sender[0];
}

static void make_entries(struct qmgr_message *m, struct qmgr_batch *batch,
                         const struct routed *routed, struct recipient *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sorted[i] = routed[i].recipient;
    for (size_t from = 0, to; from < count; from = to) {
        struct qmgr_queue *q = routed[from].queue;
        int64_t limit = qmgr_message_is_verp(m) ? 1 : q->transport->limits.recipient_limit;
        for (to = from + 1; to < count && routed[to].queue == q; to++)
            if (limit > 0 && to - from >= (size_t)limit)
                break;
        q->busy -= (unsigned)(to - from);
        m->recipient_count += to - from;
        recipients_in_memory += to - from;
        qmgr_entry_new(m, q, batch, sorted + from, (uint32_t)(to - from));
    }
}

void qmgr_message_assign(struct qmgr_message *m, struct arena *batch_arena,
                         struct recipient *recipients, size_t count)
{
    struct arena *arena = batch_arena ? batch_arena : m->arena;
    if (m->env->redirect[0] != '\0') { /* everything goes to one address, once */
        count = MIN(count, (size_t)1);
        m->next_offset = 0;
    }
    struct qmgr_batch *batch = xzalloc(sizeof *batch);
    batch->arena = batch_arena;
    struct routed *routed = xrealloc_array(NULL, count + 1, sizeof *routed);
    struct recipient *sorted = arena_alloc(arena, (count + 1) * sizeof *sorted);
    size_t kept = route(m, arena, recipients, count, routed);
    make_entries(m, batch, routed, sorted, kept);
    free(routed);
    if (batch->entries == 0) {
        arena_free(batch_arena);
        free(batch);
    }
}

void qmgr_message_recipients_gone(size_t count)
{
    recipients_in_memory -= count;
}

/* Reading more */

size_t qmgr_message_first_limit(void)
{
    size_t limit = (size_t)qmgr_params.qmgr_message_recipient_limit;
    size_t room = limit > recipients_in_memory ? limit - recipients_in_memory : 0;
    return MAX(room, (size_t)qmgr_params.qmgr_message_recipient_minimum);
}

static int open_active(const char *id)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, QUEUE_ACTIVE, id);
    return open(path.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool qmgr_message_refill(struct qmgr_message *m, size_t room)
{
    CLEANUP(fd_done) int fd = open_active(m->id);
    struct arena *arena = arena_new("qmgr_batch");
    struct envelope_read how = {
        .recipient_limit = MAX(room, (size_t)qmgr_params.qmgr_message_recipient_minimum),
        .from_offset = m->next_offset,
    };
    struct envelope env;
    struct err err = ERR_INIT;
    m->last_refill_ms = clock_now_ms();
    if (fd < 0 || !queue_file_read_envelope(fd, arena, &how, &env, &err)) {
        struct log_tag tag;
        qmgr_message_tag(m->id, &tag);
        log_warn(&tag, "cannot read more recipients: %s", fd < 0 ? "open failed" : err.reason);
        arena_free(arena);
        return false;
    }
    m->next_offset = how.next_offset;
    qmgr_message_assign(m, arena, env.recipients, env.recipients_count);
    return true;
}

/* Called for the job that is being served: its message is worth the memory. */
void qmgr_message_consider_refill(struct qmgr_job *job)
{
    struct qmgr_message *m = job->message;
    const struct qmgr_transport *t = job->transport;
    if (m->next_offset == 0)
        return;
    int64_t limit = t->limits.recipients_in_memory;
    if (job->has_preempted)
        limit += t->limits.extra_recipients;
    int64_t room = limit - (int64_t)t->recipients_in_memory;
    bool is_due = clock_now_ms() - m->last_refill_ms >= t->limits.refill_delay_s * 1000;
    if (room <= 0 || (room < t->limits.refill_limit && !is_due))
        return;
    if (!qmgr_message_refill(m, (size_t)room)) {
        m->is_left = 1; /* the rest stays in the file for the next attempt */
        m->next_offset = 0;
    }
}

bool qmgr_message_skip_done(struct qmgr_entry *e)
{
    CLEANUP(fd_done) int fd = open_active(e->message->id);
    uint32_t kept = 0;
    if (fd < 0)
        return false;
    for (uint32_t i = 0; i < e->recipient_count; i++) {
        char type;
        if (pread(fd, &type, 1, (off_t)e->recipients[i].offset) != 1)
            return false;
        if (type == REC_RECIPIENT)
            e->recipients[kept++] = e->recipients[i];
    }
    uint32_t gone = e->recipient_count - kept;
    e->recipient_count = kept;
    e->message->recipient_count -= gone;
    e->queue->transport->recipients_in_memory -= gone;
    qmgr_message_recipients_gone(gone);
    return true;
}
