#include "bounce/bounce_mail.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/cleanup_client.h"
#include "mail/notice.h"
#include "mail/queue_file.h"
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum phase {
    PHASE_HEAD,
    PHASE_REASONS,
    PHASE_STATUS_HEAD,
    PHASE_STATUSES,
    PHASE_CONTENT_HEAD,
    PHASE_CONTENT,
    PHASE_END,
    PHASE_OVER
};

struct bounce_mail {
    struct bounce_mail_input in;
    bounce_mail_fn fn;
    void *owner;
    struct cleanup_stream *stream;
    struct arena *arena;
    const char *boundary;
    enum phase phase;
    bool is_opened, is_only_done;
    struct queue_reader *reader;
    int64_t content_left; /* bytes of the original that may still be returned */
    bool is_in_line;
    struct later later; /* pump, when the stream is open and has room */
};

static struct cleanup_client *mail_client;
static struct arena *template_arena;
static struct bounce_template templates[BOUNCE_TEMPLATES];
static struct config *mail_config;

static void warn(const char *text)
{
    log_warn(NULL, "%s", text);
}

void bounce_mail_before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    template_arena = arena_new("bounce_templates");
    mail_config = cfg;
    if (!bounce_template_load(cfg, template_arena, templates, warn, &err))
        log_fatal("%s", err.reason);
}

void bounce_mail_after_jail(struct config *cfg)
{
    (void)cfg;
    CLEANUP(xfree_ptr) char *path = xasprintf("public/%s", common_params.cleanup_service_name);
    mail_client = cleanup_client_new(service_loop(), path, common_params.ipc_timeout * 1000);
}

void bounce_mail_stop(void)
{
    cleanup_client_free(mail_client);
    mail_client = NULL;
    arena_free(template_arena);
    template_arena = NULL;
}

void bounce_mail_print_templates(bool is_expanded)
{
    for (size_t i = 0; i < BOUNCE_TEMPLATES; i++) {
        const struct bounce_template *t = &templates[i];
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct err err = ERR_INIT;
        if (!is_expanded) {
            printf("%s_template = <<EOF\nCharset: %s\nFrom: %s\nSubject: %s\n", t->kind, t->charset,
                   t->from ? t->from : "Mail Delivery System <MAILER-DAEMON>", t->subject);
            if (strcmp(t->subject, t->postmaster_subject) != 0)
                printf("Postmaster-Subject: %s\n", t->postmaster_subject);
            printf("\n%sEOF\n", t->text);
        } else if (bounce_template_expand(mail_config, t, &text, warn, &err)) {
            printf("expanded_%s_text = <<EOF\n%sEOF\n", t->kind, text.s);
        } else {
            log_fatal("%s", err.reason);
        }
        if (i + 1 < BOUNCE_TEMPLATES)
            printf("\n");
    }
}

static void mail_over(struct bounce_mail *mail, bool ok, const char *queue_id, const char *reason)
{
    loop_later_cancel(service_loop(), &mail->later);
    mail->fn(mail->owner, ok, queue_id, reason);
    cleanup_stream_free(mail->stream);
    queue_reader_free(mail->reader);
    arena_free(mail->arena);
    free(mail);
}

static void add_text(struct bounce_mail *mail, const struct strbuf *text)
{
    cleanup_stream_add_text(mail->stream, strbuf_slice(text));
}

/* The next recipient of the report; false when there is no more. */
static bool next_entry(struct bounce_mail *mail, struct bounce_log_entry *ret)
{
    const struct bounce_notice *notice = mail->in.notice;
    struct bounce_log_entry entry;
    if (notice->only || !mail->in.log) {
        static const struct bounce_log_entry nothing = {
            .rcpt = {.address = "", .orig_address = "", .dsn_orcpt = ""},
            .status = {"", "", "", "", "", "", ""}};
        if (mail->is_only_done)
            return false;
        mail->is_only_done = true;
        *ret = bounce_compose_complete(notice, notice->only ? notice->only : &nothing);
        return true;
    }
    while (bounce_log_next(mail->in.log, &entry)) {
        if (bounce_compose_wants(notice, &entry)) {
            *ret = bounce_compose_complete(notice, &entry);
            return true;
        }
    }
    return false;
}

