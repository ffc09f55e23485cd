#include "unit/cm.h"

#include "io/stream.h"
#include "io/work.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct stream *stream;
    int peer;
    size_t inputs, closed, timeouts, rooms;
    size_t consume; /* per on_input */
    bool free_on_input, pause_on_input;
    char seen[256];
    size_t seen_len;
    enum err_kind closed_kind;
};

static void on_input(void *owner, struct stream *s)
{
    struct fixture *f = owner;
    f->inputs++;
    if (f->free_on_input) {
        stream_free(s);
        f->stream = NULL;
        return;
    }
    struct slice in = slice_first(stream_input(s), f->consume);
    assert_true(f->seen_len + in.len < sizeof f->seen);
    memcpy(f->seen + f->seen_len, in.s, in.len);
    f->seen_len += in.len;
    stream_consume(s, in.len);
    if (f->pause_on_input)
        stream_pause(s, true);
}

static void on_closed(void *owner, struct stream *s, const struct err *err)
{
    (void)s;
    struct fixture *f = owner;
    f->closed++;
    f->closed_kind = err->kind;
}

static void on_timeout(void *owner, struct stream *s)
{
    (void)s;
    ((struct fixture *)owner)->timeouts++;
}

static void on_room(void *owner, struct stream *s)
{
    (void)s;
    ((struct fixture *)owner)->rooms++;
}

static const struct stream_events events = {on_input, on_closed, on_timeout, on_room};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    f->loop = loop_new();
    f->peer = pair[1];
    f->consume = SIZE_MAX;
    f->stream = stream_new(f->loop, pair[0], &events, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    stream_free(f->stream);
    if (f->peer >= 0)
        close(f->peer);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->peer, text, strlen(text)), (ssize_t)strlen(text));
}

static void input_waits_until_consumed(void **state)
{
    struct fixture *f = *state;
    f->consume = 2;
    say(f, "abcdef");
    loop_run_once(f->loop, true);
    assert_int_equal(f->inputs, 1);
    assert_slice(stream_input(f->stream), "cdef");
    stream_poke(f->stream);
    loop_run_once(f->loop, false);
    assert_slice(stream_input(f->stream), "ef");
}

static void input_before_the_end_comes_first(void **state)
{
    struct fixture *f = *state;
    say(f, "last words");
    close(f->peer);
    f->peer = -1;
    while (!f->closed)
        loop_run_once(f->loop, true);
    assert_int_equal(f->seen_len, 10);
    assert_int_equal(f->closed_kind, ERR_NONE);
}

static void a_half_closed_peer_still_gets_output(void **state)
{
    struct fixture *f = *state;
    char reply[8] = "";
    shutdown(f->peer, SHUT_WR);
    while (!f->closed)
        loop_run_once(f->loop, true);
    stream_write_str(f->stream, "bye");
    loop_run_once(f->loop, false);
    assert_int_equal(read(f->peer, reply, sizeof reply), 3);
}

/* What is written at once goes behind what waits, and what the socket does not take is not lost. */
static void written_now_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    enum { LARGE = 1024 * 1024 };
    CLEANUP(strbuf_done) struct strbuf large = STRBUF_ANY, given = STRBUF_ANY, got = STRBUF_ANY;
    for (size_t i = 0; i < LARGE; i++)
        strbuf_add_char(&large, (char)('a' + i % 26));
    strbuf_set(&given, "fits");
    stream_write_buffer(f->stream, slice_of("0"), &given);
    assert_int_equal(stream_output_pending(f->stream), 0);
    assert_int_equal(given.len, 0);
    assert_int_equal(read(f->peer, strbuf_room(&got, 100), 100), 5);
    strbuf_set_slice(&given, strbuf_slice(&large));
    stream_write_buffer(f->stream, slice_of("1"), &given); /* more than fits */
    assert_int_equal(given.len, 0);
    assert_true(stream_output_pending(f->stream) > 0);
    assert_true(stream_output_pending(f->stream) < LARGE);
    stream_write_str(f->stream, "2");
    strbuf_set(&given, "4");
    stream_write_buffer(f->stream, slice_of("3"), &given);
    assert_int_equal(given.len, 0);
    while (got.len < LARGE + 4) {
        char *room = strbuf_room(&got, LARGE);
        ssize_t n = recv(f->peer, room, LARGE, MSG_DONTWAIT);
        if (n > 0)
            strbuf_grew(&got, (size_t)n);
        loop_run_once(f->loop, false);
    }
    assert_int_equal(got.len, LARGE + 4);
    assert_int_equal(got.s[0], '1');
    assert_memory_equal(got.s + 1, large.s, LARGE);
    assert_string_equal(got.s + 1 + LARGE, "234");
}

