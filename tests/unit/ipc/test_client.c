/* Questions over a real Unix socket to a server in the same loop. */
#include "unit/cm.h"

#include "base/clock.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/client.h"

#include <sys/socket.h>
#include <unistd.h>

enum { ECHO = 1 };

#define TEXT_FIELDS(F) F(TEXT, text)
MSG_DECLARE(echo, TEXT_FIELDS)
#define MSG_SELF echo
MSG_DEFINE(echo, TEXT_FIELDS)
#undef MSG_SELF

struct fixture {
    char dir[64], path[96];
    struct loop *loop;
    struct watch *listener;
    int listen_fd;
    struct chan *server[8];
    size_t accepted, questions, answered, failed;
    bool close_instead, silent;
    struct client *client;
    char last[64], reason[sizeof((struct err *)0)->reason];
};

static void server_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    struct fixture *f = owner;
    f->questions++;
    if (f->close_instead) {
        for (size_t i = 0; i < f->accepted; i++)
            if (f->server[i] == chan)
                f->server[i] = NULL;
        f->close_instead = false;
        chan_free(chan);
        return;
    }
    if (!f->silent)
        chan_send_raw(chan, kind, body);
}

static void server_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)err;
    struct fixture *f = owner;
    for (size_t i = 0; i < f->accepted; i++)
        if (f->server[i] == chan)
            f->server[i] = NULL;
    chan_free(chan);
}

static const struct chan_events server_events = {.on_message = server_on_message,
                                                 .on_closed = server_on_closed};

static void server_on_accept(void *owner, unsigned events)
{
    (void)events;
    struct fixture *f = owner;
    int fd = accept(f->listen_fd, NULL, NULL);
    assert_true(fd >= 0);
    f->server[f->accepted++] = chan_new(f->loop, fd, &server_events, f);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    memcpy(f->dir, "/tmp/test_client.XXXXXX", 24);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/s", f->dir);
    f->loop = loop_new();
    f->listen_fd = sock_listen_unix(f->path, SOCK_STREAM, 0600, &err);
    assert_true(f->listen_fd >= 0);
    f->listener = watch_new(f->loop, f->listen_fd, WATCH_READ, server_on_accept, f);
    f->client = client_new(
        f->loop, &(struct client_options){
                     .path = f->path, .timeout_ms = 20000, .max_idle = 2, .max_idle_ms = 60000});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    client_free(f->client);
    for (size_t i = 0; i < f->accepted; i++)
        chan_free(f->server[i]);
    watch_free(f->listener);
    fd_done(&f->listen_fd);
    loop_free(f->loop);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct fixture *f = owner;
    if (!body.s) {
        f->failed++;
        snprintf(f->reason, sizeof f->reason, "%s", err->reason);
        return;
    }
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("answer");
    struct echo got;
    assert_int_equal(kind, ECHO);
    assert_true(msg_decode(&echo_type, body, arena, &got, NULL));
    snprintf(f->last, sizeof f->last, "%s", got.text);
    f->answered++;
}

static struct call *ask(struct fixture *f, const char *text)
{
    struct echo question = {text};
    return client_call(f->client, ECHO, &echo_type, &question, on_answer, f);
}

static void run_until(struct fixture *f, size_t outcomes)
{
    while (f->answered + f->failed < outcomes)
        loop_run_once(f->loop, true);
}

static void answers_come_over_one_kept_connection(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 1; i <= 3; i++) {
        ask(f, "hello");
        run_until(f, i);
    }
    assert_int_equal(f->answered, 3);
    assert_int_equal(f->accepted, 1);
    assert_string_equal(f->last, "hello");
}

static int64_t now_ms;

static int64_t fixed_now(void)
{
    return now_ms;
}

static void an_old_connection_serves_no_other_call(void **state)
{
    struct fixture *f = *state;
    int64_t (*real_now)(void) = clock_now_ms;
    now_ms = real_now();
    clock_now_ms = fixed_now;
    client_free(f->client);
    f->client = client_new(f->loop, &(struct client_options){.path = f->path,
                                                             .timeout_ms = 20000,
                                                             .max_idle = 2,
                                                             .max_idle_ms = 60000,
                                                             .max_age_ms = 1000});
    ask(f, "young");
    run_until(f, 1);
    now_ms += 999;
    ask(f, "still young");
    run_until(f, 2);
    assert_int_equal(f->accepted, 1);
    now_ms += 1;
    ask(f, "old when the answer comes");
    run_until(f, 3);
    assert_int_equal(f->accepted, 1);
    ask(f, "next");
    run_until(f, 4);
    assert_int_equal(f->accepted, 2);
    assert_string_equal(f->last, "next");
    clock_now_ms = real_now;
}

static void two_at_once_use_two_connections(void **state)
{
    struct fixture *f = *state;
    ask(f, "one");
    ask(f, "two");
    run_until(f, 2);
    assert_int_equal(f->accepted, 2);
}

static void a_retired_server_is_asked_again(void **state)
{
    struct fixture *f = *state;
    ask(f, "first");
    run_until(f, 1);
    f->close_instead = true; /* the next question meets a server that goes */
    ask(f, "second");
    run_until(f, 2);
    assert_int_equal(f->answered, 2);
    assert_string_equal(f->last, "second");
    assert_int_equal(f->questions, 3);
}

static void a_fresh_connection_that_closes_is_an_error(void **state)
{
    struct fixture *f = *state;
    f->close_instead = true;
    ask(f, "x");
    run_until(f, 1);
    assert_int_equal(f->failed, 1);
    assert_non_null(strstr(f->reason, "connection closed"));
}

static void a_missing_socket_is_an_error(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    ask(f, "x");
    run_until(f, 1);
    assert_int_equal(f->failed, 1);
    assert_non_null(strstr(f->reason, "No such file"));
}

static void a_cancelled_call_is_never_answered(void **state)
{
    struct fixture *f = *state;
    call_cancel(ask(f, "x"));
    ask(f, "y");
    run_until(f, 1);
    assert_string_equal(f->last, "y");
    assert_int_equal(f->answered, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_come_over_one_kept_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_connection_serves_no_other_call, setup, teardown),
        cmocka_unit_test_setup_teardown(two_at_once_use_two_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retired_server_is_asked_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fresh_connection_that_closes_is_an_error, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_missing_socket_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_call_is_never_answered, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
