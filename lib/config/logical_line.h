/*
 * logical_line: the lines of main.cf and master.cf.
 *
 * A line that starts with white space continues the one before it. Empty lines and comments (first
 * non-blank character "#") are left out, also between a line and its continuation.
 */
#ifndef CONFIG_LOGICAL_LINE_H
#define CONFIG_LOGICAL_LINE_H

#include "base/err.h"
#include "base/strbuf.h"

struct logical_line {
    struct slice left;  /* what is still to be read */
    int next_number;    /* number of the first line of LEFT */
    int first, last;    /* the lines TEXT came from, counted from 1 */
    struct strbuf text; /* the joined line, line ends removed */
};

void logical_line_init(struct logical_line *line, struct slice text);
void logical_line_done(struct logical_line *line);
bool logical_line_next(struct logical_line *line); /* false at the end */

/* The content of PATH as text: no NUL, no control bytes but white space, at most
 * LOGICAL_LINE_FILE_MAX bytes. Errors are of kind ERR_CONFIG. */
bool logical_line_read_file(const char *path, struct strbuf *out, struct err *err);
/* True, or an error that names FILE and the line of the first byte that does not belong. */
bool logical_line_check(struct slice text, const char *file, struct err *err);
enum { LOGICAL_LINE_FILE_MAX = 16 << 20 };

#endif
