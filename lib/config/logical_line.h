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

/* The first byte of LINE that is a control byte other than white space, or -1. Editors do not write
 * them; comments may hold any. */
int logical_line_control(const struct logical_line *line);

/* The content of PATH: at most LOGICAL_LINE_FILE_MAX bytes, no NUL. A file that was changed a
 * moment ago, or changes while it is read, may be half written: it is read again until it is at
 * rest, which takes at most a second. Errors are of kind ERR_CONFIG. */
bool logical_line_read_file(const char *path, struct strbuf *out, struct err *err);
/* True, or an error that names FILE and the line of the first control byte. */
bool logical_line_check(struct slice text, const char *file, struct err *err);
enum { LOGICAL_LINE_FILE_MAX = 16 << 20 };

/* Some editors begin a file with it; logical_line_init() passes over it. */
#define LOGICAL_LINE_BYTE_ORDER_MARK "\xef\xbb\xbf"

#endif
