#include "bounce/bounce_compose.h"

#include "base/clock.h"
#include "base/text.h"
#include "config/common_params.h"
#include "mail/address.h"

#include <string.h>
#include <strings.h>

enum { WIDTH = 79 };

bool bounce_compose_wants(const struct bounce_notice *notice, const struct bounce_log_entry *entry)
{
    int64_t notify = entry->rcpt.dsn_notify;
    if (notice->notify_mask == 0)
        return true;
    /* said nothing: failure and delay, not success (RFC 3461, section 4.1) */
    if (notify == 0)
        notify = DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY;
    return !(notify & DSN_NOTIFY_NEVER) && (notify & notice->notify_mask);
}

struct bounce_log_entry bounce_compose_complete(const struct bounce_notice *notice,
                                                const struct bounce_log_entry *entry)
{
    static const struct {
        const char *action, *dsn;
    } defaults[BOUNCE_TEMPLATES] = {
        [BOUNCE_TEMPLATE_FAILURE] = {"failed", "5.0.0"},
        [BOUNCE_TEMPLATE_DELAY] = {"delayed", "4.0.0"},
        [BOUNCE_TEMPLATE_SUCCESS] = {"delivered", "2.0.0"},
        [BOUNCE_TEMPLATE_VERIFY] = {"deliverable", "2.0.0"},
    };
    struct bounce_log_entry e = *entry;
    if (notice->action)
        e.status.action = notice->action;
    if (!*e.status.action)
        e.status.action = defaults[notice->kind].action;
    if (!*e.status.dsn)
        e.status.dsn = defaults[notice->kind].dsn;
    if (!*e.status.reason)
        e.status.reason = "(description unavailable)";
    if (!*e.rcpt.address)
        e.rcpt.address = "(MAILER-DAEMON)";
    return e;
}

void bounce_compose_wrap(struct strbuf *out, struct slice line)
{
    struct slice word;
    size_t column = 0;
    while (slice_next_token(&line, " ", &word)) {
        if (column > 0 && column + 1 + word.len > WIDTH) {
            strbuf_add_str(out, "\n    ");
            column = 4;
        } else if (column > 0) {
            strbuf_add_char(out, ' ');
            column++;
        }
        strbuf_add_slice(out, word);
        column += word.len;
    }
    strbuf_add_char(out, '\n');
}

static bool is_8bit(const struct bounce_subject *s)
{
    /* with smtputf8_enable our own name may come out as UTF-8 */
    return common_params.smtputf8_enable || s->is_utf8 ||
           slice_eq_nocase(slice_of(s->encoding), "8bit");
}

static void add_part_encoding(struct strbuf *out, const struct bounce_subject *s)
{
    if (is_8bit(s))
        strbuf_add_str(out, "Content-Transfer-Encoding: 8bit\n");
}

static void add_address(struct strbuf *out, const char *address)
{
    address_to_external(slice_of(address), out);
}

static void add_sender(struct strbuf *out, const struct bounce_subject *s)
{
    if (*s->sender)
        add_address(out, s->sender);
    else
        strbuf_addf(out, "MAILER-DAEMON@%s", common_params.myhostname);
}

/* rfc822 or utf-8, RFC 6533 section 3 */
static const char *address_type(const struct bounce_subject *s, const char *address)
{
    return s->is_utf8 && !text_is_ascii(slice_of(address)) ? "utf-8" : "rfc822";
}

static void add_top_headers(struct strbuf *out, const struct bounce_subject *s,
                            const struct bounce_notice *notice, const struct bounce_template *t)
{
    struct timeval now;
    clock_wall(&now);
    strbuf_add_str(out, "Date: ");
    clock_format_mail_date(now.tv_sec, out);
    bool is_obsolete = strcmp(common_params.header_from_format, "obsolete") == 0;
    strbuf_addf(out, "\nFrom: %s\n",
                t->from       ? t->from
                : is_obsolete ? "MAILER-DAEMON (Mail Delivery System)"
                              : "Mail Delivery System <MAILER-DAEMON>");
    strbuf_addf(out,
                "Subject: %s\nTo: ", notice->to_postmaster ? t->postmaster_subject : t->subject);
    add_address(out, notice->recipient);
    strbuf_add_char(out, '\n');
    if (*s->message_id)
        strbuf_addf(out, "References: %s\nIn-Reply-To: %s\n", s->message_id, s->message_id);
    strbuf_addf(out, "Auto-Submitted: auto-%s\n", notice->to_postmaster ? "generated" : "replied");
}

void bounce_compose_head(struct strbuf *out, const struct bounce_subject *s,
                         const struct bounce_notice *notice, const struct bounce_template *t,
                         const char *text, const char *boundary)
{
    add_top_headers(out, s, notice, t);
    strbuf_addf(out,
                "MIME-Version: 1.0\n"
                "Content-Type: multipart/report; report-type=delivery-status;\n"
                "\tboundary=\"%s\"\n",
                boundary);
    const char *encoding = is_8bit(s) ? "8bit" : s->encoding;
    if (*encoding)
        strbuf_addf(out, "Content-Transfer-Encoding: %s\n", encoding);
    bool is_ascii = slice_eq_nocase(slice_of(t->charset), "us-ascii");
    strbuf_addf(out,
                "\nThis is a MIME-encapsulated message.\n\n--%s\n"
                "Content-Description: Notification\n"
                "Content-Type: text/plain; charset=%s\n",
                boundary, is_ascii && is_8bit(s) ? "utf-8" : t->charset);
    add_part_encoding(out, s);
    strbuf_add_char(out, '\n');
    if (!notice->to_postmaster)
        strbuf_add_str(out, text);
}

