/* postmap_query: look up, delete and list entries. Failures end the program. */
#ifndef POSTMAP_QUERY_H
#define POSTMAP_QUERY_H

#include "tools/postmap/postmap_options.h"

/* Each returns whether anything was found; TABLES are COUNT "type:name" texts. */
bool postmap_query(char *const *tables, size_t count, const struct postmap_options *options);
bool postmap_query_stdin(char *const *tables, size_t count, const struct postmap_options *options);
bool postmap_delete(char *const *tables, size_t count, const struct postmap_options *options);
bool postmap_dump(char *const *tables, size_t count, const struct postmap_options *options);

#endif
