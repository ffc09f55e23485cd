/* The restriction table, and lists compiled from words. */
#include "smtpd/smtpd_restrictions.h"

#include "base/argv.h"
#include "base/num.h"
#include "base/xmem.h"
#include "dns/dns.h"
#include "log/log.h"
#include "smtpd/smtpd_dnsbl.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_policy.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_restrict_tls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#define NONE   SMTPD_ARG_NONE
#define MAP    SMTPD_ARG_MAP
#define CCERT  SMTPD_ARG_CCERT
#define NUMBER SMTPD_ARG_NUMBER
#define POLICY SMTPD_ARG_POLICY
#define LIST   SMTPD_ARG_LIST
#define LISTED SMTPD_ARG_DNS_LIST

static const struct smtpd_restriction restrictions[] = {
    // clang-format off
    /* name                               argument  function                        number */
    {"permit",                            NONE,     smtpd_permit,                   0},
    {"reject",                            NONE,     smtpd_reject_all,               0},
    {"defer",                             NONE,     smtpd_defer_all,                0},
    {"defer_if_permit",                   NONE,     smtpd_defer_if_permit,          0},
    {"defer_if_reject",                   NONE,     smtpd_defer_if_reject,          0},
    {"warn_if_reject",                    NONE,     smtpd_warn_if_reject,           0},
    {"sleep",                             NUMBER,   smtpd_sleep,                    0},
    {"reject_multi_recipient_bounce",     NONE,     smtpd_reject_multi_recipient_bounce, 0},
    {"reject_unauth_pipelining",          NONE,     smtpd_reject_unauth_pipelining, 0},
    {"reject_plaintext_session",          NONE,     smtpd_reject_plaintext_session, 0},
    {"permit_mynetworks",                 NONE,     smtpd_permit_mynetworks,        0},
    {"permit_inet_interfaces",            NONE,     smtpd_permit_inet_interfaces,   0},
    {"permit_sasl_authenticated",         NONE,     smtpd_permit_sasl_authenticated, 0},
    {"permit_tls_clientcerts",            NONE,     smtpd_permit_tls_clientcerts,   0},
    {"permit_tls_all_clientcerts",        NONE,     smtpd_permit_tls_all_clientcerts, 0},
    {"reject_unknown_client_hostname",    NONE,     smtpd_reject_unknown_client,    0},
    {"reject_unknown_client",             NONE,     smtpd_reject_unknown_client,    0},
    {"reject_unknown_reverse_client_hostname", NONE, smtpd_reject_unknown_client,   1},
    {"check_client_access",               MAP,      smtpd_check_access,             SMTPD_ACCESS_CLIENT},
    {"check_reverse_client_hostname_access", MAP,   smtpd_check_access,             SMTPD_ACCESS_REVERSE_CLIENT},
    {"check_helo_access",                 MAP,      smtpd_check_access,             SMTPD_ACCESS_HELO},
    {"check_sender_access",               MAP,      smtpd_check_access,             SMTPD_ACCESS_SENDER},
    {"check_recipient_access",            MAP,      smtpd_check_access,             SMTPD_ACCESS_RECIPIENT},
    {"check_etrn_access",                 MAP,      smtpd_check_access,             SMTPD_ACCESS_ETRN},
    {"check_ccert_access",                CCERT,    smtpd_check_access,             SMTPD_ACCESS_CCERT},
    {"reject_invalid_helo_hostname",      NONE,     smtpd_reject_invalid_helo,      0},
    {"reject_invalid_hostname",           NONE,     smtpd_reject_invalid_helo,      0},
    {"reject_non_fqdn_helo_hostname",     NONE,     smtpd_reject_non_fqdn_helo,     0},
    {"reject_non_fqdn_hostname",          NONE,     smtpd_reject_non_fqdn_helo,     0},
    {"permit_naked_ip_address",           NONE,     smtpd_permit_naked_ip,          0},
    {"reject_non_fqdn_sender",            NONE,     smtpd_reject_non_fqdn_sender,   0},
    {"reject_unlisted_sender",            NONE,     smtpd_reject_unlisted_sender,   0},
    {"reject_non_fqdn_recipient",         NONE,     smtpd_reject_non_fqdn_recipient, 0},
    {"reject_unauth_destination",         NONE,     smtpd_reject_unauth_destination, 0},
    {"defer_unauth_destination",          NONE,     smtpd_reject_unauth_destination, 454},
    {"check_relay_domains",               NONE,     smtpd_reject_unauth_destination, 0},
    {"permit_auth_destination",           NONE,     smtpd_permit_auth_destination,  0},
    {"reject_unlisted_recipient",         NONE,     smtpd_reject_unlisted_recipient, 0},
    {"check_recipient_maps",              NONE,     smtpd_reject_unlisted_recipient, 0},
    {"check_policy_service",              POLICY,   smtpd_check_policy_service,     0},
    {"check_sasl_access",                   MAP,     smtpd_check_access,             SMTPD_ACCESS_LOGIN},
    {"check_client_a_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_CLIENT, DNS_A)},
    {"check_client_mx_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_CLIENT, DNS_MX)},
    {"check_client_ns_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_CLIENT, DNS_NS)},
    {"check_reverse_client_hostname_a_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_REVERSE_CLIENT, DNS_A)},
    {"check_reverse_client_hostname_mx_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_REVERSE_CLIENT, DNS_MX)},
    {"check_reverse_client_hostname_ns_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_REVERSE_CLIENT, DNS_NS)},
    {"check_helo_a_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_HELO, DNS_A)},
    {"check_helo_mx_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_HELO, DNS_MX)},
    {"check_helo_ns_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_HELO, DNS_NS)},
    {"check_sender_a_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_SENDER, DNS_A)},
    {"check_sender_mx_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_SENDER, DNS_MX)},
    {"check_sender_ns_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_SENDER, DNS_NS)},
    {"check_recipient_a_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_RECIPIENT, DNS_A)},
    {"check_recipient_mx_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_RECIPIENT, DNS_MX)},
    {"check_recipient_ns_access", MAP, smtpd_check_server_access, SMTPD_SERVER_ACCESS(SMTPD_CLASS_RECIPIENT, DNS_NS)},
    {"reject_rbl_client",                   LISTED,  smtpd_reject_rbl_client,        0},
    {"reject_rbl",                          LISTED,  smtpd_reject_rbl_client,        0},
    {"permit_dnswl_client",                 LISTED,  smtpd_permit_dnswl_client,      0},
    {"reject_rhsbl_client",                 LISTED,  smtpd_reject_rhsbl,             SMTPD_CLASS_CLIENT},
    {"permit_rhswl_client",                 LISTED,  smtpd_permit_rhswl_client,      0},
    {"reject_rhsbl_reverse_client",         LISTED,  smtpd_reject_rhsbl,             SMTPD_CLASS_REVERSE_CLIENT},
    {"reject_rhsbl_helo",                   LISTED,  smtpd_reject_rhsbl,             SMTPD_CLASS_HELO},
    {"reject_rhsbl_sender",                 LISTED,  smtpd_reject_rhsbl,             SMTPD_CLASS_SENDER},
    {"reject_rhsbl_recipient",              LISTED,  smtpd_reject_rhsbl,             SMTPD_CLASS_RECIPIENT},
    {"reject_maps_rbl",                     NONE,    smtpd_reject_maps_rbl,          0},
    {"reject_unknown_helo_hostname",        NONE,    smtpd_reject_unknown_helo,      0},
    {"reject_unknown_hostname",             NONE,    smtpd_reject_unknown_helo,      0},
    {"reject_unknown_sender_domain",        NONE,    smtpd_reject_unknown_sender_domain, 0},
    {"reject_unknown_address",              NONE,    smtpd_reject_unknown_sender_domain, 0},
    {"reject_unknown_recipient_domain",     NONE,    smtpd_reject_unknown_recipient_domain, 0},
    {"reject_unverified_sender",          NONE,     smtpd_reject_unverified_sender, 0},
    {"reject_unverified_recipient",       NONE,     smtpd_reject_unverified_recipient, 0},
    {"permit_mx_backup",                    NONE,    smtpd_permit_mx_backup,         0},
    {"reject_sender_login_mismatch",        NONE,    smtpd_reject_login_mismatch,    SMTPD_LOGIN_AUTHENTICATED | SMTPD_LOGIN_UNAUTHENTICATED},
    {"reject_known_sender_login_mismatch",  NONE,    smtpd_reject_login_mismatch,    SMTPD_LOGIN_AUTHENTICATED | SMTPD_LOGIN_UNAUTHENTICATED | SMTPD_LOGIN_KNOWN},
    {"reject_authenticated_sender_login_mismatch", NONE,    smtpd_reject_login_mismatch,    SMTPD_LOGIN_AUTHENTICATED},
    {"reject_unauthenticated_sender_login_mismatch", NONE,    smtpd_reject_login_mismatch,    SMTPD_LOGIN_UNAUTHENTICATED},
    // clang-format on
};
static const struct smtpd_restriction unknown_word = {"", NONE, smtpd_misconfigured, 0};
static const struct smtpd_restriction useless_word = {"", NONE, smtpd_useless, 0};
static const struct smtpd_restriction class_word = {"", LIST, smtpd_class, 0};
static const struct smtpd_restriction table_word = {"", MAP, smtpd_check_access,
                                                    SMTPD_ACCESS_BY_LIST};

/* A list from an access table, or a restriction class. */
struct named_list {
    char *key;
    struct smtpd_list list;
    UT_hash_handle hh;
};
struct open_map {
    char *key;
    struct maps *maps;
    UT_hash_handle hh;
};
struct policy_service {
    char *key; /* the argument: rules with the same one share connections */
    struct smtpd_policy *policy;
    UT_hash_handle hh;
};
struct smtpd_restriction_set {
    struct config *cfg;
    struct smtpd_list lists[SMTPD_LISTS];
    struct named_list *classes, *inlined;
    struct open_map *maps;
    struct policy_service *policies;
    bool is_frozen; /* in the jail: no further tables can be opened */
};

enum { INLINED_MAX = 10000 }; /* different right sides that are kept */

static struct maps *set_open_map(struct smtpd_restriction_set *set, const char *name)
{
    struct open_map *open;
    HASH_FIND_STR(set->maps, name, open);
    if (open)
        return open->maps;
    if (set->is_frozen) {
        log_warn(NULL, "access table entry with a lookup table that main.cf does not name: %s",
                 name);
        return NULL;
    }
    open = xzalloc(sizeof *open);
    open->key = xstrdup(name);
    open->maps = maps_open("access table", name, MAP_FOLD);
    HASH_ADD_KEYPTR(hh, set->maps, open->key, strlen(open->key), open);
    return open->maps;
}

static struct smtpd_policy *set_find_policy(struct smtpd_restriction_set *set, const char *argument)
{
    struct policy_service *service;
    struct err err = ERR_INIT;
    HASH_FIND_STR(set->policies, argument, service);
    if (service)
        return service->policy;
    struct smtpd_policy *policy = smtpd_policy_new(argument, &err);
    if (!policy) {
        log_warn(NULL, "check_policy_service: %s", err.reason);
        return NULL;
    }
    service = xzalloc(sizeof *service);
    service->key = xstrdup(argument);
    service->policy = policy;
    HASH_ADD_KEYPTR(hh, set->policies, service->key, strlen(service->key), service);
    return policy;
}

static const struct smtpd_restriction *find_restriction(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(restrictions); i++)
        if (strcasecmp(restrictions[i].name, word) == 0)
            return &restrictions[i];
    return NULL;
}

static struct smtpd_rule *add_rule(struct smtpd_list *list, const struct smtpd_restriction *r,
                                   const char *word)
{
    list->rules = xrealloc_array(list->rules, list->count + 1, sizeof *list->rules);
    struct smtpd_rule *rule = &list->rules[list->count++];
    *rule = (struct smtpd_rule){.restriction = r, .word = xstrdup(word)};
    return rule;
}

static bool takes_argument(enum smtpd_argument kind)
{
    return kind != SMTPD_ARG_NONE && kind != SMTPD_ARG_LIST;
}

/* A DNS list: a name, and a filter that can be read. */
static bool is_dns_list(const char *text)
{
    static const unsigned char any[4];
    struct slice domain = slice_of(text), filter;
    bool match, has_filter = slice_split(domain, '=', &domain, &filter);
    return dns_is_hostname(domain) && (!has_filter || smtpd_dnsbl_match(filter.s, any, &match));
}

/* Give RULE its argument; false: it has none, or not one of its kind. */
static bool set_argument(struct smtpd_restriction_set *set, struct smtpd_rule *rule,
                         const char *text)
{
    if (!text)
        return false;
    rule->argument = xstrdup(text);
    switch (rule->restriction->argument) {
    case SMTPD_ARG_MAP:
        if (!strchr(text, ':'))
            return false;
        rule->maps = set_open_map(set, text);
        return rule->maps != NULL;
    case SMTPD_ARG_POLICY:
        rule->policy = set_find_policy(set, text);
        return rule->policy != NULL;
    case SMTPD_ARG_CCERT: {
        CLEANUP(strbuf_done) struct strbuf table = STRBUF_ANY;
        if (!smtpd_tls_parse_ccert_argument(text, &table, &rule->number) || !strchr(table.s, ':'))
            return false;
        rule->maps = set_open_map(set, table.s);
        return rule->maps != NULL;
    }
    case SMTPD_ARG_DNS_LIST:
        return is_dns_list(text);
    case SMTPD_ARG_NUMBER:
        return num_parse_i64(slice_of(text), &rule->number) && rule->number >= 0 &&
               rule->number <= 3600;
    default:
        return true;
    }
}

/* RULE cannot be used with this argument: what it will say of it each time. */
static void complain(struct smtpd_rule *rule, const char *argument)
{
    enum smtpd_argument kind = rule->restriction->argument;
    if (kind == SMTPD_ARG_MAP)
        rule->complaint = xasprintf("restriction %s: bad argument \"%s\": need maptype:mapname",
                                    rule->word, argument ? argument : rule->word);
    else if (kind == SMTPD_ARG_DNS_LIST && argument)
        rule->complaint = xasprintf("restriction %s: bad argument \"%s\": need "
                                    "domain or domain=d.d.d.d",
                                    rule->word, argument);
    else if (kind == SMTPD_ARG_DNS_LIST)
        rule->complaint = xasprintf("restriction %s requires domain name argument", rule->word);
    else
        rule->complaint =
            xasprintf("restriction %s: bad argument \"%s\"", rule->word, argument ? argument : "");
    bool goes_on = kind == SMTPD_ARG_DNS_LIST && !argument; /* as if there were no such list */
    rule->restriction = goes_on ? &useless_word : &unknown_word;
}

static void compile(struct smtpd_restriction_set *set, struct smtpd_list *list, const char *title,
                    const char *text)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    argv_add_items(&words, text);
    list->title = xstrdup(title);
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.at[i];
        struct named_list *class;
        HASH_FIND_STR(set->classes, word, class);
        if (class) {
            add_rule(list, &class_word, word)->list = &class->list;
            continue;
        }
        if (strchr(word, ':')) { /* a table without a check_ word */
            struct maps *maps = set_open_map(set, word);
            add_rule(list, maps ? &table_word : &unknown_word, word)->maps = maps;
            continue;
        }
        const struct smtpd_restriction *r = find_restriction(word);
        struct smtpd_rule *rule = add_rule(list, r ? r : &unknown_word, word);
        if (!r || !takes_argument(r->argument))
            continue;
        const char *argument = i + 1 < words.count ? words.at[++i] : NULL;
        if (!set_argument(set, rule, argument))
            complain(rule, argument);
    }
}

static void list_done(struct smtpd_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->rules[i].word);
        free(list->rules[i].argument);
        free(list->rules[i].complaint);
    }
    free(list->rules);
    free(list->title);
}

static void named_free(struct named_list **table)
{
    struct named_list *named, *next;
    HASH_ITER (hh, *table, named, next) {
        HASH_DEL(*table, named);
        list_done(&named->list);
        free(named->key);
        free(named);
    }
}

void smtpd_restrictions_free(struct smtpd_restriction_set *set)
{
    if (!set)
        return;
    for (int i = 0; i < SMTPD_LISTS; i++)
        list_done(&set->lists[i]);
    named_free(&set->classes);
    named_free(&set->inlined);
    struct open_map *open, *next;
    HASH_ITER (hh, set->maps, open, next) {
        HASH_DEL(set->maps, open);
        maps_close(open->maps);
        free(open->key);
        free(open);
    }
    struct policy_service *service, *next_service;
    HASH_ITER (hh, set->policies, service, next_service) {
        HASH_DEL(set->policies, service);
        smtpd_policy_free(service->policy);
        free(service->key);
        free(service);
    }
    free(set);
}

/* Names first, so that classes may refer to classes; a circle of them is stopped when it runs. */
static void compile_classes(struct smtpd_restriction_set *set)
{
    CLEANUP(argv_done) struct argv names = ARGV_INIT;
    argv_add_items(&names, smtpd_params.smtpd_restriction_classes);
    for (size_t i = 0; i < names.count; i++) {
        struct named_list *class;
        HASH_FIND_STR(set->classes, names.at[i], class);
        if (class)
            continue;
        class = xzalloc(sizeof *class);
        class->key = xstrdup(names.at[i]);
        HASH_ADD_KEYPTR(hh, set->classes, class->key, strlen(class->key), class);
    }
    struct named_list *class, *next;
    HASH_ITER (hh, set->classes, class, next) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        if (!config_get_text(set->cfg, class->key, "", &value, &err))
            log_fatal("%s", err.reason);
        compile(set, &class->list, class->key, value.s);
    }
}

struct smtpd_restriction_set *smtpd_restrictions_new(struct config *cfg)
{
    const struct {
        enum smtpd_list_id id;
        const char *title, *text;
    } lists[] = {
        {SMTPD_LIST_CLIENT, "smtpd_client_restrictions", smtpd_params.smtpd_client_restrictions},
        {SMTPD_LIST_HELO, "smtpd_helo_restrictions", smtpd_params.smtpd_helo_restrictions},
        {SMTPD_LIST_SENDER, "smtpd_sender_restrictions", smtpd_params.smtpd_sender_restrictions},
        {SMTPD_LIST_RELAY, "smtpd_relay_restrictions", smtpd_params.smtpd_relay_restrictions},
        {SMTPD_LIST_RECIPIENT, "smtpd_recipient_restrictions",
         smtpd_params.smtpd_recipient_restrictions},
        {SMTPD_LIST_DATA, "smtpd_data_restrictions", smtpd_params.smtpd_data_restrictions},
        {SMTPD_LIST_END_OF_DATA, "smtpd_end_of_data_restrictions",
         smtpd_params.smtpd_end_of_data_restrictions},
        {SMTPD_LIST_ETRN, "smtpd_etrn_restrictions", smtpd_params.smtpd_etrn_restrictions},
    };
    struct smtpd_restriction_set *set = xzalloc(sizeof *set);
    set->cfg = cfg;
    compile_classes(set);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        compile(set, &set->lists[lists[i].id], lists[i].title, lists[i].text);
    set->is_frozen = true;
    return set;
}

void smtpd_restrictions_watch_relay(struct smtpd_restriction_set *set)
{
    static const struct smtpd_restriction watch = {"watch_relay", SMTPD_ARG_NONE,
                                                   smtpd_compat_watch_relay, 0};
    struct smtpd_list *list = &set->lists[SMTPD_LIST_RELAY];
    list_done(list);
    *list = (struct smtpd_list){0};
    compile(set, list, "smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated");
    add_rule(list, &watch, watch.name);
}

const struct smtpd_list *smtpd_restrictions_list(const struct smtpd_restriction_set *set,
                                                 enum smtpd_list_id id)
{
    return &set->lists[id];
}

const struct smtpd_list *smtpd_restrictions_compile(struct smtpd_restriction_set *set,
                                                    const char *title, const char *text)
{
    struct named_list *named;
    HASH_FIND_STR(set->inlined, text, named);
    if (named)
        return &named->list;
    if (HASH_COUNT(set->inlined) >= INLINED_MAX)
        return NULL;
    named = xzalloc(sizeof *named);
    named->key = xstrdup(text);
    HASH_ADD_KEYPTR(hh, set->inlined, named->key, strlen(named->key), named);
    compile(set, &named->list, title, text);
    return &named->list;
}

enum { CLOSED_DEPTH = 10 };

static bool is_closed(const struct smtpd_list *list, int depth)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct smtpd_rule *rule = &list->rules[i];
        smtpd_rule_fn fn = rule->restriction->function;
        if (fn == smtpd_warn_if_reject)
            i++;
        else if (fn == smtpd_permit)
            return false;
        else if (fn == smtpd_reject_all || fn == smtpd_defer_all || fn == smtpd_defer_if_permit ||
                 fn == smtpd_reject_unauth_destination)
            return true;
        else if (rule->list && depth < CLOSED_DEPTH && is_closed(rule->list, depth + 1))
            return true;
    }
    return false;
}

bool smtpd_restrictions_are_closed(const struct smtpd_restriction_set *set)
{
    return is_closed(&set->lists[SMTPD_LIST_RECIPIENT], 0) ||
           is_closed(&set->lists[SMTPD_LIST_RELAY], 0);
}

bool smtpd_restrictions_are_stale(struct smtpd_restriction_set *set)
{
    struct open_map *open, *next;
    HASH_ITER (hh, set->maps, open, next) {
        if (maps_have_changed(open->maps))
            return true;
    }
    return false;
}
