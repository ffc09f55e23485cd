/*
 * slice: a piece of somebody else's text; a pointer and a length, not NUL-terminated.
 *
 * Parsers take bytes off the front of a slice and never write to what it points at.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include "base/base.h"

struct slice {
    const char *s;
    size_t len;
};

#define SLICE_EMPTY ((struct slice){"", 0})
/* for printf("%.*s", SLICE_ARG(x)) */
#define SLICE_ARG(x) (int)MIN((x).len, (size_t)INT32_MAX), (x).s

/* NULL gives the empty slice */
static inline struct slice slice_of(const char *s)
{
    return s ? (struct slice){s, strlen(s)} : SLICE_EMPTY;
}

/* What follows the first OFFSET bytes; past the end: empty. */
static inline struct slice slice_from(struct slice a, size_t offset)
{
    size_t skip = offset < a.len ? offset : a.len;
    return (struct slice){a.s + skip, a.len - skip};
}

static inline struct slice slice_first(struct slice a, size_t len)
{
    return (struct slice){a.s, len < a.len ? len : a.len};
}

bool slice_eq(struct slice a, const char *b);
bool slice_eq_nocase(struct slice a, const char *b); /* ASCII */
bool slice_same(struct slice a, struct slice b);
bool slice_same_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice a, const char *prefix);
bool slice_starts_nocase(struct slice a, const char *prefix);
bool slice_ends(struct slice a, const char *suffix);
bool slice_ends_nocase(struct slice a, const char *suffix);

struct slice slice_trim(struct slice a); /* white space off both ends */
struct slice slice_trim_left(struct slice a);
struct slice slice_trim_right(struct slice a);

/* Index of the first (last) byte C, or SIZE_MAX. */
size_t slice_find(struct slice a, char c);
size_t slice_rfind(struct slice a, char c);

/* Cut at the first C: what is before and after it. False, nothing written, when C is not there. */
bool slice_split(struct slice a, char c, struct slice *ret_before, struct slice *ret_after);
bool slice_rsplit(struct slice a, char c, struct slice *ret_before, struct slice *ret_after);

/* Take one word off the front of *IN, words being separated by any number of bytes of SEPARATORS;
 * false when none is left. */
bool slice_next_token(struct slice *in, const char *separators, struct slice *ret_word);
/* The same for list values of main.cf: white space and commas separate. { } keep a word with blanks
 * together (the braces stay). */
bool slice_next_item(struct slice *in, struct slice *ret_item);
/* Take one line off the front; *ret_line is without its LF (and CR LF when it has one).
 * False at the end of the text. */
bool slice_next_line(struct slice *in, struct slice *ret_line);

bool slice_has_nul(struct slice a);
char *slice_dup(struct slice a); /* NUL-terminated, from malloc */

#define SLICE_SPACE " \t\r\n\f\v"

#endif
