/* Envelope records: sender, recipients, attributes; those of the extracted segment, too. */
#include "base/num.h"
#include "base/text.h"
#include "cleanup/cleanup_map.h"
#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_seen.h"
#include "config/common_params.h"
#include "mail/qmgr_msg.h"

static void bad(struct cleanup_message *m, const char *what)
{
    cleanup_message_warn(m, "bad envelope record: %s", what);
    m->status |= CLEANUP_STAT_BAD;
}

/* Qmgr is given the envelope of a small message; one recipient too many means: read the file. */
static void keep_for_qmgr(struct cleanup_message *m, const struct recipient *rcpt)
{
    struct envelope *env = &m->env;
    if (m->recipients_kept++ >= QMGR_ARRIVED_RECIPIENTS)
        return;
    if (env->recipients_count == m->recipients_cap) {
        m->recipients_cap = m->recipients_cap ? m->recipients_cap * 2 : 4;
        struct recipient *more = arena_alloc(m->arena, m->recipients_cap * sizeof *more);
        for (size_t i = 0; i < env->recipients_count; i++)
            more[i] = env->recipients[i];
        env->recipients = more;
    }
    env->recipients[env->recipients_count++] = *rcpt;
}

static void write_recipient(struct cleanup_message *m, const struct recipient *rcpt)
{
    char number[24];
    if (cleanup_seen_add(m->seen, common_params.enable_original_recipient ? rcpt->orig_address : "",
                         rcpt->address))
        return;
    if (rcpt->dsn_notify) {
        snprintf(number, sizeof number, "%lld", (long long)rcpt->dsn_notify);
        cleanup_write_attribute(m, "notify_flags", number);
    }
    if (rcpt->dsn_orcpt[0])
        cleanup_write_attribute(m, "dsn_orig_rcpt", rcpt->dsn_orcpt);
    cleanup_write_record(m, REC_ORIGINAL, slice_of(rcpt->orig_address));
    struct recipient kept = *rcpt;
    kept.offset = cleanup_write_offset(m);
    cleanup_write_record(m, REC_RECIPIENT, slice_of(rcpt->address));
    if ((m->flags & (CLEANUP_FLAG_SMTPUTF8 | CLEANUP_FLAG_AUTO_UTF8)) &&
        common_params.smtputf8_enable && !text_is_ascii(slice_of(rcpt->address)))
        m->env.smtputf8 |= SMTPUTF8_RECIPIENT;
    m->env.recipient_count++;
    keep_for_qmgr(m, &kept);
}

static void remember_expansion(struct cleanup_message *m, const struct recipient *alias)
{
    if (m->expanded_count == m->expanded_cap) {
        m->expanded_cap = m->expanded_cap ? m->expanded_cap * 2 : 4;
        struct recipient *more = arena_alloc(m->arena, m->expanded_cap * sizeof *more);
        for (size_t i = 0; i < m->expanded_count; i++)
            more[i] = m->expanded[i];
        m->expanded = more;
    }
    m->expanded[m->expanded_count++] = *alias;
}

void cleanup_recipient_add(struct cleanup_message *m, const char *original, struct slice address,
                           const struct recipient *about)
{
    CLEANUP(argv_done) struct argv expanded = ARGV_INIT;
    const char *mapped = arena_slice_dup(m->arena, address);
    cleanup_map_virtual(m, mapped, &expanded);
    if (!cleanup_message_is_ok(m))
        return;
    struct recipient rcpt = *about;
    rcpt.orig_address = arena_strdup(m->arena, original);
    /* An alias ends the way of a SUCCESS notice: the expansion is reported instead (RFC
     * 3461 5.2.7). */
    bool is_alias = expanded.count != 1 || strcmp(expanded.at[0], mapped) != 0;
    if (is_alias && (about->dsn_notify & DSN_NOTIFY_SUCCESS)) {
        rcpt.dsn_notify &= ~(int64_t)DSN_NOTIFY_SUCCESS;
        if (rcpt.dsn_notify == 0)
            rcpt.dsn_notify = DSN_NOTIFY_NEVER;
        struct recipient alias = *about;
        alias.address = mapped;
        alias.orig_address = rcpt.orig_address;
        remember_expansion(m, &alias);
    }
    for (size_t i = 0; i < expanded.count; i++) {
        rcpt.address = arena_strdup(m->arena, expanded.at[i]);
        write_recipient(m, &rcpt);
    }
}

