/*
 * compat_level: the value of compatibility_level, a release whose defaults are wanted; postconf(5).
 */
#ifndef CONFIG_COMPAT_LEVEL_H
#define CONFIG_COMPAT_LEVEL_H

#include "base/err.h"
#include "base/slice.h"

/* The release that last changed a default: from this level on nothing is backwards-compatible. */
#define COMPAT_LEVEL_LAST "3.11"

/* MAJOR, MAJOR.MINOR or MAJOR.MINOR.PATCH as one number, so that levels compare as numbers do.
 * Levels of releases to come are fine. ERR_CONFIG when TEXT is no level. */
bool compat_level_parse(struct slice text, uint64_t *ret_level, struct err *err);

/* Is LEVEL older than LIMIT? A LEVEL that is none is not. */
bool compat_level_is_below(const char *level, const char *limit);

#endif
