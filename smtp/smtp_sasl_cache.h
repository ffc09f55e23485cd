/*
 * smtp_sasl_cache: logins that a server has refused, so that they are not tried again with every
 * message: the table smtp_sasl_auth_cache_name. The key is "host;user", the value
 * "TIME;DIGEST;DSN;REPLY", TIME in seconds of the clock, DIGEST the SHA-1 of the password in
 * base64. Postfix reads and writes the same.
 */
#ifndef SMTP_SMTP_SASL_CACHE_H
#define SMTP_SMTP_SASL_CACHE_H

#include "smtp/smtp_sasl_login.h"

/* Before the jail: a name that cannot be is fatal. The table itself is asked for later. */
void smtp_sasl_cache_open(void);

/* Was this login refused not long ago? REPLY is what the server said to it, DSN its code. */
bool smtp_sasl_cache_find(const char *host, const struct smtp_sasl_login *login, struct strbuf *dsn,
                          struct strbuf *reply);
void smtp_sasl_cache_put(const char *host, const struct smtp_sasl_login *login, const char *dsn,
                         const char *reply);

/* Pure, for tests. False: no entry. */
struct smtp_sasl_cache_entry {
    int64_t time_s;
    struct slice digest, dsn, reply;
};
bool smtp_sasl_cache_parse(struct slice value, struct smtp_sasl_cache_entry *ret);

#endif
