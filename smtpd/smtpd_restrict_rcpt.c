/* Restrictions on sender and recipient addresses. */
#include "base/clock.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/local_domains.h"
#include "mail/verify_sender.h"
#include "smtpd/smtpd_compat.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <string.h>
#include <strings.h>

static enum smtpd_verdict reject_non_fqdn(struct smtpd_eval *e, enum smtpd_reply_class class,
                                          const char *address)
{
    struct slice local, domain;
    bool good = false;
    if (address_split(slice_of(address), &local, &domain)) {
        if (domain.len && domain.s[domain.len - 1] == '.')
            domain.len--;
        good = domain.len && (domain.s[0] == '[' || slice_find(domain, '.') != SIZE_MAX);
    }
    if (good)
        return SMTPD_VERDICT_NONE;
    return smtpd_reject_item(e, class, address, (int)smtpd_params.non_fqdn_reject_code, "5.5.2",
                             "need fully-qualified address");
}

SMTPD_RULE(smtpd_reject_non_fqdn_sender)
{
    (void)rule;
    if (!e->s->tx || !e->s->tx->sender[0])
        return SMTPD_VERDICT_NONE;
    return reject_non_fqdn(e, SMTPD_CLASS_SENDER, e->s->tx->sender);
}

SMTPD_RULE(smtpd_reject_non_fqdn_recipient)
{
    (void)rule;
    const char *recipient = smtpd_eval_recipient_address(e);
    return recipient ? reject_non_fqdn(e, SMTPD_CLASS_RECIPIENT, recipient) : SMTPD_VERDICT_NONE;
}

enum {
    OURS = RESOLVE_CLASS_LOCAL | RESOLVE_CLASS_VIRTUAL_ALIAS | RESOLVE_CLASS_VIRTUAL_MAILBOX |
           RESOLVE_CLASS_RELAY
};

/* Is the recipient in a domain we are there for, and not routed on by its local part? */
static bool is_authorized(const struct smtpd_session *s, const struct resolve_reply *r)
{
    if ((r->flags & RESOLVE_ROUTED) && !smtpd_params.allow_untrusted_routing)
        return false;
    if ((r->flags & RESOLVE_BAD_ADDRESS) || !(r->address_class & OURS))
        return false;
    smtpd_compat_accepted(s, r);
    return true;
}

SMTPD_RULE(smtpd_reject_unauth_destination)
{
    const char *recipient = smtpd_eval_recipient_address(e);
    if (!recipient)
        return SMTPD_VERDICT_NONE;
    enum smtpd_verdict verdict;
    const struct resolve_reply *r = smtpd_eval_recipient(e, &verdict);
    if (!r)
        return verdict;
    if (is_authorized(e->s, r))
        return SMTPD_VERDICT_NONE;
    int code = rule->restriction->number ? rule->restriction->number
                                         : (int)smtpd_params.relay_domains_reject_code;
    return smtpd_reject(e, code, "5.7.1", "<%s>: Relay access denied", recipient);
}

SMTPD_RULE(smtpd_permit_auth_destination)
{
    (void)rule;
    if (!smtpd_eval_recipient_address(e))
        return SMTPD_VERDICT_NONE;
    enum smtpd_verdict verdict;
    const struct resolve_reply *r = smtpd_eval_recipient(e, &verdict);
    if (!r)
        return verdict;
    return is_authorized(e->s, r) ? SMTPD_VERDICT_PERMIT : SMTPD_VERDICT_NONE;
}

static enum map_status find_address(struct smtpd_eval *e, struct maps *maps, const char *address,
                                    struct err *err)
{
    if (maps_is_empty(maps))
        return MAP_NOT_FOUND;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct local_domains_query own = {resolver_local_domains(e->s->server->resolver), err, false};
    struct map_address_query query = {
        .address = address,
        .keys = MAP_ADDR_CANONICAL,
        .recipient_delimiter = common_params.recipient_delimiter,
        .is_local = local_domains_own_bare_names,
        .ctx = &own,
    };
    enum map_status status = map_address_find(maps, &query, &value, NULL, NULL, err);
    return own.has_failed ? MAP_FAILED : status;
}

/* Which table must know addresses of this class? NULL: there is none to ask. */
static struct maps *class_table(struct smtpd_server *server, enum resolve_class class,
                                const char **ret_name, int64_t *ret_code)
{
    switch (class) {
    case RESOLVE_CLASS_LOCAL:
        *ret_name = "local recipient";
        *ret_code = smtpd_params.unknown_local_recipient_reject_code;
        return server->local_recipients;
    case RESOLVE_CLASS_VIRTUAL_ALIAS:
        *ret_name = "virtual alias";
        *ret_code = smtpd_params.unknown_virtual_alias_reject_code;
        return server->virtual_aliases;
    case RESOLVE_CLASS_VIRTUAL_MAILBOX:
        *ret_name = "virtual mailbox";
        *ret_code = smtpd_params.unknown_virtual_mailbox_reject_code;
        return server->virtual_mailboxes;
    case RESOLVE_CLASS_RELAY:
        *ret_name = "relay recipient";
        *ret_code = smtpd_params.unknown_relay_recipient_reject_code;
        return server->relay_recipients;
    case RESOLVE_CLASS_DEFAULT:
        break;
    }
    return NULL;
}

