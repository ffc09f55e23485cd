/*
 * smtpd_sink: where an accepted message goes: to cleanup, or for an ordinary user (sendmail -bs) to
 * postdrop. Records go in one after the other; the queue id comes back once, the outcome once.
 */
#ifndef SMTPD_SMTPD_SINK_H
#define SMTPD_SMTPD_SINK_H

#include "base/strbuf.h"
#include "mail/cleanup_msg.h"

struct smtpd_session;
struct smtpd_proxy;
struct smtpd_sink;

/* Both continue the session. DONE NULL: the destination failed, a temporary error. */
struct smtpd_sink_events {
    void (*on_opened)(struct smtpd_session *s, const char *queue_id);
    void (*on_done)(struct smtpd_session *s, const struct cleanup_done *done);
};

/* NULL: no destination can be reached. on_opened (or on_done) follows, never from inside this call.
 */
struct smtpd_sink *smtpd_sink_open(struct smtpd_session *s, const struct smtpd_sink_events *events);
/* The before-queue filter, to which smtpd_proxy.h talks. */
struct smtpd_sink *smtpd_sink_open_proxy(struct smtpd_session *s);
/* NULL: the sink is another. NULL is fine. */
struct smtpd_proxy *smtpd_sink_proxy(const struct smtpd_sink *sink);
void smtpd_sink_free(struct smtpd_sink *sink); /* aborts what was not finished; NULL is fine */
struct strbuf *smtpd_sink_buffer(struct smtpd_sink *sink); /* for record_add() */
void smtpd_sink_flush(struct smtpd_sink *sink);
bool smtpd_sink_is_full(const struct smtpd_sink *sink);
void smtpd_sink_finish(struct smtpd_sink *sink);
bool smtpd_sink_is_pending(const struct smtpd_sink *sink); /* on_opened or on_done is to come */
bool smtpd_sink_is_postdrop(const struct smtpd_sink *sink);

/* smtpd_envelope.c: the records of the sender, of a recipient, and of the extracted segment */
void smtpd_envelope_sender(struct smtpd_session *s, struct strbuf *out);
void smtpd_envelope_recipient(struct smtpd_session *s, struct strbuf *out);
void smtpd_envelope_extracted(struct smtpd_session *s, struct strbuf *out);
/* smtpd_received.c: prepended headers and Received: as content records */
void smtpd_received_add(struct smtpd_session *s, struct strbuf *out);

#endif
