/* address: single addresses; lists of them are in address_list.c. */
#include "mail/address.h"

#include "base/text.h"
#include "mail/address_token.h"

#include <arpa/inet.h>

bool address_split(struct slice internal, struct slice *ret_local, struct slice *ret_domain)
{
    if (slice_rsplit(internal, '@', ret_local, ret_domain))
        return true;
    *ret_local = internal;
    *ret_domain = SLICE_EMPTY;
    return false;
}

bool address_to_internal(struct slice external, struct strbuf *out)
{
    CLEANUP(address_tokens_done) struct address_tokens tokens;
    address_tokens_init(&tokens, external, 0);
    return address_token_address(tokens.at, tokens.count, out, NULL);
}

/* RFC 5322 section 3.2.3, with the bytes of UTF-8 (RFC 6532) */
static bool is_atext(char c)
{
    return (unsigned char)c > ' ' && strchr("()<>[]:;@\\,.\"", c) == NULL;
}

bool address_local_needs_quotes(struct slice local_part)
{
    bool after_dot = true; /* a dot may not come first, last or twice */
    for (size_t i = 0; i < local_part.len; i++) {
        bool is_dot = local_part.s[i] == '.';
        if (is_dot ? after_dot : !is_atext(local_part.s[i]))
            return true;
        after_dot = is_dot;
    }
    return after_dot;
}

void address_to_external(struct slice internal, struct strbuf *out)
{
    struct slice local, domain;
    if (internal.len == 0)
        return;
    bool has_domain = address_split(internal, &local, &domain);
    if (!address_local_needs_quotes(local)) {
        strbuf_add_slice(out, local);
    } else {
        address_token_add_quoted(local, out);
    }
    if (has_domain) {
        strbuf_add_char(out, '@');
        strbuf_add_slice(out, domain);
    }
}

/* Where the path ends: at a > outside quotes when it began with <, else at white space. */
static size_t path_length(struct slice in, bool has_angle)
{
    bool in_quotes = false;
    size_t angles = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.s[i];
        if (c == '\\')
            i++;
        else if (c == '"')
            in_quotes = !in_quotes;
        else if (in_quotes)
            continue;
        else if (!has_angle && (c == ' ' || c == '\t'))
            return i;
        else if (c == '<')
            angles++;
        else if (has_angle && c == '>' && --angles == 0)
            return i + 1;
    }
    return has_angle ? SIZE_MAX : in.len;
}

static bool has_comment(const struct address_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->at[i].kind == ADDRESS_COMMENT)
            return true;
    }
    return false;
}

bool address_parse_path(struct slice in, bool strict, struct strbuf *ret_address,
                        struct slice *ret_rest, struct err *err)
{
    in = slice_trim_left(in);
    bool has_angle = slice_starts(in, "<");
    if (strict && !has_angle)
        return err_set(err, ERR_PERM, "address without <>");
    size_t len = path_length(in, has_angle);
    if (len == SIZE_MAX)
        return err_set(err, ERR_PERM, "address without final >");
    struct slice path = slice_first(in, len);
    struct slice rest = slice_from(in, len);
    if (rest.len > 0 && rest.s[0] != ' ' && rest.s[0] != '\t')
        return err_set(err, ERR_PERM, "text next to the address");
    if (has_angle)
        path = (struct slice){path.s + 1, path.len - 2};
    /* <<a@b>>, also where the strict form is asked for */
    while (path.len >= 2 && path.s[0] == '<' && path.s[path.len - 1] == '>')
        path = (struct slice){path.s + 1, path.len - 2};
    if (!strict && !has_angle && path.len > 0 && path.s[path.len - 1] == '>') /* a@b> */
        path.len--;

    CLEANUP(address_tokens_done) struct address_tokens tokens;
    address_tokens_init(&tokens, path, 0);
    if (strict && has_comment(&tokens))
        return err_set(err, ERR_PERM, "comment in address");
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_INIT(ret_address->max);
    if (!address_token_address(tokens.at, tokens.count, &address, NULL))
        return err_set(err, ERR_PERM, "bad address syntax");
    if (strict && address.len > 0 && address.s[0] == '@')
        return err_set(err, ERR_PERM, "address without local part");
    strbuf_set_slice(ret_address, strbuf_slice(&address));
    *ret_rest = rest;
    return true;
}

/* An encoded label has nothing left to encode. */
static bool has_broken_ace(struct slice name)
{
    struct slice label, rest;
    bool more = true;
    while (more) {
        more = slice_split(name, '.', &label, &rest);
        label = more ? label : name;
        if (slice_starts_nocase(label, "xn--") && !text_is_ascii(label))
            return true;
        name = rest;
    }
    return false;
}

static bool is_label_char(char c)
{
    /* underscores are in use; bytes over 127 are UTF-8 labels */
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || (unsigned char)c >= 128;
}

bool address_is_hostname(struct slice name)
{
    enum { NAME_MAX_LENGTH = 255, LABEL_MAX_LENGTH = 63 };
    bool is_numeric = true;
    size_t label = 0;
    if (name.len == 0 || name.len > NAME_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.s[i];
        if (c == '.') {
            if (label == 0 || name.s[i - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!is_label_char(c) || ++label > LABEL_MAX_LENGTH || (c == '-' && label == 1))
            return false;
        if (c < '0' || c > '9')
            is_numeric = false;
    }
    return label > 0 && name.s[name.len - 1] != '-' && !is_numeric && !has_broken_ace(name);
}

bool address_is_numeric(struct slice text)
{
    char copy[INET6_ADDRSTRLEN + 1];
    unsigned char binary[sizeof(struct in6_addr)];
    if (text.len == 0 || text.len >= sizeof copy || slice_has_nul(text))
        return false;
    memcpy(copy, text.s, text.len);
    copy[text.len] = '\0';
    return inet_pton(strchr(copy, ':') ? AF_INET6 : AF_INET, copy, binary) == 1;
}

bool address_is_literal(struct slice literal)
{
    if (literal.len < 2 || literal.s[0] != '[' || literal.s[literal.len - 1] != ']')
        return false;
    struct slice inner = {literal.s + 1, literal.len - 2};
    bool is_ipv6 = slice_starts_nocase(inner, "IPv6:");
    if (is_ipv6)
        inner = slice_from(inner, strlen("IPv6:"));
    return address_is_numeric(inner) && is_ipv6 == (slice_find(inner, ':') != SIZE_MAX);
}

void address_add_verp(struct strbuf *out, const char *sender, const char *delimiters,
                      const char *recipient)
{
    struct slice local, domain, rcpt_local, rcpt_domain;
    bool has_domain = address_split(slice_of(sender), &local, &domain);
    bool rcpt_has_domain = address_split(slice_of(recipient), &rcpt_local, &rcpt_domain);
    strbuf_add_slice(out, local);
    strbuf_add_char(out, delimiters[0]);
    strbuf_add_slice(out, rcpt_local);
    if (rcpt_has_domain) {
        strbuf_add_char(out, delimiters[1]);
        strbuf_add_slice(out, rcpt_domain);
    }
    if (has_domain) {
        strbuf_add_char(out, '@');
        strbuf_add_slice(out, domain);
    }
}
