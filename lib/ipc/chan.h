/*
 * chan: a stream that carries frames, for event-driven programs.
 */
#ifndef IPC_CHAN_H
#define IPC_CHAN_H

#include "io/stream.h"
#include "ipc/msg.h"

struct chan;

struct chan_events {
    /* One whole frame; BODY is valid during the call only. The owner may free the channel. */
    void (*on_message)(void *owner, struct chan *chan, uint16_t kind, struct slice body);
    /* The peer is gone (ERR_NONE) or sent what is no frame. Free the channel here. */
    void (*on_closed)(void *owner, struct chan *chan, const struct err *err);
    /* Output has drained below the mark. May be NULL. */
    void (*on_room)(void *owner, struct chan *chan);
};

struct chan *chan_new(struct loop *loop, int fd, const struct chan_events *events, void *owner);
void chan_set_owner(struct chan *chan, const struct chan_events *events, void *owner);
void chan_free(struct chan *chan);
void chan_send(struct chan *chan, uint16_t kind, const struct msg_type *type, const void *object);
void chan_send_raw(struct chan *chan, uint16_t kind, struct slice body);
/* As chan_send_raw(), and BODY is empty then: large ones are not copied (stream_write_buffer()). */
void chan_send_buffer(struct chan *chan, uint16_t kind, struct strbuf *body);
struct stream *chan_stream(struct chan *chan);

/* Descriptors travel with the frame that they were sent with, over Unix sockets. */
enum { CHAN_FDS_MAX = 32 };
/* FDS stay the sender's. False: there is output before it, or the socket takes none now; nothing
 * was sent. */
bool chan_send_fds(struct chan *chan, uint16_t kind, const struct msg_type *type,
                   const void *object, const int *fds, size_t count);
/* Be ready for descriptors; those nobody takes are closed with the channel. */
void chan_accept_fds(struct chan *chan);
/* Those that came and were not yet taken, at most CHAN_FDS_MAX: the caller's now. */
size_t chan_take_fds(struct chan *chan, int fds[CHAN_FDS_MAX]);

/* Blocking use, for commands and single-job programs: send one frame, receive one frame. False with
 * ERR when it takes longer than TIMEOUT_MS or the peer closes. The received body is in IN. */
bool chan_send_blocking(int fd, uint16_t kind, const struct msg_type *type, const void *object,
                        int64_t timeout_ms, struct err *err);
bool chan_recv_blocking(int fd, int64_t timeout_ms, struct strbuf *in, uint16_t *ret_kind,
                        struct slice *ret_body, struct err *err);

#endif
