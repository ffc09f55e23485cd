/* Restrictions that ask whether a name is in the DNS, and permit_mx_backup. */
#include "base/argv.h"
#include "config/common_params.h"
#include "io/sock.h"
#include "mail/address.h"
#include "map/match_list.h"
#include "smtpd/smtpd_dns.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <string.h>
#include <strings.h>

enum found {
    FOUND_PENDING,
    FOUND_YES,
    FOUND_NULL_MX,
    FOUND_FILTERED,
    FOUND_NO,
    FOUND_MALFORMED,
    FOUND_TEMPORARY,
};

/* Does a host name of the record kind stand for "no mail here" (RFC 7505)? */
static bool is_null_mx(const struct dns_answer *answer)
{
    for (size_t i = 0; answer->type == DNS_MX && i < answer->count; i++)
        if (!answer->records[i].text[0])
            return true;
    return false;
}

static enum found judge(const struct smtpd_answer *answer)
{
    if (!answer)
        return FOUND_PENDING;
    switch (answer->dns->status) {
    case DNS_FOUND:
        return is_null_mx(answer->dns) ? FOUND_NULL_MX : FOUND_YES;
    case DNS_NOT_FOUND:
    case DNS_NO_DATA:
        return FOUND_NO;
    case DNS_INVALID:
        return FOUND_MALFORMED;
    case DNS_DROPPED:
        return FOUND_FILTERED;
    case DNS_FAILED:
    case DNS_BAD_FILTER:
        break;
    }
    return FOUND_TEMPORARY;
}

/* What two answers say together: a record settles it; a question without an answer leaves it open.
 */
static enum found together(enum found a, enum found b)
{
    enum found less = MIN(a, b), more = MAX(a, b);
    if (less == FOUND_YES)
        return FOUND_YES;
    return less == FOUND_PENDING ? FOUND_PENDING : more == FOUND_TEMPORARY ? more : b;
}

/* The name of an address for the DNS; "" where there is nothing to ask for. */
static const char *domain_of(const struct resolve_reply *r)
{
    const char *at = strrchr(r->recipient, '@');
    enum {
        FINAL = RESOLVE_CLASS_LOCAL | RESOLVE_CLASS_VIRTUAL_ALIAS | RESOLVE_CLASS_VIRTUAL_MAILBOX
    };
    return at && !(r->address_class & FINAL) && at[1] != '[' ? at + 1 : "";
}

static void warn_filtered(const char *name, const char *what, const struct smtpd_answer *answer)
{
    log_warn(NULL, "%s: %s error: %s", name, what, answer->reason);
}

/* Of a HELO name: an address, or else a mail exchanger. */
static enum found find_host(struct smtpd_eval *e, const char *name,
                            const struct smtpd_answer **ret_filtered)
{
    const struct smtpd_answer *first = smtpd_dns_ask(e, name, DNS_A);
    enum found found = judge(first);
    *ret_filtered = first;
    if (found == FOUND_PENDING || found == FOUND_YES || found == FOUND_FILTERED)
        return found;
    const struct smtpd_answer *v6 = smtpd_dns_ask(e, name, DNS_AAAA);
    const struct smtpd_answer *mx = smtpd_dns_ask(e, name, DNS_MX);
    *ret_filtered = judge(mx) == FOUND_FILTERED ? mx : v6;
    return together(together(found, judge(v6)), judge(mx));
}

SMTPD_RULE(smtpd_reject_unknown_helo)
{
    (void)rule;
    const char *helo = e->s->helo;
    if (!helo)
        return SMTPD_VERDICT_NONE;
    int code = (int)smtpd_params.unknown_hostname_reject_code;
    const struct smtpd_answer *answer;
    if (helo[0] == '[')
        return smtpd_reject_invalid_helo(e, rule);
    switch (find_host(e, helo, &answer)) {
    case FOUND_PENDING:
        return SMTPD_VERDICT_PENDING;
    case FOUND_FILTERED:
        warn_filtered(helo, "address or MX lookup", answer);
        break;
    case FOUND_YES:
    case FOUND_NULL_MX: /* it need not take mail to send some */
        break;
    case FOUND_NO:
        return smtpd_reject_item(e, SMTPD_CLASS_HELO, helo, code, "4.7.1", "Host not found");
    case FOUND_MALFORMED:
        return smtpd_reject_item(e, SMTPD_CLASS_HELO, helo, code, "4.7.1",
                                 "Malformed DNS server reply");
    case FOUND_TEMPORARY:
        return smtpd_temporary(e, smtpd_params.unknown_helo_hostname_tempfail_action,
                               SMTPD_CLASS_HELO, helo, "4.7.1", "Host not found");
    }
    return SMTPD_VERDICT_NONE;
}

