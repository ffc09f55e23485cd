/*
 * map_outage: what is known of a server that does not answer: until when it is left alone, and
 * whether the administrator has been told. One for each server of a table.
 */
#ifndef MAP_MAP_OUTAGE_H
#define MAP_MAP_OUTAGE_H

#include "map/map.h"

struct map_outage {
    int64_t until_ms; /* monotonic; 0: the server is not known to be out */
    unsigned failures;
    char reason[512];
};

/* True, with the reason in ERR (as a repeated one), while the server is to be left alone. */
bool map_outage_holds(const struct map_outage *outage, struct err *err);
/* The server failed with WHY. It is left alone for INTERVAL_MS; 0: one second at first, twice as
 * long after each failure in a row, up to half a minute. WHY is marked as repeated after the first
 * failure of an outage. */
void map_outage_begin(struct map_outage *outage, int64_t interval_ms, struct err *why);
void map_outage_end(struct map_outage *outage); /* it answers */

#endif
