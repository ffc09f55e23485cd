/*
 * address_list: the addresses inside the value of a header.
 *
 * The value is cut into tokens, the tokens into items (an address with its name and comments), and
 * the items are written again one after the other. Strangers write odd lists: words without commas
 * between them are separate addresses, a colon without a later semicolon is no group.
 */
#include "mail/address.h"
#include "mail/address_token.h"

enum { LINE_MAX_LENGTH = 72 };

struct list {
    struct address_tokens tokens;
    size_t last_semicolon; /* SIZE_MAX: none */
    size_t plain_until;    /* before this token there is neither a < nor a group name */
    address_rewrite_fn fn;
    void *ctx;
    struct strbuf *out;
    struct strbuf item;
    size_t line_start;
    bool is_changed;
};

/* One item: tokens [from, to), the address being [address, address_end). */
struct item {
    size_t from, to, address, address_end;
    bool has_angle;
};

static const struct address_token *token_at(const struct list *list, size_t i)
{
    return &list->tokens.at[i];
}

/* Put the finished text of list->item into the output; break the line when it gets long. */
static void emit(struct list *list, const char *separator)
{
    struct strbuf *out = list->out;
    if (separator[0] == ',')
        strbuf_add_char(out, ',');
    if (separator[0] == ',' && out->len - list->line_start + list->item.len + 1 > LINE_MAX_LENGTH) {
        strbuf_add_str(out, "\n\t");
        list->line_start = out->len - 1;
    } else {
        strbuf_add_char(out, ' ');
    }
    strbuf_add_slice(out, strbuf_slice(&list->item));
    strbuf_reset(&list->item);
}

static void add_address(struct list *list, const struct item *item)
{
    const struct address_token *first = token_at(list, item->address);
    size_t count = item->address_end - item->address;
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_INIT(list->out->max);
    CLEANUP(strbuf_done) struct strbuf changed = STRBUF_INIT(list->out->max);
    bool is_routed = false;
    if (count > 0)
        address_token_address(first, count, &address, &is_routed);
    if (address.len == 0)
        return;
    struct slice result = strbuf_slice(&address);
    if (list->fn(list->ctx, result, &changed)) {
        is_routed |= !slice_same(result, strbuf_slice(&changed));
        result = strbuf_slice(&changed);
    }
    list->is_changed |= is_routed;
    address_to_external(result, &list->item);
}

/* The name before <address>: its words with one blank between them, none around specials. */
static void add_phrase(struct list *list, const struct item *item)
{
    bool was_special = true;
    for (size_t i = item->from; i + 1 < item->address; i++) {
        const struct address_token *token = token_at(list, i);
        bool is_special = token->kind == ADDRESS_SPECIAL;
        if (!was_special && !is_special)
            strbuf_add_char(&list->item, ' ');
        strbuf_add_slice(&list->item, token->raw);
        was_special = is_special;
    }
    if (item->address > item->from + 1)
        strbuf_add_char(&list->item, ' ');
}

static void add_comments(struct list *list, size_t from, size_t to, bool with_blank)
{
    for (size_t i = from; i < to; i++) {
        if (token_at(list, i)->kind != ADDRESS_COMMENT)
            continue;
        if (with_blank && list->item.len > 0)
            strbuf_add_char(&list->item, ' ');
        strbuf_add_slice(&list->item, token_at(list, i)->raw);
        with_blank = true;
    }
}

static void add_item(struct list *list, const struct item *item, const char *separator)
{
    if (item->has_angle) {
        add_phrase(list, item);
        strbuf_add_char(&list->item, '<');
        add_address(list, item);
        strbuf_add_char(&list->item, '>');
        add_comments(list, item->address, item->address_end, true);
        add_comments(list, item->address_end, item->to, false);
    } else {
        add_address(list, item);
        add_comments(list, item->from, item->to, true);
    }
    emit(list, separator);
}

/* The end of the item that begins at I: the next comma, semicolon or group colon. A < makes what is
 * before it a name; then the item ends after its > and the comments that follow. */
