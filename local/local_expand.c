/* One list of items into things to do. */
#include "local/local_steps.h"
#include "local/local_tokens.h"

size_t local_expand(struct local_delivery *d, const struct local_context *from, struct slice list,
                    struct local_items *items)
{
    static const local_item_fn by_kind[] = {
        [LOCAL_TOKEN_ADDRESS] = local_address, [LOCAL_TOKEN_MAILBOX] = local_address,
        [LOCAL_TOKEN_COMMAND] = local_command, [LOCAL_TOKEN_FILE] = local_file,
        [LOCAL_TOKEN_INCLUDE] = local_include,
    };
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    enum local_token kind;
    size_t count = 0;
    for (; local_tokens_next(&list, &kind, &text); count++) {
        const char *copy = kind == LOCAL_TOKEN_MAILBOX ? arena_printf(d->arena, "\\%s", text.s)
                                                       : arena_strdup(d->arena, text.s);
        local_items_add(d, items, by_kind[kind], from, copy);
    }
    return count;
}
