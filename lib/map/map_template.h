/* map_template: results with $1, ${2}, $(3) and $$, as regexp and pcre tables have them. */
#ifndef MAP_MAP_TEMPLATE_H
#define MAP_MAP_TEMPLATE_H

#include "base/strbuf.h"

enum { MAP_TEMPLATE_GROUPS = 100 }; /* $1 ... $99 */

struct map_template_problem {
    char syntax[300]; /* what is wrong with the macro syntax, or "" */
    char number[300]; /* what is wrong with an index, or "" */
};

/* Check TEMPLATE and tell the highest number used (0: none); false with the problem. */
bool map_template_check(struct slice template, size_t *ret_max, struct map_template_problem *ret);
/* Append the result; GROUPS[n] is what $n stands for. TEMPLATE was checked, and N <= its maximum.
 */
void map_template_expand(struct slice template, const struct slice *groups, struct strbuf *out);

#endif