/* The time after which the sender is told of a delay; the null sender is told nothing. */
static void write_warning_time(struct cleanup_message *m)
{
    if (m->has_warn || common_params.delay_warning_time <= 0 || !m->has_sender || !m->env.sender[0])
        return;
    m->has_warn = true;
    m->env.warn_offset = cleanup_write_offset(m);
    m->env.warn_at_s = m->env.arrival_s + common_params.delay_warning_time;
    char text[24];
    snprintf(text, sizeof text, "%15lld", (long long)m->env.warn_at_s);
    cleanup_write_record(m, REC_WARN, slice_of(text));
}

static void on_recipient(struct cleanup_message *m, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf mapped = STRBUF_ANY, orcpt = STRBUF_ANY;
    struct recipient about = m->next;
    m->next = (struct recipient){.address = "", .orig_address = "", .dsn_orcpt = ""};
    if (!m->has_sender || slice_has_nul(data)) {
        bad(m, "recipient");
        return;
    }
    if (m->phase == CLEANUP_PHASE_ENVELOPE)
        write_warning_time(m);
    if (data.len == 0)
        data = slice_of(common_params.empty_address_recipient);
    cleanup_map_address(m, REWRITE_LOCAL, CLEANUP_ENVELOPE_RECIPIENT, data, &mapped);
    if (mapped.len == 0)
        strbuf_set(&mapped, common_params.empty_address_recipient);
    const char *original = about.orig_address[0] ? about.orig_address : NULL;
    if (!original)
        original = arena_slice_dup(m->arena, data);
    if (!about.dsn_orcpt[0]) {
        bool is_utf8 = common_params.smtputf8_enable && !text_is_ascii(strbuf_slice(&mapped));
        strbuf_add_str(&orcpt, is_utf8 ? "utf-8;" : "rfc822;");
        strbuf_add_slice(&orcpt, strbuf_slice(&mapped)); /* internal form, as Postfix has it */
        about.dsn_orcpt = arena_slice_dup(m->arena, strbuf_slice(&orcpt));
    }
    m->env.hints |= about.dsn_notify << 1;
    m->last_recipient = arena_slice_dup(m->arena, strbuf_slice(&mapped));
    if (m->has_milters)
        cleanup_milter_remember(m, m->last_recipient);
    cleanup_recipient_add(m, original, strbuf_slice(&mapped), &about);
    if (cleanup_message_is_ok(m))
        cleanup_bcc_recipient(m, m->last_recipient);
}

static void on_sender(struct cleanup_message *m, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf mapped = STRBUF_ANY;
    if (m->has_sender || slice_has_nul(data)) {
        bad(m, "sender");
        return;
    }
    m->has_sender = true;
    if (data.len > 0)
        cleanup_map_address(m, REWRITE_LOCAL, CLEANUP_ENVELOPE_SENDER, data, &mapped);
    m->env.sender = arena_slice_dup(m->arena, strbuf_slice(&mapped));
    m->edits.sender = cleanup_write_offset(m);
    cleanup_write_record(m, REC_SENDER, strbuf_slice(&mapped));
    if (m->has_milters)
        cleanup_write_pointer(m, 0);
    m->edits.after_sender = cleanup_write_offset(m);
    cleanup_bcc_sender(m);
}

static void on_time(struct cleanup_message *m, struct slice data)
{
    struct slice seconds, micro, rest = data;
    if (m->has_time || !slice_next_token(&rest, " ", &seconds) ||
        !num_parse_i64(seconds, &m->env.arrival_s) || m->env.arrival_s <= 0) {
        bad(m, "arrival time");
        return;
    }
    if (slice_next_token(&rest, " ", &micro) && !num_parse_i64(micro, &m->env.arrival_us)) {
        bad(m, "arrival time");
        return;
    }
    m->has_time = true;
    cleanup_write_record(m, REC_TIME, data);
    m->env.create_s = m->created.tv_sec;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)m->env.create_s);
    cleanup_write_attribute(m, "create_time", text);
}

static void on_attribute(struct cleanup_message *m, struct slice data)
{
    struct slice name, value;
    if (!slice_split(data, '=', &name, &value) || name.len == 0 || slice_has_nul(data)) {
        bad(m, "attribute");
        return;
    }
    if (slice_eq(name, "create_time")) /* ours to say */
        return;
    if (slice_eq(name, "notify_flags")) {
        if (!num_parse_i64(value, &m->next.dsn_notify) || m->next.dsn_notify < 0 ||
            m->next.dsn_notify > 15)
            bad(m, "notify_flags");
        return;
    }
    if (slice_eq(name, "dsn_orig_rcpt")) {
        m->next.dsn_orcpt = arena_slice_dup(m->arena, value);
        return;
    }
    if (slice_eq(name, "original_recipient")) {
        m->next.orig_address = arena_slice_dup(m->arena, value);
        return;
    }
    if (++m->attribute_count > cleanup_params.queue_file_attribute_count_limit) {
        cleanup_message_warn(m, "attribute count exceeds %lld",
                             (long long)cleanup_params.queue_file_attribute_count_limit);
        m->status |= CLEANUP_STAT_BAD;
        return;
    }
    if (!envelope_set_attribute(&m->env, m->arena, name, value)) {
        bad(m, "attribute value");
        return;
    }
    if (slice_eq(name, "rewrite_context"))
        m->is_local_context = slice_eq(value, "local");
    cleanup_write_record(m, REC_ATTRIBUTE, data);
}

