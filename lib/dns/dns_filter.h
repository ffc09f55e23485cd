/*
 * dns_filter: records that the administrator does not want to be seen (smtp_dns_reply_filter and
 * its like; postconf(5)).
 */
#ifndef DNS_DNS_FILTER_H
#define DNS_DNS_FILTER_H

#include "dns/dns_answer.h"
#include "map/maps.h"

/* "name. ttl IN MX 10 host.": what the tables are asked for. */
void dns_filter_format(const struct dns_answer *answer, const struct dns_record *record,
                       struct strbuf *out);

/* Take out of ANSWER what FILTER says (IGNORE); an answer that names no records and a null MX are
 * left as they are. Its status is DNS_DROPPED when nothing is left, and DNS_BAD_FILTER (a temporary
 * error) when the table cannot be asked or says something else; ERR is then filled. Texts to be
 * logged are added to ANSWER's warnings and notes, in ARENA. */
void dns_filter_apply(struct maps *filter, struct dns_answer *answer, struct arena *arena,
                      struct err *err);

#endif
