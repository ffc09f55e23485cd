#include "smtp/smtp_checks.h"

#include "mail/header.h"
#include "map/maps.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_params.h"

enum { LOGGED_MAX = 60, CHECKS = SMTP_CHECK_BODY + 1 };

static struct maps *tables[CHECKS];

struct check_call {
    const struct log_tag *log;
    enum smtp_check kind;
    struct slice content;
    const char *title;
    const char *text; /* after the action's name */
    struct strbuf *other;
};

void smtp_checks_open(void)
{
    const struct smtp_params *p = &smtp_params;
    // clang-format off
    const struct { const char *smtp, *lmtp, *list; } rows[CHECKS] = {
        [SMTP_CHECK_HEADER] = {"smtp_header_checks", "lmtp_header_checks", p->smtp_header_checks},
        [SMTP_CHECK_MIME]   = {"smtp_mime_header_checks", "lmtp_mime_header_checks",
                               p->smtp_mime_header_checks},
        [SMTP_CHECK_NESTED] = {"smtp_nested_header_checks", "lmtp_nested_header_checks",
                               p->smtp_nested_header_checks},
        [SMTP_CHECK_BODY]   = {"smtp_body_checks", "lmtp_body_checks", p->smtp_body_checks},
    };
    // clang-format on
    for (size_t i = 0; i < CHECKS; i++) /* content is not always UTF-8: nothing is folded */
        tables[i] =
            maps_open(smtp_client.is_lmtp ? rows[i].lmtp : rows[i].smtp, rows[i].list, MAP_READ);
}

bool smtp_checks_are_on(void)
{
    for (size_t i = 0; i < CHECKS; i++)
        if (!maps_is_empty(tables[i]))
            return true;
    return false;
}

bool smtp_checks_have_changed(void)
{
    for (size_t i = 0; i < CHECKS; i++)
        if (tables[i] && maps_have_changed(tables[i]))
            return true;
    return false;
}

/* What goes among headers must be one, or the rest of them would become text. */
static bool take_text(struct check_call *call, const char *action)
{
    struct slice name, value;
    if (call->kind != SMTP_CHECK_BODY && !header_parse(slice_of(call->text), &name, &value)) {
        log_warn(NULL, "bad %s header text \"%s\" in %s map -- need \"headername: headervalue\"",
                 action, call->text, call->title);
        return false;
    }
    strbuf_set(call->other, call->text);
    return true;
}

static bool run_prepend(void *call)
{
    return take_text(call, "PREPEND");
}

static bool run_replace(void *call)
{
    return take_text(call, "REPLACE");
}

/* What would change the time or the place of delivery comes too late here. */
// clang-format off
static const struct content_action actions[] = {
    /* name     logged  complaint when nothing follows           verdict          function */
    {"DUNNO",   false,  NULL,                                    CONTENT_KEEP,    NULL},
    {"IGNORE",  false,  NULL,                                    CONTENT_DROP,    NULL},
    {"INFO",    true,   NULL,                                    CONTENT_KEEP,    NULL},
    {"OK",      false,  NULL,                                    CONTENT_KEEP,    NULL},
    {"PREPEND", true,   "PREPEND action without text in %s map", CONTENT_KEEP,    run_prepend},
    {"REPLACE", true,   "REPLACE action without text in %s map", CONTENT_REPLACE, run_replace},
    {"STRIP",   true,   NULL,                                    CONTENT_DROP,    NULL},
    {"WARN",    true,   NULL,                                    CONTENT_KEEP,    NULL},
    {0},
};
// clang-format on

static const char *kind_name(enum smtp_check kind)
{
    return kind == SMTP_CHECK_BODY ? "body" : "header";
}

static enum content_verdict act(struct check_call *call, const char *value)
{
    struct content_order order;
    struct err err = ERR_INIT;
    if (!content_action_parse(actions, value, call->title, "unsupported command", &order, &err)) {
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
        log_info(call->log, "%s: %s %.*s%s%s", word.s, kind_name(call->kind),
                 SLICE_ARG(slice_first(call->content, LOGGED_MAX)), *call->text ? ": " : "",
                 call->text);
    }
    return order.action->verdict;
}

enum content_verdict smtp_checks(const struct log_tag *log, enum smtp_check kind,
                                 struct slice content, struct strbuf *other, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    strbuf_reset(other);
    if (maps_is_empty(tables[kind]) || content.len == 0)
        return CONTENT_KEEP;
    strbuf_set_slice(&key, content);
    switch (maps_find(tables[kind], key.s, MAPS_WHOLE_KEY, &value, err)) {
    case MAP_NOT_FOUND:
        return CONTENT_KEEP;
    case MAP_FAILED:
        log_warn(NULL, "%s", err->reason);
        log_warn(NULL, "%s: smtp %s checks lookup error", log->queue_id, kind_name(kind));
        return CONTENT_KEEP;
    case MAP_FOUND:
        break;
    }
    struct check_call call = {.log = log,
                              .kind = kind,
                              .content = content,
                              .title = maps_title(tables[kind]),
                              .other = other};
    return act(&call, value.s);
}
