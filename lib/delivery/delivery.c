/*
 * Connections from qmgr and the jobs that come over them.
 *
 * One order at a time on a connection. A job begins outside the event loop (loop_later), so that
 * programs that block may run the loop themselves; it ends with one report. When qmgr goes away in
 * the middle, the job is finished and its recipients are marked: the next qmgr finds the file
 * locked until then.
 */
#include "delivery/delivery_flush.h"
#include "delivery/delivery_internal.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An order older than this may come from a qmgr that is gone; a successor needs longer to reach the
 * file. */
enum { ORDER_FRESH_US = 20 * 1000 };

struct connection {
    struct connection *next, **link;
    struct chan *chan;        /* NULL: closed by qmgr while a job runs */
    struct delivery_job *job; /* NULL: idle */
    struct later start;
    uint32_t slot; /* number of the log tag */
};

static const struct delivery_program *program;
static struct service service;
static struct connection *connections;
static bool *slots;
static uint32_t slot_count;

struct loop *delivery_loop(void)
{
    return service_loop();
}

static uint32_t slot_take(void)
{
    for (uint32_t i = 0; i < slot_count; i++)
        if (!slots[i]) {
            slots[i] = true;
            return i;
        }
    slots = xrealloc_array(slots, slot_count + 1, sizeof *slots);
    slots[slot_count] = true;
    return slot_count++;
}

static void connection_free(struct connection *c)
{
    chan_free(c->chan);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    slots[c->slot] = false;
    free(c);
    service_client_done();
    if (program->on_idle)
        program->on_idle();
}

/* Jobs */

static void job_free(struct delivery_job *job)
{
    delivery_settle_free(job);
    if (job->fd >= 0)
        close(job->fd); /* and unlocks */
    arena_free(job->arena);
}

static void job_report(struct delivery_job *job, int64_t status)
{
    struct connection *c = job->state->connection;
    c->job = NULL;
    if (c->chan) {
        job->state->report.status = status;
        /* Dies before the report leaves: what is marked stays done, qmgr defers the rest. */
        chan_send(c->chan, DELIVERY_REPORT, &delivery_report_type, &job->state->report);
    }
    job_free(job);
    if (c->chan && !service_is_retiring())
        return;
    if (c->chan)
        stream_flush(chan_stream(c->chan));
    connection_free(c);
}

static void job_on_settled(struct delivery_job *job)
{
    const struct delivery_job_state *state = job->state;
    int64_t status = state->is_left ? DELIVERY_REPORT_LEFT : 0;
    if (state->has_log[BOUNCE_SERVICE])
        status |= DELIVERY_REPORT_BOUNCED;
    if (state->has_log[TRACE_SERVICE])
        status |= DELIVERY_REPORT_TRACED;
    job_report(job, status);
}

void delivery_job_done(struct delivery_job *job)
{
    delivery_settle_finish(job);
}

/* Orders come from qmgr alone, but paths are made from them. */
static bool job_check(const struct delivery_job *job, struct err *err)
{
    const struct delivery_request *request = &job->request;
    if (!queue_id_is_valid(slice_of(request->queue_id)))
        return err_set(err, ERR_TEMP, "bad queue id");
    if (!queue_name_is_valid(request->queue_name))
        return err_set(err, ERR_TEMP, "bad queue name");
    if (request->envelopes_count != 1 || request->envelopes[0].recipients_count == 0)
        return err_set(err, ERR_TEMP, "order without recipients");
    return true;
}

static struct delivery_job *job_new(struct connection *c, struct slice body, struct err *err)
{
    struct arena *arena = arena_new("delivery_job");
    struct delivery_job *job = arena_zalloc(arena, sizeof *job);
    job->arena = arena;
    job->fd = -1;
    job->state = arena_zalloc(arena, sizeof *job->state);
    if (!msg_decode(&delivery_request_type, body, arena, &job->request, err) ||
        !job_check(job, err)) {
        arena_free(arena);
        return NULL;
    }
    job->envelope = job->request.envelopes;
    job->recipients = job->envelope->recipients;
    job->recipient_count = job->envelope->recipients_count;
    job->log.session = c->slot;
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_INIT(sizeof job->log.queue_id - 1);
    strbuf_add_str(&id, job->request.queue_id);
    memcpy(job->log.queue_id, id.s, id.len + 1);
    job->state->connection = c;
    job->state->on_settled = job_on_settled;
    delivery_settle_init(job);
    return job;
}

