/*
 * local_report: how a recipient, or one of the things it was expanded to, ended.
 */
#ifndef LOCAL_REPORT_H
#define LOCAL_REPORT_H

#include "local/local_state.h"

void local_sent(struct local_delivery *d, const struct local_context *ctx, const char *fmt, ...)
    PRINTF(3, 4);
/* The class of DSN decides between bounce and defer. */
void local_failed(struct local_delivery *d, const struct local_context *ctx, const char *dsn,
                  const char *fmt, ...) PRINTF(4, 5);
/* The new message reports to the sender, not this recipient. */
void local_forwarded(struct local_delivery *d, bool notify_goes_along, const char *fmt, ...)
    PRINTF(3, 4);

#endif
