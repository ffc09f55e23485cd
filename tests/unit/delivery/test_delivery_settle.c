/* What follows from a recipient's outcome: questions, log line, mark, report. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "delivery/delivery_internal.h"
#include "mail/record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct strbuf seen = STRBUF_ANY;
static bool services_work, job_ended, job_left;
static struct {
    call_fn fn;
    void *owner;
} pending; /* answered by answer_all() */

static struct call *fake_ask(enum bounce_service service, const struct bounce_append *question,
                             call_fn fn, void *owner)
{
    static const char *const names[] = {"bounce", "defer", "trace"};
    assert_null(pending.fn); /* one question at a time */
    strbuf_addf(&seen, "%s %s %s %s|", names[service], question->recipients[0].address,
                question->statuses[0].dsn, question->statuses[0].action);
    pending.fn = fn;
    pending.owner = owner;
    return (struct call *)&pending;
}

static struct call *fake_tell(const struct verify_update *update, call_fn fn, void *owner)
{
    assert_null(pending.fn);
    strbuf_addf(&seen, "verify %s %lld %s|", update->address, (long long)update->result,
                update->text);
    pending.fn = fn;
    pending.owner = owner;
    return (struct call *)&pending;
}

static void answer_all(void)
{
    while (pending.fn) {
        CLEANUP(strbuf_done) struct strbuf body = STRBUF_ANY;
        struct bounce_status status = {services_work, "no"};
        msg_encode(&bounce_status_type, &status, &body);
        call_fn fn = pending.fn;
        pending.fn = NULL;
        fn(pending.owner, BOUNCE_STATUS, strbuf_slice(&body), NULL);
    }
}

static void keep_line(enum log_level level, const char *line)
{
    const char *status = strstr(line, "status=");
    if (level == LOG_LEVEL_INFO && status)
        strbuf_addf(&seen, "%s|", status);
}

static void on_settled(struct delivery_job *job)
{
    job_ended = true;
    job_left = job->state->is_left;
    for (size_t i = 0; i < job->recipient_count; i++) {
        char type;
        assert_int_equal(pread(job->fd, &type, 1, job->recipients[i].offset), 1);
        strbuf_add_char(&seen, type);
    }
    close(job->fd);
    arena_free(job->arena);
}

static struct delivery_job *job_new(int64_t flags, int64_t notify, size_t count)
{
    struct arena *arena = arena_new("test");
    struct delivery_job *job = arena_zalloc(arena, sizeof *job);
    CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY;
    char path[] = "/tmp/mta-settle-XXXXXX";
    job->arena = arena;
    job->fd = mkstemp(path);
    unlink(path);
    job->request.queue_id = "ID1";
    job->request.flags = flags;
    job->envelope = arena_zalloc(arena, sizeof *job->envelope);
    job->envelope->trace_flags = flags & TRACE_MTA_PROBE;
    job->recipients = arena_zalloc(arena, count * sizeof *job->recipients);
    job->recipient_count = count;
    record_add(&file, REC_SENDER, SLICE_EMPTY); /* no recipient stands at the beginning */
    for (size_t i = 0; i < count; i++) {
        job->recipients[i] = (struct recipient){.offset = (int64_t)file.len,
                                                .address = arena_printf(arena, "u%zu", i),
                                                .orig_address = "",
                                                .dsn_orcpt = "",
                                                .dsn_notify = notify};
        record_add(&file, REC_RECIPIENT, slice_of(job->recipients[i].address));
    }
    assert_int_equal(write(job->fd, file.s, file.len), (ssize_t)file.len);
    job->state = arena_zalloc(arena, sizeof *job->state);
    job->state->on_settled = on_settled;
    delivery_settle_init(job);
    job_ended = false;
    strbuf_reset(&seen);
    return job;
}

typedef void (*settle_fn)(struct delivery_job *, struct recipient *,
                          const struct delivery_outcome *);

