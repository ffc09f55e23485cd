/* smtp_dnssec: does the name server validate what it says? dnssec_probe. */
#ifndef SMTP_SMTP_DNSSEC_H
#define SMTP_SMTP_DNSSEC_H

#include "dns/dns.h"

/* Before the jail: read the parameter. */
void smtp_dnssec_open(void);
/* An answer has come. The first one that is not validated, in a process that has not seen another,
 * makes it ask for what always is; when that is not validated either, a warning says so. */
void smtp_dnssec_saw(const struct dns_answer *answer);

#endif
