/* postmap_check: is a table's text in order? Nothing is written. */
#ifndef POSTMAP_CHECK_H
#define POSTMAP_CHECK_H

#include "tools/postmap/postmap_options.h"

/* TABLE is type:name: the source of a table that is built, or a table that is read as text. What is
 * wrong is logged as warnings. True: nothing is. */
bool postmap_check(const char *table, const struct postmap_options *options);

#endif