static void much_input_arrives_whole(void **state)
{
    struct fixture *f = *state;
    enum { LARGE = 300 * 1024, MAX_INPUT = 100 * 1024 };
    char chunk[1000];
    size_t sent = 0, seen = 0;
    f->consume = 0; /* in on_input; done here */
    stream_input_max(f->stream, MAX_INPUT);
    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = (char)(i % 251);
    while (seen < LARGE) {
        size_t want = MIN(sizeof chunk - sent % sizeof chunk, LARGE - sent);
        ssize_t n = send(f->peer, chunk + sent % sizeof chunk, want, MSG_DONTWAIT);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        loop_run_once(f->loop, false);
        struct slice in = stream_input(f->stream);
        assert_true(in.len <= MAX_INPUT);
        size_t take = in.len == MAX_INPUT || sent == LARGE ? in.len : in.len / 2;
        for (size_t i = 0; i < take; i++, seen++)
            assert_int_equal(in.s[i], chunk[seen % sizeof chunk]);
        stream_consume(f->stream, take);
        stream_poke(f->stream);
    }
}

static void a_read_in_bulk_ends_where_expected(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 40 * 1024 };
    char *block = calloc(1, SIZE);
    f->consume = 0;
    for (size_t rest = 20 * 1024; rest > 0; rest -= 1024) /* the stream becomes one in bulk */
        assert_int_equal(write(f->peer, block, 1024), 1024);
    loop_run_once(f->loop, true);
    assert_int_equal(stream_input(f->stream).len, 20 * 1024);
    stream_consume(f->stream, SIZE_MAX);
    stream_expect(f->stream, 30 * 1024);
    assert_int_equal(write(f->peer, block, SIZE), SIZE);
    loop_run_once(f->loop, true);
    assert_int_equal(stream_input(f->stream).len, 30 * 1024);
    loop_run_once(f->loop, true); /* expected once only */
    assert_int_equal(stream_input(f->stream).len, SIZE);
    free(block);
}

static void a_paused_stream_hears_nothing(void **state)
{
    struct fixture *f = *state;
    stream_pause(f->stream, true);
    say(f, "x");
    loop_run_once(f->loop, false);
    assert_int_equal(f->inputs, 0);
    stream_pause(f->stream, false);
    while (!f->inputs)
        loop_run_once(f->loop, true);
    assert_int_equal(f->seen_len, 1);
}

/* Commands from a pipe come together with its end; the answer to the first takes its time. */
static void an_end_waits_for_a_pause_that_input_began(void **state)
{
    struct fixture *f = *state;
    f->pause_on_input = true;
    say(f, "x");
    shutdown(f->peer, SHUT_WR);
    for (int i = 0; i < 5; i++)
        loop_run_once(f->loop, false);
    assert_int_equal(f->seen_len, 1);
    assert_int_equal(f->closed, 0);
    stream_pause(f->stream, false);
    while (!f->closed)
        loop_run_once(f->loop, true);
}

static void a_reset_is_told_in_a_pause_to_who_asks(void **state)
{
    struct fixture *f = *state;
    stream_pause(f->stream, true);
    stream_tell_reset(f->stream, true);
    stream_write_str(f->stream, "what the peer does not read");
    stream_flush(f->stream);
    close(f->peer);
    f->peer = -1;
    while (!f->closed)
        loop_run_once(f->loop, true);
    assert_int_equal(f->closed_kind, ERR_TEMP);
    loop_run_once(f->loop, false);
    assert_int_equal(f->closed, 1);
}

static void an_end_waits_for_the_end_of_the_pause(void **state)
{
    struct fixture *f = *state;
    stream_pause(f->stream, true);
    stream_tell_reset(f->stream, true);
    shutdown(f->peer, SHUT_WR);
    loop_run_once(f->loop, true);
    loop_run_once(f->loop, false);
    assert_int_equal(f->closed, 0);
    stream_pause(f->stream, false);
    while (!f->closed)
        loop_run_once(f->loop, true);
    assert_int_equal(f->closed_kind, ERR_NONE);
}

