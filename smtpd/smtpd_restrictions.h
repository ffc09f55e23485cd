/*
 * smtpd_restrictions: the words of smtpd_*_restrictions, compiled into lists of rules.
 *
 * Lists named in main.cf are compiled at start; lists in access tables when first seen, and kept. A
 * word that is unknown compiles to a rule that warns and answers
 * "451 4.3.5 Server configuration error", so that a typing error never opens the relay.
 */
#ifndef SMTPD_SMTPD_RESTRICTIONS_H
#define SMTPD_SMTPD_RESTRICTIONS_H

#include "config/config.h"
#include "map/maps.h"

enum smtpd_verdict;
struct smtpd_eval;
struct smtpd_rule;
struct smtpd_policy;

enum smtpd_list_id {
    SMTPD_LIST_CLIENT,
    SMTPD_LIST_HELO,
    SMTPD_LIST_SENDER,
    SMTPD_LIST_RELAY,
    SMTPD_LIST_RECIPIENT,
    SMTPD_LIST_DATA,
    SMTPD_LIST_END_OF_DATA,
    SMTPD_LIST_ETRN,
    SMTPD_LISTS,
};

enum smtpd_argument {
    SMTPD_ARG_NONE,
    SMTPD_ARG_MAP,   /* type:table */
    SMTPD_ARG_CCERT, /* the same, or { type:table, { search_order = ... } } */
    SMTPD_ARG_TEXT,
    SMTPD_ARG_NUMBER,
    SMTPD_ARG_DNS_LIST, /* domain, or domain=d.d.d.d */
    SMTPD_ARG_LIST,     /* rule->list; for restriction classes */
    SMTPD_ARG_POLICY,   /* a policy service */
};

typedef enum smtpd_verdict (*smtpd_rule_fn)(struct smtpd_eval *e, const struct smtpd_rule *rule);

struct smtpd_restriction {
    const char *name;
    enum smtpd_argument argument;
    smtpd_rule_fn function;
    int number; /* for functions that serve several rows */
};

struct smtpd_list;
struct smtpd_rule {
    const struct smtpd_restriction *restriction;
    char *word;      /* as written */
    char *argument;  /* or NULL */
    char *complaint; /* why it cannot be used; NULL: the word is not known */
    struct maps *maps;
    int64_t number;
    const struct smtpd_list *list;
    struct smtpd_policy *policy;
};
struct smtpd_list {
    char *title; /* where it comes from, for warnings */
    struct smtpd_rule *rules;
    size_t count;
};

struct smtpd_restriction_set;
struct smtpd_restriction_set *smtpd_restrictions_new(struct config *cfg);
/* Where smtpd_relay_restrictions is empty by an old default: log whom the new one would refuse. */
void smtpd_restrictions_watch_relay(struct smtpd_restriction_set *set);
void smtpd_restrictions_free(struct smtpd_restriction_set *set);
/* Does one of the lists for recipients keep strangers from relaying? */
bool smtpd_restrictions_are_closed(const struct smtpd_restriction_set *set);
const struct smtpd_list *smtpd_restrictions_list(const struct smtpd_restriction_set *set,
                                                 enum smtpd_list_id id);
/* The list that TEXT (the right side of an access table) stands for. */
const struct smtpd_list *smtpd_restrictions_compile(struct smtpd_restriction_set *set,
                                                    const char *title, const char *text);
bool smtpd_restrictions_are_stale(struct smtpd_restriction_set *set);

/* smtpd_restrict_*.c */
#define SMTPD_RULE(name)                                                                           \
    enum smtpd_verdict name(struct smtpd_eval *e, const struct smtpd_rule *rule)
SMTPD_RULE(smtpd_permit);
SMTPD_RULE(smtpd_reject_all);
SMTPD_RULE(smtpd_defer_all);
SMTPD_RULE(smtpd_defer_if_permit);
SMTPD_RULE(smtpd_defer_if_reject);
SMTPD_RULE(smtpd_warn_if_reject);
SMTPD_RULE(smtpd_sleep);
SMTPD_RULE(smtpd_class);
SMTPD_RULE(smtpd_nothing);
SMTPD_RULE(smtpd_misconfigured);
SMTPD_RULE(smtpd_useless);
SMTPD_RULE(smtpd_reject_multi_recipient_bounce);
SMTPD_RULE(smtpd_reject_unauth_pipelining);
SMTPD_RULE(smtpd_reject_plaintext_session);
SMTPD_RULE(smtpd_permit_mynetworks);
SMTPD_RULE(smtpd_permit_inet_interfaces);
SMTPD_RULE(smtpd_permit_sasl_authenticated);
SMTPD_RULE(smtpd_reject_unknown_client);
SMTPD_RULE(smtpd_reject_invalid_helo);
SMTPD_RULE(smtpd_reject_non_fqdn_helo);
SMTPD_RULE(smtpd_permit_naked_ip);
SMTPD_RULE(smtpd_reject_non_fqdn_sender);
SMTPD_RULE(smtpd_reject_unlisted_sender);
SMTPD_RULE(smtpd_reject_non_fqdn_recipient);
SMTPD_RULE(smtpd_reject_unauth_destination);
SMTPD_RULE(smtpd_permit_auth_destination);
SMTPD_RULE(smtpd_reject_unlisted_recipient);
SMTPD_RULE(smtpd_check_access);
SMTPD_RULE(smtpd_check_policy_service);
SMTPD_RULE(smtpd_permit_tls_clientcerts);
SMTPD_RULE(smtpd_permit_tls_all_clientcerts);
SMTPD_RULE(smtpd_check_server_access);
SMTPD_RULE(smtpd_reject_unknown_helo);
SMTPD_RULE(smtpd_reject_unknown_sender_domain);
SMTPD_RULE(smtpd_reject_unknown_recipient_domain);
SMTPD_RULE(smtpd_permit_mx_backup);
SMTPD_RULE(smtpd_reject_rbl_client);
SMTPD_RULE(smtpd_reject_maps_rbl);
SMTPD_RULE(smtpd_permit_dnswl_client);
SMTPD_RULE(smtpd_permit_rhswl_client);
SMTPD_RULE(smtpd_reject_rhsbl);
SMTPD_RULE(smtpd_reject_login_mismatch);
SMTPD_RULE(smtpd_reject_unverified_sender);
SMTPD_RULE(smtpd_reject_unverified_recipient);
SMTPD_RULE(smtpd_compat_watch_relay);

/* number of reject_*sender_login_mismatch */
enum smtpd_login_check {
    SMTPD_LOGIN_AUTHENTICATED = 1 << 0,   /* clients that have logged in */
    SMTPD_LOGIN_UNAUTHENTICATED = 1 << 1, /* clients that have not */
    SMTPD_LOGIN_KNOWN = 1 << 2,           /* addresses that somebody owns, only */
};

/* number of the check_*_{a,mx,ns}_access rows: the reply class, and the record type above it */
#define SMTPD_SERVER_ACCESS(class, type) ((class) | (type) << 8)

/* number of the check_*_access rows */
enum smtpd_access_item {
    SMTPD_ACCESS_BY_LIST,
    SMTPD_ACCESS_CLIENT,
    SMTPD_ACCESS_REVERSE_CLIENT,
    SMTPD_ACCESS_HELO,
    SMTPD_ACCESS_SENDER,
    SMTPD_ACCESS_RECIPIENT,
    SMTPD_ACCESS_ETRN,
    SMTPD_ACCESS_CCERT,
    SMTPD_ACCESS_LOGIN,
};

#endif
