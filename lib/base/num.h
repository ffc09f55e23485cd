/* num: numbers from text, strictly: the whole text, in range, or not at all. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/slice.h"

bool num_parse_i64(struct slice text, int64_t *ret_value); /* decimal, optional sign */
bool num_parse_u64(struct slice text, unsigned base, uint64_t *ret_value); /* digits only */
/* A decimal number with an optional unit s m h d w; UNIT applies without one. Result in seconds. */
bool num_parse_seconds(struct slice text, char unit, int64_t *ret_seconds);

#endif