/* Of a domain of addresses: a mail exchanger that is not malformed, or else an address. */
static enum found find_domain(struct smtpd_eval *e, const char *name,
                              const struct smtpd_answer **ret_filtered)
{
    const struct smtpd_answer *mx = smtpd_dns_ask(e, name, DNS_MX);
    enum found found = judge(mx);
    *ret_filtered = mx;
    if (found != FOUND_NO && found != FOUND_TEMPORARY)
        return found;
    const struct smtpd_answer *v4 = smtpd_dns_ask(e, name, DNS_A);
    const struct smtpd_answer *v6 = smtpd_dns_ask(e, name, DNS_AAAA);
    *ret_filtered = judge(v4) == FOUND_FILTERED ? v4 : v6;
    return together(together(found, judge(v6)), judge(v4));
}

static enum smtpd_verdict reject_unknown_domain(struct smtpd_eval *e, enum smtpd_reply_class class,
                                                const char *address, const struct resolve_reply *r)
{
    bool is_sender = class == SMTPD_CLASS_SENDER;
    const char *dsn = is_sender ? "4.1.8" : "4.1.2", *domain = domain_of(r);
    int code = (int)smtpd_params.unknown_address_reject_code;
    const struct smtpd_answer *answer;
    if (!*domain)
        return SMTPD_VERDICT_NONE;
    switch (find_domain(e, domain, &answer)) {
    case FOUND_PENDING:
        return SMTPD_VERDICT_PENDING;
    case FOUND_FILTERED:
        warn_filtered(domain, "MX or address lookup", answer);
        break;
    case FOUND_YES:
        break;
    case FOUND_NULL_MX:
        return smtpd_reject_item(
            e, class, address, is_sender ? 550 : 556, is_sender ? "5.7.27" : "5.1.10",
            arena_printf(e->arena, "Domain %s does not accept mail (nullMX)", domain));
    case FOUND_NO:
        return smtpd_reject_item(e, class, address, code, dsn, "Domain not found");
    case FOUND_MALFORMED:
        return smtpd_reject_item(e, class, address, code, dsn, "Malformed DNS server reply");
    case FOUND_TEMPORARY:
        return smtpd_temporary(e, smtpd_params.unknown_address_tempfail_action, class, address, dsn,
                               "Domain not found");
    }
    return SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_reject_unknown_sender_domain)
{
    (void)rule;
    enum smtpd_verdict verdict = SMTPD_VERDICT_NONE;
    const struct smtpd_tx *tx = e->s->tx;
    if (!tx || !tx->sender[0])
        return verdict;
    const struct resolve_reply *r = smtpd_eval_sender(e, &verdict);
    return r ? reject_unknown_domain(e, SMTPD_CLASS_SENDER, tx->sender, r) : verdict;
}

SMTPD_RULE(smtpd_reject_unknown_recipient_domain)
{
    (void)rule;
    enum smtpd_verdict verdict = SMTPD_VERDICT_NONE;
    const char *recipient = smtpd_eval_recipient_address(e);
    if (!recipient)
        return verdict;
    const struct resolve_reply *r = smtpd_eval_recipient(e, &verdict);
    return r ? reject_unknown_domain(e, SMTPD_CLASS_RECIPIENT, recipient, r) : verdict;
}

/* permit_mx_backup at work: the exchangers of one domain. */
struct backup {
    struct smtpd_eval *e;
    const char *recipient;
    const struct dns_answer *mx;
    unsigned best; /* preference of the primary ones */
};

static void backup_trouble(struct backup *b, const char *fmt, ...) PRINTF(2, 3);
static void backup_trouble(struct backup *b, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    smtpd_defer_later(b->e, &b->e->if_reject, SMTPD_CLASS_RECIPIENT, b->recipient, 450, "4.4.4",
                      text.s);
}

/* Is one of the addresses of HOST ours? */
static bool is_ours(struct backup *b, const char *host)
{
    const struct smtpd_answer *answer = smtpd_dns_ask(b->e, host, DNS_HOST);
    if (answer->dns->status != DNS_FOUND) {
        backup_trouble(b, "Unable to look up mail exchanger host %s: %s", host,
                       dns_answer_why(answer->dns));
        return false;
    }
    for (size_t i = 0; i < answer->dns->count; i++)
        if (argv_has(&b->e->s->server->own_addresses, answer->dns->records[i].text))
            return true;
    return false;
}

static bool is_own_name(const char *host)
{
    return strcasecmp(host, common_params.myhostname) == 0;
}

