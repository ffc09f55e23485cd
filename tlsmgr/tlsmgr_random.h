/*
 * tlsmgr_random: randomness beside what OpenSSL gets from the system: from tls_random_source, now
 * and then anew, and from a file that takes some of it over a restart. It is added to OpenSSL's
 * state and counted for nothing, so a poor source does no harm.
 */
#ifndef TLSMGR_TLSMGR_RANDOM_H
#define TLSMGR_TLSMGR_RANDOM_H

#include "io/loop.h"

/* Before the jail. The file is opened with the rights of the caller, the source with root's. */
void tlsmgr_random_open_file(void);
void tlsmgr_random_open_source(void);
void tlsmgr_random_start(struct loop *loop);
void tlsmgr_random_save(void);

#endif
