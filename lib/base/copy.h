/*
 * copy: short pieces, of which a message has thousands. A call of memchr() or memcpy() costs as
 * much as its work does there; these go in steps of COPY_STEP bytes, and take a few bytes more than
 * asked for rather than look at each.
 */
#ifndef BASE_COPY_H
#define BASE_COPY_H

#include "base/base.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { COPY_STEP = 16 };

/* LEN bytes. Up to COPY_STEP - 1 bytes behind them are read, and written at TO, as well. */
static inline void copy_short(char *to, const char *from, size_t len)
{
    for (size_t at = 0; at < len; at += COPY_STEP)
        memcpy(to + at, from + at, COPY_STEP);
}

/* One step, and which of its bytes are C: the lowest bit is for the first. */
static inline unsigned copy_step(char *to, const char *from, char c)
{
#ifdef __SSE2__
    __m128i step = _mm_loadu_si128((const __m128i *)from);
    _mm_storeu_si128((__m128i *)to, step);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(step, _mm_set1_epi8(c)));
#else
    const char *found = memchr(from, c, COPY_STEP);
    memcpy(to, from, COPY_STEP);
    return found ? 1U << (found - from) : 0;
#endif
}

/* Copy up to the first C and perhaps COPY_STEP - 1 bytes behind it. Gives where C is; SIZE_MAX when
 * it is not in the whole steps of MAX bytes, all of which were copied then. */
static inline size_t copy_until(char *to, const char *from, size_t max, char c)
{
    for (size_t at = 0; max - at >= COPY_STEP; at += COPY_STEP) {
        unsigned found = copy_step(to + at, from + at, c);
        if (found)
            return at + (size_t)__builtin_ctz(found);
    }
    return SIZE_MAX;
}

#endif
