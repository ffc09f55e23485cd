/* smtpd_restrict_tls: what the client's certificate is good for. */
#ifndef SMTPD_SMTPD_RESTRICT_TLS_H
#define SMTPD_SMTPD_RESTRICT_TLS_H

#include "map/maps.h"

struct smtpd_session;

/* permit_tls_all_clientcerts, permit_tls_clientcerts: does the session's certificate count? */
bool smtpd_tls_is_trusted(const struct smtpd_session *s);
enum map_status smtpd_tls_is_listed(const struct smtpd_session *s, struct err *err);

/* check_ccert_access: its argument, type:table or { type:table, { search_order = ... } }; false,
 * and a warning logged: not one of those. */
bool smtpd_tls_parse_ccert_argument(const char *argument, struct strbuf *ret_table,
                                    int64_t *ret_order);
/* Ask for the certificate's fingerprints in that ORDER. */
enum map_status smtpd_tls_find_certificate(const struct smtpd_session *s, struct maps *maps,
                                           int64_t order, struct strbuf *value, struct err *err);

#endif
