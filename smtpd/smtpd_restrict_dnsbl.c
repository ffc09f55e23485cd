/* reject_rbl_client, reject_rhsbl_*, permit_dnswl_client, permit_rhswl_client: lists in the DNS. */
#include "base/num.h"
#include "config/common_params.h"
#include "config/config.h"
#include "esmtp/esmtp_footer.h"
#include "io/sock.h"
#include "smtpd/smtpd_dns.h"
#include "smtpd/smtpd_dnsbl.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { REPLY_MAX = 4096 };

/* A look-up at work. */
struct listed {
    struct smtpd_eval *e;
    const char *list;   /* its domain */
    const char *filter; /* d.d.d.d, or NULL */
    const char *class;
    const char *what;   /* that is looked up, as replies name it */
    const char *name;   /* the question */
    const char *reason; /* text of the TXT records */
};

/* "domain=filter" */
static void split_list(struct listed *l, const char *argument)
{
    const char *sign = strchr(argument, '=');
    l->list =
        sign ? arena_slice_dup(l->e->arena, (struct slice){argument, (size_t)(sign - argument)})
             : argument;
    l->filter = sign ? sign + 1 : NULL;
}

/* Take one number or [pattern] off FILTER. False: it is malformed. */
static bool match_part(struct slice *filter, unsigned value, bool *ret_match)
{
    struct slice inside, item, rest, low, high;
    int64_t from, to;
    if (filter->len && filter->s[0] == '[') {
        size_t end = slice_find(*filter, ']');
        if (end == SIZE_MAX || end == 1)
            return false;
        inside = slice_from(slice_first(*filter, end), 1);
        *filter = slice_from(*filter, end + 1);
    } else {
        size_t end = slice_find(*filter, '.');
        inside = slice_first(*filter, end == SIZE_MAX ? filter->len : end);
        *filter = slice_from(*filter, inside.len);
        if (slice_find(inside, ';') != SIZE_MAX)
            return false;
    }
    *ret_match = false;
    for (bool more = true; more; inside = rest) {
        more = slice_split(inside, ';', &item, &rest);
        if (!more)
            item = inside;
        low = high = item;
        size_t dots = slice_find(item, '.');
        if (dots != SIZE_MAX) {
            low = slice_first(item, dots);
            high = slice_from(item, dots + 2);
            if (!slice_starts(slice_from(item, dots), ".."))
                return false;
        }
        if (!num_parse_i64(low, &from) || !num_parse_i64(high, &to) || from < 0 || to > 255 ||
            from > to)
            return false;
        *ret_match |= value >= (unsigned)from && value <= (unsigned)to;
    }
    return true;
}

bool smtpd_dnsbl_match(const char *filter, const unsigned char address[4], bool *ret_match)
{
    struct slice left = slice_of(filter);
    *ret_match = true;
    for (int i = 0; i < 4; i++) {
        bool match;
        if (i > 0) {
            if (!slice_starts(left, "."))
                return false;
            left = slice_from(left, 1);
        }
        if (!match_part(&left, address[i], &match))
            return false;
        *ret_match &= match;
    }
    return left.len == 0;
}

enum listing { LISTING_PENDING, LISTING_NO, LISTING_YES, LISTING_FAILED };

static enum listing find_listing(struct listed *l)
{
    struct smtpd_answer *answer = smtpd_dns_ask(l->e, l->name, DNS_A);
    if (!answer)
        return LISTING_PENDING;
    bool has_failed = answer->dns->status != DNS_FOUND && answer->dns->status != DNS_NOT_FOUND &&
                      answer->dns->status != DNS_NO_DATA;
    if (has_failed && !answer->is_told)
        log_warn(NULL, "%s: RBL lookup error: %s", l->name, answer->reason);
    answer->is_told = true;
    if (has_failed)
        return LISTING_FAILED;
    for (size_t i = 0; i < answer->dns->count; i++) {
        bool match = true;
        const struct sockaddr_in *in = (const void *)&answer->dns->records[i].address;
        /* the filter was found good when the list was compiled */
        if (!l->filter ||
            (smtpd_dnsbl_match(l->filter, (const void *)&in->sin_addr, &match) && match))
            return LISTING_YES;
    }
    return LISTING_NO;
}

/* The TXT records. False: not there yet. */
static bool find_reason(struct listed *l)
{
    const struct smtpd_answer *answer = smtpd_dns_ask(l->e, l->name, DNS_TXT);
    if (!answer)
        return false;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(REPLY_MAX);
    for (size_t i = 0; i < answer->dns->count; i++)
        strbuf_addf(&text, "%s%s", i > 0 ? " / " : "", answer->dns->records[i].text);
    l->reason = arena_strdup(l->e->arena, text.s);
    return true;
}

