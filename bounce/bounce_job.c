#include "bounce/bounce_job.h"

#include "base/text.h"
#include "base/xmem.h"
#include "bounce/bounce_mail.h"
#include "bounce/bounce_params.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct bounce_job {
    struct arena *arena;
    const char *log_name;
    enum bounce_kind kind;
    const struct bounce_flush *request;
    bounce_job_fn fn;
    void *owner;
    struct log_tag tag;
    struct bounce_subject subject;
    enum bounce_template_kind template;
    struct envelope env;
    int fd;
    struct bounce_log *log;
    struct bounce_notice notice;
    struct bounce_mail_input input;
    /* One recipient a report (VERP, BOUNCE_ONE). */
    struct bounce_log *each;
    struct arena *entry_arena;
    struct bounce_log_entry entry;
    bool has_entry;
    bool is_2bounce;
};

static void job_end(struct bounce_job *job, bool ok, const char *reason)
{
    struct err err = ERR_INIT;
    /* Only now, with the reports stored, does the log go. Dies before: the reports are sent once
     * more after the restart, never lost. A delay notice leaves the log for mailq to show. */
    bool removes = ok && job->kind == BOUNCE_FLUSH;
    if (removes && !bounce_log_finish(job->log_name, job->subject.queue_id, &err))
        log_warn(&job->tag, "%s", err.reason); /* sent is sent: no second report for that */
    job->fn(job->owner, ok, reason);
    bounce_log_close(job->log);
    bounce_log_close(job->each);
    fd_done(&job->fd);
    arena_free(job->entry_arena);
    struct arena *arena = job->arena;
    arena_free(arena); /* JOB with it */
}

static bool class_is_on(const char *class)
{
    struct slice list = slice_of(common_params.notify_classes), item;
    while (slice_next_item(&list, &item))
        if (slice_eq_nocase(item, class))
            return true;
    return false;
}

static const char *double_bounce_address(struct arena *arena)
{
    const char *sender = common_params.double_bounce_sender;
    return strchr(sender, '@') ? sender
                               : arena_printf(arena, "%s@%s", sender, common_params.myhostname);
}

static bool is_double_bounce(struct bounce_job *job)
{
    const char *sender = job->subject.sender;
    return strcasecmp(sender, common_params.double_bounce_sender) == 0 ||
           strcasecmp(sender, double_bounce_address(job->arena)) == 0;
}

static const char *clean(struct arena *arena, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    text_add_printable(&out, slice_of(text));
    return arena_slice_dup(arena, strbuf_slice(&out));
}

/* Sending */

static void next_report(struct bounce_job *job);

static const char *const log_words[BOUNCE_TEMPLATES] = {
    [BOUNCE_TEMPLATE_FAILURE] = "non-delivery",
    [BOUNCE_TEMPLATE_DELAY] = "delay",
    [BOUNCE_TEMPLATE_SUCCESS] = "delivery status",
    [BOUNCE_TEMPLATE_VERIFY] = "delivery status",
};

static bool wants_postmaster_copy(const struct bounce_job *job)
{
    return (job->template == BOUNCE_TEMPLATE_FAILURE && class_is_on("bounce")) ||
           (job->template == BOUNCE_TEMPLATE_DELAY && class_is_on("delay"));
}

static void send_notice(struct bounce_job *job);

static void send_to_postmaster(struct bounce_job *job)
{
    bool is_delay = job->template == BOUNCE_TEMPLATE_DELAY;
    job->notice.to_postmaster = true;
    job->notice.sender = double_bounce_address(job->arena);
    job->notice.notify_mask = 0;
    job->notice.recipient = job->is_2bounce ? common_params._2bounce_notice_recipient
                            : is_delay      ? common_params.delay_notice_recipient
                                            : common_params.bounce_notice_recipient;
    if (!job->is_2bounce)
        job->notice.content = BOUNCE_CONTENT_HEADERS;
    send_notice(job);
}

static void on_sent(void *owner, bool ok, const char *queue_id, const char *reason)
{
    struct bounce_job *job = owner;
    bool to_postmaster = job->notice.to_postmaster;
    if (ok)
        log_info(&job->tag, "%s %s notification: %s", to_postmaster ? "postmaster" : "sender",
                 log_words[job->template], queue_id);
    else
        log_warn(&job->tag, "%s %s notification failed: %s",
                 to_postmaster ? "postmaster" : "sender", log_words[job->template], reason);
    /* The sender knows: a copy that failed is no cause to tell him again. */
    if (!ok && (!to_postmaster || job->is_2bounce)) {
        job_end(job, false, reason);
        return;
    }
    if (!to_postmaster && wants_postmaster_copy(job))
        send_to_postmaster(job);
    else
        next_report(job);
}

static void send_notice(struct bounce_job *job)
{
    job->notice.only = job->has_entry ? &job->entry : NULL;
    job->input = (struct bounce_mail_input){.subject = &job->subject,
                                            .notice = &job->notice,
                                            .log = job->log,
                                            .message_fd = job->fd,
                                            .data_offset = job->env.data_offset,
                                            .tag = &job->tag};
    bounce_mail_start(&job->input, on_sent, job);
}

