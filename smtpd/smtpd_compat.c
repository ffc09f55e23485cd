#include "smtpd/smtpd_compat.h"

#include "base/text.h"
#include "config/common_params.h"
#include "config/compat_level.h"
#include "config/own_networks.h"
#include "log/log.h"
#include "mail/address.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#define OLD_DEFAULT "using backwards-compatible default setting "

void smtpd_compat_open(struct smtpd_compat *compat, const struct config *cfg)
{
    const struct {
        bool *flag;
        const char *level, *name, *other_name;
    } rows[] = {
        {&compat->mynetworks_style, "2", "mynetworks_style", "mynetworks"},
        {&compat->relay_domains, "2", "relay_domains", NULL},
        {&compat->flush_domains, "2", "relay_domains", "fast_flush_domains"},
        {&compat->relay_restrictions, "1", "smtpd_relay_restrictions", NULL},
        {&compat->list_order, "3.6", "smtpd_relay_before_recipient_restrictions", NULL},
        {&compat->smtputf8, "1", "smtputf8_enable", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        *rows[i].flag = compat_level_is_below(common_params.compatibility_level, rows[i].level) &&
                        !config_set_value(cfg, rows[i].name) &&
                        !(rows[i].other_name && config_set_value(cfg, rows[i].other_name));
    if (!compat->mynetworks_style)
        return;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf networks = STRBUF_ANY;
    if (!own_networks("host", common_params.inet_interfaces, common_params.inet_protocols,
                      &networks, &err))
        log_fatal("%s", err.reason);
    compat->host_networks = match_list_new("mynetworks", networks.s, MATCH_HOST_ADDRESS, 0);
}

void smtpd_compat_close(struct smtpd_compat *compat)
{
    match_list_free(compat->host_networks);
    compat->host_networks = NULL;
}

void smtpd_compat_permitted(const struct smtpd_session *s)
{
    const struct smtpd_compat *compat = &s->server->compat;
    if (compat->mynetworks_style && match_list_find_host(compat->host_networks, s->peer.name,
                                                         s->peer.address, NULL) == MAP_NOT_FOUND)
        log_info(NULL, OLD_DEFAULT "mynetworks_style=%s to permit request from client \"%s\"",
                 common_params.mynetworks_style, s->peer.namaddr);
}

static bool is_old_relay_domain(const struct smtpd_session *s, const struct resolve_reply *r)
{
    return s->server->compat.relay_domains && r->address_class == RESOLVE_CLASS_RELAY;
}

void smtpd_compat_accepted(const struct smtpd_session *s, const struct resolve_reply *r)
{
    struct slice local, domain;
    if (is_old_relay_domain(s, r) && address_split(slice_of(r->recipient), &local, &domain))
        log_info(NULL,
                 OLD_DEFAULT "relay_domains=$mydestination to accept mail for domain \"%.*s\"",
                 SLICE_ARG(domain));
}

void smtpd_compat_listed(const struct smtpd_session *s, const struct resolve_reply *r)
{
    if (is_old_relay_domain(s, r))
        log_info(NULL, OLD_DEFAULT "relay_domains=$mydestination to accept mail for address \"%s\"",
                 r->recipient);
}

void smtpd_compat_refused(const struct smtpd_eval *e)
{
    if (e->s->server->compat.list_order && e->stage == SMTPD_STAGE_RCPT &&
        e->list == SMTPD_LIST_RECIPIENT)
        log_info(NULL,
                 OLD_DEFAULT "smtpd_relay_before_recipient_restrictions=no to reject recipient "
                             "\"%s\" from client \"%s\"",
                 e->s->tx->recipient, e->s->peer.namaddr);
}

void smtpd_compat_utf8(const struct smtpd_session *s, const char *what, const char *address)
{
    if (!s->server->compat.smtputf8 || text_is_ascii(slice_of(address)))
        return;
    CLEANUP(strbuf_done) struct strbuf masked = STRBUF_ANY; /* smtputf8_enable is off, after all */
    for (; *address; address++)
        strbuf_add_char(&masked, (unsigned char)*address < 0x80 ? *address : '?');
    log_info(NULL, OLD_DEFAULT "smtputf8_enable=no to accept non-ASCII %s address \"%s\" from %s",
             what, masked.s, s->peer.namaddr);
}

void smtpd_compat_flushed(const struct smtpd_session *s, const char *domain)
{
    if (s->server->compat.flush_domains)
        log_info(NULL, OLD_DEFAULT "relay_domains=$mydestination to flush mail for domain \"%s\"",
                 domain);
}

SMTPD_RULE(smtpd_compat_watch_relay)
{
    (void)rule;
    enum smtpd_verdict verdict;
    if (smtpd_permit_auth_destination(e, rule) == SMTPD_VERDICT_NONE &&
        smtpd_eval_recipient_address(e) && smtpd_eval_recipient(e, &verdict))
        log_info(NULL,
                 OLD_DEFAULT "\"smtpd_relay_restrictions = (empty)\" to avoid \"Relay access "
                             "denied\" error for recipient \"%s\" from client \"%s\"",
                 smtpd_eval_recipient_address(e), e->s->peer.namaddr);
    return SMTPD_VERDICT_NONE;
}
