#include "tools/posttls-finger/finger_dane.h"

#include "tls/tls_dane.h"
#include "tools/posttls-finger/finger_say.h"

#include <strings.h>

struct search {
    const struct finger_options *options;
    struct finger_dns *dns;
    const struct finger_hosts *hosts;
    struct finger_host *host;
};

enum found { FOUND, NONE, UNKNOWN };

/* Leave out what no server of mail can mean (RFC 7672, section 3.1.3). */
static void read_records(const struct search *s, const struct dns_answer *answer,
                         struct tls_dane_record *records, size_t *count)
{
    enum { FIELDS = 3, TRACE_SHOWS_RECORDS = 2 };
    for (size_t i = 0; i < answer->count; i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct slice data = answer->records[i].data;
        const unsigned char *field = (const unsigned char *)data.s;
        const struct tls_dane_record record = {field[0], field[1], field[2],
                                               slice_from(data, FIELDS)};
        tls_dane_print(&record, &text);
        if (record.usage != TLS_DANE_TA && record.usage != TLS_DANE_EE) {
            finger_warn("%s unsupported TLSA certificate usage: %s", answer->name, text.s);
            continue;
        }
        if (s->options->trace >= TRACE_SHOWS_RECORDS)
            finger_say("DNSSEC-signed TLSA record: %s: %s", answer->name, text.s);
        records[(*count)++] = record;
    }
}

static enum found ask_records(const struct search *s, const char *base)
{
    struct arena *arena = s->dns->arena;
    const char *name = arena_printf(arena, "_%d._tcp.%s", s->host->port, base);
    const struct dns_answer *answer = finger_dns_ask(s->dns, name, DNS_TLSA);
    if (answer->status == DNS_FAILED || answer->status == DNS_INVALID) {
        finger_warn("DANE TLSA lookup problem: %s", s->dns->err.reason);
        return UNKNOWN;
    }
    if (answer->status != DNS_FOUND || !answer->is_secure)
        return NONE;
    struct tls_dane_record *records = arena_zalloc(arena, answer->count * sizeof *records);
    size_t count = 0;
    read_records(s, answer, records, &count);
    struct tls_dane *dane = arena_zalloc(arena, sizeof *dane);
    *dane = (struct tls_dane){.records = records, .count = count, .base = base};
    s->host->dane = count > 0 ? dane : NULL;
    return FOUND;
}

/* Where records may be: at the end of the alias when all of it is validated, then at its beginning.
 */
static enum found search(const struct search *s)
{
    struct finger_host *host = s->host;
    bool is_alias = strcasecmp(host->target, host->asked) != 0;
    if (host->is_secure) {
        enum found found = ask_records(s, host->target);
        return found == NONE && is_alias ? ask_records(s, host->asked) : found;
    }
    if (s->options->forces_lookup)
        return ask_records(s, host->asked);
    if (!is_alias)
        return NONE;
    const struct dns_answer *answer = finger_dns_ask(s->dns, host->asked, DNS_CNAME);
    return answer->is_secure ? ask_records(s, host->asked) : NONE;
}

/* Records of a host that an MX record names which may be forged: the attacker's own are as good as
 * any. */
static void weaken(const struct search *s)
{
    struct finger_host *host = s->host;
    if (s->options->weak_mx == FINGER_WEAK_ENCRYPT) {
        finger_say("TLSA RRs found, MX RRset insecure: just encrypt");
        host->level = FINGER_ENCRYPT;
        host->dane = NULL;
        return;
    }
    finger_say("MX RRset insecure: log verified as trusted");
    host->is_weak = true;
}

static bool find_records(const struct search *s)
{
    const struct finger_options *o = s->options;
    struct finger_host *host = s->host;
    enum found found = search(s);
    host->level = host->dane ? FINGER_DANE : FINGER_SECURE;
    if (found == UNKNOWN)
        finger_say("Failed to establish session to %s via %s: TLSA lookup error for %s:%d",
                   o->destination, host->name, host->name, host->port);
    else if (!host->dane && o->level == FINGER_DANE_ONLY)
        finger_say("%s, resorting to \"secure\"",
                   found == FOUND ? "all TLSA records unusable" : "no TLSA records found");
    else if (host->dane && !s->hosts->is_mx_secure)
        weaken(s);
    return found != UNKNOWN;
}

bool finger_dane_find(const struct finger_options *options, struct finger_dns *dns,
                      const struct finger_hosts *hosts, struct finger_host *host)
{
    const struct search s = {options, dns, hosts, host};
    host->level = MIN(options->level, FINGER_SECURE);
    host->dane = NULL;
    host->is_weak = false;
    if (options->level < FINGER_DANE || !host->target)
        return true;
    if (hosts->is_mx_secure || options->weak_mx != FINGER_WEAK_MAY)
        return find_records(&s);
    finger_say("MX RRset is insecure: try to encrypt");
    host->level = FINGER_MAY;
    return true;
}
