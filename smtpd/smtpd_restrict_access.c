/* check_*_access: access(5) tables, their keys and the actions they return. */
#include "base/argv.h"
#include "base/num.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "map/map_host.h"
#include "smtpd/smtpd_access.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_restrict_tls.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum map_status smtpd_access_find_name(struct maps *maps, const char *name, struct strbuf *value,
                                       struct err *err)
{
    return map_host_find_name(maps, name, map_host_parents_match("smtpd_access_maps"), value, err);
}

static enum map_status find_client(struct maps *maps, const char *name, const char *address,
                                   struct strbuf *value, struct err *err)
{
    enum map_status status = smtpd_access_find_name(maps, name, value, err);
    if (status == MAP_NOT_FOUND && address)
        status = map_host_find_address(maps, address, value, err);
    return status;
}

static enum map_status find_address(struct maps *maps, const char *address, struct strbuf *value,
                                    struct err *err)
{
    if (!address[0])
        return maps_find(maps, smtpd_params.smtpd_null_access_lookup_key, MAPS_WHOLE_KEY, value,
                         err);
    struct map_address_query query = {
        .address = address,
        .keys = MAP_ADDR_ACCESS | map_address_parents("smtpd_access_maps"),
        .recipient_delimiter = common_params.recipient_delimiter,
    };
    return map_address_find(maps, &query, value, NULL, NULL, err);
}

/* An action at work. */
struct access {
    struct smtpd_eval *e;
    enum smtpd_reply_class class;
    const char *item;  /* in replies */
    const char *table; /* in warnings */
    const char *word;  /* the action */
    const char *text;  /* what follows it */
};

