/* smtp_tls_site: smtp_tls_per_site, the form of the TLS policy table before Postfix 2.3. */
#ifndef SMTP_SMTP_TLS_SITE_H
#define SMTP_SMTP_TLS_SITE_H

#include "smtp/smtp_tls_policy.h"

void smtp_tls_site_open(void); /* before the jail */
bool smtp_tls_site_is_used(void);
bool smtp_tls_site_has_changed(void);

/* The level for HOST of NEXTHOP; GLOBAL is that of main.cf. WARNINGS gets lines to be logged. */
enum smtp_tls_site_found { SMTP_TLS_SITE_FOUND, SMTP_TLS_SITE_WRONG, SMTP_TLS_SITE_FAILED };
enum smtp_tls_site_found smtp_tls_site_find(const struct smtp_nexthop *nexthop, const char *host,
                                            enum smtp_tls_level global, enum smtp_tls_level *ret,
                                            struct strbuf *warnings);

#endif