/* The parts of an address; the null address is <>. */
static const char *address_part(struct smtpd_eval *e, const char *address, struct slice part)
{
    if (!address || (!address[0] && part.len == 0))
        return "";
    size_t at = slice_rfind(slice_of(address), '@');
    if (slice_eq(part, "domain"))
        return at == SIZE_MAX ? "" : address + at + 1;
    if (!address[0])
        return "<>";
    if (slice_eq(part, "name"))
        return arena_slice_dup(e->arena,
                               slice_first(slice_of(address), at == SIZE_MAX ? SIZE_MAX : at));
    return address;
}

/* The value of a macro of default_rbl_reply. NULL: there is no such macro. */
static const char *reply_value(const struct listed *l, struct slice name)
{
    const struct smtpd_session *s = l->e->s;
    const struct {
        const char *name, *value;
    } rows[] = {
        {"client", s->peer.namaddr},
        {"client_address", s->peer.address},
        {"client_name", s->peer.name},
        {"reverse_client_name", s->peer.reverse_name},
        {"helo_name", s->helo ? s->helo : ""},
        {"rbl_class", l->class},
        {"rbl_domain", l->list},
        {"rbl_reason", l->reason},
        {"rbl_what", l->what},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_eq(name, rows[i].name))
            return rows[i].value;
    if (slice_eq(name, "rbl_code"))
        return arena_printf(l->e->arena, "%lld", (long long)smtpd_params.maps_rbl_reject_code);
    const struct {
        const char *prefix, *address;
    } addresses[] = {{"sender", s->tx ? s->tx->sender : NULL},
                     {"recipient", smtpd_eval_recipient_address(l->e)}};
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct slice part = slice_from(name, strlen(addresses[i].prefix));
        const char *address = addresses[i].address;
        if (!slice_starts(name, addresses[i].prefix))
            continue;
        if (part.len == 0)
            return address && !address[0] ? "<>" : address ? address : "";
        if (slice_eq(part, "_name") || slice_eq(part, "_domain"))
            return address_part(l->e, address, slice_from(part, 1));
    }
    return NULL;
}

static const char *reply_macro(void *ctx, struct slice name)
{
    const struct listed *l = ctx;
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY, quoted = STRBUF_ANY;
    const char *value = reply_value(l, name);
    if (!value) {
        log_warn(NULL, "unknown macro name \"%.*s\" in RBL reply", SLICE_ARG(name));
        return NULL;
    }
    esmtp_footer_censor(smtpd_params.smtpd_expansion_filter, value, &clean);
    esmtp_footer_quote(clean.s, &quoted);
    return arena_strdup(l->e->arena, quoted.s);
}

/* The template for this list. False: the table failed, and *RET_VERDICT is the answer. */
static bool reply_template(const struct listed *l, struct strbuf *out,
                           enum smtpd_verdict *ret_verdict)
{
    struct err err = ERR_INIT;
    struct maps *maps = l->e->s->server->rbl_replies;
    if (!maps_is_empty(maps)) {
        enum map_status status = maps_find(maps, l->list, MAPS_WHOLE_KEY, out, &err);
        if (status == MAP_FOUND)
            return true;
        if (status == MAP_FAILED) {
            if (!err.is_repeated)
                log_warn(NULL, "%s", err.reason);
            *ret_verdict = smtpd_reject(l->e, 451, "4.3.5", "Server configuration error");
            return false;
        }
    }
    strbuf_set(out, smtpd_params.default_rbl_reply);
    return true;
}

static enum smtpd_verdict bad_reply(const struct listed *l, const char *text)
{
    log_warn(NULL, "rbl response code configuration error: %s", text);
    return smtpd_reject(l->e, 450, "4.7.1", "Service unavailable");
}

static enum smtpd_verdict refuse(struct listed *l)
{
    CLEANUP(strbuf_done) struct strbuf template = STRBUF_INIT(REPLY_MAX);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(REPLY_MAX);
    enum smtpd_verdict verdict;
    struct err err = ERR_INIT;
    if (!reply_template(l, &template, &verdict))
        return verdict;
    if (!config_expand_with(reply_macro, l, strbuf_slice(&template), &text, &err)) {
        log_warn(NULL, "bad reply template of %s: %s", l->list, err.reason);
        return smtpd_reject_configuration(l->e);
    }
    struct slice rest = strbuf_slice(&text), word;
    int64_t code;
    bool good = slice_next_token(&rest, SLICE_SPACE, &word) && word.len == 3 &&
                num_parse_i64(word, &code) && code >= 400 && code <= 599;
    rest = slice_trim(rest);
    if (!good || rest.len == 0)
        return bad_reply(l, text.s);
    size_t dsn_len = esmtp_reply_dsn_length(rest);
    const char *dsn = dsn_len ? arena_slice_dup(l->e->arena, slice_first(rest, dsn_len)) : "5.7.1";
    rest = slice_trim(slice_from(rest, dsn_len));
    return smtpd_reject(l->e, (int)code, dsn, "%.*s", SLICE_ARG(rest));
}

