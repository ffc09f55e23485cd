/* check_*_{mx,ns}_access: the hosts behind a name, in access tables: their names, then their
 * addresses. check_*_a_access: the addresses of the name itself. */
#include "map/map_host.h"
#include "smtpd/smtpd_access.h"
#include "smtpd/smtpd_dns.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_session.h"

#include <string.h>

/* A check at work. */
struct servers {
    struct smtpd_eval *e;
    const struct smtpd_rule *rule;
    enum smtpd_reply_class class;
    enum dns_type type;
    const char *item;   /* in replies */
    const char *domain; /* whose hosts are checked */
    const char **hosts;
    size_t count;
};

/* Look one key up. True: *RET_VERDICT is the answer, be it NONE. */
static bool check_key(struct servers *c, const char *key, bool is_address,
                      enum smtpd_verdict *ret_verdict)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = is_address ? map_host_find_address(c->rule->maps, key, &value, &err)
                                        : smtpd_access_find_name(c->rule->maps, key, &value, &err);
    if (status == MAP_FAILED)
        *ret_verdict = smtpd_access_failed(c->e, c->class, c->item, &err);
    else if (status == MAP_FOUND)
        *ret_verdict = smtpd_access_act_no_ok(c->e, c->rule, c->class, c->item, value.s);
    return status != MAP_NOT_FOUND;
}

static bool check_host(struct servers *c, const char *host, enum smtpd_verdict *ret_verdict)
{
    if (c->type != DNS_A && check_key(c, host, false, ret_verdict))
        return true;
    const struct dns_answer *dns = smtpd_dns_ask(c->e, host, DNS_HOST)->dns;
    if (c->type != DNS_A && dns->status != DNS_FOUND)
        log_warn(NULL, "Unable to look up %s host %s for %s %s: %s", dns_type_name(c->type), host,
                 smtpd_class_name(c->class), c->item, dns_answer_why(dns));
    for (size_t i = 0; i < dns->count; i++)
        if (check_key(c, dns->records[i].text, true, ret_verdict))
            return true;
    return false;
}

static void use_domain(struct servers *c)
{
    c->hosts = &c->domain;
    c->count = 1;
}

/* Name servers are those of the domain or of the next parent that has some. */
static const struct smtpd_answer *ask_name_servers(struct servers *c)
{
    const char *domain = c->domain;
    for (;;) {
        const struct smtpd_answer *answer = smtpd_dns_ask(c->e, domain, DNS_NS);
        const char *dot = strchr(domain, '.');
        bool is_there =
            !answer || (answer->dns->status != DNS_NOT_FOUND && answer->dns->status != DNS_NO_DATA);
        if (is_there || !dot || !dot[1]) {
            c->domain = is_there ? domain : c->item;
            return answer;
        }
        domain = dot + 1;
    }
}

/* Which hosts are to be checked? False: the answer is not there yet. */
static bool find_hosts(struct servers *c)
{
    if (c->type == DNS_A) {
        use_domain(c);
        return true;
    }
    const struct smtpd_answer *answer =
        c->type == DNS_NS ? ask_name_servers(c) : smtpd_dns_ask(c->e, c->domain, DNS_MX);
    if (!answer)
        return false;
    const struct dns_answer *dns = answer->dns;
    bool is_missing = dns->status == DNS_NOT_FOUND || dns->status == DNS_NO_DATA;
    if (is_missing && c->type == DNS_MX) {
        use_domain(c);
        return true;
    }
    if (dns->status != DNS_FOUND)
        log_warn(NULL, "Unable to look up %s host for %s: %s", dns_type_name(c->type), c->domain,
                 dns_answer_why(dns));
    c->hosts = arena_alloc(c->e->arena, (dns->count + 1) * sizeof *c->hosts);
    for (size_t i = 0; i < dns->count; i++)
        if (dns->records[i].text[0]) /* not the null MX */
            c->hosts[c->count++] = dns->records[i].text;
    return true;
}

/* Are the addresses of all hosts there? */
static bool ask_addresses(struct servers *c)
{
    bool is_there = true;
    for (size_t i = 0; i < c->count; i++)
        is_there &= smtpd_dns_ask(c->e, c->hosts[i], DNS_HOST) != NULL;
    return is_there;
}

/* [192.0.2.1], [IPv6:2001:db8::1] stand for themselves; they have no name servers. */
static enum smtpd_verdict check_literal(struct servers *c)
{
    enum smtpd_verdict verdict = SMTPD_VERDICT_NONE;
    struct slice text = slice_of(c->domain + 1);
    if (slice_starts_nocase(text, "IPv6:"))
        text = slice_from(text, strlen("IPv6:"));
    if (c->type != DNS_NS && text.len > 0 && text.s[text.len - 1] == ']')
        check_key(c, arena_slice_dup(c->e->arena, slice_first(text, text.len - 1)), true, &verdict);
    return verdict;
}

/* The name to be looked at: of a host, or behind the last @ of an address. "": none. */
static const char *domain_of(const struct servers *c)
{
    const char *name = c->class == SMTPD_CLASS_CLIENT ? c->e->s->peer.name : c->item;
    const char *at = strrchr(name, '@');
    return at ? at + 1 : strcmp(name, "unknown") == 0 ? "" : name;
}

SMTPD_RULE(smtpd_check_server_access)
{
    enum { CLASS_BITS = 8, CLASS_MASK = 0xff };
    struct servers c = {
        .e = e,
        .rule = rule,
        .class = (enum smtpd_reply_class)(rule->restriction->number & CLASS_MASK),
        .type = (enum dns_type)(rule->restriction->number >> CLASS_BITS),
    };
    enum smtpd_verdict verdict = SMTPD_VERDICT_NONE;
    c.item = smtpd_class_item(e, c.class);
    c.domain = domain_of(&c);
    if (!c.domain[0])
        return SMTPD_VERDICT_NONE;
    if (c.domain[0] == '[')
        return check_literal(&c);
    if (!find_hosts(&c) || !ask_addresses(&c))
        return SMTPD_VERDICT_PENDING;
    for (size_t i = 0; i < c.count; i++)
        if (check_host(&c, c.hosts[i], &verdict))
            return verdict;
    return SMTPD_VERDICT_NONE;
}
