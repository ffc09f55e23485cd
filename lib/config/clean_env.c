#include "config/clean_env.h"

#include "base/argv.h"

/* "{ name = value }" and "name=value" to NAME and VALUE; a bare name has VALUE.s NULL. */
static bool clean_env_split(struct slice item, struct slice *ret_name, struct slice *ret_value)
{
    bool braced = item.len >= 2 && item.s[0] == '{' && item.s[item.len - 1] == '}';
    if (braced)
        item = slice_trim(slice_first(slice_from(item, 1), item.len - 2));
    *ret_name = item;
    *ret_value = (struct slice){NULL, 0};
    if (slice_split(item, '=', ret_name, ret_value) && braced) {
        *ret_name = slice_trim(*ret_name);
        *ret_value = slice_trim(*ret_value);
    } else if (braced) {
        return false;
    }
    return ret_name->len > 0;
}

bool clean_env_apply(const char *list, struct err *err)
{
    CLEANUP(argv_done) struct argv pairs = ARGV_INIT; /* name, value, name, value, ... */
    struct slice in = slice_of(list), item, name, value;
    while (slice_next_item(&in, &item)) {
        if (!clean_env_split(item, &name, &value))
            return err_set(err, ERR_CONFIG, "bad environment item \"%.*s\"", SLICE_ARG(item));
        argv_add_slice(&pairs, name);
        if (value.s) {
            argv_add_slice(&pairs, value);
            continue;
        }
        const char *now = getenv(pairs.at[pairs.count - 1]);
        if (now)
            argv_add(&pairs, now);
        else
            argv_truncate(&pairs, pairs.count - 1);
    }
    clearenv();
    for (size_t i = 0; i + 1 < pairs.count; i += 2)
        if (setenv(pairs.at[i], pairs.at[i + 1], 1) < 0)
            return err_set(err, ERR_TEMP, "cannot set %s", pairs.at[i]);
    return true;
}
