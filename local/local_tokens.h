/*
 * local_tokens: the items of an alias value, a .forward line or a :include: line.
 *
 * Items are separated by commas and white space; quotes keep an item together; "Name <address>" is
 * one item; comments in parentheses are left out.
 */
#ifndef LOCAL_TOKENS_H
#define LOCAL_TOKENS_H

#include "base/strbuf.h"

enum local_token {
    LOCAL_TOKEN_ADDRESS, /* internal form, not completed */
    LOCAL_TOKEN_MAILBOX, /* \name: without the backslash */
    LOCAL_TOKEN_COMMAND, /* what follows | */
    LOCAL_TOKEN_FILE,
    LOCAL_TOKEN_INCLUDE, /* what follows :include: */
};

/* Take one item off the front of *IN; false at the end. */
bool local_tokens_next(struct slice *in, enum local_token *ret_kind, struct strbuf *ret_text);
/* Take one line that is not empty and no comment off the front of *TEXT. */
bool local_tokens_next_line(struct slice *text, struct slice *ret_line);

#endif
