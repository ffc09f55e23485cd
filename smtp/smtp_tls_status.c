#include "smtp/smtp_tls_status.h"

#include "config/common_params.h"
#include "smtp/smtp_params.h"
#include "tls/tls_session.h"

/* Less than a level asks for is what the session has nevertheless. */
static enum smtp_tls_level achieved(const struct smtp_session *s)
{
    if (s->is_tls_unfit || (s->tls && s->tls->is_fallback))
        return SMTP_TLS_ENCRYPT;
    return s->tls ? (enum smtp_tls_level)s->tls_level : SMTP_TLS_NONE;
}

const char *smtp_tls_status(const struct smtp_delivery *d, const struct smtp_session *s)
{
    if (!s || !smtp_params.smtp_log_tls_feature_status)
        return NULL;
    enum smtp_tls_level wanted = (enum smtp_tls_level)s->tls_wanted, has = achieved(s);
    bool is_asked =
        common_params.requiretls_enable && d->job->envelope->smtputf8 & SEND_OPTION_REQUIRETLS;
    return arena_printf(d->arena, "tls=%s%s%s%s", smtp_tls_policy_level_name(wanted),
                        has == wanted ? "" : ":",
                        has == wanted ? "" : smtp_tls_policy_level_name(has),
                        !is_asked          ? ""
                        : s->is_requiretls ? "/requiretls"
                                           : "/requiretls:none");
}
