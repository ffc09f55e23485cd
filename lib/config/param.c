#include "config/param.h"

#include "base/num.h"
#include "base/xmem.h"

#include <inttypes.h>

const char *param_name(const struct param_row *row)
{
    return row->name + (row->name[0] == '_');
}

const struct param_row *param_find(const struct param_row *rows, const char *name)
{
    for (; rows->name; rows++)
        if (strcmp(param_name(rows), name) == 0)
            return rows;
    return NULL;
}

bool param_check_text(const char *name, const struct param_row *row, const char *text,
                      struct err *err)
{
    int64_t len = (int64_t)strlen(text);
    if (row->min > 0 && len < row->min)
        return err_set(err, ERR_CONFIG, "bad string length %" PRId64 " < %" PRId64 ": %s = %.200s",
                       len, row->min, name, text);
    if (row->max > 0 && len > row->max)
        return err_set(err, ERR_CONFIG, "bad string length %" PRId64 " > %" PRId64 ": %s = %.200s",
                       len, row->max, name, text);
    return true;
}

bool param_parse_bool(const char *name, const char *text, bool *ret, struct err *err)
{
    bool yes = slice_eq_nocase(slice_of(text), "yes");
    if (!yes && !slice_eq_nocase(slice_of(text), "no"))
        return err_set(err, ERR_CONFIG, "bad boolean configuration: %s = %.200s", name, text);
    *ret = yes;
    return true;
}

static bool in_range(const char *name, const char *what, int64_t value, int64_t min, int64_t max,
                     struct err *err)
{
    if (min != 0 && value < min)
        return err_set(err, ERR_CONFIG, "invalid %s%s %" PRId64 " < %" PRId64, name, what, value,
                       min);
    if (max != 0 && value > max)
        return err_set(err, ERR_CONFIG, "invalid %s%s %" PRId64 " > %" PRId64, name, what, value,
                       max);
    return true;
}

bool param_parse_int(const char *name, const char *text, int64_t min, int64_t max, int64_t *ret,
                     struct err *err)
{
    int64_t value;
    if (!num_parse_i64(slice_of(text), &value))
        return err_set(err, ERR_CONFIG, "bad numerical configuration: %s = %.200s", name, text);
    if (!in_range(name, " parameter value", value, min, max, err))
        return false;
    *ret = value;
    return true;
}

bool param_parse_time(const char *name, const char *text, char unit, int64_t min, int64_t max,
                      int64_t *ret, struct err *err)
{
    int64_t value;
    if (!num_parse_seconds(slice_of(text), unit, &value))
        return err_set(err, ERR_CONFIG, "parameter %s: bad time value or unit: %.200s", name, text);
    if (min != 0 && value < min)
        return err_set(err, ERR_CONFIG, "invalid %s: %" PRId64 " (min %" PRId64 ")", name, value,
                       min);
    if (max != 0 && value > max)
        return err_set(err, ERR_CONFIG, "invalid %s: %" PRId64 " (max %" PRId64 ")", name, value,
                       max);
    *ret = value;
    return true;
}

/* Postfix's words stay first, for those who read logs; then where the value stands and what would
 * be accepted (WANTED, or NULL). Returns false. */
static bool say_where(const struct config *cfg, const char *name, const char *wanted,
                      struct err *err)
{
    if (!err)
        return false;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "%.380s (", err->reason);
    config_where(cfg, name, &text);
    strbuf_addf(&text, "%s%s)", wanted ? "; wanted: " : "", wanted ? wanted : "");
    return err_set(err, ERR_CONFIG, "%s", text.s);
}

/* The expanded value of NAME, or of DEFAULT_TEXT when nothing is known of NAME. */
static bool expanded(const struct config *cfg, const char *name, const char *default_text,
                     struct strbuf *out, struct err *err)
{
    const char *raw = config_raw(cfg, name);
    if (!raw)
        raw = default_text ? default_text : "";
    if (config_expand(cfg, slice_of(raw), out, err))
        return true;
    err_prefix(err, name);
    err_prefix(err, "dictionary mail_dict: macro processing error");
    return say_where(cfg, name, NULL, err);
}

/* The unit that ends an (expanded) default such as "5d"; seconds when it has none. */
static bool default_unit(const struct config *cfg, const char *default_text, char *ret_unit,
                         struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
    if (!config_expand(cfg, slice_of(default_text), &text, err))
        return false;
    char last = text.len > 0 ? text.s[text.len - 1] : 's';
    *ret_unit = last >= '0' && last <= '9' ? 's' : last;
    return true;
}

bool config_get_text(const struct config *cfg, const char *name, const char *default_text,
                     struct strbuf *out, struct err *err)
{
    return expanded(cfg, name, default_text, out, err);
}

bool config_get_int(const struct config *cfg, const char *name, const char *default_text,
                    int64_t min, int64_t max, int64_t *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
    return expanded(cfg, name, default_text, &text, err) &&
           (param_parse_int(name, text.s, min, max, ret, err) ||
            say_where(cfg, name, "a whole number", err));
}

bool config_get_bool(const struct config *cfg, const char *name, const char *default_text,
                     bool *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
    return expanded(cfg, name, default_text, &text, err) &&
           (param_parse_bool(name, text.s, ret, err) || say_where(cfg, name, "yes or no", err));
}

bool config_get_time(const struct config *cfg, const char *name, const char *default_text,
                     int64_t min, int64_t max, int64_t *ret_seconds, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
    char unit;
    return expanded(cfg, name, default_text, &text, err) &&
           default_unit(cfg, default_text ? default_text : "", &unit, err) &&
           (param_parse_time(name, text.s, unit, min, max, ret_seconds, err) ||
            say_where(cfg, name, "a number and s, m, h, d or w", err));
}

static bool load_text(const struct config *cfg, const struct param_row *row, const char **field,
                      struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
    const char *name = param_name(row);
    if (row->kind == PARAM_RAW) {
        const char *raw = config_raw(cfg, name);
        strbuf_add_str(&text, raw ? raw : row->default_text);
    } else if (!expanded(cfg, name, row->default_text, &text, err)) {
        return false;
    }
    if (!param_check_text(name, row, text.s, err))
        return say_where(cfg, name, NULL, err);
    *field = strbuf_take(&text);
    return true;
}

bool params_load(const struct config *cfg, const struct param_row *rows, void *params,
                 struct err *err)
{
    params_done(rows, params);
    for (const struct param_row *row = rows; row->name; row++) {
        char *at = (char *)params + row->offset;
        const char *name = param_name(row), *def = row->default_text;
        bool ok = false;
        switch (row->kind) {
        case PARAM_TEXT:
        case PARAM_RAW:
            ok = load_text(cfg, row, (const char **)(void *)at, err);
            break;
        case PARAM_BOOL:
            ok = config_get_bool(cfg, name, def, (bool *)at, err);
            break;
        case PARAM_INT:
            ok = config_get_int(cfg, name, def, row->min, row->max, (int64_t *)(void *)at, err);
            break;
        case PARAM_TIME:
            ok = config_get_time(cfg, name, def, row->min, row->max, (int64_t *)(void *)at, err);
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

void params_done(const struct param_row *rows, void *params)
{
    for (const struct param_row *row = rows; row->name; row++) {
        if (row->kind != PARAM_TEXT && row->kind != PARAM_RAW)
            continue;
        char **text = (char **)(void *)((char *)params + row->offset);
        free(*text);
        *text = NULL;
    }
}
