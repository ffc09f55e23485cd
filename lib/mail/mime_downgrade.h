/*
 * mime_downgrade: turn an 8BITMIME message into one a 7-bit server takes (RFC 6152 section 3).
 *
 * Parts that are declared 8bit or binary are written as quoted-printable, multiparts around them as
 * 7bit; everything else passes as it is. Feed lines as mime.h says; each output line goes to EMIT
 * without its line end, a header with its folding.
 */
#ifndef MAIL_MIME_DOWNGRADE_H
#define MAIL_MIME_DOWNGRADE_H

#include "mail/mime.h"

typedef void (*mime_downgrade_emit)(void *ctx, struct slice line);

struct mime_downgrade;

struct mime_downgrade *mime_downgrade_new(const struct mime_options *options,
                                          mime_downgrade_emit emit, void *ctx);
void mime_downgrade_free(struct mime_downgrade *d);
void mime_downgrade_free_ptr(struct mime_downgrade **d);

/* Gather continuation lines before feeding? */
bool mime_downgrade_in_header(const struct mime_downgrade *d);
/* Do the headers that are being read say that what follows is 8bit or binary? */
bool mime_downgrade_says_8bit(const struct mime_downgrade *d);
void mime_downgrade_feed(struct mime_downgrade *d, struct slice line);
/* The same for a body line whose rest follows: what is encoded of it ends in a soft line break. */
void mime_downgrade_feed_part(struct mime_downgrade *d, struct slice text);
/* Is the body being read encoded? Then each text that goes to EMIT is a line of its own; else a
 * part of a line is passed on as such. */
bool mime_downgrade_is_encoding(const struct mime_downgrade *d);
/* More of a body line; GOES_ON: not the last. */
void mime_downgrade_feed_more(struct mime_downgrade *d, struct slice text, bool goes_on);
/* The message is over; perhaps inside its headers: write what belongs at their end. */
void mime_downgrade_finish(struct mime_downgrade *d);

/* One line of text as quoted-printable (RFC 2045 section 6.7), 76 columns at most. */
void mime_downgrade_encode(struct slice line, mime_downgrade_emit emit, void *ctx);

#endif
