/* smtp_nexthop: the destinations of smtp(8) and lmtp(8) as an administrator writes them. */
#ifndef SMTP_SMTP_NEXTHOP_H
#define SMTP_SMTP_NEXTHOP_H

#include "base/arena.h"
#include "base/err.h"

enum smtp_nexthop_kind {
    SMTP_NEXTHOP_DOMAIN, /* look up its mail exchangers */
    SMTP_NEXTHOP_HOST,   /* name or address of one host */
    SMTP_NEXTHOP_UNIX,   /* path of a socket */
};

struct smtp_nexthop {
    enum smtp_nexthop_kind kind;
    const char *text; /* as written */
    const char *host; /* domain, name, address without brackets, or path */
    int port;
    const char *service; /* its SRV records are looked up first, they have the ports; or NULL */
    bool is_fallback;
};

/* DEFAULT_PORT applies when TEXT has none; PORT_OF turns a port's text into its number (0:
 * unknown). Everything lives in ARENA. */
struct smtp_nexthop_options {
    bool is_lmtp, use_mx;
    int default_port;
    int (*port_of)(const char *text);
    /* What DEFAULT_PORT was made from, and is there to be a look-up for SERVICE? NULL: for none. */
    const char *default_service;
    bool (*has_srv)(const char *service);
};
bool smtp_nexthop_parse(struct slice text, const struct smtp_nexthop_options *options,
                        struct arena *arena, struct smtp_nexthop *ret, struct err *err);

#endif