static enum smtpd_verdict reject_listed(struct listed *l)
{
    switch (find_listing(l)) {
    case LISTING_PENDING:
        return SMTPD_VERDICT_PENDING;
    case LISTING_YES:
        return find_reason(l) ? refuse(l) : SMTPD_VERDICT_PENDING;
    case LISTING_NO:
    case LISTING_FAILED: /* a list that is down is no reason to refuse */
        break;
    }
    return SMTPD_VERDICT_NONE;
}

/* Of a welcome list. Where the outcome may be a refusal, trouble makes it a temporary one. */
static enum smtpd_verdict permit_listed(struct listed *l)
{
    switch (find_listing(l)) {
    case LISTING_PENDING:
        return SMTPD_VERDICT_PENDING;
    case LISTING_YES:
        return SMTPD_VERDICT_PERMIT;
    case LISTING_FAILED:
        return smtpd_defer_later(l->e, &l->e->if_reject, SMTPD_CLASS_CLIENT, l->what, 450, "4.7.1",
                                 "Service unavailable");
    case LISTING_NO:
        break;
    }
    return SMTPD_VERDICT_NONE;
}

/* A welcome list never opens the relay: it counts where the destination is authorized. */
static bool may_permit(struct smtpd_eval *e, enum smtpd_verdict *ret_verdict)
{
    *ret_verdict = SMTPD_VERDICT_NONE;
    if (!smtpd_eval_recipient_address(e))
        return true;
    enum smtpd_verdict verdict = smtpd_permit_auth_destination(e, NULL);
    if (verdict == SMTPD_VERDICT_PERMIT)
        return true;
    *ret_verdict = verdict;
    return false;
}

/* "9.2.0.192.LIST" */
static bool name_address(struct listed *l, const char *address)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    if (!dns_reverse_name(address, &name))
        return false;
    struct slice reversed = strbuf_slice(&name);
    reversed = slice_first(
        reversed, reversed.len - strlen(strchr(address, ':') ? "ip6.arpa" : "in-addr.arpa"));
    l->name = arena_printf(l->e->arena, "%.*s%s", SLICE_ARG(reversed), l->list);
    l->what = address;
    return true;
}

/* DOMAIN.LIST; false for what cannot be listed by name. */
static bool name_domain(struct listed *l, const char *what, const char *domain)
{
    if (!domain[0] || domain[0] == '[' || strcmp(domain, "unknown") == 0)
        return false;
    l->name = arena_printf(l->e->arena, "%s.%s", domain, l->list);
    l->what = what;
    return true;
}

SMTPD_RULE(smtpd_reject_rbl_client)
{
    struct listed l = {.e = e, .class = "Client host"};
    split_list(&l, rule->argument);
    return name_address(&l, e->s->peer.address) ? reject_listed(&l) : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_reject_maps_rbl)
{
    (void)rule;
    static bool warned;
    if (!warned)
        log_warn(NULL, "support for restriction \"reject_maps_rbl\" will be removed from Postfix; "
                       "use \"reject_rbl_client domain-name\" instead");
    warned = true;
    struct slice in = slice_of(smtpd_params.maps_rbl_domains), item;
    while (slice_next_item(&in, &item)) {
        struct listed l = {.e = e, .class = "Client host"};
        split_list(&l, arena_slice_dup(e->arena, item));
        if (!name_address(&l, e->s->peer.address))
            continue;
        enum smtpd_verdict verdict = reject_listed(&l);
        if (verdict != SMTPD_VERDICT_NONE)
            return verdict;
    }
    return SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_permit_dnswl_client)
{
    struct listed l = {.e = e, .class = "Client host"};
    enum smtpd_verdict verdict;
    split_list(&l, rule->argument);
    if (!may_permit(e, &verdict))
        return verdict;
    return name_address(&l, e->s->peer.address) ? permit_listed(&l) : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_permit_rhswl_client)
{
    struct listed l = {.e = e, .class = "Client host"};
    enum smtpd_verdict verdict;
    split_list(&l, rule->argument);
    if (!may_permit(e, &verdict))
        return verdict;
    const char *name = e->s->peer.name;
    return name_domain(&l, name, name) ? permit_listed(&l) : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_reject_rhsbl)
{
    struct listed l = {.e = e};
    enum smtpd_reply_class class = (enum smtpd_reply_class)rule->restriction->number;
    bool is_address = class == SMTPD_CLASS_SENDER || class == SMTPD_CLASS_RECIPIENT;
    const char *what = class == SMTPD_CLASS_CLIENT ? e->s->peer.name : smtpd_class_item(e, class);
    const char *at = is_address ? strrchr(what, '@') : NULL;
    l.class = smtpd_class_name(class);
    split_list(&l, rule->argument);
    if (is_address && !at)
        return SMTPD_VERDICT_NONE;
    return name_domain(&l, what, at ? at + 1 : what) ? reject_listed(&l) : SMTPD_VERDICT_NONE;
}
