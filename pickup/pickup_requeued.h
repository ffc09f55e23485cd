/*
 * pickup_requeued: what of a whole queue file enters the queue again (postsuper -r): the message
 * and the recipients still to do; not what the first way through cleanup made of them.
 */
#ifndef PICKUP_PICKUP_REQUEUED_H
#define PICKUP_PICKUP_REQUEUED_H

#include "mail/maildrop.h"

enum maildrop_verdict pickup_requeued_check(enum maildrop_segment *segment, int type,
                                            struct slice data);

#endif
