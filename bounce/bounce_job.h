/*
 * bounce_job: one FLUSH, WARN or ONE: which reports it takes, one after the other, and the end of
 * the log.
 */
#ifndef BOUNCE_BOUNCE_JOB_H
#define BOUNCE_BOUNCE_JOB_H

#include "base/err.h"
#include "mail/bounce_msg.h"

struct bounce_job;

/* Called once, maybe from inside bounce_job_start(); the job is freed after it. */
typedef void (*bounce_job_fn)(void *owner, bool ok, const char *reason);

/* LOG is the name of the service: bounce, defer, trace (or what master.cf calls it). ARENA holds
 * the request's texts and becomes the job's. RCPT and STATUS for BOUNCE_ONE, else NULL. */
void bounce_job_start(const char *log, enum bounce_kind kind, struct arena *arena,
                      const struct bounce_flush *request, const struct recipient *rcpt,
                      const struct delivery_status *status, bounce_job_fn fn, void *owner);

#endif
