/* Restrictions on the client and on its HELO name. */
#include "config/common_params.h"
#include "io/sock.h"
#include "mail/address.h"
#include "smtpd/smtpd_compat.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <string.h>

SMTPD_RULE(smtpd_permit_mynetworks)
{
    (void)rule;
    struct err err = ERR_INIT;
    const struct smtpd_peer *peer = &e->s->peer;
    switch (match_list_find_host(e->s->server->mynetworks, peer->name, peer->address, &err)) {
    case MAP_FOUND:
        smtpd_compat_permitted(e->s);
        return SMTPD_VERDICT_PERMIT;
    case MAP_NOT_FOUND:
        return SMTPD_VERDICT_NONE;
    case MAP_FAILED:
        break;
    }
    return smtpd_reject_lookup_failure(e, peer->namaddr, &err);
}

SMTPD_RULE(smtpd_permit_inet_interfaces)
{
    (void)rule;
    return smtpd_peer_is_own_address(e->s) ? SMTPD_VERDICT_PERMIT : SMTPD_VERDICT_NONE;
}

/* A login that XCLIENT tells of counts where clients can log in. */
SMTPD_RULE(smtpd_permit_sasl_authenticated)
{
    (void)rule;
    return e->s->login && smtpd_params.smtpd_sasl_auth_enable ? SMTPD_VERDICT_PERMIT
                                                              : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_reject_unknown_client)
{
    const struct smtpd_peer *peer = &e->s->peer;
    bool reverse = rule->restriction->number;
    if (strcmp(reverse ? peer->reverse_name : peer->name, "unknown") != 0)
        return SMTPD_VERDICT_NONE;
    bool temporary = e->s->flags & SMTPD_SESSION_SEEN_NAME_ERROR;
    int code = temporary ? 450 : (int)smtpd_params.unknown_client_reject_code;
    return smtpd_reject(e, code, reverse ? "4.7.1" : "4.7.25",
                        "Client host rejected: cannot find your %shostname, [%s]",
                        reverse ? "reverse " : "", peer->address);
}

static bool name_is_address(const char *name)
{
    struct sockaddr_storage address;
    socklen_t length;
    return sock_address_parse(name, 0, &address, &length);
}

SMTPD_RULE(smtpd_reject_invalid_helo)
{
    (void)rule;
    const char *helo = e->s->helo;
    if (!helo)
        return SMTPD_VERDICT_NONE;
    struct slice name = slice_of(helo);
    bool literal = name.s[0] == '[';
    if (literal ? address_is_literal(name) : address_is_hostname(name) || name_is_address(helo))
        return SMTPD_VERDICT_NONE;
    return smtpd_reject_item(e, SMTPD_CLASS_HELO, helo,
                             (int)smtpd_params.invalid_hostname_reject_code, "5.5.2",
                             literal ? "invalid ip address" : "Invalid name");
}

SMTPD_RULE(smtpd_reject_non_fqdn_helo)
{
    (void)rule;
    const char *helo = e->s->helo;
    if (!helo || helo[0] == '[')
        return SMTPD_VERDICT_NONE;
    struct slice name = slice_of(helo);
    if (name.len && name.s[name.len - 1] == '.')
        name.len--;
    if (address_is_hostname(name) && slice_find(name, '.') != SIZE_MAX && !name_is_address(helo))
        return SMTPD_VERDICT_NONE;
    return smtpd_reject_item(e, SMTPD_CLASS_HELO, helo, (int)smtpd_params.non_fqdn_reject_code,
                             "5.5.2", "need fully-qualified hostname");
}

SMTPD_RULE(smtpd_permit_naked_ip)
{
    (void)rule;
    log_warn(NULL, "restriction \"permit_naked_ip_address\" is deprecated: "
                   "use \"permit_mynetworks\" instead");
    const char *helo = e->s->helo;
    return helo && name_is_address(helo) ? SMTPD_VERDICT_PERMIT : SMTPD_VERDICT_NONE;
}
