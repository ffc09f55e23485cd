/* map_braces: the { } forms in table names: "static:{text}", "inline:{a=b, {c = d}}". */
#ifndef MAP_MAP_BRACES_H
#define MAP_MAP_BRACES_H

#include "base/err.h"
#include "base/strbuf.h"

/* The text between the braces of the whole of *A, trimmed; false with ERR (kind ERR_CONFIG), a
 * phrase such as: missing '}' in "...". */
bool map_braces_strip(struct slice a, struct slice *ret_inside, struct err *err);

/* Rules for a pattern table NAME: the lines of an inline "{{rule}, {rule}}", or the file's text.
 * TYPE is for errors. */
bool map_braces_read_rules(const char *type, const char *name, struct strbuf *ret_text,
                           struct err *err);

#endif
