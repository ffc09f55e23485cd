/*
 * address_list: the addresses inside the value of a header.
 *
 * The value is cut into tokens, the tokens from right to left into items, and the items are written
 * again from left to right. From right to left, because only the end tells what came before it: the
 * > that there is a <, the ; that a : ends the name of a group. Strangers write odd lists: words
 * without commas between them are separate addresses, an < without its > is part of one.
 */
#include "base/xmem.h"
#include "mail/address.h"
#include "mail/address_token.h"

enum { LINE_MAX_LENGTH = 69 }; /* not counting the tab that begins a continued line */

enum item_kind {
    ITEM_ADDRESS, /* with comments among its tokens */
    ITEM_WORD,    /* one token of a name, or a comment that belongs to no address */
    ITEM_GROUP,   /* the colon after the name of a group */
    ITEM_MARK,    /* another special character */
};

/* Tokens [from, to) */
struct item {
    enum item_kind kind;
    size_t from, to;
};

struct list {
    struct address_tokens tokens;
    struct item *items; /* the last one first */
    size_t count, cap;
    address_rewrite_fn fn;
    void *ctx;
    struct strbuf *out;
    struct strbuf text; /* what was written after the last comma */
    size_t column;
    bool has_comma; /* before the text */
    bool is_changed;
    bool
        as_written; /* FN gets odd addresses as they are: with their routes, without added blanks */
};

static const struct address_token *token_at(const struct list *list, size_t i)
{
    return &list->tokens.at[i];
}

static bool ends_with_one_of(const struct list *list, size_t end, const char *specials)
{
    const struct address_token *token = token_at(list, end - 1);
    return token->kind == ADDRESS_SPECIAL && strchr(specials, token->raw.s[0]) != NULL;
}

/* ---- from right to left ---- */

static void add_item(struct list *list, enum item_kind kind, size_t from, size_t to)
{
    if (list->count == list->cap) {
        list->cap = MAX(list->cap * 2, (size_t)16);
        list->items = xrealloc_array(list->items, list->cap, sizeof *list->items);
    }
    list->items[list->count++] = (struct item){kind, from, to};
}

/* The words that end at END, up to one of STOPS; where they begin. */
static size_t take_name(struct list *list, size_t end, const char *stops)
{
    while (end > 0 && !ends_with_one_of(list, end, stops)) {
        end--;
        bool is_angle = address_token_is(token_at(list, end), '<');
        add_item(list, is_angle ? ITEM_MARK : ITEM_WORD, end, end + 1);
    }
    return end;
}

/* What is left of a >: an address up to the <, then a name; without a < all of it is an address. */
static size_t take_angle(struct list *list, size_t end)
{
    size_t from = end;
    while (from > 0 && !ends_with_one_of(list, from, "<"))
        from--;
    if (from < end)
        add_item(list, ITEM_ADDRESS, from, end);
    if (from == 0)
        return 0;
    add_item(list, ITEM_MARK, from - 1, from);
    return take_name(list, from - 1, ",;:>");
}

static bool has_address(const struct list *list, size_t from, size_t to)
{
    while (from < to && token_at(list, from)->kind == ADDRESS_COMMENT)
        from++;
    return from < to;
}

/* An address without <>: it ends where two words meet, and the comments between them are its own.
 */
static size_t take_address(struct list *list, size_t end, const char *stops)
{
    bool was_word = false;
    size_t from = end;
    while (from > 0 && !ends_with_one_of(list, from, stops)) {
        const struct address_token *token = token_at(list, from - 1);
        bool is_word = address_token_is_word(token);
        if (is_word && was_word)
            break;
        if (token->kind != ADDRESS_COMMENT)
            was_word = is_word;
        from--;
    }
    if (has_address(list, from, end)) {
        add_item(list, ITEM_ADDRESS, from, end);
    } else {
        for (size_t i = end; i > from; i--)
            add_item(list, ITEM_WORD, i - 1, i);
    }
    return from;
}