/* Did qmgr go away while the order waited? Its successor will give the order again, so it must not
 * be carried out twice. Once the file is locked the successor leaves the message alone. */
static bool order_is_stale(const struct connection *c, const struct delivery_job *job)
{
    if (!c->chan)
        return true;
    if (delivery_wall_us() - job->request.sent_at_us < ORDER_FRESH_US)
        return false;
    char byte;
    int fd = stream_fd(chan_stream(c->chan));
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Open and lock the queue file. False: nothing is delivered now and qmgr decides what becomes of
 * it: a file that is gone (postsuper -d) is dropped there, a locked one is tried later. */
static bool job_open(struct delivery_job *job)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, job->request.queue_name, job->request.queue_id);
    job->fd = open(path.s, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (job->fd < 0) {
        log_warn(&job->log, "open %s: %s", path.s, strerror(errno));
        return false;
    }
    if (!fd_lock(job->fd, false, false)) {
        log_info(&job->log, "queue file is locked, delivery is tried later");
        return false;
    }
    return true;
}

static void connection_start(void *owner)
{
    struct connection *c = owner;
    struct delivery_job *job = c->job;
    if (!job_open(job) || order_is_stale(c, job))
        job_report(job, DELIVERY_REPORT_LEFT);
    else
        program->on_job(job);
}

/* Connections */

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct connection *c = owner;
    struct err err = ERR_INIT;
    /* The connection, which is idle, closes with the others; qmgr gives the order to a process that
     * has the new table. Nothing was done yet. */
    if (!c->job && service_retire_if_stale())
        return;
    if (kind != DELIVERY_REQUEST)
        err_set(&err, ERR_TEMP, "unexpected message of kind %u", (unsigned)kind);
    else if (c->job)
        err_set(&err, ERR_TEMP, "an order before the report on the last one");
    else
        c->job = job_new(c, body, &err);
    if (err.kind == ERR_NONE) {
        loop_later(service_loop(), &c->start);
        return;
    }
    log_warn(NULL, "order from %s: %s", common_params.queue_service_name, err.reason);
    if (!c->job) {
        connection_free(c);
        return;
    }
    chan_free(c->chan); /* the running job goes on */
    c->chan = NULL;
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    struct connection *c = owner;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "connection from %s: %s", common_params.queue_service_name, err->reason);
    if (!c->job) {
        connection_free(c);
        return;
    }
    chan_free(c->chan);
    c->chan = NULL;
}

static const struct chan_events chan_events = {on_message, on_closed, NULL};

static void on_connect(int fd)
{
    struct connection *c = xzalloc(sizeof *c);
    c->slot = slot_take();
    c->start = (struct later){.fn = connection_start, .owner = c};
    c->next = connections;
    c->link = &connections;
    if (c->next)
        c->next->link = &c->next;
    connections = c;
    c->chan = chan_new(service_loop(), fd, &chan_events, c);
}

static void before_jail(struct config *cfg)
{
    delivery_filter_open(cfg, program->service.name);
    delivery_flush_open_list();
    if (program->service.before_jail)
        program->service.before_jail(cfg);
}

static bool has_stale_tables(void)
{
    return delivery_filter_is_stale() || delivery_flush_is_stale() ||
           (program->service.has_stale_tables && program->service.has_stale_tables());
}

static void after_jail(struct config *cfg)
{
    delivery_services_open(service_loop());
    delivery_flush_open(service_loop());
    if (program->service.after_jail)
        program->service.after_jail(cfg);
}

/* Idle connections close at once: an order that crosses with that is not lost, qmgr gives it again
 * over a new connection. Running jobs report first. */
static bool on_retire(void)
{
    for (struct connection *c = connections, *next; c; c = next) {
        next = c->next;
        if (!c->job)
            connection_free(c);
    }
    return program->service.on_retire ? program->service.on_retire() : false;
}

int delivery_main(const struct delivery_program *what, int argc, char **argv)
{
    program = what;
    service = what->service;
    service.model = what->is_event_driven ? SERVICE_MANY_CLIENTS : SERVICE_ONE_CLIENT;
    service.needs |= CONFINE_WRITES_QUEUE; /* a recipient is marked as done in the queue file */
    service.takes_arguments = true;        /* the program judges them */
    service.on_connect = on_connect;
    service.before_jail = before_jail;
    service.after_jail = after_jail;
    service.has_stale_tables = has_stale_tables;
    service.on_retire = on_retire;
    return service_main(&service, argc, argv);
}
