#include "config/clean_env.h"

/* What is between the braces around ITEM. */
static bool take_braces(struct slice *item, struct err *err)
{
    size_t depth = 0, end = 0;
    for (; end < item->len; end++) {
        if (item->s[end] == '{')
            depth++;
        if (item->s[end] == '}' && --depth == 0)
            break;
    }
    if (end >= item->len)
        return err_set(err, ERR_CONFIG, "missing '}' in \"%.*s\"", SLICE_ARG(*item));
    if (end + 1 < item->len)
        return err_set(err, ERR_CONFIG, "syntax error after '}' in \"%.*s\"", SLICE_ARG(*item));
    *item = slice_trim((struct slice){item->s + 1, end - 1});
    return true;
}

/* A name alone has VALUE.s NULL. */
static bool split(struct slice item, struct slice *ret_name, struct slice *ret_value,
                  struct err *err)
{
    if (item.len > 0 && item.s[0] == '{' && !take_braces(&item, err))
        return false;
    *ret_name = item;
    *ret_value = (struct slice){NULL, 0};
    if (!slice_split(item, '=', ret_name, ret_value))
        return true;
    *ret_name = slice_trim(*ret_name);
    *ret_value = slice_trim(*ret_value);
    if (ret_name->len == 0)
        return err_set(err, ERR_CONFIG, "missing attribute name in: %.*s", SLICE_ARG(item));
    for (size_t i = 0; i < ret_name->len; i++)
        if (strchr(SLICE_SPACE, ret_name->s[i]))
            return err_set(err, ERR_CONFIG, "missing '=' after attribute name in: %.*s",
                           SLICE_ARG(item));
    return true;
}

static bool list_items(const char *list, bool with_names, struct argv *env, struct err *err)
{
    struct slice in = slice_of(list), item, name, value;
    while (slice_next_item(&in, &item)) {
        if (!split(item, &name, &value, err))
            return false;
        if (value.s) {
            argv_addf(env, "%.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value));
            continue;
        }
        argv_add_slice(env, name);
        const char *now = with_names ? getenv(env->at[env->count - 1]) : NULL;
        argv_truncate(env, env->count - 1);
        if (now)
            argv_addf(env, "%.*s=%s", SLICE_ARG(name), now);
    }
    return true;
}

bool clean_env_list(const char *list, struct argv *env, struct err *err)
{
    return list_items(list, true, env, err);
}

static bool set_all(const struct argv *env, struct err *err)
{
    for (size_t i = 0; i < env->count; i++) {
        char *equals = strchr(env->at[i], '=');
        *equals = '\0';
        if (setenv(env->at[i], equals + 1, 1) < 0)
            return err_set(err, ERR_TEMP, "cannot set %s", env->at[i]);
    }
    return true;
}

bool clean_env_apply(const char *list, struct err *err)
{
    CLEANUP(argv_done) struct argv env = ARGV_INIT;
    if (!list_items(list, true, &env, err))
        return false;
    clearenv();
    return set_all(&env, err);
}

bool clean_env_update(const char *list, struct err *err)
{
    CLEANUP(argv_done) struct argv env = ARGV_INIT;
    return list_items(list, false, &env, err) && set_all(&env, err);
}
