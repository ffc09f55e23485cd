/*
 * postconf_lines: change some entries of main.cf or master.cf and leave everything else as it is.
 */
#ifndef POSTCONF_POSTCONF_LINES_H
#define POSTCONF_POSTCONF_LINES_H

#include "base/strbuf.h"

/* LINE_MOVE: as LINE_REPLACE, but behind the comments and empty lines inside and after the entry.
 */
enum line_action { LINE_KEEP, LINE_REPLACE, LINE_MOVE, LINE_DELETE, LINE_COMMENT };

/* Say what becomes of the entry LOGICAL, which begins in line NUMBER; for LINE_REPLACE and
 * LINE_MOVE fill REPLACEMENT (no line end). */
typedef enum line_action (*line_decide)(void *ctx, struct slice logical, int number,
                                        struct strbuf *replacement);

/* TEXT with the decisions carried out, appended to OUT. Comments and empty lines stay, also those
 * inside an entry. */
void postconf_lines_edit(struct slice text, line_decide decide, void *ctx, struct strbuf *out);
/* One more line at the end of TEXT. */
void postconf_lines_append(struct strbuf *text, const char *line);

#endif
