/* From replies and broken connections to outcomes of recipients; every public text is made here or
 * in smtp_delivery.c. */
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_tls_status.h"

#include <string.h>

static const char *log_extra(struct smtp_delivery *d, const struct smtp_session *s)
{
    return s && s->uses > 1 ? arena_printf(d->arena, "conn_use=%u, ", s->uses) : NULL;
}

static void settle_failed(struct smtp_delivery *d, struct smtp_rcpt *r, const struct smtp_why *why)
{
    bool has_relay = strcmp(why->relay, "none") != 0;
    const struct delivery_outcome o = {
        .dsn = why->dsn,
        .relay = why->relay,
        .text = why->text,
        .diag_type = why->reply ? "smtp" : NULL,
        .diag_text = why->reply,
        .mta_name = why->server_name,
        .log_extra = has_relay ? log_extra(d, d->session) : NULL,
        .log_tls = why->tls,
    };
    r->state = SMTP_RCPT_DONE;
    d->left--;
    if (why->kind == ERR_PERM)
        delivery_bounced(d->job, r->rcpt, &o);
    else
        delivery_deferred(d->job, r->rcpt, &o);
}

static bool is_meant(const struct smtp_delivery *d, const struct smtp_rcpt *r,
                     const struct smtp_rcpt *only)
{
    if (only)
        return r == only;
    return r->state == SMTP_RCPT_LIVE || r->state == SMTP_RCPT_ACCEPTED ||
           (r->state == SMTP_RCPT_TODO && d->tx_count == 0);
}

static void tell_destination_failed(struct smtp_delivery *d, const struct smtp_why *why)
{
    const struct delivery_outcome o = {
        .dsn = why->dsn,
        .relay = why->relay,
        .text = why->text,
        .diag_type = why->reply ? "smtp" : NULL,
        .diag_text = why->reply,
        .mta_name = why->server_name,
    };
    delivery_destination_failed(d->job, &o);
}

void smtp_outcome_fail(struct smtp_delivery *d, struct smtp_rcpt *only, const struct smtp_why *why)
{
    bool is_later = why->kind != ERR_PERM && !d->is_final, is_told = false;
    struct smtp_why copy = *why; /* WHY may be d->why */
    if (d->session)
        copy.tls = smtp_tls_status(d, d->session);
    d->why = copy;
    for (size_t i = 0; i < d->rcpt_count; i++) {
        struct smtp_rcpt *r = &d->rcpts[i];
        if (!is_meant(d, r, only))
            continue;
        if (!is_told && is_later)
            log_info(&d->job->log, "%s", copy.text);
        else if (!is_told && copy.is_destination && copy.kind != ERR_PERM)
            tell_destination_failed(d, &copy);
        is_told = true;
        if (is_later)
            r->state = SMTP_RCPT_TODO;
        else
            settle_failed(d, r, &copy);
    }
}

const char *smtp_outcome_reply_text(struct smtp_delivery *d, const struct smtp_session *s)
{
    char *text = arena_slice_dup(d->arena, strbuf_slice(&s->reply.text));
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ' ';
        else if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return text;
}

const char *smtp_outcome_reply_dsn(struct smtp_delivery *d, const struct smtp_session *s)
{
    if (*s->reply.dsn)
        return arena_strdup(d->arena, s->reply.dsn);
    return arena_printf(d->arena, "%d.0.0", s->reply.code / 100);
}

void smtp_outcome_reply(struct smtp_delivery *d, struct smtp_session *s, enum smtp_step step,
                        struct smtp_why *ret)
{
    const char *reply = smtp_outcome_reply_text(d, s);
    int class = s->reply.code / 100;
    *ret = (struct smtp_why){
        .kind = class == 4 ? ERR_TEMP : ERR_PERM,
        /* a positive reply where it has no meaning is a breach of protocol */
        .dsn = class == 4 || class == 5 ? smtp_outcome_reply_dsn(d, s) : "5.5.0",
        .relay = s->relay,
        .reply = reply,
        .server_name = s->host.name,
    };
    ret->text = arena_printf(d->arena, "%shost %s said: %s (in reply to %s command)",
                             class == 2 ? "Protocol error: " : "", s->name, reply,
                             smtp_proto_command_name(step));
}

/* With DSN the server answers for the success notice; without, we tell that the mail was passed on
 * (RFC 3461, section 5.2.2) or, where the server is known to be the mailbox, delivered. */
void smtp_outcome_sent(struct smtp_delivery *d, struct smtp_session *s, struct smtp_rcpt *r,
                       const char *dsn, const char *text)
{
    bool is_mailbox = smtp_client.flags & SMTP_FLAG_FINAL ||
                      (smtp_client.is_lmtp && smtp_params.lmtp_assume_final);
    const struct delivery_outcome o = {
        .dsn = dsn,
        .relay = s->relay,
        .text = text,
        .action = is_mailbox ? "delivered" : "relayed",
        .diag_type = "smtp",
        .diag_text = text,
        .mta_name = s->host.name,
        .log_extra = log_extra(d, s),
        .log_tls = smtp_tls_status(d, s),
    };
    if (s->features & SMTP_EHLO_DSN) /* nothing left is not "nothing said" */
        r->rcpt->dsn_notify = r->rcpt->dsn_notify == DSN_NOTIFY_SUCCESS
                                  ? DSN_NOTIFY_NEVER
                                  : r->rcpt->dsn_notify & ~(int64_t)DSN_NOTIFY_SUCCESS;
    r->state = SMTP_RCPT_DONE;
    d->left--;
    delivery_sent(d->job, r->rcpt, &o);
}
