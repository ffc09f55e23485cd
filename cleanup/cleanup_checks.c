#include "cleanup/cleanup_checks.h"

#include "cleanup/cleanup_tables.h"
#include "delivery/delivery_log.h"

enum { LOGGED_MAX = 200 };

struct check_call {
    struct cleanup_message *m;
    enum cleanup_check kind;
    struct slice content; /* the header or line */
    const char *title;    /* of the table */
    const char *text;     /* after the action's name */
    struct strbuf *replacement;
};

static const char *what(enum cleanup_check kind)
{
    return kind == CLEANUP_CHECK_BODY ? "body" : "header";
}

void cleanup_checks_log(struct cleanup_message *m, const char *action, const char *thing,
                        struct slice content, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(8192);
    const struct envelope *env = &m->env;
    strbuf_addf(&line, "%s: %s %.*s from %s; from=", action, thing,
                SLICE_ARG(slice_first(content, LOGGED_MAX)),
                env->log_message_origin[0] ? env->log_message_origin : "local");
    delivery_log_address(env->sender, &line);
    if (m->last_recipient[0]) {
        strbuf_add_str(&line, " to=");
        delivery_log_address(m->last_recipient, &line);
    }
    if (text && env->log_protocol_name[0])
        strbuf_addf(&line, " proto=%s", env->log_protocol_name);
    if (text && env->log_helo_name[0])
        strbuf_addf(&line, " helo=<%s>", env->log_helo_name);
    if (text && text[0])
        strbuf_addf(&line, ": %s", text);
    log_info(&m->log, "%s", line.s);
}

static bool has_status_code(const char *text)
{
    return (text[0] == '4' || text[0] == '5') && text[1] == '.' && text[2] >= '0' && text[2] <= '9';
}

static bool run_reject(void *ctx)
{
    struct check_call *call = ctx;
    struct cleanup_message *m = call->m;
    CLEANUP(strbuf_done) struct strbuf reason = STRBUF_INIT(4096);
    if (!has_status_code(call->text))
        strbuf_add_str(&reason, "5.7.1 ");
    strbuf_add_str(&reason, call->text[0] ? call->text : "message content rejected");
    cleanup_checks_log(m, call->kind == CLEANUP_CHECK_MILTER ? "milter-header-reject" : "reject",
                       what(call->kind), call->content, reason.s);
    m->reason_code = reason.s[0] == '4' ? 451 : 550;
    cleanup_message_fail(m, CLEANUP_STAT_CONTENT, reason.s);
    return true;
}

static bool run_discard(void *ctx)
{
    struct check_call *call = ctx;
    call->m->flags |= CLEANUP_FLAG_DISCARD;
    call->m->checks_passed = true;
    return true;
}

static bool run_hold(void *ctx)
{
    struct check_call *call = ctx;
    if (call->m->flags & CLEANUP_FLAG_HOLD) /* said once */
        return false;
    call->m->flags |= CLEANUP_FLAG_HOLD;
    return true;
}

static bool run_pass(void *ctx)
{
    struct check_call *call = ctx;
    call->m->checks_passed = true;
    return true;
}

static bool run_filter(void *ctx)
{
    struct check_call *call = ctx;
    if (!strchr(call->text, ':')) {
        log_warn(NULL, "bad FILTER command %s in %s map -- need transport:destination", call->text,
                 call->title);
        return false;
    }
    call->m->filter = arena_strdup(call->m->arena, call->text);
    return true;
}

static bool is_address(struct check_call *call, const char *action)
{
    if (strchr(call->text, '@'))
        return true;
    log_warn(NULL, "bad %s target \"%s\" in %s map -- need user@domain", action, call->text,
             call->title);
    return false;
}

static bool run_redirect(void *ctx)
{
    struct check_call *call = ctx;
    if (!is_address(call, "REDIRECT"))
        return false;
    call->m->redirect = arena_strdup(call->m->arena, call->text);
    call->m->checks_passed = true; /* Postfix looks no further either */
    return true;
}

static bool run_bcc(void *ctx)
{
    struct check_call *call = ctx;
    if (!is_address(call, "BCC"))
        return false;
    cleanup_bcc_remember(call->m, call->text);
    return true;
}

/* What goes among headers must be one, or the rest of them would become text. */
static bool fits(struct check_call *call, const char *action)
{
    struct slice name, value;
    if (call->kind == CLEANUP_CHECK_BODY || header_parse(slice_of(call->text), &name, &value))
        return true;
    log_warn(NULL, "%s action without valid header text in %s map: %s", action, call->title,
             call->text);
    return false;
}

static bool run_prepend(void *ctx)
{
    struct check_call *call = ctx;
    if (call->kind == CLEANUP_CHECK_MILTER) {
        log_warn(NULL, "the milter_header/body_checks prepend action is not implemented");
        return true;
    }
    if (!fits(call, "PREPEND"))
        return false;
    if (call->kind == CLEANUP_CHECK_BODY)
        cleanup_write_text(call->m, slice_of(call->text));
    else
        cleanup_write_header(call->m, slice_of(call->text));
    return true;
}

