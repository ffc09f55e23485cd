/* smtpd_policy_settings: a policy service as check_policy_service names it. */
#ifndef SMTPD_SMTPD_POLICY_SETTINGS_H
#define SMTPD_SMTPD_POLICY_SETTINGS_H

#include "base/err.h"

struct smtpd_policy_settings {
    char *endpoint;
    const char *name; /* the end point without its type: in log lines */
    char *default_action, *context;
    int64_t max_idle, max_ttl, timeout, retry_delay; /* seconds */
    int64_t request_limit, try_limit;
};

/* ARGUMENT: an end point, or "{ end point, name = value, ... }"; what is not named is as the
 * smtpd_policy_service_* parameters say. RET has to be done with even after a failure. */
bool smtpd_policy_settings_parse(struct smtpd_policy_settings *ret, const char *argument,
                                 struct err *err);
void smtpd_policy_settings_done(struct smtpd_policy_settings *p);

#endif
