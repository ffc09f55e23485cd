/* smtpd_tls: STARTTLS and TLS from the first byte on, RFC 3207. */
#ifndef SMTPD_SMTPD_TLS_H
#define SMTPD_SMTPD_TLS_H

#include "base/strbuf.h"
#include "smtpd/smtpd_server.h"

/* Read certificates and settings, while root may: server->tls, NULL when TLS is off or cannot be
 * had (logged; clients are then refused what the configuration demands). */
void smtpd_tls_open(struct smtpd_server *server);

/* In the jail: sessions can be resumed from now on. */
void smtpd_tls_start(struct smtpd_server *server);

/* Make the session's tls_wanted. False: OpenSSL has no memory. */
bool smtpd_tls_prepare(struct smtpd_session *s);
/* The handshake does not end in time. */
void smtpd_tls_timed_out(struct smtpd_session *s);
/* Is a handshake under way? */
bool smtpd_tls_is_starting(const struct smtpd_session *s);

/* The lines of the Received: header, each without its end; nothing for a session in plain text or
 * unless smtpd_tls_received_header. */
void smtpd_tls_add_received(const struct smtpd_session *s, struct strbuf *records);

#endif
