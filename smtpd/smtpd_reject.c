/* Refusals and their log lines. */
#include "smtpd/smtpd_reject.h"

#include "base/text.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "tls/tls_session.h"

#include <string.h>
#include <strings.h>

/* NULL: by the command, as that may be HELO or EHLO, none or XCLIENT */
static const char *const stage_names[SMTPD_STAGES] = {
    [SMTPD_STAGE_MAIL] = "MAIL",
    [SMTPD_STAGE_RCPT] = "RCPT",
    [SMTPD_STAGE_VRFY] = "VRFY",
    [SMTPD_STAGE_DATA] = "DATA",
    [SMTPD_STAGE_END_OF_DATA] = "END-OF-MESSAGE",
    [SMTPD_STAGE_ETRN] = "ETRN",
    [SMTPD_STAGE_UNKNOWN] = "UNKNOWN",
};

static const char *const class_names[] = {
    [SMTPD_CLASS_CLIENT] = "Client host",
    [SMTPD_CLASS_REVERSE_CLIENT] = "Unverified Client host",
    [SMTPD_CLASS_HELO] = "Helo command",
    [SMTPD_CLASS_SENDER] = "Sender address",
    [SMTPD_CLASS_RECIPIENT] = "Recipient address",
    [SMTPD_CLASS_DATA] = "Data command",
    [SMTPD_CLASS_END_OF_DATA] = "End-of-data",
    [SMTPD_CLASS_ETRN] = "Etrn command",
    [SMTPD_CLASS_LOGIN] = "SASL login name",
    [SMTPD_CLASS_CCERT] = "Client certificate",
};

const char *smtpd_stage_name(const struct smtpd_session *s, enum smtpd_stage stage)
{
    return stage_names[stage] ? stage_names[stage] : s->where;
}

const char *smtpd_class_name(enum smtpd_reply_class class)
{
    return class_names[class];
}

void smtpd_log_permit(struct smtpd_eval *e, const char *action, enum smtpd_reply_class class,
                      const char *item, const char *table)
{
    struct err err = ERR_INIT;
    struct match_list *logged = e->s->server->logged_permits;
    /* what is going to be deferred is not permitted */
    if (!logged || e->if_permit.text || match_list_find(logged, action, &err) != MAP_FOUND)
        return;
    smtpd_log_action(e, "permit",
                     arena_printf(e->arena, "action=%s for %s=%s %s%s", action, class_names[class],
                                  item, table ? "from " : "", table ? table : ""));
}

enum smtpd_reply_class smtpd_class_of_list(const struct smtpd_eval *e)
{
    if (e->depth > 0 && e->stack[e->depth - 1].item)
        return (enum smtpd_reply_class)e->stack[e->depth - 1].class;
    static const enum smtpd_reply_class classes[SMTPD_LISTS] = {
        [SMTPD_LIST_CLIENT] = SMTPD_CLASS_CLIENT,
        [SMTPD_LIST_HELO] = SMTPD_CLASS_HELO,
        [SMTPD_LIST_SENDER] = SMTPD_CLASS_SENDER,
        [SMTPD_LIST_RELAY] = SMTPD_CLASS_RECIPIENT,
        [SMTPD_LIST_RECIPIENT] = SMTPD_CLASS_RECIPIENT,
        [SMTPD_LIST_DATA] = SMTPD_CLASS_DATA,
        [SMTPD_LIST_END_OF_DATA] = SMTPD_CLASS_END_OF_DATA,
        [SMTPD_LIST_ETRN] = SMTPD_CLASS_ETRN,
    };
    return classes[e->list];
}

