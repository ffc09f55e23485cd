/* Macro lists and values. */
#include "milter/milter_macros.h"

#include "milter/milter_params.h"
#include "milter/milter_wire.h"

enum { MACROS_MAX = 256 * 1024 }; /* in one packet */

const char *milter_macros_default(int command)
{
    switch (command) {
    case MILTER_CONNECT:
        return milter_params.milter_connect_macros;
    case MILTER_HELO:
        return milter_params.milter_helo_macros;
    case MILTER_MAIL:
        return milter_params.milter_mail_macros;
    case MILTER_RCPT:
        return milter_params.milter_rcpt_macros;
    case MILTER_DATA:
        return milter_params.milter_data_macros;
    case MILTER_HEADER:
    case MILTER_EOH:
        return milter_params.milter_end_of_header_macros;
    case MILTER_BODY:
    case MILTER_EOM:
        return milter_params.milter_end_of_data_macros;
    case MILTER_UNKNOWN:
        return milter_params.milter_unknown_command_macros;
    default:
        return "";
    }
}

/* {x} and x name the same macro: one of a single letter needs no braces. */
static struct slice bare_name(struct slice name)
{
    if (name.len > 2 && name.s[0] == '{' && name.s[name.len - 1] == '}')
        return (struct slice){name.s + 1, name.len - 2};
    return name;
}

/* milter_macro_defaults: "name=value, { name = value with blanks }" */
static bool find_default(struct slice wanted, struct slice *ret_value)
{
    struct slice rest = slice_of(milter_params.milter_macro_defaults), item, name;
    while (slice_next_item(&rest, &item)) {
        bool is_braced = item.len > 2 && item.s[0] == '{' && item.s[item.len - 1] == '}';
        if (is_braced)
            item = slice_trim((struct slice){item.s + 1, item.len - 2});
        if (!slice_split(item, '=', &name, ret_value))
            continue;
        if (!slice_same(bare_name(slice_trim(name)), bare_name(wanted)))
            continue;
        *ret_value = slice_trim(*ret_value);
        return true;
    }
    return false;
}

void milter_macros_add(struct strbuf *out, int command, struct slice names, milter_macro_fn lookup,
                       void *ctx)
{
    struct slice name, value;
    CLEANUP(strbuf_done) struct strbuf memory = STRBUF_INIT(MACROS_MAX);
    strbuf_add_char(out, (char)command);
    while (slice_next_item(&names, &name) && out->len < MACROS_MAX) {
        strbuf_reset(&memory);
        const char *text = lookup(ctx, name, &memory);
        if (text)
            value = slice_of(text);
        else if (!find_default(name, &value))
            continue;
        milter_add_text(out, name);
        milter_add_text(out, value);
    }
}
