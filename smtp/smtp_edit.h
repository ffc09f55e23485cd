/*
 * smtp_edit: content that is changed on its way out: made 7-bit for a server that takes no other,
 * inspected by smtp_header_checks and their kin, addresses in headers rewritten by
 * smtp_generic_maps; in this order, so that tables see what the server would get.
 */
#ifndef SMTP_SMTP_EDIT_H
#define SMTP_SMTP_EDIT_H

#include "base/err.h"
#include "base/slice.h"
#include "log/log.h"

struct smtp_edit;

/* TEXT goes out next, with LF between its lines; ENDS_LINE: it is all of its line, or its end. */
typedef void (*smtp_edit_fn)(void *ctx, struct slice text, bool ends_line);

/* NULL: nothing will be changed. LOG has to outlive it. */
struct smtp_edit *smtp_edit_new(bool must_downgrade, const struct log_tag *log, smtp_edit_fn fn,
                                void *ctx);
void smtp_edit_free(struct smtp_edit *edit); /* NULL is fine */
/* A piece of a line; ENDS_LINE: its last. ERR is filled when a table cannot answer. */
void smtp_edit_feed(struct smtp_edit *edit, struct slice piece, bool ends_line, struct err *err);
/* The content is over. */
void smtp_edit_finish(struct smtp_edit *edit, struct err *err);

#endif