/* An action without its argument does nothing. */
static enum smtpd_verdict misuse(const struct access *a, const char *what)
{
    log_warn(NULL, "access table %s entry \"%s\" %s", a->table, a->item, what);
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict unusable(const struct access *a, const char *what)
{
    misuse(a, what);
    return smtpd_reject(a->e, 451, "4.3.5", "Server configuration error");
}

static const char *or_default(const char *text, const char *other)
{
    return text[0] ? text : other;
}

static enum smtpd_verdict act_ok(const struct access *a)
{
    smtpd_log_permit(a->e, a->word, a->class, a->item, a->table);
    return SMTPD_VERDICT_PERMIT;
}

static enum smtpd_verdict act_dunno(const struct access *a)
{
    (void)a;
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_reject(const struct access *a)
{
    return smtpd_reject_item(a->e, a->class, a->item, (int)smtpd_params.access_map_reject_code,
                             "5.7.1", or_default(a->text, "Access denied"));
}

static enum smtpd_verdict act_defer(const struct access *a)
{
    return smtpd_reject_item(a->e, a->class, a->item, (int)smtpd_params.access_map_defer_code,
                             "4.7.1", or_default(a->text, "Access denied"));
}

static enum smtpd_verdict act_defer_if_permit(const struct access *a)
{
    return smtpd_defer_later(a->e, &a->e->if_permit, a->class, a->item,
                             (int)smtpd_params.access_map_defer_code, "4.7.1",
                             or_default(a->text, "Service unavailable"));
}

static enum smtpd_verdict act_defer_if_reject(const struct access *a)
{
    return smtpd_defer_later(a->e, &a->e->if_reject, a->class, a->item,
                             (int)smtpd_params.access_map_defer_code, "4.7.1",
                             or_default(a->text, "Service unavailable"));
}

static void log_access(const struct access *a, const char *what, const char *fallback)
{
    const char *text = arena_printf(a->e->arena, "<%s>: %s %s", a->item, smtpd_class_name(a->class),
                                    or_default(a->text, fallback));
    smtpd_log_action(a->e, what, text);
}

static void log_trigger(const struct access *a, const char *what, const char *action)
{
    const char *text = arena_printf(a->e->arena, "<%s>: %s triggers %s %s", a->item,
                                    smtpd_class_name(a->class), action, a->text);
    smtpd_log_action(a->e, what, text);
}

static enum smtpd_verdict act_discard(const struct access *a)
{
    struct arena *arena;
    log_access(a, "discard", "triggers DISCARD action");
    smtpd_eval_actions(a->e, &arena)->discard = true;
    return SMTPD_VERDICT_DISCARD;
}

static enum smtpd_verdict act_hold(const struct access *a)
{
    struct arena *arena;
    struct smtpd_actions *actions = smtpd_eval_actions(a->e, &arena);
    const struct smtpd_held *held = a->e->s->held;
    if (!actions->hold && !(held && held->actions.hold)) /* once is enough */
        log_access(a, "hold", "triggers HOLD action");
    actions->hold = true;
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_filter(const struct access *a)
{
    struct arena *arena;
    if (!a->text[0])
        return misuse(a, "has FILTER entry without value");
    if (!strchr(a->text, ':'))
        return misuse(a, "requires transport:destination");
    log_trigger(a, "filter", "FILTER");
    struct smtpd_actions *actions = smtpd_eval_actions(a->e, &arena);
    actions->filter = arena_strdup(arena, a->text);
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_redirect(const struct access *a)
{
    struct arena *arena;
    if (!strchr(a->text, '@'))
        return misuse(a, "requires user@domain target");
    log_trigger(a, "redirect", "REDIRECT");
    struct smtpd_actions *actions = smtpd_eval_actions(a->e, &arena);
    actions->redirect = arena_strdup(arena, a->text);
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_bcc(const struct access *a)
{
    struct arena *arena;
    if (!strchr(a->text, '@'))
        return misuse(a, "requires user@domain target");
    log_trigger(a, "bcc", "BCC");
    struct smtpd_actions *actions = smtpd_eval_actions(a->e, &arena);
    actions->bcc = arena_strdup(arena, a->text);
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_prepend(const struct access *a)
{
    struct arena *arena;
    if (a->e->stage == SMTPD_STAGE_END_OF_DATA) {
        log_warn(NULL,
                 "access table %s: action PREPEND must be used before "
                 "smtpd_end_of_data_restrictions",
                 a->table);
        return SMTPD_VERDICT_NONE;
    }
    const char *colon = strchr(a->text, ':');
    if (!colon || colon == a->text || strcspn(a->text, " \t") < (size_t)(colon - a->text))
        return misuse(a, "requires header: text");
    struct smtpd_actions *actions = smtpd_eval_actions(a->e, &arena);
    struct smtpd_prepend *line = arena_zalloc(arena, sizeof *line);
    line->line = arena_strdup(arena, a->text);
    if (actions->prepend_last)
        actions->prepend_last->next = line;
    else
        actions->prepend = line;
    actions->prepend_last = line;
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_info(const struct access *a)
{
    smtpd_log_action(a->e, "info", a->text);
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict act_warn(const struct access *a)
{
    smtpd_log_action(a->e, "warn", a->text);
    return SMTPD_VERDICT_NONE;
}

static const struct action {
    const char *word;
    enum smtpd_verdict (*function)(const struct access *a);
    bool needs_message; /* of no use where no message follows: ETRN */
    bool needs_queue;   /* what cleanup is told, and a before-queue filter is not */
} actions[] = {
    // clang-format off
    {"OK",              act_ok,              false, false},
    {"RELAY",           act_ok,              false, false},
    {"DUNNO",           act_dunno,           false, false},
    {"REJECT",          act_reject,          false, false},
    {"DEFER",           act_defer,           false, false},
    {"DEFER_IF_PERMIT", act_defer_if_permit, false, false},
    {"DEFER_IF_REJECT", act_defer_if_reject, false, false},
    {"DISCARD",         act_discard,         true, true},
    {"HOLD",            act_hold,            true, true},
    {"FILTER",          act_filter,          true, true},
    {"REDIRECT",        act_redirect,        true, true},
    {"BCC",             act_bcc,             true, true},
    {"PREPEND",         act_prepend,         true, false},
    {"INFO",            act_info,            false, false},
    {"WARN",            act_warn,            false, false},
    // clang-format on
};

/* "550 5.7.1 text" */
static bool act_code(const struct access *a, struct slice word, enum smtpd_verdict *ret)
{
    int64_t code;
    if (word.len != 3 || (word.s[0] != '4' && word.s[0] != '5') || !num_parse_i64(word, &code))
        return false;
    *ret = smtpd_reject_item(a->e, a->class, a->item, (int)code, "5.7.1",
                             or_default(a->text, "Access denied"));
    return true;
}

static enum smtpd_verdict act_list(const struct access *a, const char *value)
{
    const struct smtpd_list *list =
        smtpd_restrictions_compile(a->e->s->server->restrictions, a->table, value);
    if (!list)
        return unusable(a, "is one list too many to keep");
    enum smtpd_verdict verdict = smtpd_eval_push(a->e, list);
    if (verdict == SMTPD_VERDICT_NONE) {
        a->e->stack[a->e->depth - 1].item = a->item;
        a->e->stack[a->e->depth - 1].class = (int)a->class;
    }
    return verdict;
}

static enum smtpd_verdict apply(struct access *a, const char *value)
{
    struct slice rest = slice_of(value), word;
    enum smtpd_verdict verdict;
    if (!slice_next_token(&rest, SLICE_SPACE ",", &word)) {
        log_warn(NULL, "access table %s entry %s has empty value", a->table, value);
        return SMTPD_VERDICT_NONE;
    }
    a->word = arena_slice_dup(a->e->arena, word);
    a->text = arena_slice_dup(a->e->arena, slice_trim(rest));
    if (strspn(value, "0123456789") == strlen(value))
        return act_ok(a);
    if (act_code(a, word, &verdict))
        return verdict;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (!slice_eq_nocase(word, actions[i].word))
            continue;
        if (actions[i].needs_queue && a->e->s->server->proxy) {
            log_warn(NULL,
                     "access table %s: with smtpd_proxy_filter specified, action %s is unavailable",
                     a->table, actions[i].word);
            return SMTPD_VERDICT_NONE;
        }
        if (!actions[i].needs_message || a->e->stage != SMTPD_STAGE_ETRN)
            return actions[i].function(a);
        log_warn(NULL, "access table %s: action %s is unavailable in smtpd_etrn_restrictions",
                 a->table, actions[i].word);
        return SMTPD_VERDICT_NONE;
    }
    return act_list(a, value);
}

enum smtpd_verdict smtpd_access_apply_policy(struct smtpd_eval *e, const char *service,
                                             const char *action)
{
    struct access a = {.e = e, .class = smtpd_class_of_list(e), .table = service};
    a.item = smtpd_class_item(e, a.class);
    return apply(&a, action);
}

enum smtpd_verdict smtpd_access_act(struct smtpd_eval *e, const struct smtpd_rule *rule,
                                    enum smtpd_reply_class class, const char *item,
                                    const char *value)
{
    struct access a = {
        .e = e,
        .class = class,
        .item = item,
        .table = rule->argument ? rule->argument : rule->word,
    };
    return apply(&a, value);
}

enum smtpd_verdict smtpd_access_act_no_ok(struct smtpd_eval *e, const struct smtpd_rule *rule,
                                          enum smtpd_reply_class class, const char *item,
                                          const char *value)
{
    enum smtpd_verdict verdict = smtpd_access_act(e, rule, class, item, value);
    if (verdict != SMTPD_VERDICT_PERMIT)
        return verdict;
    log_warn(NULL, "restriction %s returns OK for %s", rule->word, item);
    log_warn(NULL, "this is not allowed for security reasons");
    log_warn(NULL, "use DUNNO instead of OK if you want to make an exception");
    return smtpd_reject_configuration(e);
}

enum smtpd_verdict smtpd_access_failed(struct smtpd_eval *e, enum smtpd_reply_class class,
                                       const char *item, const struct err *err)
{
    if (!err->is_repeated)
        log_warn(NULL, "%s", err->reason);
    return smtpd_reject_item(e, class, item, 451, "4.3.5", "Server configuration error");
}

/* The item a bare type:table looks at depends on the list it stands in. */
static enum smtpd_access_item item_of_rule(const struct smtpd_eval *e,
                                           const struct smtpd_rule *rule)
{
    static const enum smtpd_access_item items[SMTPD_LISTS] = {
        [SMTPD_LIST_CLIENT] = SMTPD_ACCESS_CLIENT,
        [SMTPD_LIST_HELO] = SMTPD_ACCESS_HELO,
        [SMTPD_LIST_SENDER] = SMTPD_ACCESS_SENDER,
        [SMTPD_LIST_RELAY] = SMTPD_ACCESS_RECIPIENT,
        [SMTPD_LIST_RECIPIENT] = SMTPD_ACCESS_RECIPIENT,
        [SMTPD_LIST_DATA] = SMTPD_ACCESS_RECIPIENT,
        [SMTPD_LIST_END_OF_DATA] = SMTPD_ACCESS_RECIPIENT,
        [SMTPD_LIST_ETRN] = SMTPD_ACCESS_ETRN,
    };
    enum smtpd_access_item item = (enum smtpd_access_item)rule->restriction->number;
    return item == SMTPD_ACCESS_BY_LIST ? items[e->list] : item;
}

/* The resolved form of an envelope address; "" for the null sender. NULL: VERDICT is the answer. */
static const char *resolved(struct smtpd_eval *e, bool is_sender, enum smtpd_verdict *verdict)
{
    if (is_sender && !e->s->tx->sender[0])
        return "";
    const struct resolve_reply *r =
        is_sender ? smtpd_eval_sender(e, verdict) : smtpd_eval_recipient(e, verdict);
    return r ? r->recipient : NULL;
}

SMTPD_RULE(smtpd_check_access)
{
    const struct smtpd_session *s = e->s;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = MAP_NOT_FOUND;
    enum smtpd_verdict verdict = SMTPD_VERDICT_NONE;
    const char *key;
    enum smtpd_reply_class class = SMTPD_CLASS_CLIENT;
    bool is_ok_allowed = true;
    switch (item_of_rule(e, rule)) {
    case SMTPD_ACCESS_BY_LIST:
        return SMTPD_VERDICT_NONE;
    case SMTPD_ACCESS_CLIENT:
        status = find_client(rule->maps, s->peer.name, s->peer.address, &value, &err);
        break;
    case SMTPD_ACCESS_REVERSE_CLIENT:
        class = SMTPD_CLASS_REVERSE_CLIENT;
        is_ok_allowed = false;
        status = find_client(rule->maps, s->peer.reverse_name, NULL, &value, &err);
        break;
    case SMTPD_ACCESS_HELO:
        class = SMTPD_CLASS_HELO;
        if (s->helo)
            status = smtpd_access_find_name(rule->maps, s->helo, &value, &err);
        break;
    case SMTPD_ACCESS_LOGIN:
        class = SMTPD_CLASS_LOGIN;
        if (s->login)
            status = maps_find(rule->maps, s->login, MAPS_WHOLE_KEY, &value, &err);
        break;
    case SMTPD_ACCESS_ETRN:
        class = SMTPD_CLASS_ETRN;
        if (e->etrn_domain)
            status = smtpd_access_find_name(rule->maps, e->etrn_domain, &value, &err);
        break;
    case SMTPD_ACCESS_CCERT:
        class = SMTPD_CLASS_CCERT;
        status = smtpd_tls_find_certificate(s, rule->maps, rule->number, &value, &err);
        break;
    case SMTPD_ACCESS_SENDER:
    case SMTPD_ACCESS_RECIPIENT:
        class = item_of_rule(e, rule) == SMTPD_ACCESS_SENDER ? SMTPD_CLASS_SENDER
                                                             : SMTPD_CLASS_RECIPIENT;
        if (class == SMTPD_CLASS_SENDER && e->stage == SMTPD_STAGE_VRFY && !s->tx->suspended)
            return SMTPD_VERDICT_NONE; /* there was no MAIL */
        if (!s->tx || (class == SMTPD_CLASS_RECIPIENT && !smtpd_eval_recipient_address(e)))
            return SMTPD_VERDICT_NONE;
        key = resolved(e, class == SMTPD_CLASS_SENDER, &verdict);
        if (!key)
            return verdict;
        status = find_address(rule->maps, key, &value, &err);
        break;
    }
    const char *item = smtpd_class_item(e, class);
    if (status == MAP_FAILED && class == SMTPD_CLASS_CCERT) {
        if (!err.is_repeated)
            log_warn(NULL, "%s", err.reason);
        return smtpd_reject_item(e, class, item, 451, "4.3.5", "Server configuration error");
    }
    if (status == MAP_FAILED)
        return smtpd_access_failed(e, class, item, &err);
    if (status == MAP_NOT_FOUND)
        return SMTPD_VERDICT_NONE;
    return is_ok_allowed ? smtpd_access_act(e, rule, class, item, value.s)
                         : smtpd_access_act_no_ok(e, rule, class, item, value.s);
}
