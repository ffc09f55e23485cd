/*
 * map_text: the text files tables are made from, read as logical lines.
 *
 * A logical line begins in the first column; lines that begin with white space continue it. Empty
 * lines and comments are left out wherever they are. The formats of postmap(1) and aliases(5) are
 * two parsers of such a line.
 */
#ifndef MAP_MAP_TEXT_H
#define MAP_MAP_TEXT_H

#include "base/err.h"
#include "base/strbuf.h"

struct map_text {
    struct slice rest; /* what was not read yet */
    int line;          /* number of the last physical line read */
    int first_line;    /* where the logical line began */
    struct strbuf text;
};

void map_text_init(struct map_text *in, struct slice text);
void map_text_done(struct map_text *in);
/* The next logical line, trimmed on the right, valid until the next call; false at the end. */
bool map_text_next(struct map_text *in, struct slice *ret_line);

enum { MAP_TEXT_FILE_MAX = 1 << 30 };
/* Read the whole of FD (named NAME in errors); RET_TEXT is appended to. NUL bytes are an error. */
bool map_text_read_fd(int fd, const char *name, struct strbuf *ret_text, struct err *err);
bool map_text_read_file(const char *path, struct strbuf *ret_text, struct err *err);

/* One entry out of a logical line; the reader of one format. SOURCE names the file. False: no
 * entry; then RET_PROBLEM has what to tell, "SOURCE, line N: ..." . It may be set with an entry,
 * too. */
struct map_text_entry {
    struct strbuf key, value, problem;
};
void map_text_entry_init(struct map_text_entry *entry);
void map_text_entry_done(struct map_text_entry *entry);

enum map_text_format { MAP_TEXT_POSTMAP, MAP_TEXT_ALIASES };
struct map_text_options {
    enum map_text_format format;
    const char *source; /* the name in messages */
    bool utf8;          /* refuse lines that are not UTF-8 */
    bool says_ignored; /* add "-- ignoring this line" to a missing value's message, as texthash does
                        */
};
/* The next entry of IN; false at the end. Without an entry on a line, the key is empty and the
 * problem tells why; a problem may also come with an entry. */
bool map_text_next_entry(struct map_text *in, const struct map_text_options *options,
                         struct map_text_entry *entry);

/* aliases(5) "name: value": NULL, or what is wrong with the line. map_alias.c. */
const char *map_alias_parse(struct slice line, struct strbuf *ret_name, struct strbuf *ret_value);

#endif
