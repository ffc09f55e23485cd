/*
 * esmtp_line: command and reply lines out of an input buffer.
 *
 * A line ends in LF; carriage returns before it do not count. Lines over the limit are reported as
 * such, so that the caller can keep what fits and drop the rest.
 */
#ifndef ESMTP_ESMTP_LINE_H
#define ESMTP_ESMTP_LINE_H

#include "base/slice.h"

enum esmtp_line_status { ESMTP_LINE_READY, ESMTP_LINE_MORE, ESMTP_LINE_LONG };

/* READY: RET_LINE without its line end, RET_SIZE bytes of IN make it up. LONG: more than MAX bytes
 * came without a line end. */
enum esmtp_line_status esmtp_line_next(struct slice in, size_t max, struct slice *ret_line,
                                       size_t *ret_size);

#endif
