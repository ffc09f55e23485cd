/*
 * address_class: does a recipient (or sender) of our own domains exist? For smtpd's
 * reject_unlisted_recipient and reject_unlisted_sender.
 */
#ifndef MAIL_ADDRESS_CLASS_H
#define MAIL_ADDRESS_CLASS_H

#include "mail/resolve.h"

enum recipient_status { RECIPIENT_OK, RECIPIENT_UNKNOWN, RECIPIENT_MOVED, RECIPIENT_TEMP };

struct address_class;

/* R must outlive it; it says which domains are local. */
struct address_class *address_class_new(struct resolver *r);
void address_class_free(struct address_class *c);
bool address_class_has_changed(struct address_class *c);

/* REPLY is what resolve_address() said. RET_TEXT begins with the enhanced status code:
 * "5.1.1 User unknown in local recipient table", "5.1.6 User has moved to X"; untouched for
 * RECIPIENT_OK. RECIPIENT_TEMP: ERR has the reason. */
enum recipient_status address_class_recipient(struct address_class *c,
                                              const struct resolve_reply *reply,
                                              struct strbuf *ret_text, struct err *err);
/* The same for a sender, whose enhanced status code is 5.1.0. */
enum recipient_status address_class_sender(struct address_class *c,
                                           const struct resolve_reply *reply,
                                           struct strbuf *ret_text, struct err *err);

#endif