/* RET=, bounce_size_limit, and what kind of report it is decide. */
static enum bounce_content content_of(const struct bounce_job *job)
{
    bool is_redacted =
        bounce_params.requiretls_redact_dsn && (job->env.smtputf8 & SEND_OPTION_REQUIRETLS);
    if (job->template != BOUNCE_TEMPLATE_FAILURE || job->request->dsn_ret == DSN_RET_HDRS ||
        is_redacted || job->env.message_size > common_params.bounce_size_limit)
        return BOUNCE_CONTENT_HEADERS;
    return BOUNCE_CONTENT_FULL;
}

static int64_t mask_of(enum bounce_template_kind kind)
{
    return kind == BOUNCE_TEMPLATE_FAILURE ? DSN_NOTIFY_FAILURE
           : kind == BOUNCE_TEMPLATE_DELAY ? DSN_NOTIFY_DELAY
                                           : 0; /* the trace log has only what was asked for */
}

static void start_notice(struct bounce_job *job)
{
    job->notice = (struct bounce_notice){
        .kind = job->template,
        .sender = "",
        .recipient = job->subject.sender,
        .content = content_of(job),
        .notify_mask = mask_of(job->template),
        /* in the log of a message that expired it still says delayed */
        .action = job->template == BOUNCE_TEMPLATE_FAILURE ? "failed" : NULL,
    };
}

