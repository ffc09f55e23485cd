#include "smtp/smtp_commands.h"

#include "base/text.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "smtp/smtp_params.h"

#include <string.h>
#include <strings.h>

/* An address as the protocol wants it. Whatever got into it, it cannot end the line. */
static void add_path(struct strbuf *out, const char *address)
{
    size_t start = out->len + 1;
    strbuf_add_char(out, '<');
    if (*address && smtp_params.smtp_quote_rfc821_envelope)
        address_to_external(slice_of(address), out);
    else
        strbuf_add_str(out, address);
    for (size_t i = start; i < out->len; i++)
        if ((unsigned char)out->s[i] < ' ' || out->s[i] == 127)
            out->s[i] = '?';
    strbuf_add_char(out, '>');
}

static bool is_8bit(const struct smtp_delivery *d)
{
    return strcasecmp(d->job->envelope->encoding, "8bit") == 0;
}

/* What nobody called 7-bit may have parts that are not. */
bool smtp_commands_must_downgrade(const struct smtp_session *s, const struct smtp_delivery *d)
{
    bool is_7bit = strcasecmp(d->job->envelope->encoding, "7bit") == 0;
    return !is_7bit && !(s->features & SMTP_EHLO_8BITMIME) &&
           !common_params.disable_mime_output_conversion;
}

void smtp_commands_mail(const struct smtp_session *s, const struct smtp_delivery *d,
                        struct strbuf *out)
{
    const struct envelope *e = d->job->envelope;
    strbuf_add_str(out, "MAIL FROM:");
    add_path(out, d->sender);
    /* the size is not known of what may yet be converted */
    if (s->features & SMTP_EHLO_SIZE &&
        (s->features & SMTP_EHLO_8BITMIME || common_params.disable_mime_output_conversion))
        strbuf_addf(out, " SIZE=%lld", (long long)e->message_size);
    if (is_8bit(d) && s->features & SMTP_EHLO_8BITMIME)
        strbuf_add_str(out, " BODY=8BITMIME");
    if (s->features & SMTP_EHLO_DSN) {
        if (*e->dsn_envid) {
            strbuf_add_str(out, " ENVID=");
            text_xtext_encode(slice_of(e->dsn_envid), out);
        }
        if (e->dsn_ret != DSN_RET_NONE)
            strbuf_addf(out, " RET=%s", e->dsn_ret == DSN_RET_FULL ? "FULL" : "HDRS");
    }
    if (s->is_utf8)
        strbuf_add_str(out, " SMTPUTF8");
    if (s->is_requiretls)
        strbuf_add_str(out, " REQUIRETLS");
    if (s->features & SMTP_EHLO_AUTH && smtp_params.smtp_send_dummy_mail_auth)
        strbuf_add_str(out, " AUTH=<>");
    strbuf_add_str(out, "\r\n");
}

/* The address the sender wrote, for reports from further on (RFC 3461, section 4.2). */
static void add_orcpt(const struct smtp_session *s, const struct recipient *r, struct strbuf *out)
{
    const char *original = *r->orig_address ? r->orig_address : r->address;
    struct slice type = slice_of("rfc822"), address = slice_of(original);
    if (*r->dsn_orcpt && !slice_split(slice_of(r->dsn_orcpt), ';', &type, &address))
        return;
    else if (!*r->dsn_orcpt && s->is_utf8 && !text_is_ascii(address))
        type = slice_of("utf-8");
    strbuf_addf(out, " ORCPT=%.*s;", SLICE_ARG(type));
    if (slice_eq_nocase(type, "utf-8") && !text_is_ascii(address))
        text_utf8_xtext_encode(address, out);
    else
        text_xtext_encode(address, out);
}

static void add_notify(int64_t notify, struct strbuf *out)
{
    static const struct {
        int64_t bit;
        const char *word;
    } words[] = {{DSN_NOTIFY_NEVER, "NEVER"},
                 {DSN_NOTIFY_SUCCESS, "SUCCESS"},
                 {DSN_NOTIFY_FAILURE, "FAILURE"},
                 {DSN_NOTIFY_DELAY, "DELAY"}};
    const char *separator = " NOTIFY=";
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (notify & words[i].bit) {
            strbuf_addf(out, "%s%s", separator, words[i].word);
            separator = ",";
        }
}

void smtp_commands_rcpt(const struct smtp_session *s, const struct smtp_rcpt *r, struct strbuf *out)
{
    strbuf_add_str(out, "RCPT TO:");
    add_path(out, r->address);
    if (s->features & SMTP_EHLO_DSN) {
        add_orcpt(s, r->rcpt, out);
        add_notify(r->rcpt->dsn_notify, out);
    }
    strbuf_add_str(out, "\r\n");
}
