#include "mail/content_action.h"

#include <string.h>

static const struct content_action *find_action(const struct content_action *actions,
                                                struct slice name)
{
    for (; actions->name; actions++)
        if (slice_eq_nocase(name, actions->name))
            return actions;
    return NULL;
}

bool content_action_parse(const struct content_action *actions, const char *value,
                          const char *title, const char *unknown, struct content_order *ret,
                          struct err *err)
{
    struct slice rest = slice_of(value), name;
    if (!slice_next_token(&rest, " \t", &name))
        return false;
    ret->text = value + (slice_trim(rest).s - value);
    ret->action = find_action(actions, name);
    if (!ret->action)
        return err_set(err, ERR_CONFIG, "%s in %s map: %s", unknown, title, value);
    const char *complaint = ret->action->when_empty;
    if (!complaint || ret->text[0])
        return true;
    const char *mark = strstr(complaint, "%s");
    return err_set(err, ERR_CONFIG, "%.*s%s%s", (int)(mark - complaint), complaint, title,
                   mark + 2);
}

void content_action_word(const struct content_action *action, struct strbuf *out)
{
    strbuf_set(out, strcmp(action->name, "WARN") == 0 ? "warning" : action->name);
    strbuf_lower(out);
}
