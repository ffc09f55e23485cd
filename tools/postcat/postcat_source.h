/*
 * postcat_source: the records of a queue file, in the order a reader of mail sees them (pointers
 * followed) or as they stand in the file; from a file or from a pipe.
 */
#ifndef POSTCAT_POSTCAT_SOURCE_H
#define POSTCAT_POSTCAT_SOURCE_H

#include "mail/queue_file.h"

struct postcat_source;

/* FD stays the caller's. */
struct postcat_source *postcat_source_new(int fd, bool follow_pointers, off_t from_offset,
                                          struct err *err);
void postcat_source_free(struct postcat_source *s);
enum queue_read postcat_source_next(struct postcat_source *s, int *ret_type, struct slice *ret_data,
                                    off_t *ret_offset, struct err *err);

#endif
