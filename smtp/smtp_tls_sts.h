/*
 * smtp_tls_sts: what a plug-in for MTA-STS (RFC 8461) adds to its answers in smtp_tls_policy_maps:
 * where the policy is from, for reports (smtp_tlsrpt.h), and the hosts that it allows.
 */
#ifndef SMTP_SMTP_TLS_STS_H
#define SMTP_SMTP_TLS_STS_H

#include "base/arena.h"

#include <stdint.h>

/* Texts live in the arena of the policy; all zero: nothing was said. */
struct smtp_tls_sts {
    const char *type;    /* "sts" or "no-policy-found"; NULL: no plug-in has spoken */
    const char *domain;  /* whose policy it is; NULL: the destination's */
    const char *failure; /* the policy cannot be had: a result type of RFC 8460; NULL: it can */
    int64_t ttl_s;
    const char **strings; /* lines of the policy */
    size_t string_count;
    const char **patterns; /* of hosts: "mx.example.com", "*.example.com" */
    size_t pattern_count;
};

/* The attribute NAME=VALUE. *RET_WRONG: what is wrong with VALUE, or NULL. False: no attribute of
 * that name is known here. */
bool smtp_tls_sts_set(struct smtp_tls_sts *sts, struct slice name, struct slice value,
                      struct arena *arena, const char **ret_wrong);
/* Has the domain a policy, as far as the plug-in could tell? */
bool smtp_tls_sts_is_policy(const struct smtp_tls_sts *sts);
/* And does that name hosts? */
bool smtp_tls_sts_has_hosts(const struct smtp_tls_sts *sts);
/* Is HOST one of them? RFC 8461, section 4.1. */
bool smtp_tls_sts_allows(const struct smtp_tls_sts *sts, const char *host);

#endif
