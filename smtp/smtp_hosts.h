/*
 * smtp_hosts: from a destination to the addresses to connect to, in the order to try them.
 *
 * DNS questions run side by side in the loop; the system's resolver, where it is asked for, in the
 * worker threads.
 */
#ifndef SMTP_SMTP_HOSTS_H
#define SMTP_SMTP_HOSTS_H

#include "smtp/smtp_client.h"
#include "smtp/smtp_nexthop.h"

struct smtp_host {
    const char *name;         /* in log lines and policies */
    const char *asked;        /* as the MX record or the destination has it */
    const char *target;       /* what that is an alias of; ASKED when it is none */
    bool is_mx_secure;        /* ASKED is validated, or was configured */
    bool is_secure;           /* so are the alias and the address */
    const char *address_text; /* numeric, or the path of a Unix socket */
    const char *path;         /* NULL: not a Unix socket */
    int port;
    unsigned preference, rank; /* rank: among those of the same preference, by weight */
    bool is_best;              /* of the best preference */
    struct sockaddr_storage address;
    socklen_t address_len;
};

struct smtp_host_list {
    struct smtp_host *at;
    size_t count;
    bool we_are_mx;   /* we are one of the mail exchangers: fallback relays would make a loop */
    bool we_are_best; /* none is better than we: the mail would come back */
};

struct smtp_hosts; /* a look-up in progress */

/* LIST NULL: there is none, DSN and ERR say why. LIST and its texts live in the arena given. Called
 * once, never from inside smtp_hosts_find(). */
typedef void (*smtp_hosts_fn)(void *owner, const struct smtp_host_list *list, const char *dsn,
                              const struct err *err);
struct smtp_hosts *smtp_hosts_find(const struct smtp_nexthop *nexthop, struct arena *arena,
                                   smtp_hosts_fn fn, void *owner);
void smtp_hosts_cancel(struct smtp_hosts *lookup); /* NULL is fine */

/* For tests: order the list (stable after the shuffle), keep LIMIT addresses of it (0: all). */
void smtp_hosts_sort(struct smtp_host_list *list, int family_first, bool shuffle);
void smtp_hosts_limit(struct smtp_host_list *list, size_t limit, bool balance);
/* Drop our own address at PORT and all that are not better. False: nothing is left (mail loops). */
bool smtp_hosts_drop_self(struct smtp_host_list *list, const struct argv *own_addresses, int port);

#endif
