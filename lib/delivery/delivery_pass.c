#include "delivery/delivery_pass.h"

#include "delivery/delivery_internal.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/chan.h"

#include <string.h>

static bool ask(const char *path, const struct delivery_request *request, int64_t timeout_ms,
                struct arena *arena, struct delivery_report *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    uint16_t kind;
    struct slice body;
    CLEANUP(fd_done) int fd = sock_connect_unix(path, timeout_ms, err);
    if (fd < 0 ||
        !chan_send_blocking(fd, DELIVERY_REQUEST, &delivery_request_type, request, timeout_ms,
                            err) ||
        !chan_recv_blocking(fd, timeout_ms, &in, &kind, &body, err))
        return false;
    if (kind != DELIVERY_REPORT)
        return err_set(err, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    return msg_decode(&delivery_report_type, body, arena, ret, err);
}

static size_t index_of(const struct delivery_job *job, const struct recipient *rcpt)
{
    size_t i = 0;
    while (i + 1 < job->recipient_count && job->recipients[i].offset != rcpt->offset)
        i++;
    return i;
}

static void note_report(struct delivery_job_state *state, const struct delivery_report *report)
{
    if (report->status & DELIVERY_REPORT_LEFT)
        state->is_left = true;
    if (report->status & DELIVERY_REPORT_BOUNCED)
        state->has_log[BOUNCE_SERVICE] = true;
    if (report->status & DELIVERY_REPORT_TRACED)
        state->has_log[TRACE_SERVICE] = true;
}

bool delivery_pass(struct delivery_job *job, struct recipient *rcpt, const char *transport,
                   const char *nexthop, int64_t timeout_ms, struct err *err)
{
    bool is_part = !(rcpt >= job->recipients && rcpt < job->recipients + job->recipient_count);
    struct recipient one = *rcpt;
    struct envelope envelope = *job->envelope;
    struct delivery_request request = job->request;
    struct delivery_report report;
    if (is_part)
        one.offset = 0;
    envelope.recipients = &one;
    envelope.recipients_count = 1;
    request.transport = transport;
    request.nexthop = nexthop;
    request.envelopes = &envelope;
    request.sent_at_us = delivery_wall_us();
    const char *path = arena_printf(job->arena, "private/%s", transport);
    /* Dies here: the other program finishes and marks; a part is delivered again. */
    if (!ask(path, &request, timeout_ms, job->arena, &report, err))
        return err_prefix(err, path);
    struct delivery_job_state *state = job->state;
    size_t i = index_of(job, rcpt);
    if (!is_part)
        state->is_settled[i] = true;
    if (report.status & DELIVERY_REPORT_LEFT)
        state->has_left_part[i] = true;
    note_report(state, &report);
    return true;
}

struct delivery_passing {
    struct delivery_job *job;
    struct call *call;
    delivery_pass_fn fn;
    void *owner;
};

static void on_report(void *owner, uint16_t kind, struct slice body, const struct err *call_err)
{
    struct delivery_passing *p = owner;
    struct delivery_job *job = p->job;
    struct delivery_report report;
    struct err err = *call_err;
    p->call = NULL;
    if (body.s && kind != DELIVERY_REPORT)
        err_set(&err, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    else if (body.s && msg_decode(&delivery_report_type, body, job->arena, &report, &err)) {
        for (size_t i = 0; i < job->recipient_count; i++)
            job->state->is_settled[i] = true;
        note_report(job->state, &report);
    }
    p->fn(p->owner, &err);
}

struct delivery_passing *delivery_pass_start(struct delivery_job *job, struct client *client,
                                             const char *transport, const char *nexthop,
                                             delivery_pass_fn fn, void *owner)
{
    struct delivery_passing *p = arena_zalloc(job->arena, sizeof *p);
    struct envelope envelope = *job->envelope;
    struct delivery_request request = job->request;
    *p = (struct delivery_passing){.job = job, .fn = fn, .owner = owner};
    envelope.recipients =
        arena_alloc(job->arena, job->recipient_count * sizeof *envelope.recipients);
    envelope.recipients_count = 0;
    for (size_t i = 0; i < job->recipient_count; i++)
        if (!job->state->is_settled[i])
            envelope.recipients[envelope.recipients_count++] = job->recipients[i];
    request.transport = transport;
    request.nexthop = nexthop;
    request.envelopes = &envelope;
    request.sent_at_us = delivery_wall_us();
    /* Dies here: the other program finishes and marks what it was given. */
    p->call = client_call(client, DELIVERY_REQUEST, &delivery_request_type, &request, on_report, p);
    return p;
}

void delivery_pass_cancel(struct delivery_passing *passing)
{
    if (passing)
        call_cancel(passing->call);
}
