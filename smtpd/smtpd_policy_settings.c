/* The argument of check_policy_service. */
#include "smtpd/smtpd_policy_settings.h"

#include "base/xmem.h"
#include "io/connect.h"
#include "map/map_braces.h"
#include "smtpd/smtpd_params.h"

#include <stdlib.h>
#include <string.h>

enum value_kind { VALUE_TEXT, VALUE_TIME, VALUE_NUMBER };

static const struct setting {
    const char *name;
    enum value_kind kind;
    size_t offset;
    int64_t min;
} settings[] = {
    // clang-format off
    {"default_action", VALUE_TEXT,   offsetof(struct smtpd_policy_settings, default_action), 1},
    {"max_idle",       VALUE_TIME,   offsetof(struct smtpd_policy_settings, max_idle),       1},
    {"max_ttl",        VALUE_TIME,   offsetof(struct smtpd_policy_settings, max_ttl),        1},
    {"policy_context", VALUE_TEXT,   offsetof(struct smtpd_policy_settings, context),        0},
    {"request_limit",  VALUE_NUMBER, offsetof(struct smtpd_policy_settings, request_limit),  0},
    {"retry_delay",    VALUE_TIME,   offsetof(struct smtpd_policy_settings, retry_delay),    1},
    {"timeout",        VALUE_TIME,   offsetof(struct smtpd_policy_settings, timeout),        1},
    {"try_limit",      VALUE_NUMBER, offsetof(struct smtpd_policy_settings, try_limit),      1},
    // clang-format on
};

static bool set_value(struct smtpd_policy_settings *p, const struct setting *setting,
                      const char *value, struct err *err)
{
    void *at = (char *)p + setting->offset;
    switch (setting->kind) {
    case VALUE_TEXT:
        if (strlen(value) < (size_t)setting->min)
            return err_set(err, ERR_CONFIG, "%s needs a value", setting->name);
        free(*(char **)at);
        *(char **)at = xstrdup(value);
        return true;
    case VALUE_TIME:
        return param_parse_time(setting->name, value, 's', setting->min, 0, at, err);
    case VALUE_NUMBER:
        break;
    }
    return param_parse_int(setting->name, value, setting->min, 0, at, err);
}

/* "name=value" or "{ name = value }" */
static bool set_item(struct smtpd_policy_settings *p, struct slice item, struct err *err)
{
    struct slice name, value;
    const char *mistake = NULL;
    if (item.len && item.s[0] == '{' && !map_braces_strip(item, &item, err))
        return false;
    if (!config_split(item, &name, &value, &mistake))
        return err_set(err, ERR_CONFIG, "malformed option: %s: \"...%.*s...\"", mistake,
                       SLICE_ARG(item));
    CLEANUP(xfree_ptr) char *text = slice_dup(value);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (slice_eq(name, settings[i].name))
            return set_value(p, &settings[i], text, err);
    return err_set(err, ERR_CONFIG, "unknown option: \"%.*s = %s\"", SLICE_ARG(name), text);
}

static bool parse_argument(struct smtpd_policy_settings *p, const char *argument, struct err *err)
{
    struct slice rest = slice_of(argument), item;
    if (argument[0] == '{' && !map_braces_strip(rest, &rest, err))
        return false;
    if (!slice_next_item(&rest, &item))
        return err_set(err, ERR_CONFIG, "no policy service in \"%s\"", argument);
    p->endpoint = slice_dup(item);
    if (!connect_check(p->endpoint, err))
        return false;
    p->name = strchr(p->endpoint, ':') + 1;
    while (slice_next_item(&rest, &item))
        if (!set_item(p, item, err))
            return false;
    return true;
}

bool smtpd_policy_settings_parse(struct smtpd_policy_settings *ret, const char *argument,
                                 struct err *err)
{
    const struct smtpd_params *c = &smtpd_params;
    *ret = (struct smtpd_policy_settings){
        .default_action = xstrdup(c->smtpd_policy_service_default_action),
        .context = xstrdup(c->smtpd_policy_service_policy_context),
        .max_idle = c->smtpd_policy_service_max_idle,
        .max_ttl = c->smtpd_policy_service_max_ttl,
        .timeout = c->smtpd_policy_service_timeout,
        .retry_delay = c->smtpd_policy_service_retry_delay,
        .request_limit = c->smtpd_policy_service_request_limit,
        .try_limit = c->smtpd_policy_service_try_limit,
    };
    return parse_argument(ret, argument, err);
}

void smtpd_policy_settings_done(struct smtpd_policy_settings *p)
{
    free(p->endpoint);
    free(p->default_action);
    free(p->context);
}
