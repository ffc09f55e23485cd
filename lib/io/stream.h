/*
 * stream: a non-blocking connection with buffers, for event-driven programs.
 *
 * Input collects in a buffer that the owner looks at and consumes; output is written at the end of
 * the loop's turn in one system call. The owner may free the stream from inside any callback. A
 * transport other than a plain socket (TLS) replaces the two functions in stream_set_transport().
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "base/err.h"
#include "base/strbuf.h"
#include "io/loop.h"

struct stream;

struct stream_events {
    /* There is unread input (more than when last called). Consume what you can. */
    void (*on_input)(void *owner, struct stream *s);
    /* The peer closed (ERR kind ERR_NONE), or the connection broke. Unread input stays readable. */
    void (*on_closed)(void *owner, struct stream *s, const struct err *err);
    /* stream_deadline() has passed. May be NULL when none is ever set. */
    void (*on_timeout)(void *owner, struct stream *s);
    /* Buffered output fell below the low mark after stream_output_is_full(). May be NULL. */
    void (*on_room)(void *owner, struct stream *s);
};

enum { STREAM_INPUT_MAX_DEFAULT = 64 * 1024, STREAM_OUTPUT_FULL = 256 * 1024 };

/* Takes FD over. EVENTS must outlive the stream. Reading starts at once. */
struct stream *stream_new(struct loop *loop, int fd, const struct stream_events *events,
                          void *owner);
void stream_free(struct stream *s);       /* closes; output not yet written is lost; NULL is fine */
void stream_free_flush(struct stream *s); /* gives it one more write first */
int stream_fd(const struct stream *s);
/* Take the descriptor back out (to pass it on); the stream is freed, its input lost. */
int stream_take_fd(struct stream *s);

struct slice stream_input(const struct stream *s);
void stream_consume(struct stream *s, size_t len);
/* No reading from the socket while the buffer holds MAX bytes or more. */
void stream_input_max(struct stream *s, size_t max);
/* The next read of a stream in bulk ends after LEN bytes: what comes behind them would have to be
 * moved to the front of the buffer later. */
void stream_expect(struct stream *s, size_t len);
void stream_pause(struct stream *s, bool paused); /* read no further, call no on_input */
/* In a pause too, call on_closed when the peer resets the connection. A peer that has only closed
 * its end may still read, and one that said more before the reset is found out after the pause. */
void stream_tell_reset(struct stream *s, bool is_told);
/* Call on_input again at the end of this turn although nothing new came (a session that stopped in
 * the middle of pipelined input goes on). */
void stream_poke(struct stream *s);

void stream_write(struct stream *s, struct slice data);
/* Both parts, to the socket at once as far as it takes them. BODY, of which nobody has pointers, is
 * not copied but traded for an empty buffer. */
void stream_write_buffer(struct stream *s, struct slice head, struct strbuf *body);
void stream_write_str(struct stream *s, const char *text);
void stream_printf(struct stream *s, const char *fmt, ...) PRINTF(2, 3);
struct strbuf *
stream_output(struct stream *s); /* to append to; call stream_output_changed() after */
void stream_output_changed(struct stream *s);
bool stream_output_is_full(const struct stream *s);
size_t stream_output_pending(const struct stream *s);
void stream_flush(struct stream *s); /* write now instead of at the end of the turn */
/* Write what is pending, then close; on_closed is not called. The stream frees itself. */
void stream_close_after_output(struct stream *s);

/* on_timeout at DEADLINE_MS from now; 0: none. Input or output do not move it. */
void stream_deadline(struct stream *s, int64_t in_ms);

/* read and write like recv/send (errno EAGAIN to wait). The last two may be NULL. */
struct stream_transport {
    ssize_t (*read)(void *ctx, void *data, size_t len);
    ssize_t (*write)(void *ctx, const void *data, size_t len);
    void (*free)(void *ctx);
    bool (*has_input)(void *ctx);   /* input that the socket will not announce any more */
    bool (*wants_write)(void *ctx); /* a read cannot go on before the socket takes output */
    bool is_socket; /* a short read means, as with a plain socket, that it is drained */
};
void stream_set_transport(struct stream *s, const struct stream_transport *transport, void *ctx);

#endif
