/*
 * cleanup_client: write one new message into the queue through cleanup, asynchronously.
 *
 * Connections are pooled per process. The object that writes owns the struct cleanup_stream and
 * frees it; freeing before the answer aborts the message.
 */
#ifndef MAIL_CLEANUP_CLIENT_H
#define MAIL_CLEANUP_CLIENT_H

#include "io/loop.h"
#include "mail/cleanup_msg.h"
#include "mail/record.h"

struct cleanup_client; /* one a process */
struct cleanup_stream; /* one a message */

struct cleanup_client *cleanup_client_new(struct loop *loop, const char *path, int64_t timeout_ms);
void cleanup_client_free(struct cleanup_client *client);

/* The flags of mail from outside without what receive_override_options takes away. */
int64_t cleanup_client_flags(const char *override_options);

struct cleanup_events {
    void (*on_opened)(void *owner, const char *queue_id);
    /* DONE NULL: cleanup went away or did not answer in time; treat as a temporary error. */
    void (*on_done)(void *owner, const struct cleanup_done *done, const struct err *err);
    void (*on_room)(void *owner); /* may be NULL */
};
/* on_opened or on_done (with an error) follows, never from inside this call. Records may be added
 * at once. */
struct cleanup_stream *cleanup_stream_open(struct cleanup_client *client, int64_t flags,
                                           const struct cleanup_events *events, void *owner);
/* The same with mail filters that cleanup is to ask about the content: COUNT descriptors, of which
 * copies are made (-1: not connected). cleanup_stream_milters() is due before the end. */
struct cleanup_stream *cleanup_stream_open_milters(struct cleanup_client *client, int64_t flags,
                                                   const int *fds, size_t count,
                                                   const struct cleanup_events *events,
                                                   void *owner);
void cleanup_stream_milters(struct cleanup_stream *s, const struct cleanup_milters *milters);
void cleanup_stream_add(struct cleanup_stream *s, int type, struct slice data);
void cleanup_stream_addf(struct cleanup_stream *s, int type, const char *fmt, ...) PRINTF(3, 4);
/* TEXT, lines with LF, as records. */
void cleanup_stream_add_text(struct cleanup_stream *s, struct slice text);
void cleanup_stream_attribute(struct cleanup_stream *s, const char *name, const char *value);
/* The buffer of the current frame, for those who build records in place (see record_add). */
struct strbuf *cleanup_stream_buffer(struct cleanup_stream *s);
/* Stop feeding until on_room: bounds memory when cleanup is slower than the client. */
bool cleanup_stream_is_full(const struct cleanup_stream *s);
void cleanup_stream_flush(struct cleanup_stream *s);
void cleanup_stream_finish(struct cleanup_stream *s); /* adds E; on_done follows */
void cleanup_stream_free(struct cleanup_stream *s);   /* NULL is fine */

/* on_done must not free S when cleanup_stream_wait() is used; EVENTS may be NULL then. */
/* Blocking use in programs that do one thing at a time: run the loop until on_done was called. */
bool cleanup_stream_wait(struct cleanup_stream *s, struct loop *loop, struct cleanup_done *ret,
                         struct arena *arena, struct err *err);

#endif
