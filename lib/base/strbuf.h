/*
 * strbuf: text that we build.
 *
 * Invariants: s is never NULL, s[len] is always NUL, len never passes the maximum given at birth.
 * Appending past the maximum appends what fits and sets overflow; check it once at the end.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/slice.h"

#include <stdarg.h>

struct strbuf {
    char *s;
    size_t len, cap, max;
    bool overflow;
};

extern char strbuf_nothing[1];
#define STRBUF_INIT(maximum)                                                                       \
    {                                                                                              \
        strbuf_nothing, 0, 0, (maximum), false                                                     \
    }
/* for text whose size is bounded elsewhere */
#define STRBUF_ANY STRBUF_INIT(SIZE_MAX / 4)

void strbuf_init(struct strbuf *b, size_t max);
void strbuf_done(struct strbuf *b);  /* frees; B may be used again */
void strbuf_reset(struct strbuf *b); /* empty, memory kept, overflow cleared */
void strbuf_truncate(struct strbuf *b, size_t len);
char *strbuf_take(struct strbuf *b); /* the text, from malloc, now the caller's; B is empty */

void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_add_str(struct strbuf *b, const char *s);
void strbuf_add_slice(struct strbuf *b, struct slice a);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_add_fill(struct strbuf *b, char c, size_t count);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) PRINTF(2, 0);
void strbuf_set(struct strbuf *b, const char *s);
void strbuf_set_slice(struct strbuf *b, struct slice a);
void strbuf_setf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_remove_front(struct strbuf *b, size_t len);
void strbuf_insert(struct strbuf *b, size_t at, struct slice a);
void strbuf_lower(struct strbuf *b); /* ASCII */

/* Room for LEN more bytes, to be written at s + len and announced with strbuf_grew(); NULL with
 * overflow set when the maximum forbids it. */
static inline char *strbuf_room(struct strbuf *b, size_t len);
static inline void strbuf_grew(struct strbuf *b, size_t len);

char *strbuf_room_more(struct strbuf *b, size_t len); /* strbuf_room() where memory must grow */

static inline char *strbuf_room(struct strbuf *b, size_t len)
{
    if (len < b->cap - b->len && len <= b->max - b->len)
        return b->s + b->len;
    return strbuf_room_more(b, len);
}

static inline void strbuf_grew(struct strbuf *b, size_t len)
{
    b->len += len;
    b->s[b->len] = 0;
}

static inline struct slice strbuf_slice(const struct strbuf *b)
{
    return (struct slice){b->s, b->len};
}

#endif
