/* finger_dns: one question to the name servers after the other. */
#ifndef FINGER_DNS_H
#define FINGER_DNS_H

#include "base/arena.h"
#include "dns/dns.h"

struct finger_dns {
    struct loop *loop;
    struct dns *dns;
    struct arena *arena; /* of the answers */
    const struct dns_answer *answer;
    struct err err;
};

/* IS_SECURE: ask for validated answers. */
bool finger_dns_open(struct finger_dns *ret, struct loop *loop, struct arena *arena, bool is_secure,
                     struct err *err);
void finger_dns_close(struct finger_dns *q);
/* Waits in the loop; q->err says what is wrong with an answer that has not been found. */
const struct dns_answer *finger_dns_ask(struct finger_dns *q, const char *name, enum dns_type type);

#endif
