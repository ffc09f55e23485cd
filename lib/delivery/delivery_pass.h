/*
 * delivery_pass: hand a recipient on to another delivery program, which then settles it.
 */
#ifndef DELIVERY_DELIVERY_PASS_H
#define DELIVERY_DELIVERY_PASS_H

#include "delivery/delivery.h"

/* RCPT (or a part of one, see delivery.h) to the service private/TRANSPORT; waits for its report.
 * The other program logs, marks, bounces or defers. False, RCPT not settled: the service could not
 * be asked; the caller defers. A part's offset is 0 on the way: it must not be marked. */
bool delivery_pass(struct delivery_job *job, struct recipient *rcpt, const char *transport,
                   const char *nexthop, int64_t timeout_ms, struct err *err);

#endif
