/* smtpd_postdrop: a postdrop process as the destination of one message (sendmail -bs). */
#ifndef SMTPD_SMTPD_POSTDROP_H
#define SMTPD_SMTPD_POSTDROP_H

#include "io/loop.h"
#include "mail/cleanup_msg.h"

struct smtpd_postdrop;

struct smtpd_postdrop_events { /* as struct cleanup_events */
    void (*on_opened)(void *owner, const char *queue_id);
    void (*on_done)(void *owner, const struct cleanup_done *done, const struct err *err);
    void (*on_room)(void *owner);
};

/* The process starts now and is told the message when it is complete: it names the queue id only at
 * the end, so on_opened comes with an empty one. */
struct smtpd_postdrop *smtpd_postdrop_open(struct loop *loop,
                                           const struct smtpd_postdrop_events *events, void *owner);
void smtpd_postdrop_free(struct smtpd_postdrop *p); /* NULL is fine */
struct strbuf *smtpd_postdrop_buffer(struct smtpd_postdrop *p);
void smtpd_postdrop_flush(struct smtpd_postdrop *p);
bool smtpd_postdrop_is_full(const struct smtpd_postdrop *p);
void smtpd_postdrop_finish(struct smtpd_postdrop *p);

#endif
