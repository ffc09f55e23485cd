#include "cleanup/cleanup_bounce.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "ipc/client.h"
#include "mail/bounce_msg.h"
#include "mail/queue_file.h"
#include "delivery/delivery_log.h"

static struct loop *bounce_loop;
static struct client *bounce_client, *trace_client;

/* One report being asked for: a status per recipient, then the order to send it. */
struct report {
    struct cleanup_message *m;
    struct client *client;
    struct recipient *recipients;
    size_t count, next;
    bool is_flushed, ok;
    struct delivery_status status;
    struct later later;
    cleanup_bounce_fn done;
    void *arg;
};

static struct client *open_client(const char *service)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(1024);
    strbuf_addf(&path, "private/%s", service);
    struct client_options options = {.path = path.s,
                                     .timeout_ms = common_params.ipc_timeout * 1000,
                                     .max_idle = 4,
                                     .max_idle_ms = common_params.ipc_idle * 1000,
                                     .max_age_ms = common_params.ipc_ttl * 1000,
                                     .no_retry = true};
    return client_new(bounce_loop, &options);
}

void cleanup_bounce_start(struct loop *loop)
{
    bounce_loop = loop;
    bounce_client = open_client(common_params.bounce_service_name);
    trace_client = open_client(common_params.trace_service_name);
}

void cleanup_bounce_stop(void)
{
    client_free(bounce_client);
    client_free(trace_client);
    bounce_client = trace_client = NULL;
}

static void report_end(void *owner)
{
    struct report *report = owner;
    cleanup_bounce_fn done = report->done;
    void *arg = report->arg;
    bool ok = report->ok;
    free(report);
    done(arg, ok);
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err);

static void report_step(struct report *report)
{
    struct cleanup_message *m = report->m;
    if (report->next < report->count) {
        struct bounce_append append = {.queue_id = m->id,
                                       .recipients = &report->recipients[report->next++],
                                       .recipients_count = 1,
                                       .statuses = &report->status,
                                       .statuses_count = 1};
        client_call(report->client, BOUNCE_APPEND, &bounce_append_type, &append, on_answer, report);
    } else if (!report->is_flushed) {
        report->is_flushed = true;
        struct bounce_flush flush = {.queue_name = m->queue,
                                     .queue_id = m->id,
                                     .encoding = m->env.encoding,
                                     .smtputf8 = m->env.smtputf8,
                                     .sender = m->env.sender,
                                     .dsn_envid = m->env.dsn_envid,
                                     .dsn_ret = m->env.dsn_ret,
                                     .verp = m->env.verp};
        client_call(report->client, BOUNCE_FLUSH, &bounce_flush_type, &flush, on_answer, report);
    } else {
        report->ok = true;
        report_end(report);
    }
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct report *report = owner;
    struct bounce_status status;
    struct err bad = ERR_INIT;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("bounce answer");
    if (!body.s)
        cleanup_message_warn(report->m, "%s", err->reason);
    else if (kind != BOUNCE_STATUS || !msg_decode(&bounce_status_type, body, arena, &status, &bad))
        cleanup_message_warn(report->m, "bad answer from the bounce service: %s", bad.reason);
    else if (!status.ok)
        cleanup_message_warn(report->m, "bounce service: %s", status.reason);
    else {
        report_step(report);
        return;
    }
    report_end(report);
}

static struct report *report_new(struct cleanup_message *m, struct client *client,
                                 cleanup_bounce_fn done, void *arg)
{
    struct report *report = xzalloc(sizeof *report);
    report->m = m;
    report->client = client;
    report->done = done;
    report->arg = arg;
    report->later = (struct later){.fn = report_end, .owner = report};
    return report;
}

/* Seconds as log lines have them: two significant digits, no more than two after the point. */
static void format_delay(const struct cleanup_message *m, char *out, size_t size)
{
    struct timeval now;
    clock_wall(&now);
    double delay =
        (double)(now.tv_sec - m->env.arrival_s) + (double)(now.tv_usec - m->env.arrival_us) / 1e6;
    if (delay < 0.005)
        snprintf(out, size, "0");
    else if (delay < 0.095)
        snprintf(out, size, "%.2f", delay);
    else
        snprintf(out, size, delay < 10 ? "%.2g" : "%.0f", delay);
}

/* "5.7.1 text" in two; the words for SMTP clients are the defaults. */
static void split_reason(struct cleanup_message *m, struct delivery_status *status)
{
    int code;
    const char *reason = m->reason;
    struct slice dsn, text;
    if (!reason)
        cleanup_status_text(m->status, &code, &reason);
    slice_split(slice_of(reason), ' ', &dsn, &text);
    if (slice_starts(text, "Error: "))
        text = slice_from(text, strlen("Error: "));
    status->reason = arena_slice_dup(m->arena, text);
    /* it will not be tried again, whatever the administrator's code says */
    status->dsn = arena_printf(m->arena, "5%.*s", SLICE_ARG(slice_from(dsn, 1)));
}

void cleanup_bounce(struct cleanup_message *m, cleanup_bounce_fn done, void *arg)
{
    struct report *report = report_new(m, bounce_client, done, arg);
    struct envelope_read how = {0};
    struct envelope env;
    struct err err = ERR_INIT;
    if (!queue_file_read_envelope(m->fd, m->arena, &how, &env, &err)) {
        cleanup_message_warn(m, "read back queue file: %s", err.reason);
        loop_later(bounce_loop, &report->later);
        return;
    }
    split_reason(m, &report->status);
    report->status.action = "failed";
    report->recipients = env.recipients;
    report->count = env.recipients_count;
    for (size_t i = 0; i < env.recipients_count; i++) {
        const struct recipient *rcpt = &env.recipients[i];
        CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(8192);
        char delay[32];
        format_delay(m, delay, sizeof delay);
        strbuf_add_str(&line, "to=");
        delivery_log_address(rcpt->address, &line);
        if (rcpt->orig_address[0] &&
            !slice_eq_nocase(slice_of(rcpt->orig_address), rcpt->address)) {
            strbuf_add_str(&line, ", orig_to=");
            delivery_log_address(rcpt->orig_address, &line);
        }
        log_info(&m->log, "%s, relay=none, delay=%s, delays=%s/0/0/0, dsn=%s, status=bounced (%s)",
                 line.s, delay, delay, report->status.dsn, report->status.reason);
    }
    report_step(report);
}

void cleanup_bounce_trace(struct cleanup_message *m, cleanup_bounce_fn done, void *arg)
{
    struct report *report = report_new(m, trace_client, done, arg);
    report->status.dsn = "2.0.0";
    report->status.action = "expanded";
    report->status.reason = "alias expanded";
    report->recipients = m->expanded;
    report->count = m->expanded_count;
    report_step(report);
}
