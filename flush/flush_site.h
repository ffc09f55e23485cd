/*
 * flush_site: the list of one site: flush/NAME, a queue id a line, in the order of arrival. Other
 * processes of the service may append at the same time; a lock keeps writers apart.
 */
#ifndef FLUSH_FLUSH_SITE_H
#define FLUSH_FLUSH_SITE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <sys/types.h>

#define FLUSH_DIRECTORY "flush"

/* File name of a site: every byte that is no letter or digit becomes '_'. */
void flush_site_name(struct strbuf *out, const char *site);

bool flush_site_add(const char *site, const char *queue_id, struct err *err);

/* A list being worked off. */
struct flush_site {
    int fd;
    off_t size; /* of what was there at the start */
    off_t at;   /* up to where it was taken */
};

/* By file NAME. False with err->kind ERR_NONE: there is no list, or it is empty. */
bool flush_site_open(const char *name, struct flush_site *ret, struct err *err);
/* The next queue id, "" for a line that is none; false at the end. */
bool flush_site_next(struct flush_site *site, struct strbuf *ret_id);
/* Take out what was read; ids added meanwhile stay. Dying before that leaves ids of messages that
 * moved on already: the next request passes them over. */
bool flush_site_clear(struct flush_site *site, struct err *err);
void flush_site_close(struct flush_site *site);

/* Remove an empty list that was not written for MAX_AGE_S. */
bool flush_site_purge(const char *name, int64_t max_age_s, struct err *err);

#endif
