/*
 * delivery_pass: hand a recipient on to another delivery program, which then settles it.
 */
#ifndef DELIVERY_DELIVERY_PASS_H
#define DELIVERY_DELIVERY_PASS_H

#include "delivery/delivery.h"
#include "ipc/client.h"

/* RCPT (or a part of one, see delivery.h) to the service private/TRANSPORT; waits for its report.
 * The other program logs, marks, bounces or defers. False, RCPT not settled: the service could not
 * be asked; the caller defers. A part's offset is 0 on the way: it must not be marked. */
bool delivery_pass(struct delivery_job *job, struct recipient *rcpt, const char *transport,
                   const char *nexthop, int64_t timeout_ms, struct err *err);

/* The same without waiting, for event-driven programs: every recipient of JOB not yet settled, to
 * the service TRANSPORT that CLIENT (no_retry: an order is given once) is connected with. FN is
 * called once, never from inside; the pass is over then. */
struct delivery_passing;
typedef void (*delivery_pass_fn)(void *owner, const struct err *err); /* ERR_NONE: all settled */
struct delivery_passing *delivery_pass_start(struct delivery_job *job, struct client *client,
                                             const char *transport, const char *nexthop,
                                             delivery_pass_fn fn, void *owner);
/* FN will not be called; what the other program does is not undone. NULL is fine. */
void delivery_pass_cancel(struct delivery_passing *passing);

#endif