/* Are we in the list? Names are compared first: that needs no addresses. */
static bool are_we_exchanger(struct backup *b)
{
    for (size_t i = 0; i < b->mx->count; i++)
        if (is_own_name(b->mx->records[i].text))
            return true;
    for (size_t i = 0; i < b->mx->count; i++)
        if (is_ours(b, b->mx->records[i].text))
            return true;
    return false;
}

static bool are_we_primary(struct backup *b)
{
    for (size_t i = 0; i < b->mx->count; i++) {
        const struct dns_record *mx = &b->mx->records[i];
        if (mx->preference == b->best && (is_own_name(mx->text) || is_ours(b, mx->text)))
            return true;
    }
    return false;
}

/* Are all addresses of HOST in permit_mx_backup_networks? */
static bool is_host_trusted(struct backup *b, const char *host)
{
    const struct smtpd_answer *v4 = smtpd_dns_ask(b->e, host, DNS_A);
    const struct smtpd_answer *v6 = smtpd_dns_ask(b->e, host, DNS_AAAA);
    const struct smtpd_answer *answers[] = {v4, v6};
    if (v4->dns->status != DNS_FOUND && v6->dns->status != DNS_FOUND) {
        backup_trouble(b, "Unable to look up host %s as mail exchanger: %s", host,
                       dns_answer_why(v4->dns));
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        const struct dns_answer *dns = answers[i]->dns;
        for (size_t j = 0; j < dns->count; j++) {
            struct err err = ERR_INIT;
            const char *address = dns->records[j].text;
            if (match_list_find_host(b->e->s->server->mx_backup_networks, host, address, &err) !=
                MAP_FOUND)
                return false;
        }
    }
    return true;
}

static bool are_primaries_trusted(struct backup *b)
{
    for (size_t i = 0; i < b->mx->count; i++)
        if (b->mx->records[i].preference == b->best && !is_host_trusted(b, b->mx->records[i].text))
            return false;
    return true;
}

/* Ask for everything that the decision may need. False: it is not there yet. */
static bool backup_ask(struct backup *b)
{
    bool is_there = true;
    b->best = UINT32_MAX;
    for (size_t i = 0; i < b->mx->count; i++) {
        b->best = MIN(b->best, b->mx->records[i].preference);
        is_there &= smtpd_dns_ask(b->e, b->mx->records[i].text, DNS_HOST) != NULL;
    }
    for (size_t i = 0; b->e->s->server->mx_backup_networks && i < b->mx->count; i++) {
        if (b->mx->records[i].preference != b->best)
            continue;
        is_there &= smtpd_dns_ask(b->e, b->mx->records[i].text, DNS_A) != NULL;
        is_there &= smtpd_dns_ask(b->e, b->mx->records[i].text, DNS_AAAA) != NULL;
    }
    return is_there;
}

/* The exchangers in the order of preference, which is the order of the trouble that is told of. */
static void sort_exchangers(struct dns_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct dns_record moved = records[i];
        size_t at = i;
        for (; at > 0 && records[at - 1].preference > moved.preference; at--)
            records[at] = records[at - 1];
        records[at] = moved;
    }
}

static enum smtpd_verdict permit_backup(struct backup *b, const char *domain)
{
    const struct smtpd_answer *answer = smtpd_dns_ask(b->e, domain, DNS_MX);
    enum found found = judge(answer);
    if (found == FOUND_PENDING)
        return SMTPD_VERDICT_PENDING;
    if (found == FOUND_NO || found == FOUND_NULL_MX)
        return SMTPD_VERDICT_NONE;
    b->mx = answer->dns;
    if (found != FOUND_YES) {
        backup_trouble(b, "Unable to look up mail exchanger information: %s",
                       dns_answer_why(b->mx));
        return SMTPD_VERDICT_NONE;
    }
    sort_exchangers(b->mx->records, b->mx->count);
    if (!backup_ask(b))
        return SMTPD_VERDICT_PENDING;
    if (!are_we_exchanger(b) || are_we_primary(b))
        return SMTPD_VERDICT_NONE;
    bool is_trusted = !b->e->s->server->mx_backup_networks || are_primaries_trusted(b);
    return is_trusted ? SMTPD_VERDICT_PERMIT : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_permit_mx_backup)
{
    enum smtpd_verdict verdict = smtpd_permit_auth_destination(e, rule);
    struct backup b = {.e = e, .recipient = smtpd_eval_recipient_address(e)};
    if (verdict != SMTPD_VERDICT_NONE || !b.recipient)
        return verdict;
    const struct resolve_reply *r = smtpd_eval_recipient(e, &verdict);
    if (!r)
        return verdict;
    const char *domain = domain_of(r);
    if (!*domain || ((r->flags & RESOLVE_ROUTED) && !smtpd_params.allow_untrusted_routing))
        return SMTPD_VERDICT_NONE;
    return permit_backup(&b, domain);
}
