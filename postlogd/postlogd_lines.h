/* postlogd_lines: log records as they arrive, made into lines of the file. */
#ifndef POSTLOGD_POSTLOGD_LINES_H
#define POSTLOGD_POSTLOGD_LINES_H

#include "base/strbuf.h"

/* Append a datagram, which holds one line without LF or whole lines with it. Control bytes become
 * '?', so that nobody can forge a line inside another. */
void postlogd_lines_add(struct strbuf *out, struct slice datagram);

#endif