const char *smtpd_class_item(const struct smtpd_eval *e, enum smtpd_reply_class class)
{
    const char *item = NULL;
    switch (class) {
    case SMTPD_CLASS_CLIENT:
        item = e->s->peer.namaddr;
        break;
    case SMTPD_CLASS_REVERSE_CLIENT:
        item = e->s->peer.reverse_name;
        break;
    case SMTPD_CLASS_HELO:
        item = e->s->helo;
        break;
    case SMTPD_CLASS_SENDER:
        item = e->s->tx ? e->s->tx->sender : NULL;
        break;
    case SMTPD_CLASS_RECIPIENT:
        item = smtpd_eval_recipient_address(e);
        break;
    case SMTPD_CLASS_DATA:
        item = "DATA";
        break;
    case SMTPD_CLASS_END_OF_DATA:
        item = "END-OF-MESSAGE";
        break;
    case SMTPD_CLASS_ETRN:
        item = e->etrn_domain;
        break;
    case SMTPD_CLASS_CCERT:
        item = e->s->tls ? e->s->tls->subject_cn : NULL;
        break;
    case SMTPD_CLASS_LOGIN:
        item = e->s->login;
        break;
    }
    return item ? item : "";
}

/* An address as info_log_address_format wants it. */
static void add_address(struct strbuf *out, const char *name, const char *address)
{
    strbuf_addf(out, " %s=<", name);
    if (strcmp(common_params.info_log_address_format, "internal") == 0)
        strbuf_add_str(out, address);
    else if (address[0])
        address_to_external(slice_of(address), out);
    strbuf_add_char(out, '>');
}

static void add_client_words(struct smtpd_session *s, const struct smtpd_tx *tx,
                             const char *recipient, struct strbuf *out)
{
    if (tx)
        add_address(out, "from", tx->sender);
    if (recipient)
        add_address(out, "to", recipient);
    strbuf_addf(out, " proto=%s", smtpd_session_protocol(s));
    if (s->helo)
        strbuf_addf(out, " helo=<%s>", s->helo);
}

void smtpd_log_add_envelope(struct smtpd_session *s, const char *recipient, struct strbuf *out)
{
    add_client_words(s, s->tx, recipient, out);
}

void smtpd_log_event(struct smtpd_session *s, enum smtpd_stage stage, const char *what,
                     const char *text, const char *recipient)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    const struct smtpd_tx *tx = s->tx && stage == SMTPD_STAGE_VRFY ? s->tx->suspended : s->tx;
    strbuf_addf(&line, "%s: %s from %s: %s;", what, smtpd_stage_name(s, stage), s->peer.namaddr,
                text);
    add_client_words(s, tx, recipient, &line);
    log_info(smtpd_session_tag(s), "%s", line.s);
}

void smtpd_log_action(struct smtpd_eval *e, const char *what, const char *text)
{
    smtpd_log_event(e->s, e->stage, what, text, smtpd_eval_recipient_address(e));
}

static enum smtpd_verdict refuse(struct smtpd_eval *e, const char *text)
{
    unsigned trouble = e->trouble ? e->trouble : NOTICE_POLICY;
    e->trouble = 0;
    if (e->warn_if_reject) {
        smtpd_log_action(e, "reject_warning", text);
        smtpd_notice_add(e->s, trouble);
        return SMTPD_VERDICT_NONE;
    }
    /* an earlier temporary trouble means that a permanent refusal may be wrong */
    if (text[0] == '5' && e->if_reject.text)
        text = e->if_reject.text;
    if (common_params.soft_bounce && text[0] == '5') {
        char *soft = arena_strdup(e->arena, text);
        soft[0] = '4';
        if (esmtp_reply_dsn_length(slice_of(soft + 4)))
            soft[4] = '4';
        text = soft;
    }
    e->refusal = text;
    smtpd_notice_class(e->s, trouble);
    smtpd_log_action(e, "reject", text);
    return SMTPD_VERDICT_REJECT;
}

/* Texts may come from tables and policy services: what does not print is not sent. */
static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            *text = ' ';
}

/* "CODE DSN text"; codes that are no refusal are a mistake of the configuration. */
static const char *refusal_text(struct smtpd_eval *e, int code, const char *dsn, const char *text)
{
    if (code < 400 || code > 599) {
        log_warn(NULL, "reply code %d cannot refuse a request; using 451", code);
        code = 451;
    }
    char *reply = arena_printf(e->arena, "%d %s %s", code, dsn, text);
    reply[4] = (char)('0' + code / 100);
    clean(reply);
    return reply;
}

enum smtpd_verdict smtpd_reject(struct smtpd_eval *e, int code, const char *dsn, const char *fmt,
                                ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(8192);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    return refuse(e, refusal_text(e, code, dsn, text.s));
}

