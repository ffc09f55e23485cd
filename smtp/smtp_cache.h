/*
 * smtp_cache: sessions that wait for the next message to the same place, inside this process. qmgr
 * prefers the process that has one.
 */
#ifndef SMTP_SMTP_CACHE_H
#define SMTP_SMTP_CACHE_H

#include "smtp/smtp_session.h"

/* May it be used once more? */
bool smtp_cache_may_keep(const struct smtp_session *s);
void smtp_cache_put(struct smtp_session *s);
/* A session made for DESTINATION (HOST NULL), or to the same address as HOST, whose TLS is as the
 * policy of D's mail wants it, and whose login is that of D's mail; the caller owns it. */
struct smtp_session *smtp_cache_take(struct smtp_delivery *d,
                                     const struct smtp_nexthop *destination,
                                     const struct smtp_host *host);
void smtp_cache_clear(void);

#endif
