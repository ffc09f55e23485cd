/*
 * qmqpd_read: takes the one request of a QMQP session apart (https://cr.yp.to/proto/qmqp.html): a
 * netstring of netstrings, content, sender and recipients.
 *
 * Bytes may come in any pieces. Lengths are checked against the whole and against limits before
 * anything is kept.
 */
#ifndef QMQPD_QMQPD_READ_H
#define QMQPD_QMQPD_READ_H

#include "base/slice.h"

enum qmqpd_part { QMQPD_HEADER, QMQPD_CONTENT, QMQPD_SENDER, QMQPD_RECIPIENT };

struct qmqpd_reader {
    size_t content_max, address_max; /* bytes; content 0: no limit */
    enum qmqpd_part part;            /* that is awaited */
    uint64_t outer;                  /* bytes left of the whole */
    uint64_t length;                 /* the number that is read, or the bytes left of the part */
    unsigned digits;
    bool is_in_data;
    enum qmqpd_part given; /* the part that DATA of QMQPD_DATA belongs to */
};

enum qmqpd_status {
    QMQPD_MORE,     /* what came is used up, or a whole address has not come yet */
    QMQPD_DATA,     /* a piece of the content, or a whole address */
    QMQPD_DONE,     /* the request is complete */
    QMQPD_TOO_LONG, /* a length is beyond its limit */
    QMQPD_BAD,      /* no netstring */
};

/* Take what can be used off the front of IN. IN must be able to hold an address. */
enum qmqpd_status qmqpd_read(struct qmqpd_reader *r, struct slice *in, struct slice *ret_data);
const char *qmqpd_part_name(enum qmqpd_part part);

#endif
