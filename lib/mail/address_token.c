/* address_token: see the header. White space between tokens is forgotten. */
#include "mail/address_token.h"

#include "base/xmem.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_special(char c)
{
    return c != '\0' && strchr("<>@,;:.()[]\"", c) != NULL;
}

/* Length of text that runs to CLOSE, backslash pairs skipped; OPEN (or NUL) nests. */
static size_t enclosed_length(struct slice in, char open, char close)
{
    size_t depth = 1;
    for (size_t i = 1; i < in.len; i++) {
        if (in.s[i] == '\\')
            i++;
        else if (in.s[i] == close && --depth == 0)
            return i + 1;
        else if (open != '\0' && in.s[i] == open)
            depth++;
    }
    return in.len;
}

static size_t atom_length(struct slice in)
{
    size_t i = 0;
    while (i < in.len && !is_space(in.s[i]) && !is_special(in.s[i]))
        i += in.s[i] == '\\' ? 2 : 1;
    return MIN(i, in.len);
}

bool address_token_next(struct slice *in, struct address_token *ret)
{
    while (in->len > 0 && is_space(in->s[0]))
        *in = slice_from(*in, 1);
    if (in->len == 0)
        return false;

    size_t len;
    switch (in->s[0]) {
    case '"':
        ret->kind = ADDRESS_QUOTED;
        len = enclosed_length(*in, '\0', '"');
        break;
    case '[':
        ret->kind = ADDRESS_LITERAL;
        len = enclosed_length(*in, '\0', ']');
        break;
    case '(':
        ret->kind = ADDRESS_COMMENT;
        len = enclosed_length(*in, '(', ')');
        break;
    default:
        ret->kind = is_special(in->s[0]) ? ADDRESS_SPECIAL : ADDRESS_ATOM;
        len = ret->kind == ADDRESS_SPECIAL ? 1 : atom_length(*in);
    }
    ret->raw = slice_first(*in, len);
    *in = slice_from(*in, len);
    return true;
}

void address_tokens_init(struct address_tokens *tokens, struct slice text, size_t tokens_max)
{
    *tokens = (struct address_tokens){.rest = text};
    struct address_token token;
    struct slice left = text;
    while ((tokens_max == 0 || tokens->count < tokens_max) && address_token_next(&left, &token)) {
        if (tokens->count == tokens->cap) {
            tokens->cap = MAX(tokens->cap * 2, (size_t)16);
            tokens->at = xrealloc_array(tokens->at, tokens->cap, sizeof *tokens->at);
        }
        tokens->at[tokens->count++] = token;
        tokens->rest = left;
    }
}

void address_tokens_done(struct address_tokens *tokens)
{
    free(tokens->at);
    *tokens = (struct address_tokens){.rest = SLICE_EMPTY};
}

bool address_token_is(const struct address_token *token, char special)
{
    return token->kind == ADDRESS_SPECIAL && token->raw.s[0] == special;
}

bool address_token_is_word(const struct address_token *token)
{
    return token->kind == ADDRESS_ATOM || token->kind == ADDRESS_QUOTED ||
           token->kind == ADDRESS_LITERAL;
}

/* White space inside an address, line breaks too, is a blank, so that the internal form stays on
 * one line. NUL cannot be kept. */
static void add_plain(struct strbuf *out, char c)
{
    if (c == '\t' || c == '\r' || c == '\n')
        c = ' ';
    if (c != '\0')
        strbuf_add_char(out, c);
}

static void add_unescaped(struct strbuf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == '\\' && i + 1 < text.len)
            i++;
        add_plain(out, text.s[i]);
    }
}

void address_token_add_internal(const struct address_token *token, struct strbuf *out)
{
    struct slice text = token->raw;
    switch (token->kind) {
    case ADDRESS_QUOTED:
        text = slice_from(text, 1);
        /* the last quote is the closing one unless the string never ended */
        if (text.len > 0 && enclosed_length(token->raw, '\0', '"') == token->raw.len &&
            text.s[text.len - 1] == '"')
            text.len--;
        add_unescaped(out, text);
        break;
    case ADDRESS_LITERAL:
        add_unescaped(out, text);
        if (text.len < 2 || text.s[text.len - 1] != ']')
            strbuf_add_char(out, ']');
        break;
    case ADDRESS_COMMENT:
        break;
    default:
        add_unescaped(out, text);
    }
}

void address_token_add_quoted(struct slice text, struct strbuf *out)
{
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\"\\\r\n", text.s[i]) && text.s[i] != '\0')
            strbuf_add_char(out, '\\');
        strbuf_add_char(out, text.s[i]);
    }
    strbuf_add_char(out, '"');
}

static bool holds_special(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_space(text.s[i]) || is_special(text.s[i]))
            return true;
    return false;
}

static void add_comment(const struct address_token *token, struct strbuf *out)
{
    for (size_t i = 0; i < token->raw.len; i++)
        strbuf_add_char(out, token->raw.s[i] == '\n' ? ' ' : token->raw.s[i]);
}

void address_token_add_external(const struct address_token *token, struct strbuf *out)
{
    if (token->kind == ADDRESS_COMMENT) {
        add_comment(token, out);
        return;
    }
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(out->max);
    address_token_add_internal(token, &text);
    if (token->kind == ADDRESS_QUOTED ||
        (token->kind == ADDRESS_ATOM && holds_special(strbuf_slice(&text))))
        address_token_add_quoted(strbuf_slice(&text), out);
    else
        strbuf_add_slice(out, strbuf_slice(&text));
}

void address_token_add_gap(const struct address_token *before, const struct address_token *token,
                           struct strbuf *out)
{
    if (!before)
        return;
    bool meets = address_token_is_word(before) && address_token_is_word(token);
    if (address_token_is(before, ',') || (address_token_is(token, '<') && out->len > 0) ||
        (meets && (before->kind == ADDRESS_QUOTED || token->kind == ADDRESS_QUOTED)))
        strbuf_add_char(out, ' ');
}

static size_t find_special(const struct address_token *tokens, size_t from, size_t count, char c)
{
    while (from < count && !address_token_is(&tokens[from], c))
        from++;
    return from;
}

bool address_token_address(const struct address_token *tokens, size_t count, struct strbuf *out,
                           bool *ret_routed)
{
    size_t i = 0;
    bool is_routed = false, ok = true;
    while (i < count && tokens[i].kind == ADDRESS_COMMENT)
        i++;
    if (i < count && address_token_is(&tokens[i], '@')) { /* RFC 5321 4.1.2: A-d-l ":" */
        size_t colon = find_special(tokens, i, count, ':');
        if (colon < count && colon + 1 < count) {
            i = colon + 1;
            is_routed = true;
        }
    } else if (count > 0 && address_token_is(&tokens[count - 1], ';')) { /* a group of one */
        size_t colon = find_special(tokens, i, count, ':');
        if (colon < count) {
            i = colon + 1;
            count--;
        }
    }

    bool was_word = false;
    const struct address_token *before = NULL;
    for (; i < count; i++) {
        if (tokens[i].kind == ADDRESS_COMMENT)
            continue;
        bool is_word = address_token_is_word(&tokens[i]);
        if (is_word ? was_word : strchr(".@:", tokens[i].raw.s[0]) == NULL)
            ok = false;
        was_word = is_word;
        address_token_add_gap(before, &tokens[i], out);
        address_token_add_internal(&tokens[i], out);
        before = &tokens[i];
    }
    if (ret_routed)
        *ret_routed = is_routed;
    return ok && !out->overflow;
}
