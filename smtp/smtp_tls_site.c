#include "smtp/smtp_tls_site.h"

#include "log/log.h"
#include "map/maps.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_params.h"

static struct maps *sites;

static const char *maps_name(void)
{
    return smtp_client.is_lmtp ? "lmtp_tls_per_site" : "smtp_tls_per_site";
}

void smtp_tls_site_open(void)
{
    maps_close(sites);
    sites = NULL;
    if (!*smtp_params.smtp_tls_per_site)
        return;
    if (*smtp_params.smtp_tls_policy_maps) {
        log_warn(NULL, "%s ignored when %s_tls_policy_maps is not empty.", maps_name(),
                 smtp_client.is_lmtp ? "lmtp" : "smtp");
        return;
    }
    sites = maps_open(maps_name(), smtp_params.smtp_tls_per_site, MAP_FOLD);
}

bool smtp_tls_site_is_used(void)
{
    return sites != NULL;
}

bool smtp_tls_site_has_changed(void)
{
    return sites && maps_have_changed(sites);
}

struct site {
    bool is_found;
    enum smtp_tls_level level;
};

static bool parse(const char *value, struct site *ret)
{
    // clang-format off
    static const struct { const char *word; enum smtp_tls_level level; } rows[] = {
        {"NONE", SMTP_TLS_NONE}, {"MAY", SMTP_TLS_MAY}, {"MUST_NOPEERMATCH", SMTP_TLS_ENCRYPT},
        {"MUST", SMTP_TLS_VERIFY},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_eq_nocase(slice_of(value), rows[i].word)) {
            *ret = (struct site){true, rows[i].level};
            return true;
        }
    return false;
}

/* The whole key: nothing above it counts. */
static enum smtp_tls_site_found look_up(const char *what, const char *key, struct site *ret,
                                        struct strbuf *warnings)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    switch (maps_find(sites, key, MAPS_WHOLE_KEY, &value, &err)) {
    case MAP_NOT_FOUND:
        return SMTP_TLS_SITE_FOUND;
    case MAP_FOUND:
        if (parse(value.s, ret))
            return SMTP_TLS_SITE_FOUND;
        strbuf_addf(warnings, "%s: unknown TLS policy '%s' for %s %s\n", maps_name(), value.s, what,
                    key);
        return SMTP_TLS_SITE_WRONG;
    case MAP_FAILED:
        break;
    }
    strbuf_addf(warnings, "%s\n%s: %s \"%s\": per-site table lookup error\n", err.reason,
                maps_name(), what, key);
    return SMTP_TLS_SITE_FAILED;
}

/* MAY says least; of two others the stricter one counts. */
static struct site stronger(struct site a, struct site b)
{
    if (!a.is_found || !b.is_found)
        return a.is_found ? a : b;
    if (a.level == SMTP_TLS_MAY || b.level == SMTP_TLS_MAY)
        return a.level == SMTP_TLS_MAY ? b : a;
    return a.level > b.level ? a : b;
}

enum smtp_tls_site_found smtp_tls_site_find(const struct smtp_nexthop *nexthop, const char *host,
                                            enum smtp_tls_level global, enum smtp_tls_level *ret,
                                            struct strbuf *warnings)
{
    struct site of_nexthop = {0}, of_host = {0};
    enum smtp_tls_site_found found =
        look_up("next-hop destination", nexthop->text, &of_nexthop, warnings);
    if (found == SMTP_TLS_SITE_FOUND)
        found = look_up("server hostname", host, &of_host, warnings);
    if (found != SMTP_TLS_SITE_FOUND)
        return found;
    struct site site = stronger(of_nexthop, of_host);
    bool says_more = site.is_found && (site.level != SMTP_TLS_MAY || global < SMTP_TLS_MAY);
    *ret = says_more ? site.level : global;
    return found;
}
