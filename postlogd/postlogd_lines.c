#include "postlogd/postlogd_lines.h"

#include "base/text.h"

void postlogd_lines_add(struct strbuf *out, struct slice datagram)
{
    struct slice line, after;
    while (datagram.len > 0) {
        if (slice_split(datagram, '\n', &line, &after)) {
            datagram = after;
        } else {
            line = datagram;
            datagram = SLICE_EMPTY;
        }
        if (line.len == 0)
            continue;
        text_add_printable(out, line);
        strbuf_add_char(out, '\n');
    }
}
