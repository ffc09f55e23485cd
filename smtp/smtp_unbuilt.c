/*
 * What the configuration can ask of a mail client and this release has not got: TLS, SASL, header
 * and body checks, reply filters. Mail is deferred rather than sent without them.
 */
#include "config/common_params.h"
#include "base/xmem.h"
#include "log/log.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_params.h"

#include <string.h>
#include <strings.h>

static void get(const struct config *cfg, const char *suffix, const char *default_text,
                struct strbuf *value)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "%s_%s", smtp_client.is_lmtp ? "lmtp" : "smtp", suffix);
    strbuf_reset(value);
    if (!config_get_text(cfg, name.s, default_text, value, &err))
        log_fatal("%s", err.reason);
}

static bool get_yes(const struct config *cfg, const char *suffix)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    get(cfg, suffix, "no", &value);
    return strcasecmp(value.s, "yes") == 0;
}

static void refuse(const char *suffix, const char *dsn, const char *what)
{
    char *text = xasprintf("%s_%s is set, but %s is not built yet",
                           smtp_client.is_lmtp ? "lmtp" : "smtp", suffix, what);
    log_warn(NULL, "%s; mail is deferred", text);
    smtp_client.refuse_dsn = dsn;
    smtp_client.refuse_text = text; /* lives as long as the process */
}

void smtp_unbuilt_check(const struct config *cfg)
{
    // clang-format off
    static const struct { const char *suffix, *dsn, *what; } texts[] = {
        {"header_checks",          "4.3.5", "checking headers on the way out"},
        {"mime_header_checks",     "4.3.5", "checking headers on the way out"},
        {"nested_header_checks",   "4.3.5", "checking headers on the way out"},
        {"body_checks",            "4.3.5", "checking bodies on the way out"},
        {"reply_filter",           "4.3.5", "filtering replies"},
        {"dns_reply_filter",       "4.3.5", "filtering DNS replies"},
        {"delivery_status_filter", "4.3.5", "filtering delivery status"},
    };
    // clang-format on
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        get(cfg, texts[i].suffix, "", &value);
        if (value.len > 0)
            refuse(texts[i].suffix, texts[i].dsn, texts[i].what);
    }
    static const char *const plain[] = {"best_mx_transport", "use_srv_lookup",
                                        "default_delivery_status_filter"};
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        struct err err = ERR_INIT;
        strbuf_reset(&value);
        if (!config_get_text(cfg, plain[i], "", &value, &err))
            log_fatal("%s", err.reason);
        if (value.len == 0)
            continue;
        char *text = xasprintf("%s is set, but is not built yet", plain[i]);
        log_warn(NULL, "%s; mail is deferred", text);
        smtp_client.refuse_dsn = "4.3.5";
        smtp_client.refuse_text = text;
    }
    if (get_yes(cfg, "sasl_auth_enable"))
        refuse("sasl_auth_enable", "4.7.0", "SASL authentication");
    if (get_yes(cfg, "tls_wrappermode"))
        refuse("tls_wrappermode", "4.7.4", "TLS");
    if (get_yes(cfg, "enforce_tls"))
        refuse("enforce_tls", "4.7.4", "TLS");
    get(cfg, "tls_per_site", "", &value);
    if (value.len > 0)
        refuse("tls_per_site", "4.7.4", "TLS");

    get(cfg, "tls_policy_maps", "", &value);
    smtp_client.tls_policy_maps = maps_open("smtp_tls_policy_maps", value.s, MAP_FOLD);
    get(cfg, "tls_security_level",
        smtp_client.is_lmtp ? "" : "${{$compatibility_level} <level {3.11} ? {} : {may}}", &value);
    smtp_client.tls_level = xstrdup(value.s);
}

/* Levels that go on without TLS when the server does not offer it. */
static bool is_plain_level(struct slice level)
{
    return level.len == 0 || slice_eq_nocase(level, "none") || slice_eq_nocase(level, "may");
}

/* The policy for a destination: the key as it is, then the domains above it as ".domain"
 * (postconf(5), smtp_tls_policy_maps). */
static enum map_status find_policy(const char *nexthop, struct strbuf *value, struct err *err)
{
    enum map_status status =
        maps_find(smtp_client.tls_policy_maps, nexthop, MAPS_WHOLE_KEY, value, err);
    const char *at = *nexthop != '[' ? strchr(nexthop, '.') : NULL;
    for (; status == MAP_NOT_FOUND && at; at = strchr(at + 1, '.'))
        status = maps_find(smtp_client.tls_policy_maps, at, MAPS_PARTIAL_KEY, value, err);
    return status;
}

bool smtp_unbuilt_needs_tls(const char *nexthop, const char *host, struct strbuf *why)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = MAP_NOT_FOUND;
    if (!maps_is_empty(smtp_client.tls_policy_maps))
        status = find_policy(nexthop, &value, &err);
    if (status == MAP_FAILED) {
        strbuf_setf(why, "TLS policy for %s: %s", nexthop, err.reason);
        return true;
    }
    struct slice in = slice_of(status == MAP_FOUND ? value.s : smtp_client.tls_level), level;
    if (!slice_next_item(&in, &level))
        level = SLICE_EMPTY;
    if (is_plain_level(level))
        return false;
    strbuf_setf(why, "TLS is required by security level %.*s, but is not built yet (host %s)",
                SLICE_ARG(level), host);
    return true;
}