static void on_text(struct cleanup_message *m, int type, struct slice data, const char **field)
{
    if (slice_has_nul(data)) {
        bad(m, "NUL byte");
        return;
    }
    *field = arena_slice_dup(m->arena, data);
    cleanup_write_record(m, type, data);
}

/* Where content checks and the access tables of smtpd both name a destination, the checks win: they
 * were written first. */
static void on_destination(struct cleanup_message *m, int type, struct slice data,
                           const char **field)
{
    if (slice_has_nul(data)) {
        bad(m, "NUL byte");
        return;
    }
    if (m->phase == CLEANUP_PHASE_ENVELOPE) {
        *field = arena_slice_dup(m->arena, data); /* written once, after the content */
    } else if (!*field) {
        *field = arena_slice_dup(m->arena, data);
        cleanup_write_record(m, type, data);
    }
}

/* Before the content it is content_filter of main.cf, which any FILTER action overrides. */
static void on_filter(struct cleanup_message *m, struct slice data)
{
    if (m->phase == CLEANUP_PHASE_ENVELOPE)
        on_text(m, REC_FILTER, data, &m->env.content_filter);
    else
        on_destination(m, REC_FILTER, data, &m->filter);
}

/* What smtpd's access tables decided of the message as a whole. */
static void on_flags(struct cleanup_message *m, struct slice data)
{
    int64_t flags;
    if (m->phase != CLEANUP_PHASE_EXTRACTED || !num_parse_i64(data, &flags) ||
        (flags & ~(int64_t)(CLEANUP_FLAG_HOLD | CLEANUP_FLAG_DISCARD)))
        bad(m, "flags");
    else
        m->flags |= flags;
}

void cleanup_envelope_record(struct cleanup_message *m, int type, struct slice data)
{
    switch (type) {
    case REC_SIZE: /* of a message that was in the queue before */
    case REC_KILLED:
    case REC_DONE:
    case REC_WARN:
        return;
    case REC_TIME:
        on_time(m, data);
        return;
    case REC_SENDER:
        on_sender(m, data);
        return;
    case REC_RECIPIENT:
        on_recipient(m, data);
        return;
    case REC_ORIGINAL:
        if (slice_has_nul(data))
            bad(m, "NUL byte");
        else
            m->next.orig_address = arena_slice_dup(m->arena, data);
        return;
    case REC_ATTRIBUTE:
        on_attribute(m, data);
        return;
    case REC_FULLNAME:
        on_text(m, type, data, &m->env.fullname);
        return;
    case REC_VERP:
        on_text(m, type, data, &m->env.verp);
        return;
    case REC_FILTER:
        on_filter(m, data);
        return;
    case REC_REDIRECT:
        on_destination(m, type, data, &m->redirect);
        return;
    case REC_FLAGS:
        on_flags(m, data);
        return;
    default:
        bad(m, record_type_name(type));
    }
}

void cleanup_envelope_end(struct cleanup_message *m)
{
    write_warning_time(m);
    if (m->has_milters) {
        m->edits.recipients = cleanup_write_pointer(m, 0);
        m->edits.after_recipients = cleanup_write_offset(m);
    }
    if (m->flags & CLEANUP_FLAG_SMTPUTF8)
        m->env.smtputf8 |= SMTPUTF8_REQUESTED;
    if (m->flags & CLEANUP_FLAG_REQUIRETLS && common_params.requiretls_enable)
        m->env.smtputf8 |= SEND_OPTION_REQUIRETLS;
    if ((m->flags & (CLEANUP_FLAG_SMTPUTF8 | CLEANUP_FLAG_AUTO_UTF8)) &&
        common_params.smtputf8_enable && !text_is_ascii(slice_of(m->env.sender)) &&
        text_is_utf8(slice_of(m->env.sender)))
        m->env.smtputf8 |= SMTPUTF8_SENDER;
}