static void find_items(struct list *list)
{
    bool in_group = false;
    size_t end = list->tokens.count;
    while (end > 0) {
        const struct address_token *last = token_at(list, end - 1);
        if (address_token_is(last, ':') && in_group) {
            add_item(list, ITEM_GROUP, end - 1, end);
            end = take_name(list, end - 1, ",");
            in_group = false;
        } else if (address_token_is(last, ',') || address_token_is(last, ';')) {
            in_group |= address_token_is(last, ';');
            add_item(list, ITEM_MARK, end - 1, end);
            end--;
        } else if (address_token_is(last, '>')) {
            add_item(list, ITEM_MARK, end - 1, end);
            end = take_angle(list, end - 1);
            if (end > 0 && address_token_is(token_at(list, end - 1), ':') && !in_group) {
                add_item(list, ITEM_MARK, end - 1, end);
                end--;
            }
        } else {
            end = take_address(list, end, in_group ? ",;>:" : ",;>");
        }
    }
}

/* ---- from left to right ---- */

static bool at_blank(const struct list *list)
{
    return list->text.len == 0 || list->text.s[list->text.len - 1] == ' ';
}

/* Put list->text into the output, on a line of its own where it would make this one long. */
static void end_text(struct list *list, const char *comma)
{
    struct strbuf *out = list->out;
    size_t length = list->text.len + strlen(comma);
    if (list->has_comma && list->column + 1 + length > LINE_MAX_LENGTH) {
        strbuf_add_str(out, "\n\t");
        list->column = 0;
    } else {
        strbuf_add_char(out, ' ');
        list->column++;
    }
    strbuf_add_slice(out, strbuf_slice(&list->text));
    strbuf_add_str(out, comma);
    list->column += length;
    list->has_comma = comma[0] != '\0';
    strbuf_reset(&list->text);
}

static void add_comments(struct list *list, const struct item *item)
{
    for (size_t i = item->from; i < item->to; i++) {
        if (token_at(list, i)->kind == ADDRESS_COMMENT) {
            strbuf_add_char(&list->text, ' ');
            address_token_add_external(token_at(list, i), &list->text);
        }
    }
}

/* The address as it is written now, for comparison: without comments and needless blanks. */
static void add_as_found(const struct list *list, const struct item *item, struct strbuf *out)
{
    const struct address_token *before = NULL;
    for (size_t i = item->from; i < item->to; i++) {
        const struct address_token *token = token_at(list, i);
        if (token->kind == ADDRESS_COMMENT)
            continue;
        address_token_add_gap(before, token, out);
        address_token_add_external(token, out);
        before = token;
    }
}

static bool has_at(const struct list *list, const struct item *item)
{
    for (size_t i = item->from; i < item->to; i++)
        if (address_token_is(token_at(list, i), '@'))
            return true;
    return false;
}

/* An @ with nothing on either side is no address; ""@ is, if a bad one. */
static bool is_lone_at(const struct list *list, const struct item *item)
{
    size_t words = 0;
    for (size_t i = item->from; i < item->to; i++)
        words += token_at(list, i)->kind != ADDRESS_COMMENT;
    return words == 1 && has_at(list, item);
}

static void add_written(const struct list *list, const struct item *item, struct strbuf *out)
{
    for (size_t i = item->from; i < item->to; i++)
        if (token_at(list, i)->kind != ADDRESS_COMMENT)
            address_token_add_internal(token_at(list, i), out);
}

static void add_address(struct list *list, const struct item *item)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_INIT(list->out->max);
    CLEANUP(strbuf_done) struct strbuf changed = STRBUF_INIT(list->out->max);
    CLEANUP(strbuf_done) struct strbuf found = STRBUF_INIT(list->out->max);
    if (list->as_written)
        add_written(list, item, &address);
    else if (!is_lone_at(list, item))
        address_token_address(token_at(list, item->from), item->to - item->from, &address, NULL);
    struct slice result = strbuf_slice(&address);
    if (list->fn(list->ctx, result, has_at(list, item), &changed))
        result = strbuf_slice(&changed);
    size_t start = list->text.len;
    if (result.len == 0 && has_address(list, item->from, item->to))
        strbuf_add_str(&list->text, "\"\"");
    address_to_external(result, &list->text);
    add_as_found(list, item, &found);
    list->is_changed |=
        !slice_same(strbuf_slice(&found), slice_from(strbuf_slice(&list->text), start));
    add_comments(list, item);
}

