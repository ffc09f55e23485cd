#include "unit/cm.h"

#include "io/loop.h"
#include "ipc/chan.h"

#include <sys/socket.h>
#include <unistd.h>

struct end {
    struct chan *chan;
    int fds[CHAN_FDS_MAX];
    size_t count, messages;
    bool leaves_them;
};

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)body;
    struct end *end = owner;
    assert_int_equal(kind, 7);
    end->messages++;
    if (!end->leaves_them)
        end->count = chan_take_fds(chan, end->fds);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)owner;
    (void)chan;
    (void)err;
}

static const struct chan_events events = {.on_message = on_message, .on_closed = on_closed};

static void pair(struct loop *loop, struct end *from, struct end *to)
{
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
    from->chan = chan_new(loop, sv[0], &events, from);
    to->chan = chan_new(loop, sv[1], &events, to);
    chan_accept_fds(to->chan);
}

static void descriptors_travel_with_their_frame(void **unused)
{
    (void)unused;
    struct loop *loop = loop_new();
    struct end from = {0}, to = {0};
    int pipe_fds[2];
    char byte = 'x', got = 0;
    pair(loop, &from, &to);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_true(chan_send_fds(from.chan, 7, NULL, NULL, pipe_fds, 2));
    while (to.messages == 0)
        loop_run_once(loop, true);
    assert_int_equal(to.count, 2);
    assert_int_not_equal(to.fds[0], pipe_fds[0]);
    assert_int_equal(write(to.fds[1], &byte, 1), 1);
    assert_int_equal(read(pipe_fds[0], &got, 1), 1);
    assert_int_equal(got, byte);
    chan_send_raw(from.chan, 7, SLICE_EMPTY); /* a frame like others */
    while (to.messages == 1)
        loop_run_once(loop, true);
    assert_int_equal(to.count, 0);
    for (int i = 0; i < 2; i++) {
        close(pipe_fds[i]);
    }
    close(to.fds[0]);
    chan_free(from.chan);
    chan_free(to.chan);
    loop_free(loop);
}

static void what_nobody_takes_is_closed(void **unused)
{
    (void)unused;
    struct loop *loop = loop_new();
    struct end from = {0}, to = {.leaves_them = true};
    int pipe_fds[2];
    char got;
    pair(loop, &from, &to);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_true(chan_send_fds(from.chan, 7, NULL, NULL, &pipe_fds[1], 1));
    while (to.messages == 0)
        loop_run_once(loop, true);
    close(pipe_fds[1]);
    chan_free(to.chan);
    assert_int_equal(read(pipe_fds[0], &got, 1), 0); /* nobody can write any more */
    close(pipe_fds[0]);
    chan_free(from.chan);
    loop_free(loop);
}

static void not_behind_other_output(void **unused)
{
    (void)unused;
    struct loop *loop = loop_new();
    struct end from = {0}, to = {0};
    int fds[CHAN_FDS_MAX + 1] = {0};
    pair(loop, &from, &to);
    assert_false(chan_send_fds(from.chan, 7, NULL, NULL, fds, CHAN_FDS_MAX + 1));
    chan_send_raw(from.chan, 7, SLICE_EMPTY);
    assert_false(chan_send_fds(from.chan, 7, NULL, NULL, fds, 1));
    chan_free(from.chan);
    chan_free(to.chan);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_travel_with_their_frame),
        cmocka_unit_test(what_nobody_takes_is_closed),
        cmocka_unit_test(not_behind_other_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
