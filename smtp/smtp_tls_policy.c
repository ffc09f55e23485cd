#include "smtp/smtp_tls_policy.h"

#include "base/strbuf.h"
#include "config/common_params.h"
#include "log/log.h"
#include "map/maps.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_tls_site.h"
#include "tls/tls_dane.h"

#include <string.h>
#include <strings.h>

enum { MATCHES_MAX = 100 };

static struct maps *policies;

static const char *maps_name(void)
{
    return smtp_client.is_lmtp ? "lmtp_tls_policy_maps" : "smtp_tls_policy_maps";
}

struct find {
    const struct smtp_nexthop *nexthop;
    const char *host;
    struct arena *arena;
    struct smtp_tls_policy *policy;
    const char *match;        /* text of the match attributes, items separated by ':' */
    const char *anchor_files; /* of the tafile attributes; NULL: none */
    const char *servername;
    struct strbuf *warnings;
    struct strbuf where; /* "smtp_tls_policy_maps, next-hop destination "x"" */
};

static const char *const level_names[] = {
    [SMTP_TLS_NONE] = "none",           [SMTP_TLS_MAY] = "may",
    [SMTP_TLS_ENCRYPT] = "encrypt",     [SMTP_TLS_FINGERPRINT] = "fingerprint",
    [SMTP_TLS_VERIFY] = "verify",       [SMTP_TLS_SECURE] = "secure",
    [SMTP_TLS_HALF_DANE] = "half-dane", [SMTP_TLS_DANE] = "dane",
    [SMTP_TLS_DANE_ONLY] = "dane-only",
};

const char *smtp_tls_policy_level_name(enum smtp_tls_level level)
{
    return level_names[level];
}

/* half-dane is what becomes of dane, not for an administrator to choose. */
static bool level_named(struct slice name, enum smtp_tls_level *ret)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++)
        if (i != SMTP_TLS_HALF_DANE && slice_eq_nocase(name, level_names[i])) {
            *ret = (enum smtp_tls_level)i;
            return true;
        }
    return false;
}

static enum smtp_tls_level default_level;

void smtp_tls_policy_open(void)
{
    const struct smtp_params *p = &smtp_params;
    struct slice level = slice_of(p->smtp_tls_security_level);
    maps_close(policies);
    policies = maps_open(maps_name(), p->smtp_tls_policy_maps, MAP_FOLD);
    smtp_tls_site_open();
    default_level = p->smtp_use_tls ? SMTP_TLS_MAY : SMTP_TLS_NONE;
    if (p->smtp_enforce_tls)
        default_level = p->smtp_tls_enforce_peername ? SMTP_TLS_VERIFY : SMTP_TLS_ENCRYPT;
    if (level.len > 0 && !level_named(level, &default_level))
        log_fatal("invalid tls level \"%s\" in smtp_tls_security_level",
                  p->smtp_tls_security_level);
}

bool smtp_tls_policy_has_changed(void)
{
    return maps_have_changed(policies) || smtp_tls_site_has_changed();
}

bool smtp_tls_policy_may_need_tls(void)
{
    return default_level != SMTP_TLS_NONE || !maps_is_empty(policies) || smtp_tls_site_is_used();
}

static void add_record(const struct tls_dane_record *record, struct strbuf *out)
{
    strbuf_addf(out, "\n%u %u %u ", record->usage, record->selector, record->matching);
    for (size_t i = 0; i < record->data.len; i++)
        strbuf_addf(out, "%02x", (unsigned char)record->data.s[i]);
}

void smtp_tls_policy_key(const struct smtp_tls_policy *policy, struct strbuf *out)
{
    strbuf_addf(out, "%d", (int)policy->level);
    if (policy->level == SMTP_TLS_NONE)
        return;
    strbuf_addf(out, "\n%s\n%s\n%s\n%s", policy->protocols, policy->ciphers, policy->exclude,
                policy->server_name ? policy->server_name : "");
    for (const char *const *match = policy->matches; match && *match; match++)
        strbuf_addf(out, "\n%s", *match);
    for (size_t i = 0; policy->dane && i < policy->dane->count; i++)
        add_record(&policy->dane->records[i], out);
}

