/* finger_hosts: the server that is named on the command line, and its addresses. */
#ifndef FINGER_HOSTS_H
#define FINGER_HOSTS_H

#include "base/arena.h"
#include "base/err.h"
#include "io/loop.h"
#include "tools/posttls-finger/finger_options.h"

struct finger_host {
    const char *name;    /* of the host */
    const char *address; /* numeric, or the path of a Unix socket */
    unsigned preference; /* of its MX record; 0: it has none */
    int family;
    unsigned draw; /* decides between those of the same preference */
};

struct finger_hosts {
    const char *domain; /* as on the command line; of a Unix socket: our own name */
    int port;
    bool is_exchanged; /* DOMAIN has MX records, or may have */
    struct finger_host *at;
    size_t count;
};

/* "[inet:]domain[:port]" or "unix:path"; fatal when it is neither. */
void finger_hosts_parse(const struct finger_options *options, const char *our_name,
                        struct arena *arena, struct finger_hosts *ret);
/* Find the addresses, in the order to try them. Waits in LOOP. */
bool finger_hosts_find(const struct finger_options *options, struct loop *loop, struct arena *arena,
                       struct finger_hosts *hosts, struct err *err);

#endif
