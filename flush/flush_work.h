/*
 * flush_work: what takes a while: making the messages of a site due now, and working through all
 * lists. It goes on in slices while other requests are answered.
 */
#ifndef FLUSH_FLUSH_WORK_H
#define FLUSH_FLUSH_WORK_H

#include "base/err.h"
#include "io/loop.h"

void flush_work_start(struct loop *loop, int64_t refresh_s, int64_t purge_s);
/* Begin; true also when nothing waits for the site. The process stays until the work is done. */
bool flush_work_send_site(const char *site, struct err *err);
bool flush_work_send_file(const char *queue_id, struct err *err); /* at once */
/* Lists not read for fast_flush_refresh_time (ALL: every list), and removal of old empty ones. */
void flush_work_refresh(bool all);

#endif
