#include "base/strbuf.h"

#include "base/xmem.h"

/* what an empty strbuf shows; never written to but with the NUL it holds */
char strbuf_nothing[1] = "";

void strbuf_init(struct strbuf *b, size_t max)
{
    *b = (struct strbuf)STRBUF_INIT(max);
}

void strbuf_done(struct strbuf *b)
{
    if (!b)
        return;
    if (b->cap > 0)
        free(b->s);
    strbuf_init(b, b->max);
}

void strbuf_reset(struct strbuf *b)
{
    strbuf_truncate(b, 0);
    b->overflow = false;
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
    if (len > b->len)
        return;
    b->len = len;
    if (b->cap > 0)
        b->s[len] = 0;
}

char *strbuf_take(struct strbuf *b)
{
    char *text = b->cap > 0 ? b->s : xstrdup("");
    strbuf_init(b, b->max);
    return text;
}

char *strbuf_room_more(struct strbuf *b, size_t len)
{
    if (len > b->max - b->len) {
        b->overflow = true;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = MAX(need, b->cap + b->cap / 2 + 32);
        if (b->len == 0 && b->cap > 0) { /* nothing that realloc() would have to copy */
            free(b->s);
            b->cap = 0;
        }
        b->s = xrealloc(b->cap > 0 ? b->s : NULL, cap);
        b->cap = cap;
        b->s[b->len] = 0;
    }
    return b->s + b->len;
}

void strbuf_add(struct strbuf *b, const void *data, size_t len)
{
    if (len > b->max - b->len) {
        b->overflow = true;
        len = b->max - b->len;
    }
    if (len == 0)
        return;
    memcpy(strbuf_room(b, len), data, len);
    strbuf_grew(b, len);
}

void strbuf_add_str(struct strbuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void strbuf_add_slice(struct strbuf *b, struct slice a)
{
    strbuf_add(b, a.s, a.len);
}

void strbuf_add_char(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_add_fill(struct strbuf *b, char c, size_t count)
{
    if (count > b->max - b->len) {
        b->overflow = true;
        count = b->max - b->len;
    }
    if (count == 0)
        return;
    memset(strbuf_room(b, count), c, count);
    strbuf_grew(b, count);
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(small, sizeof small, fmt, ap);
    if (len < 0) {
        b->overflow = true;
    } else if ((size_t)len < sizeof small) {
        strbuf_add(b, small, (size_t)len);
    } else {
        CLEANUP(xfree_ptr) char *large = xmalloc((size_t)len + 1);
        vsnprintf(large, (size_t)len + 1, fmt, again);
        strbuf_add(b, large, (size_t)len);
    }
    va_end(again);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(b, fmt, ap);
    va_end(ap);
}

void strbuf_set(struct strbuf *b, const char *s)
{
    strbuf_set_slice(b, slice_of(s));
}

void strbuf_set_slice(struct strbuf *b, struct slice a)
{
    strbuf_reset(b);
    strbuf_add_slice(b, a);
}

void strbuf_setf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_reset(b);
    strbuf_vaddf(b, fmt, ap);
    va_end(ap);
}

void strbuf_remove_front(struct strbuf *b, size_t len)
{
    if (len >= b->len) {
        strbuf_truncate(b, 0);
        return;
    }
    memmove(b->s, b->s + len, b->len - len);
    strbuf_truncate(b, b->len - len);
}

void strbuf_insert(struct strbuf *b, size_t at, struct slice a)
{
    if (at > b->len || !strbuf_room(b, a.len))
        return;
    memmove(b->s + at + a.len, b->s + at, b->len - at);
    memcpy(b->s + at, a.s, a.len);
    strbuf_grew(b, a.len);
}

void strbuf_lower(struct strbuf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if (b->s[i] >= 'A' && b->s[i] <= 'Z')
            b->s[i] = (char)(b->s[i] - 'A' + 'a');
}
