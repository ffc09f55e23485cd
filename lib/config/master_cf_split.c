#include "config/config.h"
#include "config/master_cf.h"

enum { FIELDS_MIN = 8 };

/* Take { text } off the front of *IN; trimmed inside. Only white space may follow. */
static bool take_group(struct slice *in, struct slice *ret_inner, struct err *err)
{
    size_t depth = 0;
    for (size_t i = 0; i < in->len; i++) {
        if (in->s[i] == '{')
            depth++;
        if (in->s[i] != '}' || --depth > 0)
            continue;
        *ret_inner = slice_trim((struct slice){in->s + 1, i - 1});
        struct slice rest = slice_from(*in, i + 1);
        if (rest.len > 0 && !strchr(SLICE_SPACE, rest.s[0]))
            return err_set(err, ERR_CONFIG, "syntax error after '}' in \"%.*s\"",
                           SLICE_ARG(slice_first(*in, 100)));
        *in = rest;
        return true;
    }
    return err_set(err, ERR_CONFIG, "missing '}' in \"%.*s\"", SLICE_ARG(slice_first(*in, 100)));
}

/* { name = value } as the argument of -o. What has no name or no "=" stays as it is, for the
 * service to refuse: the other services can work without this one. */
static void add_setting(struct slice text, struct argv *fields)
{
    struct slice name = SLICE_EMPTY, value = SLICE_EMPTY;
    const char *mistake;
    if (config_split(text, &name, &value, &mistake))
        argv_addf(fields, "%.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value));
    else
        argv_add_slice(fields, text);
}

bool master_cf_split(struct slice line, struct argv *fields, struct err *err)
{
    struct slice word = SLICE_EMPTY;
    while (fields->count < FIELDS_MIN && slice_next_token(&line, SLICE_SPACE, &word))
        argv_add_slice(fields, word);
    if (fields->count < FIELDS_MIN)
        return err_set(err, ERR_CONFIG, "bad field count");

    bool is_setting = false; /* the argument before was -o */
    for (;;) {
        line = slice_trim_left(line);
        if (line.len == 0)
            return true;
        if (!is_setting && slice_starts(line, "-o") && line.len > 2 &&
            !strchr(SLICE_SPACE, line.s[2])) {
            argv_add(fields, "-o");
            line = slice_from(line, 2);
            is_setting = true;
        }
        if (line.s[0] == '{') {
            if (!take_group(&line, &word, err))
                return false;
            if (is_setting)
                add_setting(word, fields);
            else
                argv_add_slice(fields, word);
            is_setting = false;
        } else {
            (void)slice_next_token(&line, SLICE_SPACE, &word);
            argv_add_slice(fields, word);
            is_setting = !is_setting && slice_eq(word, "-o");
        }
    }
}
