/* finger_hosts: the server that is named on the command line, and its addresses. */
#ifndef FINGER_HOSTS_H
#define FINGER_HOSTS_H

#include "base/arena.h"
#include "base/err.h"
#include "tools/posttls-finger/finger_dns.h"
#include "tools/posttls-finger/finger_options.h"

struct tls_dane;

struct finger_host {
    const char *name;    /* of the host */
    const char *address; /* numeric, or the path of a Unix socket */
    unsigned preference; /* of its MX record, or its place among those of a service; 0: none */
    int port;            /* 0: a Unix socket */
    int family;
    unsigned draw; /* decides between those of the same preference */
    /* For TLSA records: the name that was asked for, and the one that has the address, both NULL
     * for an address that no name server has told. */
    const char *asked, *target;
    bool is_secure; /* the way from one to the other is validated */
    /* of finger_dane_find(): what the server has to be, FINGER_DANE_ONLY never. IS_WEAK: DANE it
     * has, but somebody may have forged who it is. */
    enum finger_level level;
    const struct tls_dane *dane;
    bool is_weak;
};

struct finger_hosts {
    const char *domain;  /* as on the command line; of a Unix socket: our own name */
    const char *service; /* has SRV records; NULL: is not asked for */
    int port;
    bool is_exchanged; /* DOMAIN has MX records, or may have */
    bool is_mx_secure; /* nobody can have forged them, nor those of SRV */
    struct finger_host *at;
    size_t count;
};

/* "[inet:]domain[:port]" or "unix:path"; fatal when it is neither. */
void finger_hosts_parse(const struct finger_options *options, const char *our_name,
                        struct arena *arena, struct finger_hosts *ret);
/* Find the addresses, in the order to try them. */
bool finger_hosts_find(const struct finger_options *options, struct finger_dns *dns,
                       struct finger_hosts *hosts, struct err *err);

#endif