static void first_entry(struct bounce_mail *mail)
{
    mail->is_only_done = false;
    if (mail->in.log)
        bounce_log_rewind(mail->in.log);
}

static void step_head(struct bounce_mail *mail)
{
    const struct bounce_notice *notice = mail->in.notice;
    const struct bounce_template *t = &templates[notice->kind];
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY, out = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!notice->to_postmaster && !bounce_template_expand(mail_config, t, &text, warn, &err)) {
        warn(err.reason); /* tried at start already: the built-in texts cannot fail */
        strbuf_reset(&text);
    }
    bounce_compose_head(&out, mail->in.subject, notice, t, text.s, mail->boundary);
    add_text(mail, &out);
    first_entry(mail);
    mail->phase = PHASE_REASONS;
}

static void step_reason(struct bounce_mail *mail)
{
    struct bounce_log_entry entry;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    if (!next_entry(mail, &entry)) {
        mail->phase = PHASE_STATUS_HEAD;
        return;
    }
    bounce_compose_reason(&out, &entry);
    add_text(mail, &out);
}

static void step_status_head(struct bounce_mail *mail)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    bounce_compose_status_head(&out, mail->in.subject, mail->boundary);
    add_text(mail, &out);
    first_entry(mail);
    mail->phase = PHASE_STATUSES;
}

static void step_status(struct bounce_mail *mail)
{
    struct bounce_log_entry entry;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    if (!next_entry(mail, &entry)) {
        mail->phase = PHASE_CONTENT_HEAD;
        return;
    }
    bounce_compose_status(&out, mail->in.subject, mail->in.notice, &entry);
    add_text(mail, &out);
}

static void step_content_head(struct bounce_mail *mail)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    bounce_compose_content_head(&out, mail->in.subject, mail->in.notice, mail->boundary);
    add_text(mail, &out);
    mail->content_left = common_params.bounce_size_limit;
    mail->reader = queue_reader_new(mail->in.message_fd);
    mail->phase = queue_reader_seek(mail->reader, mail->in.data_offset) ? PHASE_CONTENT : PHASE_END;
}

static void step_content(struct bounce_mail *mail)
{
    int type;
    struct slice data;
    struct err err = ERR_INIT;
    enum queue_read status = queue_reader_next(mail->reader, &type, &data, NULL, &err);
    bool is_line = type == REC_LINE || type == REC_LINE_PART;
    if (status == QUEUE_READ_BAD)
        log_warn(mail->in.tag, "the report has only part of the message: %s", err.reason);
    if (status != QUEUE_READ_OK || type == REC_EXTRACTED || type == REC_END) {
        mail->phase = PHASE_END;
        return;
    }
    if (!is_line)
        return;
    bool ends_header = type == REC_LINE && data.len == 0 && !mail->is_in_line;
    if ((ends_header && mail->in.notice->content == BOUNCE_CONTENT_HEADERS) ||
        (int64_t)data.len >= mail->content_left) {
        mail->phase = PHASE_END;
        return;
    }
    mail->content_left -= (int64_t)data.len + 1;
    mail->is_in_line = type == REC_LINE_PART;
    cleanup_stream_add(mail->stream, type, data);
}

static void step_end(struct bounce_mail *mail)
{
    if (mail->is_in_line)
        cleanup_stream_add(mail->stream, REC_LINE, SLICE_EMPTY);
    cleanup_stream_add(mail->stream, REC_LINE, SLICE_EMPTY);
    cleanup_stream_addf(mail->stream, REC_LINE, "--%s--", mail->boundary);
    cleanup_stream_add(mail->stream, REC_EXTRACTED, SLICE_EMPTY);
    mail->phase = PHASE_OVER;
    cleanup_stream_finish(mail->stream);
}