void bounce_compose_reason(struct strbuf *out, const struct bounce_log_entry *entry)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_add_char(&line, '<');
    add_address(&line, entry->rcpt.address);
    strbuf_add_char(&line, '>');
    if (*entry->rcpt.orig_address &&
        strcasecmp(entry->rcpt.address, entry->rcpt.orig_address) != 0) {
        strbuf_add_str(&line, " (expanded from <");
        add_address(&line, entry->rcpt.orig_address);
        strbuf_add_str(&line, ">)");
    }
    strbuf_addf(&line, ": %s", entry->status.reason);
    strbuf_add_char(out, '\n');
    bounce_compose_wrap(out, strbuf_slice(&line));
}

void bounce_compose_status_head(struct strbuf *out, const struct bounce_subject *s,
                                const char *boundary)
{
    strbuf_addf(out, "\n--%s\nContent-Description: Delivery report\n", boundary);
    if (s->is_utf8)
        strbuf_add_str(out, "Content-Type: message/global-delivery-status\n"
                            "Content-Transfer-Encoding: 8bit\n");
    else
        strbuf_add_str(out, "Content-Type: message/delivery-status\n");
    strbuf_addf(out, "\nReporting-MTA: dns; %s\n", common_params.myhostname);
    if (*s->envid)
        strbuf_addf(out, "Original-Envelope-Id: %s\n", s->envid);
    strbuf_addf(out, "X-%s-Queue-ID: %s\n", common_params.mail_name, s->queue_id);
    strbuf_addf(out, "X-%s-Sender: %s; ", common_params.mail_name, address_type(s, s->sender));
    add_sender(out, s);
    strbuf_add_char(out, '\n');
    if (s->arrival_s > 0) {
        strbuf_add_str(out, "Arrival-Date: ");
        clock_format_mail_date(s->arrival_s, out);
        strbuf_add_char(out, '\n');
    }
}

static void add_diagnostic(struct strbuf *out, const struct delivery_status *status)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (*status->diag_type && *status->diag_text)
        strbuf_addf(&line, "Diagnostic-Code: %s; %s", status->diag_type, status->diag_text);
    else
        strbuf_addf(&line, "Diagnostic-Code: X-%s; %s", common_params.mail_name, status->reason);
    bounce_compose_wrap(out, strbuf_slice(&line));
}

void bounce_compose_status(struct strbuf *out, const struct bounce_subject *s,
                           const struct bounce_notice *notice, const struct bounce_log_entry *entry)
{
    const struct recipient *rcpt = &entry->rcpt;
    strbuf_addf(out, "\nFinal-Recipient: %s; ", address_type(s, rcpt->address));
    add_address(out, rcpt->address);
    strbuf_add_char(out, '\n');
    if (*rcpt->dsn_orcpt) {
        strbuf_addf(out, "Original-Recipient: %s\n", rcpt->dsn_orcpt);
    } else if (*rcpt->orig_address) {
        strbuf_addf(out, "Original-Recipient: %s; ", address_type(s, rcpt->orig_address));
        add_address(out, rcpt->orig_address);
        strbuf_add_char(out, '\n');
    }
    strbuf_addf(out, "Action: %s\nStatus: %s\n", entry->status.action, entry->status.dsn);
    if (*entry->status.mta_type && *entry->status.mta_name)
        strbuf_addf(out, "Remote-MTA: %s; %s\n", entry->status.mta_type, entry->status.mta_name);
    add_diagnostic(out, &entry->status);
    if (notice->kind == BOUNCE_TEMPLATE_DELAY && s->arrival_s > 0) {
        strbuf_add_str(out, "Will-Retry-Until: ");
        clock_format_mail_date(s->arrival_s + common_params.maximal_queue_lifetime, out);
        strbuf_add_char(out, '\n');
    }
}

void bounce_compose_content_head(struct strbuf *out, const struct bounce_subject *s,
                                 const struct bounce_notice *notice, const char *boundary)
{
    bool is_full = notice->content == BOUNCE_CONTENT_FULL;
    bool is_success =
        notice->kind == BOUNCE_TEMPLATE_SUCCESS || notice->kind == BOUNCE_TEMPLATE_VERIFY;
    const char *type = s->is_utf8 ? is_full ? "message/global" : "message/global-headers"
                       : is_full  ? "message/rfc822"
                                  : "text/rfc822-headers";
    strbuf_addf(out, "\n--%s\nContent-Description: %s%s\nContent-Type: %s\n", boundary,
                is_success ? "Message" : "Undelivered Message", is_full ? "" : " Headers", type);
    add_part_encoding(out, s);
    strbuf_add_str(out, "\nReturn-Path: <");
    add_sender(out, s);
    strbuf_add_str(out, ">\n");
}
