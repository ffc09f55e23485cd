/* postmap_build: make a table from its source file, or add entries from standard input to it. */
#ifndef POSTMAP_BUILD_H
#define POSTMAP_BUILD_H

#include "tools/postmap/postmap_options.h"

/* TABLE is "type:name". Odd lines are logged as warnings. */
bool postmap_build(const char *table, const struct postmap_options *options, struct err *err);
/* Log and forget what MAP had to say. */
void postmap_log_warnings(struct map *map);
/* Take on the rights of the owner of the file that TABLE is made from, if there is one. */
bool postmap_take_rights(const char *table, const struct postmap_options *options, struct err *err);

#endif