static void may_be_freed_inside_its_callback(void **state)
{
    struct fixture *f = *state;
    f->free_on_input = true;
    say(f, "x");
    loop_run_once(f->loop, true);
    assert_null(f->stream);
    char byte;
    assert_int_equal(read(f->peer, &byte, 1), 0);
}

static void output_of_a_turn_leaves_together(void **state)
{
    struct fixture *f = *state;
    char got[64];
    stream_write_str(f->stream, "one ");
    stream_printf(f->stream, "%d ", 2);
    stream_write_str(f->stream, "three");
    loop_run_once(f->loop, false);
    assert_int_equal(recv(f->peer, got, sizeof got, MSG_DONTWAIT), 11);
}

static void full_output_tells_when_there_is_room(void **state)
{
    struct fixture *f = *state;
    static char block[64 * 1024];
    while (!stream_output_is_full(f->stream)) {
        stream_write(f->stream, (struct slice){block, sizeof block});
        stream_flush(f->stream);
    }
    assert_int_equal(f->rooms, 0);
    while (f->rooms == 0) {
        while (recv(f->peer, block, sizeof block, MSG_DONTWAIT) > 0)
            ;
        loop_run_once(f->loop, true);
    }
    assert_int_equal(f->rooms, 1);
}

static void a_deadline_passes_once(void **state)
{
    struct fixture *f = *state;
    stream_deadline(f->stream, 1);
    while (!f->timeouts)
        loop_run_once(f->loop, true);
    assert_int_equal(f->timeouts, 1);
}

struct job {
    int in, out;
    bool *done;
};

static void job_run(void *ctx)
{
    struct job *job = ctx;
    job->out = job->in * 2;
}

static void job_done(void *ctx)
{
    *((struct job *)ctx)->done = true;
}

static void work_comes_back_into_the_loop(void **state)
{
    struct fixture *f = *state;
    struct work_pool *pool = work_pool_new(f->loop, 3);
    bool done[20] = {false};
    struct job jobs[20];
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct job){.in = i, .done = &done[i]};
        work_submit(pool, job_run, job_done, &jobs[i]);
    }
    while (work_pending(pool) > 0)
        loop_run_once(f->loop, true);
    for (int i = 0; i < 20; i++) {
        assert_true(done[i]);
        assert_int_equal(jobs[i].out, i * 2);
    }
    work_pool_free(pool);
}

enum { TOGETHER = 6 };
static pthread_barrier_t together;

static void meet(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&together); /* hangs unless all threads come */
}

static void count_met(void *arg)
{
    ++*(int *)arg;
}

static void every_thread_is_called_when_needed(void **state)
{
    struct fixture *f = *state;
    struct work_pool *pool = work_pool_new(f->loop, TOGETHER);
    int met = 0;
    pthread_barrier_init(&together, NULL, TOGETHER);
    for (int round = 1; round <= 200; round++) {
        for (int i = 0; i < TOGETHER; i++)
            work_submit(pool, meet, count_met, &met);
        while (met < round * TOGETHER)
            loop_run_once(f->loop, true);
    }
    work_pool_free(pool);
    pthread_barrier_destroy(&together);
}

static void drained_work_is_done_without_the_loop(void **state)
{
    struct fixture *f = *state;
    struct work_pool *pool = work_pool_new(f->loop, 2);
    bool done[20] = {false};
    struct job jobs[20];
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct job){.in = i, .done = &done[i]};
        work_submit(pool, job_run, job_done, &jobs[i]);
    }
    work_pool_drain(pool);
    assert_int_equal(work_pending(pool), 0);
    for (int i = 0; i < 20; i++)
        assert_true(done[i]);
    work_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(input_waits_until_consumed, setup, teardown),
        cmocka_unit_test_setup_teardown(input_before_the_end_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_half_closed_peer_still_gets_output, setup, teardown),
        cmocka_unit_test_setup_teardown(written_now_keeps_the_order, setup, teardown),
        cmocka_unit_test_setup_teardown(much_input_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_in_bulk_ends_where_expected, setup, teardown),
        cmocka_unit_test_setup_teardown(a_paused_stream_hears_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_waits_for_a_pause_that_input_began, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_is_told_in_a_pause_to_who_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_waits_for_the_end_of_the_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(may_be_freed_inside_its_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(output_of_a_turn_leaves_together, setup, teardown),
        cmocka_unit_test_setup_teardown(full_output_tells_when_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_passes_once, setup, teardown),
        cmocka_unit_test_setup_teardown(work_comes_back_into_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(every_thread_is_called_when_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(drained_work_is_done_without_the_loop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
