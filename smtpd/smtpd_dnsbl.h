/* smtpd_dnsbl: the filters behind the names of DNS lists: "127.0.[0..3].[2;4..9]". */
#ifndef SMTPD_SMTPD_DNSBL_H
#define SMTPD_SMTPD_DNSBL_H

#include <stdbool.h>

/* Does FILTER match ADDRESS (network order)? False: FILTER is malformed. */
bool smtpd_dnsbl_match(const char *filter, const unsigned char address[4], bool *ret_match);

#endif
