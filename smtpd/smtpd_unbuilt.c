/*
 * Parameters whose part of the server is not built yet. Setting one is logged at start; where going
 * on without it would be less safe than asked for, clients are refused.
 */
#include "base/num.h"
#include "config/config.h"
#include "log/log.h"
#include "smtpd/smtpd_server.h"

#include <string.h>
#include <strings.h>

#define REFUSE "421 4.3.5 Server configuration error"

static const struct unbuilt {
    const char *name;
    const char *harmless;  /* values that ask for nothing, separated by blanks */
    const char *refuse_if; /* values that make us refuse clients; "*": any other value */
    const char *what;
} unbuilt[] = {
    // clang-format off
    {"smtpd_tls_security_level",      "none",  "encrypt", "TLS"},
    {"smtpd_tls_wrappermode",         "no",    "*",       "TLS"},
    {"smtpd_enforce_tls",             "no",    "*",       "TLS"},
    {"smtpd_use_tls",                 "no",    "",        "TLS"},
    {"smtpd_sasl_auth_enable",        "no",    "",        "SASL authentication"},
    {"smtpd_milters",                 "",      "",        "the Milter protocol"},
    {"smtpd_milter_maps",             "",      "",        "the Milter protocol"},
    {"smtpd_proxy_filter",            "",      "",        "the before-queue proxy"},
    {"smtpd_upstream_proxy_protocol", "",      "*",       "the proxy protocol"},
    {"smtpd_reject_footer",           "",      "",        "the reject footer"},
    {"smtpd_reject_footer_maps",      "",      "",        "the reject footer"},
    {"smtpd_reject_filter_maps",      "",      "",        "the reject filter"},
    {"smtpd_authorized_xclient_hosts", "",     "",        "XCLIENT"},
    {"smtpd_authorized_xforward_hosts", "",    "",        "XFORWARD"},
    {"smtpd_sender_login_maps",       "",      "",        "SASL authentication"},
    {"smtpd_dns_reply_filter",        "",      "",        "DNS"},
    {"smtpd_log_access_permit_actions", "",    "",        "logging of permit actions"},
    // clang-format on
};

static bool has_word(const char *list, const char *word)
{
    struct slice rest = slice_of(list), item;
    while (slice_next_token(&rest, " ", &item))
        if (slice_eq_nocase(item, word))
            return true;
    return false;
}

const char *smtpd_unbuilt_check(const struct config *cfg)
{
    const char *refusal = NULL;
    for (size_t i = 0; i < COUNT_OF(unbuilt); i++) {
        const struct unbuilt *u = &unbuilt[i];
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        if (!config_set_value(cfg, u->name) || !config_get_text(cfg, u->name, "", &value, &err))
            continue;
        if (value.len == 0 || has_word(u->harmless, value.s))
            continue;
        bool refuse = strcmp(u->refuse_if, "*") == 0 || has_word(u->refuse_if, value.s);
        log_warn(NULL, "%s = %s: %s is not built into this release yet: %s", u->name, value.s,
                 u->what, refuse ? "refusing all clients" : "the setting has no effect");
        if (refuse)
            refusal = REFUSE;
    }
    return refusal;
}
