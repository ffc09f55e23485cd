/* expand_rel: the comparisons of ${{left} op {right}?...}. */
#ifndef CONFIG_EXPAND_REL_H
#define CONFIG_EXPAND_REL_H

#include "base/err.h"
#include "base/slice.h"

enum expand_op { EXPAND_EQ, EXPAND_NE, EXPAND_LT, EXPAND_LE, EXPAND_GE, EXPAND_GT };

/* Take an operator off the front of *IN. */
bool expand_rel_take_op(struct slice *in, enum expand_op *ret_op);

/* Numbers by value when both sides are digits only, else text by bytes. */
bool expand_rel_values(struct slice left, enum expand_op op, struct slice right, bool *ret_true,
                       struct err *err);
/* Compatibility levels: major, major.minor or major.minor.patch. */
bool expand_rel_levels(struct slice left, enum expand_op op, struct slice right, bool *ret_true,
                       struct err *err);

#endif
