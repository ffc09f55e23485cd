#include "smtp/smtp_tls_dane.h"

#include "base/xmem.h"
#include "log/log.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_dnssec.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_tls.h"
#include "tls/tls_dane.h"

#include <string.h>
#include <strings.h>

struct smtp_tls_dane {
    const struct smtp_nexthop *nexthop;
    const struct smtp_host *host;
    struct arena *arena;
    struct smtp_tls_policy *policy;
    smtp_tls_dane_fn fn;
    void *owner;
    const char *base; /* where records are looked for now */
    struct dns_query *query;
};

static enum smtp_tls_level insecure_mx_level; /* MAY, ENCRYPT, HALF_DANE */

void smtp_tls_dane_open(void)
{
    // clang-format off
    static const struct { const char *name; enum smtp_tls_level level; } rows[] = {
        {"may", SMTP_TLS_MAY}, {"encrypt", SMTP_TLS_ENCRYPT}, {"dane", SMTP_TLS_HALF_DANE}};
    // clang-format on
    const char *value = smtp_params.smtp_tls_dane_insecure_mx_policy;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcasecmp(value, rows[i].name) == 0) {
            insecure_mx_level = rows[i].level;
            return;
        }
    log_fatal("invalid %s_tls_dane_insecure_mx_policy: %s", smtp_client.is_lmtp ? "lmtp" : "smtp",
              value);
}

/* --- what a policy becomes ------------------------------------------------------------------ */

/* Without records: opportunistic TLS, or none of this server's. */
static const char *without(struct arena *arena, struct smtp_tls_policy *policy, const char *why)
{
    if (policy->level == SMTP_TLS_DANE_ONLY) {
        policy->refusal_type = "dane-required";
        return why;
    }
    smtp_tls_policy_set_level(policy, SMTP_TLS_MAY, arena);
    return NULL;
}

bool smtp_tls_dane_needs(const struct smtp_nexthop *nexthop, const struct smtp_host *host,
                         struct arena *arena, struct smtp_tls_policy *policy, const char **refusal)
{
    *refusal = NULL;
    if (policy->level != SMTP_TLS_DANE && policy->level != SMTP_TLS_DANE_ONLY)
        return false;
    if (!smtp_client.use_dnssec || !(smtp_client.host_lookup & SMTP_LOOKUP_DNS)) {
        log_warn(NULL, "%s: %s configured with dnssec lookups disabled", nexthop->text,
                 policy->level == SMTP_TLS_DANE ? "dane" : "dane-only");
        *refusal = without(arena, policy, "non DNSSEC destination");
        return false;
    }
    if (host->path) {
        log_warn(NULL,
                 "%s: the \"dane\" security level is invalid for delivery via unix-domain "
                 "sockets",
                 nexthop->text);
        *refusal = "client TLS configuration problem";
        return false;
    }
    /* An MX record that nobody vouches for may name a server of an attacker's choice, whose TLSA
     * records then are as good as any. */
    bool is_weak = !host->is_mx_secure;
    if (is_weak && policy->level == SMTP_TLS_DANE_ONLY)
        *refusal = without(arena, policy, "non DNSSEC destination");
    else if (is_weak && insecure_mx_level == SMTP_TLS_MAY)
        *refusal = without(arena, policy, NULL);
    else if (!host->is_secure && strcasecmp(host->target, host->asked) == 0 &&
             !smtp_params.smtp_tls_force_insecure_host_tlsa_lookup)
        *refusal = without(arena, policy, "no TLSA records found");
    else
        return true;
    return false;
}

/* --- records -------------------------------------------------------------------------------- */

static void finish(struct smtp_tls_dane *l, const char *refusal)
{
    smtp_tls_dane_fn fn = l->fn;
    void *owner = l->owner;
    free(l);
    fn(owner, refusal);
}

static void finish_without(struct smtp_tls_dane *l)
{
    finish(l, without(l->arena, l->policy, "no TLSA records found"));
}

static void fail(struct smtp_tls_dane *l, const struct err *err)
{
    log_warn(NULL, "DANE TLSA lookup problem: %s", err->reason);
    l->policy->refusal_type = "dnssec-invalid";
    finish(l, arena_printf(l->arena, "TLSA lookup error for %s:%d", l->host->name, l->host->port));
}

static const char *query_name(struct smtp_tls_dane *l)
{
    return arena_printf(l->arena, "_%d._tcp.%s", l->host->port, l->base);
}

