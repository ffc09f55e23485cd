#include "smtp/smtp_tlsrpt_text.h"

#include "base/clock.h"
#include "base/text.h"
#include "tls/tls_dane.h"

#include <time.h>

static void add_member(struct strbuf *out, const char *name, const char *text)
{
    if (out->len > 0 && out->s[out->len - 1] != '{')
        strbuf_add_char(out, ',');
    strbuf_addf(out, "\"%s\":", name);
    if (text)
        text_add_json(out, slice_of(text));
}

static void add_optional(struct strbuf *out, const char *name, const char *text)
{
    if (text && *text)
        add_member(out, name, text);
}

static void add_list(struct strbuf *out, const char *name, const char **list, size_t count)
{
    if (count == 0)
        return;
    add_member(out, name, NULL);
    for (size_t i = 0; i < count; i++) {
        strbuf_add_char(out, i == 0 ? '[' : ',');
        text_add_json(out, slice_of(list[i]));
    }
    strbuf_add_char(out, ']');
}

/* As in a zone file: "3 1 1 0123AB...". */
static void add_records(struct strbuf *out, const struct tls_dane *dane)
{
    add_member(out, "policy-string", NULL);
    strbuf_add_char(out, '[');
    for (size_t i = 0; i < dane->count; i++) {
        const struct tls_dane_record *r = &dane->records[i];
        strbuf_addf(out, "%s\"%u %u %u ", i == 0 ? "" : ",", r->usage, r->selector, r->matching);
        for (size_t at = 0; at < r->data.len; at++)
            strbuf_addf(out, "%02X", (unsigned char)r->data.s[at]);
        strbuf_add_char(out, '"');
    }
    strbuf_add_char(out, ']');
}

static void add_policy(const struct smtp_tlsrpt_result *r, struct strbuf *out)
{
    const struct smtp_tls_policy *policy = r->policy;
    const struct smtp_tls_sts *sts = &policy->sts;
    bool has_records = policy->dane && policy->dane->base;
    bool is_sts = sts->failure || smtp_tls_sts_is_policy(sts);
    strbuf_add_char(out, '{');
    if (policy->level >= SMTP_TLS_HALF_DANE) {
        add_member(out, "policy-type", "tlsa");
        if (has_records)
            add_records(out, policy->dane);
        add_member(out, "policy-domain", has_records ? policy->dane->base : r->host);
    } else {
        add_member(out, "policy-type", is_sts ? "sts" : "no-policy-found");
        add_list(out, "policy-string", sts->strings, sts->string_count);
        add_member(out, "policy-domain", sts->domain ? sts->domain : r->domain);
        add_list(out, "mx-host", sts->patterns, sts->pattern_count);
        if (sts->ttl_s > 0) {
            add_member(out, "policy-ttl", NULL);
            strbuf_addf(out, "%lld", (long long)sts->ttl_s);
        }
    }
    strbuf_add_char(out, '}');
}

void smtp_tlsrpt_text_result(const struct smtp_tlsrpt_result *r, struct strbuf *out)
{
    add_member(out, "policy", NULL);
    add_policy(r, out);
    add_member(out, "result", NULL);
    strbuf_add_char(out, '{');
    add_optional(out, "result-type", r->type);
    add_optional(out, "sending-mta-ip", r->own_address);
    add_member(out, "receiving-mx-hostname", r->host);
    add_member(out, "receiving-ip", r->host_address);
    add_optional(out, "failure-reason-code", r->reason);
    strbuf_add_char(out, '}');
}

void smtp_tlsrpt_text_whole(const char *domain, const char *record, const char *body,
                            struct strbuf *out)
{
    struct timeval now;
    struct tm tm;
    char time[32] = "";
    clock_wall(&now);
    if (gmtime_r(&now.tv_sec, &tm))
        strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &tm);
    strbuf_add_str(out, "{\"version\":1");
    add_member(out, "time", time);
    add_member(out, "domain", domain);
    add_member(out, "record", record);
    strbuf_addf(out, ",%s}", body);
}
