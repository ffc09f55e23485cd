/* postcat_show: one queue file as text. */
#ifndef POSTCAT_POSTCAT_SHOW_H
#define POSTCAT_POSTCAT_SHOW_H

#include "base/err.h"

#include <sys/types.h>

struct postcat_options {
    bool envelope, header, body; /* which parts */
    bool offsets, type_numbers, file_name, raw_order;
    int verbose;
    off_t from_offset;
};

/* NAME is printed in the marks between the parts. False: ERR says what is wrong with the file; what
 * could be read was printed. */
bool postcat_show(const struct postcat_options *o, int fd, const char *name, struct err *err);

#endif