static void outcomes(void **unused)
{
    (void)unused;
    enum {
        PROBE = DELIVERY_TRACE_ONLY,
        MTA = PROBE | TRACE_MTA_PROBE,
        RECORD = DELIVERY_TRACE_RECORD,
        CLEARED = DELIVERY_DELAY_CLEARED
    };
    static const struct {
        const char *name;
        settle_fn settle;
        const char *dsn;
        int64_t flags, notify;
        bool soft, works, left;
        const char *seen; /* questions, log line, type of the record afterwards */
    } rows[] = {
        {"sent", delivery_sent, "2.0.0", 0, 0, false, true, false, "status=sent (t)|D"},
        {"sent, notice", delivery_sent, "2.0.0", 0, DSN_NOTIFY_SUCCESS, false, true, false,
         "trace u0 2.0.0 delivered|status=sent (t)|D"},
        {"sent, notice fails", delivery_sent, "2.0.0", 0, DSN_NOTIFY_SUCCESS, false, false, false,
         "trace u0 2.0.0 delivered|status=sent (t)|D"},
        {"sent, recorded", delivery_sent, "2.0.0", RECORD, 0, false, true, false,
         "trace u0 2.0.0 delivered|status=sent (t)|D"},
        {"sent late", delivery_sent, "2.0.0", CLEARED, 0, false, true, false,
         "trace u0 2.0.0 delivered|status=sent (t)|D"},
        {"sent late, delay", delivery_sent, "2.0.0", CLEARED, DSN_NOTIFY_DELAY, false, true, false,
         "trace u0 2.0.0 delivered|status=sent (t)|D"},
        {"sent late, failure", delivery_sent, "2.0.0", CLEARED, DSN_NOTIFY_FAILURE, false, true,
         false, "status=sent (t)|D"},
        {"sent late, never", delivery_sent, "2.0.0", CLEARED, DSN_NOTIFY_NEVER, false, true, false,
         "status=sent (t)|D"},
        {"still deferred", delivery_deferred, "4.4.1", CLEARED, 0, false, true, true,
         "defer u0 4.4.1 delayed|status=deferred (t)|R"},
        {"bounced", delivery_bounced, "5.1.1", 0, 0, false, true, false,
         "bounce u0 5.1.1 failed|status=bounced (t)|D"},
        {"bounced, class corrected", delivery_bounced, "4.1.1", 0, 0, false, true, false,
         "bounce u0 5.1.1 failed|status=bounced (t)|D"},
        {"bounced, never", delivery_bounced, "5.1.1", 0, DSN_NOTIFY_NEVER, false, true, false,
         "bounce u0 5.1.1 failed|status=bounced (t)|D"},
        {"bounced, success only", delivery_bounced, "5.1.1", 0, DSN_NOTIFY_SUCCESS, false, true,
         false, "bounce u0 5.1.1 failed|status=bounced (t)|D"},
        {"bounced, failure", delivery_bounced, "5.1.1", 0, DSN_NOTIFY_FAILURE, false, true, false,
         "bounce u0 5.1.1 failed|status=bounced (t)|D"},
        {"soft bounce", delivery_bounced, "5.1.1", 0, 0, true, true, true,
         "defer u0 4.1.1 delayed|status=SOFTBOUNCE (t)|R"},
        {"bounce fails", delivery_bounced, "5.1.1", 0, 0, false, false, true,
         "bounce u0 5.1.1 failed|defer u0 4.3.0 delayed|"
         "status=deferred (bounce or trace service failure)|R"},
        {"deferred", delivery_deferred, "4.4.1", 0, 0, false, true, true,
         "defer u0 4.4.1 delayed|status=deferred (t)|R"},
        {"deferred, service fails", delivery_deferred, "4.4.1", 0, 0, false, false, true,
         "defer u0 4.4.1 delayed|status=deferred (t)|R"},
        {"deferred, hard", delivery_deferred, "4.4.1", DELIVERY_BOUNCE_HARD, 0, false, true, false,
         "bounce u0 5.4.1 failed|status=bounced (t)|D"},
        {"probe sent", delivery_sent, "2.0.0", PROBE, 0, true, true, false,
         "trace u0 2.0.0 deliverable|status=deliverable (t)|D"},
        {"probe bounced", delivery_bounced, "5.1.1", PROBE, 0, true, true, false,
         "trace u0 5.1.1 undeliverable|status=undeliverable (t)|D"},
        {"probe deferred", delivery_deferred, "4.4.1", PROBE, 0, false, true, false,
         "trace u0 4.4.1 undeliverable|status=undeliverable (t)|D"},
        {"probe not reported", delivery_sent, "2.0.0", PROBE, 0, false, false, true,
         "trace u0 2.0.0 deliverable|status=deliverable (t)|R"},
        /* the service's answers are no news: they are of another kind here, as if it had failed */
        {"probe of our own sent", delivery_sent, "2.0.0", MTA, 0, false, true, false,
         "verify u0 0 t|status=deliverable (t)|D"},
        {"probe of our own bounced", delivery_bounced, "5.1.1", MTA, 0, true, true, false,
         "verify u0 2 t|status=undeliverable (t)|D"},
        {"probe of our own deferred", delivery_deferred, "4.4.1", MTA, 0, false, true, false,
         "verify u0 1 t|status=undeliverable (t)|D"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        common_params.soft_bounce = rows[i].soft;
        services_work = rows[i].works;
        struct delivery_job *job = job_new(rows[i].flags, rows[i].notify, 1);
        const struct delivery_outcome o = {.dsn = rows[i].dsn, .relay = "none", .text = "t"};
        rows[i].settle(job, &job->recipients[0], &o);
        delivery_settle_finish(job);
        answer_all();
        assert_true(job_ended);
        assert_int_equal(job_left, rows[i].left);
        assert_string_equal(seen.s, rows[i].seen);
    }
}

static void forgotten_recipient_is_deferred(void **unused)
{
    (void)unused;
    common_params.soft_bounce = false;
    services_work = true;
    struct delivery_job *job = job_new(0, 0, 2);
    const struct delivery_outcome o = {.dsn = "2.0.0", .relay = "none", .text = "t"};
    delivery_sent(job, &job->recipients[1], &o);
    delivery_settle_finish(job);
    assert_false(job_ended); /* until the defer service has answered */
    answer_all();
    assert_true(job_ended && job_left);
    assert_string_equal(seen.s, "status=sent (t)|defer u0 4.3.0 delayed|"
                                "status=deferred (delivery program gave no outcome)|RD");
}

static void recipient_is_done_when_its_parts_are(void **unused)
{
    (void)unused;
    services_work = true;
    for (int deferred = 0; deferred < 2; deferred++) {
        struct delivery_job *job = job_new(0, 0, 1);
        const struct delivery_outcome o = {.dsn = "2.0.0", .relay = "none", .text = "t"};
        struct recipient part = job->recipients[0];
        part.address = "part";
        delivery_sent(job, &part, &o);
        if (deferred)
            delivery_deferred(job, &part, &o);
        delivery_settled_by_parts(job, &job->recipients[0]);
        delivery_settle_finish(job);
        answer_all();
        assert_true(job_ended);
        assert_string_equal(seen.s, deferred ? "status=sent (t)|defer part 4.0.0 delayed|"
                                               "status=deferred (t)|R"
                                             : "status=sent (t)|D");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(forgotten_recipient_is_deferred),
        cmocka_unit_test(recipient_is_done_when_its_parts_are),
    };
    common_params.info_log_address_format = "external";
    common_params.bounce_service_name = "bounce";
    common_params.defer_service_name = "defer";
    common_params.trace_service_name = "trace";
    log_hook = keep_line;
    common_params.address_verify_service_name = "verify";
    common_params.address_verify_negative_cache = true;
    delivery_ask = fake_ask;
    delivery_tell_verify = fake_tell;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
