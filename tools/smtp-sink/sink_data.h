/*
 * sink_data: finds the end of a message in a stream of bytes that arrives in pieces.
 *
 * A line ends with CR LF or LF; the first dot of a line is taken away; a dot alone ends the data.
 */
#ifndef SINK_DATA_H
#define SINK_DATA_H

#include "base/strbuf.h"

struct sink_data {
    enum { SINK_LINE_START, SINK_DOT_SEEN, SINK_DOT_CR, SINK_IN_LINE, SINK_CR } state;
};

/*
 * Take bytes off the front of *IN, up to and with the end of the data; true when that was found.
 * The message's text, lines ended by LF, is appended to TEXT unless that is NULL.
 */
bool sink_data_feed(struct sink_data *data, struct slice *in, struct strbuf *text);

#endif
