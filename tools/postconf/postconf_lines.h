/*
 * postconf_lines: change some entries of main.cf or master.cf and leave everything else as it is.
 */
#ifndef POSTCONF_POSTCONF_LINES_H
#define POSTCONF_POSTCONF_LINES_H

#include "base/err.h"
#include "base/strbuf.h"

enum line_action { LINE_KEEP, LINE_REPLACE, LINE_DELETE, LINE_COMMENT };

/* Say what becomes of the entry LOGICAL; for LINE_REPLACE fill REPLACEMENT (no line end). */
typedef enum line_action (*line_decide)(void *ctx, struct slice logical,
                                        struct strbuf *replacement);

/* TEXT with the decisions carried out, appended to OUT. Comments and empty lines stay, also those
 * inside an entry. OUT ends with a line end. */
void postconf_lines_edit(struct slice text, line_decide decide, void *ctx, struct strbuf *out);

/* Put CONTENT in the place of the file PATH at once: written beside it, synced, renamed. Owner and
 * mode stay. */
bool postconf_lines_replace_file(const char *path, struct slice content, struct err *err);

#endif
