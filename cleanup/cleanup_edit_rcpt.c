/* The envelope as filters want it: another sender, recipients more or less. */
#include "base/num.h"
#include "base/text.h"
#include "cleanup/cleanup_map.h"
#include "cleanup/cleanup_milter.h"
#include "cleanup/cleanup_seen.h"
#include "io/fd.h"
#include "mail/address.h"
#include "mail/queue_file.h"

/* What a filter calls an address: with or without <>. */
static void internal_form(struct slice text, struct strbuf *out)
{
    text = slice_trim(text);
    if (text.len >= 2 && text.s[0] == '<' && text.s[text.len - 1] == '>')
        text = (struct slice){text.s + 1, text.len - 2};
    address_to_internal(text, out);
}

/* ---- ESMTP arguments ---- */

static bool parse_notify(struct slice value, int64_t *ret)
{
    static const struct {
        const char *word;
        int flag;
    } words[] = {{"NEVER", DSN_NOTIFY_NEVER},
                 {"SUCCESS", DSN_NOTIFY_SUCCESS},
                 {"FAILURE", DSN_NOTIFY_FAILURE},
                 {"DELAY", DSN_NOTIFY_DELAY}};
    struct slice word;
    int flags = 0;
    while (slice_next_token(&value, ",", &word)) {
        int flag = 0;
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (slice_eq_nocase(word, words[i].word))
                flag = words[i].flag;
        if (!flag)
            return false;
        flags |= flag;
    }
    *ret = flags;
    return flags && (flags == DSN_NOTIFY_NEVER || !(flags & DSN_NOTIFY_NEVER));
}

static void apply_rcpt_args(struct cleanup_message *m, struct slice args, struct recipient *about)
{
    struct slice word, name, value, type, address;
    while (slice_next_token(&args, " \t", &word)) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(8192), orcpt = STRBUF_ANY;
        bool has_value = slice_split(word, '=', &name, &value);
        if (has_value && slice_eq_nocase(name, "NOTIFY")) {
            if (!parse_notify(value, &about->dsn_notify)) {
                cleanup_message_warn(
                    m, "Bad NOTIFY parameter from Milter or header/body_checks: \"%.*s\"",
                    SLICE_ARG(word));
                about->dsn_notify = 0;
            }
        } else if (has_value && slice_eq_nocase(name, "ORCPT") &&
                   slice_split(value, ';', &type, &address) && type.len > 0 &&
                   text_xtext_decode(address, &text)) {
            strbuf_addf(&orcpt, "%.*s;", SLICE_ARG(type));
            text_add_printable(&orcpt, strbuf_slice(&text));
            about->dsn_orcpt = arena_strdup(m->arena, orcpt.s);
        } else {
            cleanup_message_warn(m, "Bad parameter from Milter or header/body_checks: \"%.*s\"",
                                 SLICE_ARG(word));
        }
    }
}

static void apply_sender_args(struct cleanup_message *m, struct slice args)
{
    struct slice word, name, value;
    while (slice_next_token(&args, " \t", &word)) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(8192), clean = STRBUF_ANY;
        if (slice_eq_nocase(word, "RET=FULL") || slice_eq_nocase(word, "RET=HDRS")) {
            m->env.dsn_ret = slice_eq_nocase(word, "RET=FULL") ? DSN_RET_FULL : DSN_RET_HDRS;
            cleanup_write_attribute(m, "ret_flags", m->env.dsn_ret == DSN_RET_FULL ? "1" : "2");
        } else if (slice_split(word, '=', &name, &value) && slice_eq_nocase(name, "ENVID") &&
                   text_xtext_decode(value, &text) && text.len > 0) {
            text_add_printable(&clean, strbuf_slice(&text));
            m->env.dsn_envid = arena_strdup(m->arena, clean.s);
            cleanup_write_attribute(m, "envelope_id", clean.s);
        } else {
            log_warn(NULL, "Ignoring bad ESMTP parameter \"%.*s\" in SMFI_CHGFROM request",
                     SLICE_ARG(word));
        }
    }
}

/* ---- changes ---- */

void cleanup_edit_sender(struct cleanup_message *m, const struct milter_edit *edit)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY, mapped = STRBUF_ANY;
    internal_form(edit->name, &address);
    if (slice_has_nul(strbuf_slice(&address)))
        return;
    if (address.len > 0)
        cleanup_map_address(m, REWRITE_LOCAL, CLEANUP_ENVELOPE_SENDER, strbuf_slice(&address),
                            &mapped);
    off_t start = cleanup_write_offset(m);
    m->env.sender = arena_slice_dup(m->arena, strbuf_slice(&mapped));
    cleanup_write_record(m, REC_SENDER, strbuf_slice(&mapped));
    apply_sender_args(m, edit->value);
    cleanup_write_pointer(m, m->edits.after_sender);
    if (cleanup_write_flush(m))
        cleanup_write_pointer_at(m, m->edits.sender, start);
}

void cleanup_edit_add_rcpt(struct cleanup_message *m, const struct milter_edit *edit)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY, mapped = STRBUF_ANY;
    struct recipient about = {.dsn_orcpt = ""};
    internal_form(edit->name, &address);
    if (address.len == 0 || slice_has_nul(strbuf_slice(&address))) {
        cleanup_message_warn(m, "ignoring attempt from Milter to add null recipient");
        return;
    }
    apply_rcpt_args(m, edit->value, &about);
    cleanup_map_address(m, REWRITE_LOCAL, CLEANUP_ENVELOPE_RECIPIENT, strbuf_slice(&address),
                        &mapped);
    off_t start = cleanup_write_offset(m), from = m->edits.recipients;
    cleanup_recipient_add(m, address.s, strbuf_slice(&mapped), &about);
    m->edits.recipients = cleanup_write_pointer(m, m->edits.after_recipients);
    if (cleanup_write_flush(m))
        cleanup_write_pointer_at(m, from, start);
}

/* Recipients as the client named them: the O record in front of each R tells. */
static void cancel(struct cleanup_message *m, struct queue_reader *reader, struct slice address)
{
    int type;
    struct slice data;
    off_t at;
    struct err err = ERR_INIT;
    bool is_it = false;
    CLEANUP(strbuf_done) struct strbuf original = STRBUF_ANY;
    while (queue_reader_next(reader, &type, &data, &at, &err) == QUEUE_READ_OK && type != REC_END) {
        if (type == REC_MESSAGE)
            queue_reader_seek(reader, m->edits.extracted);
        if (type == REC_ORIGINAL) {
            strbuf_set_slice(&original, data);
            is_it = slice_same_nocase(data, address);
        }
        if (type != REC_RECIPIENT)
            continue;
        char cancelled = REC_CANCELLED;
        is_it = is_it || (original.len == 0 && slice_same_nocase(data, address));
        if (is_it && !fd_pwrite_all(m->fd, &cancelled, 1, at))
            m->status |= CLEANUP_STAT_WRITE;
        if (is_it)
            cleanup_seen_remove(m->seen, original.s, arena_slice_dup(m->arena, data));
        is_it = false;
        strbuf_reset(&original);
    }
}

void cleanup_edit_delete_rcpt(struct cleanup_message *m, const struct milter_edit *edit)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY;
    internal_form(edit->name, &address);
    if (address.len == 0 || !cleanup_write_flush(m))
        return;
    struct queue_reader *reader = queue_reader_new(m->fd);
    cancel(m, reader, strbuf_slice(&address));
    queue_reader_free(reader);
}
