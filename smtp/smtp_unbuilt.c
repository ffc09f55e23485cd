/*
 * What the configuration can ask of a mail client and this release has not got. Mail is
 * deferred rather than sent without them.
 */
#include "config/common_params.h"
#include "base/xmem.h"
#include "log/log.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_params.h"

#include <string.h>

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
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    get(cfg, "tls_per_site", "", &value);
    if (value.len > 0)
        refuse("tls_per_site", "4.7.4", "TLS by site");
}