static bool wrong(struct find *f, const char *fmt, ...) PRINTF(2, 3);
static bool wrong(struct find *f, const char *fmt, ...)
{
    va_list ap;
    strbuf_addf(f->warnings, "%s: ", f->where.s);
    va_start(ap, fmt);
    strbuf_vaddf(f->warnings, fmt, ap);
    va_end(ap);
    strbuf_add_char(f->warnings, '\n');
    return false;
}

static bool set_protocols(struct find *f, const char *value)
{
    f->policy->given_protocols = value;
    return true;
}

static bool set_ciphers(struct find *f, const char *value)
{
    f->policy->given_ciphers = value;
    return true;
}

/* In the place of smtp_tls_mandatory_exclude_ciphers. */
static bool set_exclude(struct find *f, const char *value)
{
    f->policy->given_exclude = value;
    return true;
}

static bool set_servername(struct find *f, const char *value)
{
    f->servername = value;
    return true;
}

static bool needs_names(enum smtp_tls_level level)
{
    return level == SMTP_TLS_VERIFY || level == SMTP_TLS_SECURE;
}

static bool wrong_at_level(struct find *f, const char *attribute)
{
    return wrong(f, "attribute \"%s\" invalid at security level \"%s\"", attribute,
                 level_names[f->policy->level]);
}

static bool set_match(struct find *f, const char *value)
{
    if (f->policy->level != SMTP_TLS_FINGERPRINT && !needs_names(f->policy->level))
        return wrong_at_level(f, "match");
    if (!*value)
        return wrong(f, "attribute \"match\" has empty value");
    char separator = f->policy->level == SMTP_TLS_FINGERPRINT ? '|' : ':';
    f->match = f->match ? arena_printf(f->arena, "%s%c%s", f->match, separator, value) : value;
    return true;
}

static bool set_tafile(struct find *f, const char *value)
{
    if (!needs_names(f->policy->level))
        return wrong_at_level(f, "tafile");
    if (!*value)
        return wrong(f, "attribute \"tafile\" has empty value");
    f->anchor_files =
        f->anchor_files ? arena_printf(f->arena, "%s %s", f->anchor_files, value) : value;
    return true;
}

static bool set_reuse(struct find *f, const char *value)
{
    f->policy->allows_reuse = strcasecmp(value, "yes") == 0;
    if (f->policy->allows_reuse || strcasecmp(value, "no") == 0)
        return true;
    return wrong(f, "attribute \"connection_reuse\" has bad value: \"%s\"", value);
}

static bool set_sts(struct find *f, struct slice name, struct slice value)
{
    const char *why = NULL;
    if (!smtp_tls_sts_set(&f->policy->sts, name, value, f->arena, &why))
        return wrong(f, "invalid attribute name: \"%.*s\"", SLICE_ARG(name));
    return !why ||
           wrong(f, "attribute \"%.*s\" %s: \"%.*s\"", SLICE_ARG(name), why, SLICE_ARG(value));
}

/* ITEM: "name=value", or "{ name = value }", whose value may have blanks. */
static bool set_attribute(struct find *f, struct slice item)
{
    // clang-format off
    static const struct { const char *name; bool (*set)(struct find *f, const char *value); } rows[] = {
        {"protocols", set_protocols}, {"ciphers", set_ciphers}, {"exclude", set_exclude},
        {"match", set_match}, {"tafile", set_tafile}, {"servername", set_servername}, {"connection_reuse", set_reuse},
    };
    // clang-format on
    struct slice name, value;
    if (f->policy->level == SMTP_TLS_NONE) {
        strbuf_addf(f->warnings, "%s: ignoring attribute \"%.*s\" with TLS disabled\n", f->where.s,
                    SLICE_ARG(item));
        return true;
    }
    if (item.len > 2 && *item.s == '{' && slice_ends(item, "}"))
        item = slice_trim((struct slice){item.s + 1, item.len - 2});
    if (!slice_split(item, '=', &name, &value))
        return wrong(f, "malformed attribute/value pair \"%.*s\": missing '=' after attribute name",
                     SLICE_ARG(item));
    name = slice_trim(name);
    value = slice_trim(value);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_eq_nocase(name, rows[i].name))
            return rows[i].set(f, arena_slice_dup(f->arena, value));
    return set_sts(f, name, value);
}

