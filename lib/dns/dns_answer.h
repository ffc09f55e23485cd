/*
 * dns_answer: what a name server said, taken apart.
 *
 * The bytes come from the network: c-ares reads the packet, and names that are no host names are
 * left out here, so that nothing odd reaches a log line or another look-up.
 */
#ifndef DNS_DNS_ANSWER_H
#define DNS_DNS_ANSWER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <sys/socket.h>

struct ares_addrinfo;

enum dns_type {
    DNS_HOST = 0, /* not a record: the addresses of a host, from the hosts file or A and AAAA */
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_TLSA = 52,
};
enum { DNS_RECORDS_MAX = 100, DNS_NAME_MAX = 255 };

enum dns_status {
    DNS_FOUND,
    DNS_NOT_FOUND, /* no such name */
    DNS_NO_DATA,   /* the name is there, a record of this type is not */
    DNS_INVALID,   /* records came, none of them usable */
    DNS_FAILED,    /* no answer, or one that says "try again" */
    /* dns_filter.h; both temporary errors */
    DNS_DROPPED,    /* of the records that came none is wanted */
    DNS_BAD_FILTER, /* nobody can say which ones are */
};

struct dns_record {
    const char *text; /* CNAME, MX, NS, PTR, SRV: a host name; "" is the root (null MX, or a service
                         that is not there). TXT: the strings joined. A, AAAA, DNS_HOST: the
                         address as text */
    const char *owner;     /* the record's own name, without the last dot; DNS_HOST: as asked */
    uint32_t ttl;          /* seconds */
    unsigned preference;   /* MX; SRV: priority */
    unsigned weight, port; /* SRV */
    struct slice data;     /* TLSA: usage, selector, matching type, then what is to match */
    struct sockaddr_storage address; /* A, AAAA: port 0 */
    socklen_t address_len;
};

struct dns_answer {
    enum dns_type type;
    const char *name; /* as asked */
    enum dns_status status;
    bool is_secure; /* the name server says that it has validated it; see dns_ask_secure() */
    struct dns_record *records;
    size_t count;
    int64_t ttl;          /* seconds the answer holds, negative ones by their SOA; -1: not known */
    const char *warnings; /* what was odd, one text a line, for programs to log; "" */
    const char *notes;    /* what was left out on purpose, in the same form */
};

const char *dns_type_name(enum dns_type type);

/* Take the reply PACKET to a question for NAME apart. Everything lives in ARENA. ERR as in
 * dns_query_start(). */
void dns_answer_parse(struct slice packet, const char *name, enum dns_type type,
                      struct arena *arena, struct dns_answer *ret, struct err *err);
/* A copy of ANSWER that lives in ARENA. */
struct dns_answer *dns_answer_copy(const struct dns_answer *answer, struct arena *arena);
/* The addresses LIST of the host NAME. */
void dns_answer_hosts(const struct ares_addrinfo *list, const char *name, struct arena *arena,
                      struct dns_answer *ret, struct err *err);
/* An answer without records. */
void dns_answer_fail(const char *name, enum dns_type type, enum dns_status status,
                     struct dns_answer *ret, struct err *err);

/* Why there are no records, as getaddrinfo() (DNS_HOST) or res_search() would say it. */
const char *dns_answer_why(const struct dns_answer *answer);

/* Letters, digits, hyphens (not at either end of a label) and underscores, labels of 1 to 63
 * bytes, not an address. */
bool dns_is_hostname(struct slice name);

#endif
