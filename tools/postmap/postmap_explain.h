/* postmap_explain: which keys a program asks for, in which tables, and which of them answers. */
#ifndef POSTMAP_EXPLAIN_H
#define POSTMAP_EXPLAIN_H

#include "tools/postmap/postmap_options.h"

/* options->explain as it would be searched for options->use (NULL: the key alone). A line a step:
 * "table<TAB>key<TAB>outcome". Returns whether it was found; failures end the program. */
bool postmap_explain(char *const *tables, size_t count, const struct postmap_options *options);

#endif