void smtp_tls_policy_set_level(struct smtp_tls_policy *policy, enum smtp_tls_level level,
                               struct arena *arena)
{
    const struct smtp_params *p = &smtp_params;
    bool is_must = level >= SMTP_TLS_ENCRYPT;
    policy->level = level;
    policy->protocols = policy->given_protocols ? policy->given_protocols
                        : is_must               ? p->smtp_tls_mandatory_protocols
                                                : p->smtp_tls_protocols;
    policy->ciphers = policy->given_ciphers ? policy->given_ciphers
                      : is_must             ? p->smtp_tls_mandatory_ciphers
                                            : p->smtp_tls_ciphers;
    policy->exclude = arena_printf(arena, "%s %s", p->smtp_tls_exclude_ciphers,
                                   policy->given_exclude ? policy->given_exclude
                                   : is_must             ? p->smtp_tls_mandatory_exclude_ciphers
                                                         : "");
}

/* TEXT: "level name=value ..." of a table. */
static bool parse_entry(struct find *f, const char *text)
{
    struct slice in = slice_of(text), item;
    if (!slice_next_item(&in, &item))
        return wrong(f, "invalid empty policy");
    if (!level_named(item, &f->policy->level))
        return wrong(f, "invalid security level \"%.*s\"", SLICE_ARG(item));
    while (slice_next_item(&in, &item))
        if (!set_attribute(f, item))
            return false;
    return true;
}

/* The destination as it was written, then the domains above it as ".domain". */
static enum map_status look_up(const char *key, struct strbuf *value, struct err *err)
{
    enum map_status status = maps_find(policies, key, MAPS_WHOLE_KEY, value, err);
    const char *at = *key != '[' && !strchr(key, ':') ? strchr(key, '.') : NULL;
    for (; status == MAP_NOT_FOUND && at; at = strchr(at + 1, '.'))
        status = maps_find(policies, at, MAPS_PARTIAL_KEY, value, err);
    return status;
}

static const char *nexthop_domain(const struct smtp_nexthop *nexthop)
{
    return nexthop->kind == SMTP_NEXTHOP_UNIX ? common_params.myhostname : nexthop->host;
}

/* nexthop, dot-nexthop and hostname stand for names; all else is one. */
static const char *name_for(struct find *f, struct slice word)
{
    if (slice_eq_nocase(word, "nexthop"))
        return nexthop_domain(f->nexthop);
    if (slice_eq_nocase(word, "dot-nexthop"))
        return arena_printf(f->arena, ".%s", nexthop_domain(f->nexthop));
    if (slice_eq_nocase(word, "hostname"))
        return f->host;
    return arena_slice_dup(f->arena, word);
}

void smtp_tls_policy_set_dane_names(struct smtp_tls_policy *policy,
                                    const struct smtp_nexthop *nexthop, const char *base,
                                    const char *host, struct arena *arena)
{
    enum { NAMES = 3 };
    const char **names = arena_zalloc(arena, (NAMES + 1) * sizeof *names);
    names[0] = nexthop_domain(nexthop);
    names[1] = base;
    names[2] = host;
    policy->matches = names;
    policy->server_name = base;
}

/* In the place of the authorities of all other servers. */
static bool set_anchors(struct find *f)
{
    const char *files = f->anchor_files ? f->anchor_files : smtp_params.smtp_tls_trust_anchor_file;
    struct err err = ERR_INIT;
    struct tls_dane *dane = arena_zalloc(f->arena, sizeof *dane);
    if (!needs_names(f->policy->level) || !*files)
        return true;
    if (!tls_dane_load_anchors(files, f->arena, dane, &err)) {
        strbuf_addf(f->warnings, "%s\n", err.reason);
        return false;
    }
    f->policy->dane = dane;
    return true;
}