/* Codes X.1.n speak of one address; where the item is not that address, another detail is right. */
static const char *dsn_for_class(struct smtpd_eval *e, enum smtpd_reply_class class,
                                 const char *dsn)
{
    int kind = class == SMTPD_CLASS_SENDER ? 0 : class == SMTPD_CLASS_RECIPIENT ? 1 : 2;
    if (dsn[2] != '1' || dsn[3] != '.')
        return dsn;
    /* detail 0..9 becomes */
    static const char details[2][11] = {"0787707780", "0123456320"}; /* of senders, of recipients */
    bool one_digit = dsn[4] >= '0' && dsn[4] <= '9' && dsn[5] == 0;
    char detail = '0';
    if (one_digit && kind < 2)
        detail = details[kind][dsn[4] - '0'];
    char *mapped = arena_printf(e->arena, "%c.%c.%c", dsn[0], kind == 2 ? '0' : '1', detail);
    if (strcmp(mapped, dsn) != 0)
        log_info(NULL, "mapping DSN status %s into %s status %s", dsn, class_names[class], mapped);
    return mapped;
}

/* Take an enhanced code off the front of *TEXT. */
static const char *split_dsn(struct smtpd_eval *e, const char **text)
{
    size_t length = esmtp_reply_dsn_length(slice_of(*text));
    if (!length)
        return NULL;
    const char *dsn = arena_slice_dup(e->arena, (struct slice){*text, length});
    *text += length;
    while (**text == ' ')
        (*text)++;
    return dsn;
}

static const char *item_text(struct smtpd_eval *e, enum smtpd_reply_class class, const char *item,
                             int code, const char *dsn, const char *text)
{
    const char *own = split_dsn(e, &text);
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(8192);
    strbuf_addf(&out, "<%s>: %s rejected: %s", item, class_names[class], text);
    return refusal_text(e, code, own ? dsn_for_class(e, class, own) : dsn, out.s);
}

enum smtpd_verdict smtpd_reject_item(struct smtpd_eval *e, enum smtpd_reply_class class,
                                     const char *item, int code, const char *dsn, const char *text)
{
    return refuse(e, item_text(e, class, item, code, dsn, text));
}

enum smtpd_verdict smtpd_defer_later(struct smtpd_eval *e, struct smtpd_deferral *deferral,
                                     enum smtpd_reply_class class, const char *item, int code,
                                     const char *dsn, const char *text)
{
    const char *reply = item_text(e, class, item, code, dsn, text);
    bool is_tried = e->warn_if_reject && deferral == &e->if_permit; /* the other harms nobody */
    if (is_tried)
        smtpd_log_action(e, "reject_warning", reply);
    else if (!deferral->text)
        deferral->text = reply;
    return SMTPD_VERDICT_NONE;
}

enum smtpd_verdict smtpd_defer_list(struct smtpd_eval *e, struct smtpd_deferral *deferral,
                                    const char *dsn, const char *text)
{
    enum smtpd_reply_class class = smtpd_class_of_list(e);
    return smtpd_defer_later(e, deferral, class, smtpd_class_item(e, class), 450, dsn, text);
}

enum smtpd_verdict smtpd_temporary(struct smtpd_eval *e, const char *action,
                                   enum smtpd_reply_class class, const char *item, const char *dsn,
                                   const char *text)
{
    if (strcasecmp(action, "defer") == 0)
        return smtpd_reject_item(e, class, item, 450, dsn, text);
    return smtpd_defer_later(e, &e->if_permit, class, item, 450, dsn, text);
}

enum smtpd_verdict smtpd_reject_configuration(struct smtpd_eval *e)
{
    e->warn_if_reject = 0;
    e->trouble = NOTICE_SOFTWARE;
    return smtpd_reject(e, 451, "4.3.5", "Server configuration error");
}

enum smtpd_verdict smtpd_reject_lookup_failure(struct smtpd_eval *e, const char *item,
                                               const struct err *err)
{
    if (!err->is_repeated)
        log_warn(NULL, "%s", err->reason);
    e->trouble = NOTICE_DATA;
    return smtpd_reject(e, 451, "4.3.0", "<%s>: Temporary lookup failure", item);
}
