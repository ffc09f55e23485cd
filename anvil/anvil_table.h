/*
 * anvil_table: what each client does: connections open, and events per unit of time.
 *
 * A client is a service and an address. Rates start anew when a unit of time has passed; a client
 * without connections is forgotten then. The highest values seen are kept until they are logged.
 */
#ifndef ANVIL_ANVIL_TABLE_H
#define ANVIL_ANVIL_TABLE_H

#include "mail/anvil_msg.h"

#include <time.h>

enum anvil_rate {
    ANVIL_RATE_CONNECT,
    ANVIL_RATE_MAIL,
    ANVIL_RATE_RCPT,
    ANVIL_RATE_NEWTLS,
    ANVIL_RATE_AUTH,
    ANVIL_RATE_COUNT
};

struct anvil_table;
struct anvil_peer; /* a server process; its connections are released with it */

struct anvil_table *anvil_table_new(int64_t rate_unit_s);
void anvil_table_free(struct anvil_table *table);

struct anvil_peer *anvil_peer_new(struct anvil_table *table);
void anvil_peer_free(struct anvil_peer *peer);

/* Take note of an event. False: KIND is none. */
bool anvil_table_event(struct anvil_table *table, struct anvil_peer *peer, uint16_t kind,
                       const char *service, const char *address, struct anvil_counts *ret);
/* Forget clients without connections whose unit of time is over. */
void anvil_table_expire(struct anvil_table *table);
size_t anvil_table_size(const struct anvil_table *table);

/* Call FN with each line of the peak values, then begin anew. */
void anvil_table_report(struct anvil_table *table, void (*fn)(const char *line));

#endif
