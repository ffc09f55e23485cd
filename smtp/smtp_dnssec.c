#include "smtp/smtp_dnssec.h"

#include "log/log.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_params.h"

#include <string.h>

static bool is_settled; /* validation works, the question was asked, or nobody wants it */
static enum dns_type probe_type;
static const char *probe_name;

void smtp_dnssec_open(void)
{
    static const enum dns_type types[] = {DNS_A,  DNS_NS,  DNS_CNAME, DNS_PTR,
                                          DNS_MX, DNS_TXT, DNS_AAAA,  DNS_TLSA};
    struct slice type, name, probe = slice_of(smtp_params.dnssec_probe);
    is_settled = probe.len == 0 || !smtp_client.use_dnssec;
    if (is_settled)
        return;
    if (!slice_split(probe, ':', &type, &name) || name.len == 0)
        log_fatal("malformed dnssec_probe value: %s", smtp_params.dnssec_probe);
    size_t i = 0;
    while (i < COUNT_OF(types) && !slice_eq_nocase(type, dns_type_name(types[i])))
        i++;
    if (i == COUNT_OF(types))
        log_fatal("malformed dnssec_probe value: %s: unknown type of DNS record",
                  smtp_params.dnssec_probe);
    probe_type = types[i];
    probe_name = name.s; /* the rest of the parameter */
}

static void on_probe(void *owner, const struct dns_answer *answer, const struct err *err)
{
    (void)owner;
    (void)err;
    if (answer->is_secure)
        return;
    log_warn(NULL, "DNSSEC validation may be unavailable");
    if (answer->status == DNS_FAILED)
        log_warn(NULL, "reason: dnssec_probe '%s' received no response: %s",
                 smtp_params.dnssec_probe, dns_answer_why(answer));
    else
        log_warn(NULL, "reason: dnssec_probe '%s' received a response that is not DNSSEC validated",
                 smtp_params.dnssec_probe);
}

void smtp_dnssec_saw(const struct dns_answer *answer)
{
    if (is_settled || answer->status == DNS_FAILED)
        return;
    is_settled = true;
    if (!answer->is_secure)
        dns_query_start(smtp_client.dns, probe_name, probe_type, on_probe, NULL);
}