/* Does rewriting know the address? Then it is somebody else's, to be judged where it goes to. */
static enum map_status find_rewritten(struct smtpd_eval *e, const char *address, bool is_sender,
                                      struct err *err)
{
    struct smtpd_server *server = e->s->server;
    struct maps *tables[] = {is_sender ? server->sender_canonical : server->recipient_canonical,
                             server->canonical, server->virtual_aliases};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        enum map_status status = find_address(e, tables[i], address, err);
        if (status != MAP_NOT_FOUND)
            return status;
    }
    return MAP_NOT_FOUND;
}

/* error: and retry: results of tables carry their text in the nexthop. */
static enum smtpd_verdict reject_by_transport(struct smtpd_eval *e, enum smtpd_reply_class class,
                                              const char *address, const struct resolve_reply *r)
{
    if (strcmp(r->transport, "error") == 0)
        return smtpd_reject_item(e, class, address, 550,
                                 class == SMTPD_CLASS_SENDER ? "5.1.0" : "5.1.2", r->nexthop);
    if (strcmp(r->transport, "retry") == 0)
        return smtpd_reject_item(e, class, address, 450, "4.3.2", r->nexthop);
    return SMTPD_VERDICT_NONE;
}

/* Mail to these is taken in every local domain, whether a table knows them or not: RFC 5321 (4.5.1)
 * wants the first, the others are senders of the mail system itself. */
static bool is_system_name(const struct resolve_reply *r)
{
    const char *const names[] = {"postmaster", "mailer-daemon", common_params.double_bounce_sender};
    struct timeval now;
    size_t at = slice_rfind(slice_of(r->recipient), '@');
    struct slice local =
        slice_first(slice_of(r->recipient), at == SIZE_MAX ? strlen(r->recipient) : at);
    if (r->address_class != RESOLVE_CLASS_LOCAL)
        return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq_nocase(local, names[i]))
            return true;
    clock_wall(&now);
    return verify_sender_has_local_part(now.tv_sec, local);
}

static enum smtpd_verdict reject_unlisted(struct smtpd_eval *e, enum smtpd_reply_class class,
                                          const char *address, const struct resolve_reply *r)
{
    struct err err = ERR_INIT;
    enum map_status status = find_rewritten(e, r->recipient, class == SMTPD_CLASS_SENDER, &err);
    if (status == MAP_NOT_FOUND && strcmp(address, r->recipient) != 0)
        status = find_rewritten(e, address, class == SMTPD_CLASS_SENDER, &err);
    if (status == MAP_FAILED)
        return smtpd_reject_lookup_failure(e, address, &err);
    if (status == MAP_FOUND)
        return SMTPD_VERDICT_NONE;

    const char *name = NULL;
    int64_t code = 0;
    struct maps *maps = class_table(e->s->server, r->address_class, &name, &code);
    /* not the complaint about an unknown alias, which is made below with a code of its own */
    bool is_alias_domain = r->address_class == RESOLVE_CLASS_VIRTUAL_ALIAS &&
                           !slice_starts(slice_of(r->nexthop), "5.1.6 ");
    if (!is_alias_domain) {
        enum smtpd_verdict verdict = reject_by_transport(e, class, address, r);
        if (verdict == SMTPD_VERDICT_NONE && class == SMTPD_CLASS_RECIPIENT)
            smtpd_compat_listed(e->s, r);
        if (verdict != SMTPD_VERDICT_NONE || maps_is_empty(maps) || is_system_name(r))
            return verdict;
        status = find_address(e, maps, r->recipient, &err);
        if (status == MAP_FAILED)
            return smtpd_reject_lookup_failure(e, address, &err);
        if (status == MAP_FOUND)
            return SMTPD_VERDICT_NONE;
    }
    bool tell = common_params.show_user_unknown_table_name;
    const char *text = arena_printf(e->arena, "User unknown%s%s%s", tell ? " in " : "",
                                    tell ? name : "", tell ? " table" : "");
    e->trouble = NOTICE_BOUNCE;
    return smtpd_reject_item(e, class, address, (int)code,
                             class == SMTPD_CLASS_SENDER ? "5.1.0" : "5.1.1", text);
}

SMTPD_RULE(smtpd_reject_unlisted_recipient)
{
    (void)rule;
    const char *recipient = smtpd_eval_recipient_address(e);
    if (!recipient || e->unlisted_recipient_done)
        return SMTPD_VERDICT_NONE;
    e->unlisted_recipient_done = true;
    enum smtpd_verdict verdict;
    const struct resolve_reply *r = smtpd_eval_recipient(e, &verdict);
    return r ? reject_unlisted(e, SMTPD_CLASS_RECIPIENT, recipient, r) : verdict;
}

SMTPD_RULE(smtpd_reject_unlisted_sender)
{
    (void)rule;
    const struct smtpd_tx *tx = e->s->tx;
    if (!tx || !tx->sender[0] || e->unlisted_sender_done)
        return SMTPD_VERDICT_NONE;
    e->unlisted_sender_done = true;
    enum smtpd_verdict verdict;
    const struct resolve_reply *r = smtpd_eval_sender(e, &verdict);
    return r ? reject_unlisted(e, SMTPD_CLASS_SENDER, tx->sender, r) : verdict;
}