static bool set_matches(struct find *f)
{
    const struct smtp_params *p = &smtp_params;
    struct smtp_tls_policy *policy = f->policy;
    const char *defaults[] = {[SMTP_TLS_FINGERPRINT] = p->smtp_tls_fingerprint_cert_match,
                              [SMTP_TLS_VERIFY] = p->smtp_tls_verify_cert_match,
                              [SMTP_TLS_SECURE] = p->smtp_tls_secure_cert_match};
    size_t count = 0;
    bool is_fingerprint = policy->level == SMTP_TLS_FINGERPRINT;
    if (!is_fingerprint && !needs_names(policy->level))
        return true;
    struct slice in = slice_of(f->match ? f->match : defaults[policy->level]), word;
    const char **matches = arena_zalloc(f->arena, (MATCHES_MAX + 1) * sizeof *matches);
    policy->matches = matches;
    while (count < MATCHES_MAX &&
           slice_next_token(&in, is_fingerprint ? "\t\n\r, |" : "\t\n\r, :", &word))
        matches[count++] = is_fingerprint ? arena_slice_dup(f->arena, word) : name_for(f, word);
    if (count > 0)
        return true;
    if (is_fingerprint)
        strbuf_addf(f->warnings,
                    "nexthop domain %s: configured at fingerprint security level, but with no "
                    "fingerprints to match.\n",
                    f->nexthop->text);
    else
        strbuf_addf(f->warnings, "nexthop domain %s: no names to match in the certificate\n",
                    f->nexthop->text);
    return false;
}

static bool find_entry(struct find *f)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status =
        maps_is_empty(policies) ? MAP_NOT_FOUND : look_up(f->nexthop->text, &value, &err);
    if (status == MAP_FAILED) {
        strbuf_addf(f->warnings, "%s\n", err.reason);
        return wrong(f, "policy table lookup error");
    }
    if (status == MAP_FOUND)
        return parse_entry(f, value.s);
    if (smtp_tls_site_is_used()) {
        enum smtp_tls_site_found found =
            smtp_tls_site_find(f->nexthop, f->host, default_level, &f->policy->level, f->warnings);
        f->policy->has_failed_table = found == SMTP_TLS_SITE_FAILED;
        return found == SMTP_TLS_SITE_FOUND;
    }
    f->policy->level = default_level;
    return true;
}

/* RFC 8461, section 4.1: a host that the policy has no pattern for is not to be used, and the
 * certificate of another has to be its own: that it fits some pattern does not do. */
static bool enforce_sts(struct find *f)
{
    struct smtp_tls_policy *policy = f->policy;
    if (!needs_names(policy->level) || !smtp_params.smtp_tls_enforce_sts_mx_patterns ||
        !smtp_tls_sts_has_hosts(&policy->sts))
        return true;
    f->match = "hostname";
    if (smtp_tls_sts_allows(&policy->sts, f->host))
        return true;
    policy->refusal = "the MTA-STS policy of the destination does not have this host";
    policy->refusal_type = "validation-failure";
    return false;
}

bool smtp_tls_policy_find(const struct smtp_nexthop *nexthop, const char *host, struct arena *arena,
                          struct smtp_tls_policy *ret, struct strbuf *warnings)
{
    struct find f = {.nexthop = nexthop,
                     .host = host,
                     .arena = arena,
                     .policy = ret,
                     .servername = smtp_params.smtp_tls_servername,
                     .warnings = warnings,
                     .where = STRBUF_ANY};
    *ret = (struct smtp_tls_policy){.level = SMTP_TLS_NONE,
                                    .allows_reuse = smtp_params.smtp_tls_connection_reuse};
    strbuf_addf(&f.where, "%s, next-hop destination \"%s\"", maps_name(), nexthop->text);
    bool ok = find_entry(&f) && enforce_sts(&f) && set_matches(&f) && set_anchors(&f);
    strbuf_done(&f.where);
    ret->wanted = ret->level;
    if (ok)
        smtp_tls_policy_set_level(ret, ret->level, arena);
    if (ok && ret->level != SMTP_TLS_NONE && f.servername[0])
        ret->server_name = name_for(&f, slice_of(f.servername));
    return ok;
}