static bool run_replace(void *ctx)
{
    struct check_call *call = ctx;
    if (!fits(call, "REPLACE"))
        return false;
    strbuf_set(call->replacement, call->text);
    return true;
}

// clang-format off
static const struct content_action actions[] = {
    /* name      logged  complaint when nothing follows            verdict          function */
    {"BCC",      true,   "bad BCC target \"\" in %s map -- need user@domain", CONTENT_KEEP, run_bcc},
    {"DISCARD",  true,   NULL,                                     CONTENT_KEEP,    run_discard},
    {"DUNNO",    false,  NULL,                                     CONTENT_KEEP,    NULL},
    {"FILTER",   true,   "missing FILTER command argument in %s map", CONTENT_KEEP, run_filter},
    {"HOLD",     true,   NULL,                                     CONTENT_KEEP,    run_hold},
    {"IGNORE",   false,  NULL,                                     CONTENT_DROP,    NULL},
    {"INFO",     true,   NULL,                                     CONTENT_KEEP,    NULL},
    {"OK",       false,  NULL,                                     CONTENT_KEEP,    NULL},
    {"PASS",     true,   NULL,                                     CONTENT_KEEP,    run_pass},
    {"PREPEND",  true,   "PREPEND action without text in %s map",  CONTENT_KEEP,    run_prepend},
    {"REDIRECT", true,   "bad REDIRECT target \"\" in %s map -- need user@domain", CONTENT_KEEP, run_redirect},
    {"REJECT",   false,  NULL,                                     CONTENT_KEEP,    run_reject},
    {"REPLACE",  true,   "REPLACE action without text in %s map",  CONTENT_REPLACE, run_replace},
    {"STRIP",    true,   NULL,                                     CONTENT_DROP,    NULL},
    {"WARN",     true,   NULL,                                     CONTENT_KEEP,    NULL},
    {0},
};
// clang-format on

static enum content_verdict act(struct check_call *call, const char *value)
{
    struct content_order order;
    struct err err = ERR_INIT;
    if (!content_action_parse(actions, value, call->title, "unknown command", &order, &err)) {
        if (err.kind != ERR_NONE)
            log_warn(NULL, "%s", err.reason);
        return CONTENT_KEEP;
    }
    call->text = order.text;
    if (order.action->run && !order.action->run(call))
        return CONTENT_KEEP;
    if (order.action->is_logged) {
        CLEANUP(strbuf_done) struct strbuf word = STRBUF_ANY;
        content_action_word(order.action, &word);
        if (call->kind == CLEANUP_CHECK_MILTER)
            strbuf_insert(&word, 0, slice_of("milter-header-"));
        cleanup_checks_log(call->m, word.s, what(call->kind), call->content, call->text);
    }
    return order.action->verdict;
}

enum content_verdict cleanup_checks(struct cleanup_message *m, enum cleanup_check kind,
                                    struct slice text, struct strbuf *replacement)
{
    struct maps *const tables[] = {
        [CLEANUP_CHECK_HEADER] = cleanup_tables.header_checks,
        [CLEANUP_CHECK_MIME] = cleanup_tables.mime_header_checks,
        [CLEANUP_CHECK_NESTED] = cleanup_tables.nested_header_checks,
        [CLEANUP_CHECK_BODY] = cleanup_tables.body_checks,
        [CLEANUP_CHECK_MILTER] = cleanup_tables.milter_header_checks,
    };
    struct maps *maps = tables[kind];
    /* a message that is refused already is not looked at further */
    bool is_off = !(m->flags & CLEANUP_FLAG_FILTER) || m->checks_passed;
    if ((is_off && kind != CLEANUP_CHECK_MILTER) || maps_is_empty(maps) ||
        (m->status & CLEANUP_STAT_CONTENT))
        return CONTENT_KEEP;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    struct err err = ERR_INIT;
    strbuf_set_slice(&key, text);
    switch (maps_find(maps, key.s, MAPS_WHOLE_KEY, &value, &err)) {
    case MAP_NOT_FOUND:
        return CONTENT_KEEP;
    case MAP_FAILED:
        cleanup_message_warn(
            m, "%s map lookup problem for %.*s -- message not accepted, try again later",
            maps_title(maps), SLICE_ARG(slice_first(text, LOGGED_MAX)));
        m->status |= CLEANUP_STAT_DEFER;
        return CONTENT_KEEP;
    case MAP_FOUND:
        break;
    }
    struct check_call call = {.m = m,
                              .kind = kind,
                              .content = text,
                              .title = maps_title(maps),
                              .replacement = replacement};
    return act(&call, value.s);
}
