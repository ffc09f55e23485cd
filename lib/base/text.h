/* text: encodings of mail: base64, xtext, UTF-8, and printable forms. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/strbuf.h"

void text_base64_encode(struct slice in, struct strbuf *out);
bool text_base64_decode(struct slice in, struct strbuf *out); /* false: not base64 */

/* xtext of RFC 3461 section 4: printable ASCII but + and =, the rest as +HH */
void text_xtext_encode(struct slice in, struct strbuf *out);
bool text_xtext_decode(struct slice in, struct strbuf *out);
/* utf-8-addr-xtext of RFC 6533 section 3: \x{HEX} for what xtext escapes, \ and all beyond ASCII;
 * '?' for bytes that are not UTF-8 */
void text_utf8_xtext_encode(struct slice in, struct strbuf *out);

bool text_is_utf8(struct slice in); /* well-formed, no surrogates, no overlong forms */
bool text_is_ascii(struct slice in);
/* Append IN with control bytes (and bytes that are not UTF-8) replaced by '?'. */
void text_add_printable(struct strbuf *out, struct slice in);
/* Append IN as a string of JSON, with its quotes. What is not UTF-8 becomes '?': JSON knows nothing
 * else. */
void text_add_json(struct strbuf *out, struct slice in);
/* Append IN with C escapes (\n, \t, \\, \ooo) for what does not print. */
void text_add_escaped(struct strbuf *out, struct slice in);

/* ASCII case folding into OUT (UTF-8 bytes pass unchanged); of keys: map/map_fold.h. */
void text_fold_case(struct strbuf *out, struct slice in);

#endif
