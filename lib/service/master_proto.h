/*
 * master_proto: what master(8) and the service processes it starts say to each other.
 * docs/protocol/master.md describes it; only the numbers and shapes are here.
 */
#ifndef SERVICE_MASTER_PROTO_H
#define SERVICE_MASTER_PROTO_H

#include "base/base.h"

/* Descriptors a service finds open when it starts. */
enum {
    MASTER_FD_STATUS = 3,   /* SOCK_SEQPACKET: the packets below, both ways */
    MASTER_FD_RESERVED = 4, /* open on /dev/null, so that nothing else lands there */
    MASTER_FD_LISTEN = 5,   /* and following, as many as -s says; non-blocking, shared */
};

/* Service to master. */
enum {
    MASTER_STATUS_ROOM = 'R',  /* ready, takes new clients; the first one ends the start-up */
    MASTER_STATUS_FULL = 'F',  /* takes no more until the next 'R' */
    MASTER_STATUS_GOING = 'G', /* will never take another one */
    MASTER_STATUS_HEIR = 'H',  /* leaves work behind: start the next one as soon as this one ends */
};
/* Master to service. End of file: master is gone; finish and exit. */
enum {
    MASTER_ORDER_RETIRE = 'Q', /* take no more clients, finish what is open, exit */
};

/* One packet, either way. CLIENTS is what the service has open now, for the log; 0 in an order. */
struct master_packet {
    char what;
    char zero[3];
    int32_t clients;
};

/* The letter that means "look for work", sent over the service's own socket. */
enum { MASTER_WAKEUP = 'W' };

/* Command line: the options below, then the arguments of the master.cf entry as they are. An option
 * list ends at the first word that is no option ("+" in getopt), as pipe(8) needs. */
#define MASTER_OPT_NAME         'n' /* name of the master.cf entry, as written */
#define MASTER_OPT_TYPE         't' /* inet, unix, unix-dgram, fifo, pass */
#define MASTER_OPT_SOCKETS      's' /* number of listening descriptors */
#define MASTER_OPT_LIMIT        'm' /* process limit of the service, 0: none; 1: alone */
#define MASTER_OPT_LEFT         'l' /* clients that the limit leaves for this process; 0: any number */
#define MASTER_OPT_UNPRIVILEGED 'u' /* become mail_owner */
#define MASTER_OPT_CHROOT       'c' /* enter queue_directory as root directory */
#define MASTER_OPT_VERBOSE      'v'
#define MASTER_OPT_DEBUG        'D' /* start debugger_command */
#define MASTER_OPT_PARAMETER    'o' /* name=value */
#define MASTER_OPTIONS          "+n:t:s:m:l:ucvDo:"

#endif