static void pump(void *owner)
{
    static void (*const steps[])(struct bounce_mail *) = {
        [PHASE_HEAD] = step_head,
        [PHASE_REASONS] = step_reason,
        [PHASE_STATUS_HEAD] = step_status_head,
        [PHASE_STATUSES] = step_status,
        [PHASE_CONTENT_HEAD] = step_content_head,
        [PHASE_CONTENT] = step_content,
        [PHASE_END] = step_end,
    };
    struct bounce_mail *mail = owner;
    while (mail->phase != PHASE_OVER && !cleanup_stream_is_full(mail->stream))
        steps[mail->phase](mail);
}

/* The report's own Received: header wants its queue id; the text follows it. */
static void on_opened(void *owner, const char *queue_id)
{
    struct bounce_mail *mail = owner;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct timeval now;
    clock_wall(&now);
    notice_add_received(&out, queue_id, now.tv_sec);
    add_text(mail, &out);
    mail->is_opened = true;
    loop_later(service_loop(), &mail->later);
}

static void on_room(void *owner)
{
    struct bounce_mail *mail = owner;
    if (mail->is_opened)
        loop_later(service_loop(), &mail->later);
}

static void on_done(void *owner, const struct cleanup_done *done, const struct err *err)
{
    struct bounce_mail *mail = owner;
    if (!done)
        mail_over(mail, false, "", err->reason);
    else if (done->status)
        mail_over(mail, false, "", done->reason);
    else
        mail_over(mail, true, done->queue_id, "");
}

static const struct cleanup_events mail_events = {on_opened, on_done, on_room};

static bool listed(const char *list_text, const char *word)
{
    struct slice list = slice_of(list_text), item;
    while (slice_next_item(&list, &item))
        if (slice_eq_nocase(item, word))
            return true;
    return false;
}

static int64_t mail_flags(const struct bounce_subject *s)
{
    int64_t flags = CLEANUP_FLAGS_INTERNAL;
    if (listed(common_params.internal_mail_filter_classes, "bounce"))
        flags |= CLEANUP_FLAG_FILTER | CLEANUP_FLAG_MILTER;
    if (s->is_utf8)
        flags |= CLEANUP_FLAG_SMTPUTF8;
    if (s->is_requiretls)
        flags |= CLEANUP_FLAG_REQUIRETLS;
    if (listed(common_params.smtputf8_autodetect_classes, "bounce") ||
        listed(common_params.smtputf8_autodetect_classes, "all"))
        flags |= CLEANUP_FLAG_AUTO_UTF8;
    return flags;
}

struct bounce_mail *bounce_mail_start(const struct bounce_mail_input *input, bounce_mail_fn fn,
                                      void *owner)
{
    struct bounce_mail *mail = xzalloc(sizeof *mail);
    struct timeval now;
    clock_wall(&now);
    mail->in = *input;
    mail->fn = fn;
    mail->owner = owner;
    mail->arena = arena_new("bounce_mail");
    mail->later = (struct later){.fn = pump, .owner = mail};
    mail->boundary = arena_printf(mail->arena, "%s.%lld/%s", input->subject->queue_id,
                                  (long long)now.tv_sec, common_params.myhostname);
    struct cleanup_stream *s =
        cleanup_stream_open(mail_client, mail_flags(input->subject), &mail_events, mail);
    mail->stream = s;
    cleanup_stream_addf(s, REC_TIME, "%lld %lld", (long long)now.tv_sec, (long long)now.tv_usec);
    cleanup_stream_attribute(s, "log_message_origin", "local");
    cleanup_stream_attribute(s, "trace_flags", "0"); /* reports are not traced */
    cleanup_stream_add(s, REC_SENDER, slice_of(input->notice->sender));
    cleanup_stream_add(s, REC_RECIPIENT, slice_of(input->notice->recipient));
    cleanup_stream_add(s, REC_MESSAGE, SLICE_EMPTY);
    return mail;
}