/* Leave out what no server of mail can mean (RFC 7672, section 3.1.3). */
static void read_record(struct smtp_tls_dane *l, const struct dns_record *from,
                        struct tls_dane_record *records, size_t *count)
{
    enum { FIELDS = 3 };
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    const unsigned char *field = (const unsigned char *)from->data.s;
    const struct tls_dane_record record = {field[0], field[1], field[2],
                                           slice_from(from->data, FIELDS)};
    const char *name = query_name(l);
    const char *warning = NULL;
    tls_dane_print(&record, &text);
    if (record.usage != TLS_DANE_TA && record.usage != TLS_DANE_EE)
        warning = "unsupported TLSA certificate usage";
    if (warning) {
        log_warn(NULL, "%s %s: %s", name, warning, text.s);
        return;
    }
    if (smtp_tls_loglevel() >= 2)
        log_info(NULL, "DNSSEC-signed TLSA record: %s: %s", name, text.s);
    records[*count] = record;
    records[*count].data.s = arena_slice_dup(l->arena, record.data);
    ++*count;
}

/* The policy with the records of ANSWER. */
static void use_records(struct smtp_tls_dane *l, const struct dns_answer *answer)
{
    struct smtp_tls_policy *policy = l->policy;
    struct tls_dane_record *records = arena_zalloc(l->arena, answer->count * sizeof *records);
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++)
        read_record(l, &answer->records[i], records, &count);
    bool is_mandatory = policy->level == SMTP_TLS_DANE_ONLY;
    if (count == 0 && is_mandatory) {
        policy->refusal_type = "tlsa-invalid";
        finish(l, "TLSA records unusable");
        return;
    }
    bool is_weak = !l->host->is_mx_secure;
    enum smtp_tls_level level = count == 0 ? SMTP_TLS_ENCRYPT
                                : is_weak  ? insecure_mx_level
                                           : policy->level;
    smtp_tls_policy_set_level(policy, level, l->arena);
    if (level == SMTP_TLS_ENCRYPT) {
        finish(l, NULL);
        return;
    }
    struct tls_dane *dane = arena_zalloc(l->arena, sizeof *dane);
    *dane = (struct tls_dane){
        .records = records, .count = count, .base = l->base, .may_fall_back = !is_mandatory};
    policy->dane = dane;
    smtp_tls_policy_set_dane_names(policy, l->nexthop, l->base, l->host->name, l->arena);
    finish(l, NULL);
}

static void ask_records(struct smtp_tls_dane *l, const char *base);

static void on_records(void *owner, const struct dns_answer *answer, const struct err *err)
{
    struct smtp_tls_dane *l = owner;
    l->query = NULL;
    smtp_dnssec_saw(answer);
    if (answer->status == DNS_FAILED || answer->status == DNS_INVALID)
        fail(l, err);
    else if (answer->status == DNS_FOUND && answer->is_secure)
        use_records(l, answer);
    else if (strcasecmp(l->base, l->host->asked) != 0)
        ask_records(l, l->host->asked); /* RFC 7672, section 2.2.3 */
    else
        finish_without(l);
}

static void ask_records(struct smtp_tls_dane *l, const char *base)
{
    l->base = base;
    l->query = dns_query_start(smtp_client.dns, query_name(l), DNS_TLSA, on_records, l);
}

/* The alias itself may be in a signed zone, although what it stands for is not. */
static void on_alias(void *owner, const struct dns_answer *answer, const struct err *err)
{
    struct smtp_tls_dane *l = owner;
    l->query = NULL;
    smtp_dnssec_saw(answer);
    if (answer->status == DNS_FAILED)
        fail(l, err);
    else if (answer->is_secure)
        ask_records(l, l->host->asked);
    else
        finish_without(l);
}

struct smtp_tls_dane *smtp_tls_dane_find(const struct smtp_nexthop *nexthop,
                                         const struct smtp_host *host, struct arena *arena,
                                         struct smtp_tls_policy *policy, smtp_tls_dane_fn fn,
                                         void *owner)
{
    struct smtp_tls_dane *l = xzalloc(sizeof *l);
    *l = (struct smtp_tls_dane){.nexthop = nexthop,
                                .host = host,
                                .arena = arena,
                                .policy = policy,
                                .fn = fn,
                                .owner = owner};
    if (host->is_secure)
        ask_records(l, host->target);
    else if (smtp_params.smtp_tls_force_insecure_host_tlsa_lookup)
        ask_records(l, host->asked);
    else
        l->query = dns_query_start(smtp_client.dns, host->asked, DNS_CNAME, on_alias, l);
    return l;
}

void smtp_tls_dane_cancel(struct smtp_tls_dane *lookup)
{
    if (!lookup)
        return;
    dns_query_cancel(lookup->query);
    free(lookup);
}
