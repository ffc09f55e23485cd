/* A message as a whole: its birth, the order of its records, its faults. */
#include "cleanup/cleanup_message.h"

#include "cleanup/cleanup_seen.h"
#include "config/common_params.h"
#include "mail/mime_downgrade.h"
#include "mail/queue_id.h"

#include <unistd.h>

/* What a submission from this host gets back as a bounce instead of an error code. */
enum {
    BOUNCEABLE = CLEANUP_STAT_SIZE | CLEANUP_STAT_HOPS | CLEANUP_STAT_CONTENT | CLEANUP_STAT_NOPERM,
};

struct cleanup_message *cleanup_message_new(int64_t flags, int64_t *ret_status)
{
    struct arena *arena = arena_new("cleanup_message");
    struct cleanup_message *m = arena_zalloc(arena, sizeof *m);
    m->arena = arena;
    m->flags = flags;
    m->fd = -1;
    m->last_recipient = "";
    m->next = (struct recipient){.address = "", .orig_address = "", .dsn_orcpt = ""};
    strbuf_init(&m->out, SIZE_MAX / 4);
    strbuf_init(&m->header, (size_t)common_params.header_size_limit);
    strbuf_init(&m->line, (size_t)common_params.header_size_limit);
    envelope_blank(&m->env);
    m->is_local_context = true;
    if (!cleanup_write_create(m)) {
        *ret_status = CLEANUP_STAT_WRITE;
        cleanup_message_free(m);
        return NULL;
    }
    snprintf(m->log.queue_id, sizeof m->log.queue_id, "%s", m->id);
    m->seen = cleanup_seen_new((size_t)common_params.duplicate_filter_limit);
    record_addf(&m->out, REC_SIZE, "%95s", ""); /* filled in at the end */
    return m;
}

void cleanup_message_free(struct cleanup_message *m)
{
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    cleanup_write_remove(m);
    mime_free(m->mime);
    mime_downgrade_free(m->convert);
    cleanup_seen_free(m->seen);
    strbuf_done(&m->out);
    strbuf_done(&m->header);
    strbuf_done(&m->line);
    arena_free(m->arena);
}

bool cleanup_message_is_ok(const struct cleanup_message *m)
{
    int64_t fatal = m->status;
    if (m->flags & CLEANUP_FLAG_DISCARD)
        return false;
    if (m->flags & CLEANUP_FLAG_BOUNCE)
        fatal &= ~(int64_t)BOUNCEABLE;
    return fatal == 0;
}

void cleanup_message_fail(struct cleanup_message *m, int64_t status, const char *reason)
{
    if (reason && !m->reason)
        m->reason = arena_strdup(m->arena, reason);
    m->status |= status;
}

void cleanup_message_warn(const struct cleanup_message *m, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(4096);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    log_warn(NULL, "%s: %s", m->log.queue_id, text.s);
}

static void bad_record(struct cleanup_message *m, const char *what, int type)
{
    if (!(m->status & CLEANUP_STAT_BAD))
        cleanup_message_warn(m, "%s (record type %d)", what, type);
    m->status |= CLEANUP_STAT_BAD;
}

static void start_content(struct cleanup_message *m)
{
    if (!m->has_time || !m->has_sender) {
        bad_record(m, m->has_time ? "message without sender" : "message without arrival time",
                   REC_MESSAGE);
        return;
    }
    cleanup_envelope_end(m);
    cleanup_write_record(m, REC_MESSAGE, SLICE_EMPTY);
    m->data_offset = cleanup_write_offset(m);
    cleanup_content_start(m);
}

static void start_extracted(struct cleanup_message *m)
{
    cleanup_content_end(m);
    m->phase = CLEANUP_PHASE_EXTRACTED;
    m->env.data_offset = m->data_offset;
    m->env.message_size = m->env.content_size = cleanup_write_offset(m) - m->data_offset;
    m->edits.extracted = cleanup_write_offset(m);
    cleanup_write_record(m, REC_EXTRACTED, SLICE_EMPTY);
    if (m->env.encoding[0])
        cleanup_write_attribute(m, "encoding", m->env.encoding);
    if (m->filter)
        cleanup_write_record(m, REC_FILTER, slice_of(m->filter));
    if (m->redirect)
        cleanup_write_record(m, REC_REDIRECT, slice_of(m->redirect));
}

static void end_message(struct cleanup_message *m)
{
    cleanup_bcc_add_all(m);
    if (m->env.recipient_count == 0 && cleanup_message_is_ok(m))
        cleanup_message_fail(m, CLEANUP_STAT_RECIPIENTS, NULL);
    cleanup_write_record(m, REC_END, SLICE_EMPTY);
}

void cleanup_message_record(struct cleanup_message *m, int type, struct slice data)
{
    bool ok = cleanup_message_is_ok(m);
    switch (m->phase) {
    case CLEANUP_PHASE_ENVELOPE:
        if (type == REC_MESSAGE) {
            if (ok)
                start_content(m);
            m->phase = CLEANUP_PHASE_CONTENT;
        } else if (type == REC_END || type == REC_EXTRACTED) {
            bad_record(m, "message without content", type);
            m->phase = type == REC_END ? CLEANUP_PHASE_END : CLEANUP_PHASE_EXTRACTED;
        } else if (ok) {
            cleanup_envelope_record(m, type, data);
        }
        return;
    case CLEANUP_PHASE_CONTENT:
        if (type == REC_EXTRACTED) {
            if (ok)
                start_extracted(m);
            m->phase = CLEANUP_PHASE_EXTRACTED;
        } else if (type == REC_LINE || type == REC_LINE_PART) {
            if (ok)
                cleanup_content_record(m, type, data);
            else if (m->has_fault)
                cleanup_content_watch(m, type, data);
        } else {
            bad_record(m, "unexpected record in content", type);
            if (type == REC_END)
                m->phase = CLEANUP_PHASE_END;
        }
        return;
    case CLEANUP_PHASE_EXTRACTED:
        if (type == REC_END) {
            if (ok)
                end_message(m);
            m->phase = CLEANUP_PHASE_END;
        } else if (ok) {
            cleanup_envelope_record(m, type, data);
        }
        return;
    case CLEANUP_PHASE_END:
        bad_record(m, "record after the end of the message", type);
        return;
    }
}
