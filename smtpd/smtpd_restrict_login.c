/* Restrictions on clients that have, or have not, logged in. */
#include "config/common_params.h"
#include "mail/local_domains.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

/* The logins that own the sender address. */
static enum map_status find_owners(struct smtpd_eval *e, const char *address, struct strbuf *owners,
                                   struct err *err)
{
    struct smtpd_server *server = e->s->server;
    struct local_domains_query own = {resolver_local_domains(server->resolver), err, false};
    struct map_address_query query = {
        .address = address,
        .keys = MAP_ADDR_CANONICAL,
        .recipient_delimiter = common_params.recipient_delimiter,
        .is_local = local_domains_own_bare_names,
        .ctx = &own,
    };
    if (maps_is_empty(server->login_owners))
        return MAP_NOT_FOUND;
    enum map_status status =
        map_address_find(server->login_owners, &query, owners, NULL, NULL, err);
    return own.has_failed ? MAP_FAILED : status;
}

static bool has_owner(const char *owners, const char *login)
{
    struct slice in = slice_of(owners), item;
    while (slice_next_item(&in, &item))
        if (slice_eq_nocase(item, login))
            return true;
    return false;
}

static enum smtpd_verdict reject(struct smtpd_eval *e, const char *text)
{
    return smtpd_reject_item(e, SMTPD_CLASS_SENDER, e->s->tx->sender, 553, "5.7.1", text);
}

/* Where nobody can log in the rules would refuse everybody who owns an address. */
static void warn_of_no_logins(int checks)
{
    static const struct {
        const char *name;
        int check;
    } rows[] = {
        {"known_sender", SMTPD_LOGIN_KNOWN},
        {"authenticated_sender", SMTPD_LOGIN_AUTHENTICATED},
        {"unauthenticated_sender", SMTPD_LOGIN_UNAUTHENTICATED},
    };
    int told = checks & SMTPD_LOGIN_KNOWN ? SMTPD_LOGIN_KNOWN : checks;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (told & rows[i].check)
            log_warn(NULL, "restriction `reject_%s_login_mismatch' ignored: no SASL support",
                     rows[i].name);
}

SMTPD_RULE(smtpd_reject_login_mismatch)
{
    int checks = rule->restriction->number;
    if (!smtpd_params.smtpd_sasl_auth_enable) {
        warn_of_no_logins(checks);
        return SMTPD_VERDICT_NONE;
    }
    const char *login = e->s->login;
    if (!e->s->tx || !e->s->tx->sender[0] ||
        !(checks & (login ? SMTPD_LOGIN_AUTHENTICATED : SMTPD_LOGIN_UNAUTHENTICATED)))
        return SMTPD_VERDICT_NONE;
    enum smtpd_verdict verdict;
    const struct resolve_reply *r = smtpd_eval_sender(e, &verdict);
    if (!r)
        return verdict;
    CLEANUP(strbuf_done) struct strbuf owners = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = find_owners(e, r->recipient, &owners, &err);
    if (status == MAP_FAILED)
        return smtpd_reject_lookup_failure(e, e->s->tx->sender, &err);
    bool is_owned = status == MAP_FOUND;
    if (!login)
        return is_owned ? reject(e, "not logged in") : SMTPD_VERDICT_NONE;
    if (is_owned ? has_owner(owners.s, login) : (checks & SMTPD_LOGIN_KNOWN) != 0)
        return SMTPD_VERDICT_NONE;
    return reject(e, arena_printf(e->arena, "not owned by user %s", login));
}