static void write_mark(struct list *list, char mark)
{
    if (mark == ',') {
        end_text(list, ",");
        return;
    }
    if (mark == '<' && !at_blank(list))
        strbuf_add_char(&list->text, ' ');
    strbuf_add_char(&list->text, mark);
}

/* Write ITEM, which comes after BEFORE (NULL: it is the first one). */
static void write_item(struct list *list, const struct item *item, const struct item *before)
{
    const struct address_token *token = token_at(list, item->from);
    char mark = before && before->kind == ITEM_MARK ? token_at(list, before->from)->raw.s[0] : '\0';
    bool is_special = token->kind == ADDRESS_SPECIAL;
    switch (item->kind) {
    case ITEM_ADDRESS:
        if (before && before->kind != ITEM_GROUP && mark != '<' && mark != ',')
            end_text(list, ",");
        add_address(list, item);
        break;
    case ITEM_WORD:
        if (before && before->kind == ITEM_WORD && !is_special &&
            token_at(list, before->from)->kind != ADDRESS_SPECIAL)
            strbuf_add_char(&list->text, ' ');
        address_token_add_external(token, &list->text);
        break;
    case ITEM_GROUP:
        strbuf_add_str(&list->text, ": ");
        break;
    case ITEM_MARK:
        write_mark(list, token->raw.s[0]);
        break;
    }
}

/* When the limit was reached, what follows the last comma may be half an address: leave it alone.
 */
static void leave_rest(struct list *list, struct slice value)
{
    struct address_tokens *tokens = &list->tokens;
    if (slice_trim_left(tokens->rest).len == 0) {
        tokens->rest = SLICE_EMPTY;
        return;
    }
    while (tokens->count > 0 && !address_token_is(&tokens->at[tokens->count - 1], ','))
        tokens->count--;
    if (tokens->count > 0)
        tokens->count--; /* the comma belongs to the rest */
    if (tokens->count > 0)
        tokens->rest = slice_from(value, (size_t)(tokens->at[tokens->count].raw.s - value.s));
}

static void go_through(struct list *list, struct slice value, size_t tokens_max)
{
    struct strbuf *out = list->out;
    size_t start = out->len;
    strbuf_init(&list->text, out->max);
    address_tokens_init(&list->tokens, value, tokens_max);
    leave_rest(list, value);
    find_items(list);
    for (size_t i = list->count; i > 0; i--)
        write_item(list, &list->items[i - 1], i < list->count ? &list->items[i] : NULL);
    end_text(list, "");
    if (list->is_changed) {
        strbuf_add_slice(out, list->tokens.rest);
    } else {
        strbuf_truncate(out, start);
        strbuf_add_slice(out, value);
    }
    strbuf_done(&list->text);
    free(list->items);
    address_tokens_done(&list->tokens);
}

void address_rewrite_list(struct slice value, size_t column, size_t tokens_max,
                          address_rewrite_fn fn, void *ctx, struct strbuf *out)
{
    struct list list = {.fn = fn, .ctx = ctx, .out = out, .column = column};
    go_through(&list, value, tokens_max);
}

struct each {
    void (*fn)(void *ctx, struct slice internal);
    void *ctx;
};

static bool each_address(void *ctx, struct slice address, bool has_domain,
                         struct strbuf *out_address)
{
    struct each *each = ctx;
    (void)has_domain;
    (void)out_address;
    each->fn(each->ctx, address);
    return false;
}

static void each(struct slice value, size_t tokens_max, bool as_written,
                 void (*fn)(void *ctx, struct slice internal), void *ctx)
{
    struct each call = {fn, ctx};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct list list = {.fn = each_address, .ctx = &call, .out = &out, .as_written = as_written};
    go_through(&list, value, tokens_max);
}

void address_each(struct slice value, size_t tokens_max,
                  void (*fn)(void *ctx, struct slice internal), void *ctx)
{
    each(value, tokens_max, false, fn, ctx);
}

void address_each_as_written(struct slice value, size_t tokens_max,
                             void (*fn)(void *ctx, struct slice internal), void *ctx)
{
    each(value, tokens_max, true, fn, ctx);
}
