/*
 * address_token: the words of RFC 5322 address text, read from left to right.
 *
 * Nothing is refused: an unfinished quoted string, comment or literal ends with the text.
 */
#ifndef MAIL_ADDRESS_TOKEN_H
#define MAIL_ADDRESS_TOKEN_H

#include "base/strbuf.h"

enum address_token_kind {
    ADDRESS_ATOM,    /* may hold backslash pairs */
    ADDRESS_QUOTED,  /* with its quotes */
    ADDRESS_LITERAL, /* with its brackets */
    ADDRESS_COMMENT, /* with its parentheses */
    ADDRESS_SPECIAL, /* one character of < > @ , ; : . ) ] */
};

struct address_token {
    enum address_token_kind kind;
    struct slice raw;
};

struct address_tokens {
    struct address_token *at;
    size_t count, cap;
    struct slice rest; /* what was left when the limit was reached */
};

/* Take one token off the front of *IN; false at the end. */
bool address_token_next(struct slice *in, struct address_token *ret);
/* All tokens of TEXT, TOKENS_MAX of them at most (0: no limit). */
void address_tokens_init(struct address_tokens *tokens, struct slice text, size_t tokens_max);
void address_tokens_done(struct address_tokens *tokens);

bool address_token_is(const struct address_token *token, char special);
bool address_token_is_word(const struct address_token *token); /* atom, quoted or literal */
/* Append what the token means: without quotes and backslashes. */
void address_token_add_internal(const struct address_token *token, struct strbuf *out);
/* Append what the token means as it is written: TEXT in quotes; a token, in quotes where it has
 * them or needs them. */
void address_token_add_quoted(struct slice text, struct strbuf *out);
void address_token_add_external(const struct address_token *token, struct strbuf *out);
/* Append the blank that goes between two tokens of one (bad) address; BEFORE may be NULL. */
void address_token_add_gap(const struct address_token *before, const struct address_token *token,
                           struct strbuf *out);
/* The address spelled by COUNT tokens, comments left out, a source route dropped. RET_ROUTED (may
 * be NULL): there was one. False: the tokens are no address; OUT then has the best guess. */
bool address_token_address(const struct address_token *tokens, size_t count, struct strbuf *out,
                           bool *ret_routed);

#endif
