/*
 * map_fold: keys without regard to case, as Postfix folds them with ICU, so that tables built by
 * either can be asked by the other. The one place that knows ICU (docs/decisions/0021).
 */
#ifndef MAP_MAP_FOLD_H
#define MAP_MAP_FOLD_H

#include "base/strbuf.h"

/* Append IN, folded. With UTF8, letters beyond ASCII, too (full folding: the German sharp s becomes
 * ss); then IN must be UTF-8, else only its ASCII letters change. */
void map_fold(struct strbuf *out, struct slice in, bool utf8);

#endif
