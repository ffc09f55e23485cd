/* map_files: values that name files, for tables with MAP_FILES and for postmap -F. */
#ifndef MAP_MAP_FILES_H
#define MAP_MAP_FILES_H

#include "base/err.h"
#include "base/strbuf.h"

/* LIST names files, between white space or commas: append their content in base64, a newline
 * between two. */
bool map_files_encode(struct slice list, struct strbuf *ret, struct err *err);

#endif
