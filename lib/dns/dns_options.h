/*
 * dns_options: what resolv.conf(5) says of time limits: "options timeout:n attempts:n". c-ares
 * would read them as well, were its own limits not set.
 */
#ifndef DNS_DNS_OPTIONS_H
#define DNS_DNS_OPTIONS_H

#include "base/slice.h"

struct dns_options {
    int timeout_ms; /* for an answer of one server */
    int tries;      /* of each server */
};

/* The options of a file's TEXT; the last one counts, and glibc's upper bounds (30 seconds, 5
 * tries). What is not there, or no number from 1 on, stays as it is. */
void dns_options_parse(struct slice text, struct dns_options *options);
/* The same of words alone, as the variable RES_OPTIONS has them. */
void dns_options_parse_words(struct slice words, struct dns_options *options);
/* Of this host: /etc/resolv.conf, then RES_OPTIONS. */
void dns_options_load(struct dns_options *options);

#endif