static void copy_entry(struct bounce_job *job, const struct bounce_log_entry *from)
{
    struct arena *a = job->entry_arena;
    arena_reset(a);
    job->entry = *from;
    const char **texts[] = {
        &job->entry.rcpt.address,     &job->entry.rcpt.orig_address, &job->entry.rcpt.dsn_orcpt,
        &job->entry.status.dsn,       &job->entry.status.action,     &job->entry.status.reason,
        &job->entry.status.diag_type, &job->entry.status.diag_text,  &job->entry.status.mta_type,
        &job->entry.status.mta_name,
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = clean(a, *texts[i]);
}

static bool is_verp(const struct bounce_job *job)
{
    return strlen(job->request->verp) >= 2 && job->template != BOUNCE_TEMPLATE_SUCCESS &&
           job->template != BOUNCE_TEMPLATE_VERIFY;
}

/* The report about job->entry alone. */
static void send_entry(struct bounce_job *job)
{
    const struct recipient *rcpt = &job->entry.rcpt;
    job->has_entry = true;
    start_notice(job);
    if (is_verp(job)) {
        CLEANUP(strbuf_done) struct strbuf verp = STRBUF_ANY;
        address_add_verp(&verp, job->subject.sender, job->request->verp,
                         *rcpt->orig_address ? rcpt->orig_address : rcpt->address);
        job->notice.recipient = arena_slice_dup(job->entry_arena, strbuf_slice(&verp));
    }
    if (bounce_compose_wants(&job->notice, &job->entry))
        send_notice(job);
    else if (wants_postmaster_copy(job))
        send_to_postmaster(job);
    else
        next_report(job);
}

/* After one report: the next recipient's, or the end. */
static void next_report(struct bounce_job *job)
{
    struct bounce_log_entry entry;
    while (job->each && bounce_log_next(job->each, &entry)) {
        copy_entry(job, &entry);
        start_notice(job);
        if (!bounce_compose_wants(&job->notice, &job->entry) && !wants_postmaster_copy(job))
            continue; /* here and not in send_entry(): no recursion along the log */
        send_entry(job);
        return;
    }
    job_end(job, true, "");
}

static bool log_wants(struct bounce_job *job)
{
    struct bounce_log_entry entry;
    if (!job->log) /* unreadable: better a report that knows little */
        return true;
    bounce_log_rewind(job->log);
    while (bounce_log_next(job->log, &entry))
        if (bounce_compose_wants(&job->notice, &entry))
            return true;
    return false;
}

/* All recipients in one report. */
static void send_together(struct bounce_job *job)
{
    start_notice(job);
    if (log_wants(job))
        send_notice(job);
    else if (wants_postmaster_copy(job))
        send_to_postmaster(job);
    else
        job_end(job, true, "");
}

/* Preparing */

static bool open_message(struct bounce_job *job, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(PATH_MAX);
    struct envelope_read how = {.recipient_limit = 1};
    struct stat st;
    queue_path(&path, job->request->queue_name, job->request->queue_id);
    job->fd = open(path.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (job->fd < 0 || fstat(job->fd, &st) < 0)
        return err_set(err, ERR_TEMP, "open queue file %s: %s", path.s, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_TEMP, "open queue file %s: not a regular file", path.s);
    if (!queue_file_read_envelope(job->fd, job->arena, &how, &job->env, err))
        return err_prefix(err, path.s);
    return true;
}

struct id_search {
    struct strbuf *out;
    int64_t left;
};

static bool look_for_id(void *ctx, struct slice line, bool ends_line)
{
    struct id_search *search = ctx;
    struct slice name, value;
    search->left -= (int64_t)line.len + 1;
    if ((ends_line && line.len == 0) || search->left <= 0)
        return false;
    if (!header_parse(line, &name, &value) || header_find(name)->id != HEADER_MESSAGE_ID)
        return true;
    text_add_printable(search->out, slice_trim(value));
    return false;
}

static const char *message_id(struct bounce_job *job)
{
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_INIT(998);
    struct id_search search = {&id, common_params.header_size_limit};
    if (bounce_params.enable_threaded_bounces)
        queue_file_each_line(job->fd, job->env.data_offset, look_for_id, &search, NULL);
    return arena_slice_dup(job->arena, strbuf_slice(&id));
}

static enum bounce_template_kind template_of(const struct bounce_job *job)
{
    if (strcmp(job->log_name, common_params.trace_service_name) == 0 ||
        strcmp(job->log_name, BOUNCE_LOG_TRACE) == 0)
        return job->env.trace_flags & (TRACE_USER_PROBE | TRACE_RECORD) ? BOUNCE_TEMPLATE_VERIFY
                                                                        : BOUNCE_TEMPLATE_SUCCESS;
    return job->kind == BOUNCE_WARN ? BOUNCE_TEMPLATE_DELAY : BOUNCE_TEMPLATE_FAILURE;
}

static const char *known_encoding(const char *text)
{
    return strcasecmp(text, "8bit") == 0 ? "8bit" : strcasecmp(text, "7bit") == 0 ? "7bit" : "";
}

static void describe(struct bounce_job *job)
{
    const struct bounce_flush *r = job->request;
    job->subject = (struct bounce_subject){
        .queue_id = r->queue_id,
        .sender = clean(job->arena, r->sender),
        .envid = clean(job->arena, r->dsn_envid),
        .encoding = known_encoding(r->encoding),
        .message_id = message_id(job),
        .arrival_s = job->env.arrival_s,
        .is_utf8 = r->smtputf8 & SMTPUTF8_REQUESTED,
        .is_requiretls = (r->smtputf8 | job->env.smtputf8) & SEND_OPTION_REQUIRETLS,
    };
    job->template = template_of(job);
}

/* Who is to be told, with the log open or known to be unreadable. */
static void choose(struct bounce_job *job, bool is_log_needed)
{
    bool is_trace =
        job->template == BOUNCE_TEMPLATE_SUCCESS || job->template == BOUNCE_TEMPLATE_VERIFY;
    if (is_double_bounce(job)) {
        if (job->template == BOUNCE_TEMPLATE_FAILURE)
            log_warn(&job->tag, "undeliverable postmaster notification discarded");
        job_end(job, true, "");
    } else if (!*job->subject.sender && !is_trace && job->template == BOUNCE_TEMPLATE_FAILURE) {
        job->is_2bounce = true;
        start_notice(job);
        if (class_is_on("2bounce"))
            send_to_postmaster(job);
        else
            job_end(job, true, "");
    } else if (!*job->subject.sender) {
        start_notice(job);
        if (wants_postmaster_copy(job))
            send_to_postmaster(job);
        else
            job_end(job, true, "");
    } else if (job->has_entry) {
        send_entry(job);
    } else if (is_verp(job) && job->log) {
        job->each = bounce_log_open(job->log_name, job->subject.queue_id, NULL, NULL);
        next_report(job);
    } else if (job->log || is_log_needed) {
        send_together(job);
    } else {
        job_end(job, true, "");
    }
}

void bounce_job_start(const char *log, enum bounce_kind kind, struct arena *arena,
                      const struct bounce_flush *request, const struct recipient *rcpt,
                      const struct delivery_status *status, bounce_job_fn fn, void *owner)
{
    struct bounce_job *job = arena_zalloc(arena, sizeof *job);
    struct err err = ERR_INIT;
    bool is_missing = false;
    job->arena = arena;
    job->log_name = log;
    job->kind = kind;
    job->request = request;
    job->fn = fn;
    job->owner = owner;
    job->fd = -1;
    job->entry_arena = arena_new("bounce_entry");
    job->subject.queue_id = request->queue_id;
    snprintf(job->tag.queue_id, sizeof job->tag.queue_id, "%s", request->queue_id);
    if (!open_message(job, &err)) {
        log_warn(&job->tag, "%s", err.reason);
        job_end(job, false, err.reason);
        return;
    }
    describe(job);
    if (rcpt) {
        const struct bounce_log_entry entry = {*rcpt, *status};
        copy_entry(job, &entry);
        job->has_entry = true;
    } else {
        job->log = bounce_log_open(log, request->queue_id, &is_missing, &err);
        if (!job->log)
            log_warn(&job->tag, "%s", err.reason);
    }
    /* A message about to go away is reported on, with or without its log; a notice of delay or
     * success that has no content is none. */
    choose(job, job->template == BOUNCE_TEMPLATE_FAILURE);
}
