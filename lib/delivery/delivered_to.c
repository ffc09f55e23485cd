#include "delivery/delivered_to.h"

#include "mail/address.h"
#include "mail/header.h"
#include "mail/queue_file.h"

#include <strings.h>

struct header_scan {
    struct argv *found;
    bool in_line; /* the last piece did not end its line */
};

/* A name too long for the first piece of its line is not the one looked for. */
static bool look(void *ctx, struct slice piece, bool ends_line)
{
    struct header_scan *scan = ctx;
    struct slice name, value;
    bool is_start = !scan->in_line;
    scan->in_line = !ends_line;
    if (!is_start)
        return true;
    if (piece.len == 0)
        return false; /* the end of the header */
    if (piece.s[0] == ' ' || piece.s[0] == '\t')
        return true;
    if (!header_parse(piece, &name, &value))
        return false;
    if (header_find(name)->id == HEADER_DELIVERED_TO) {
        CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY;
        address_to_internal(slice_trim(value), &address);
        argv_add(scan->found, address.s);
    }
    return true;
}

bool delivered_to_collect(int fd, off_t data_offset, struct argv *found, struct err *err)
{
    struct header_scan scan = {.found = found};
    return queue_file_each_line(fd, data_offset, look, &scan, err);
}

bool delivered_to_has(const struct argv *found, const char *address)
{
    for (size_t i = 0; i < found->count; i++)
        if (strcasecmp(found->at[i], address) == 0)
            return true;
    return false;
}