static struct item find_item(struct list *list, size_t i)
{
    struct item item = {.from = i, .address = i};
    size_t count = list->tokens.count;
    size_t split = SIZE_MAX; /* where two words meet without a comma */
    bool was_word = false;
    for (; i < count; i++) {
        const struct address_token *token = token_at(list, i);
        if (address_token_is(token, ',') || address_token_is(token, ';') ||
            address_token_is(token, '<') || address_token_is(token, '>'))
            break;
        if (address_token_is(token, ':') && list->last_semicolon != SIZE_MAX &&
            i < list->last_semicolon)
            break;
        if (token->kind == ADDRESS_COMMENT)
            continue;
        bool is_word = address_token_is_word(token);
        if (is_word && was_word && split == SIZE_MAX)
            split = i;
        if (split != SIZE_MAX && i < list->plain_until)
            break;
        was_word = is_word;
    }
    if (i < count && address_token_is(token_at(list, i), '<')) {
        item.has_angle = true;
        item.address = ++i;
        while (i < count && !address_token_is(token_at(list, i), '>'))
            i++;
        item.address_end = i;
        i += i < count;
        while (i < count && token_at(list, i)->kind == ADDRESS_COMMENT)
            i++;
        item.to = i;
        return item;
    }
    bool is_group = i < count && address_token_is(token_at(list, i), ':');
    if (!is_group && i > list->plain_until)
        list->plain_until = i;
    item.to = item.address_end = split != SIZE_MAX && !is_group ? split : i;
    return item;
}

/* "name:" of a group, its words kept as they are. */
static void add_group_name(struct list *list, const struct item *item, const char *separator)
{
    for (size_t i = item->from; i < item->to; i++) {
        if (i > item->from)
            strbuf_add_char(&list->item, ' ');
        strbuf_add_slice(&list->item, token_at(list, i)->raw);
    }
    strbuf_add_char(&list->item, ':');
    emit(list, separator);
}

/* Write everything anew into list->out; list->is_changed tells whether that was needed. */
static void walk(struct list *list)
{
    size_t i = 0, count = list->tokens.count;
    const char *separator = " ";
    bool is_item_due = true; /* an empty place between two commas is an item too */
    while (i < count) {
        const struct address_token *token = token_at(list, i);
        if (address_token_is(token, ',')) {
            if (is_item_due && i > 0)
                emit(list, separator);
            separator = ",";
            is_item_due = true;
            i++;
            continue;
        }
        if (address_token_is(token, ';') || address_token_is(token, '>')) {
            strbuf_add_slice(list->out, token->raw);
            separator = ",";
            is_item_due = false;
            i++;
            continue;
        }
        struct item item = find_item(list, i);
        i = item.to;
        if (!item.has_angle && i < count && address_token_is(token_at(list, i), ':')) {
            add_group_name(list, &item, separator);
            separator = " ";
            i++;
        } else {
            add_item(list, &item, separator);
            separator = ",";
        }
        is_item_due = false;
    }
}

/* When the limit was reached, what follows the last comma may be half an address: leave it alone.
 */
static void leave_rest(struct list *list, struct slice value)
{
    struct address_tokens *tokens = &list->tokens;
    if (slice_trim_left(tokens->rest).len == 0)
        return;
    while (tokens->count > 0 && !address_token_is(&tokens->at[tokens->count - 1], ','))
        tokens->count--;
    if (tokens->count > 0)
        tokens->count--; /* the comma belongs to the rest */
    if (tokens->count > 0)
        tokens->rest = slice_from(value, (size_t)(tokens->at[tokens->count].raw.s - value.s));
}

void address_rewrite_list(struct slice value, size_t tokens_max, address_rewrite_fn fn, void *ctx,
                          struct strbuf *out)
{
    struct list list = {.last_semicolon = SIZE_MAX, .fn = fn, .ctx = ctx, .out = out};
    size_t start = out->len;
    list.line_start = start;
    strbuf_init(&list.item, out->max);
    address_tokens_init(&list.tokens, value, tokens_max);
    leave_rest(&list, value);
    for (size_t i = 0; i < list.tokens.count; i++) {
        if (address_token_is(token_at(&list, i), ';'))
            list.last_semicolon = i;
    }
    walk(&list);
    if (list.is_changed) {
        strbuf_add_slice(out, list.tokens.rest);
    } else {
        strbuf_truncate(out, start);
        strbuf_add_slice(out, value);
    }
    strbuf_done(&list.item);
    address_tokens_done(&list.tokens);
}

struct each {
    void (*fn)(void *ctx, struct slice internal);
    void *ctx;
};

static bool each_address(void *ctx, struct slice address, struct strbuf *out_address)
{
    struct each *each = ctx;
    (void)out_address;
    each->fn(each->ctx, address);
    return false;
}

void address_each(struct slice value, size_t tokens_max,
                  void (*fn)(void *ctx, struct slice internal), void *ctx)
{
    struct each each = {fn, ctx};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    address_rewrite_list(value, tokens_max, each_address, &each, &out);
}
