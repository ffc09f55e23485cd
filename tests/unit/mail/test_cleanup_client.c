#include "mail/cleanup_client.h"

#include "io/sock.h"
#include "ipc/chan.h"

#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A cleanup of few words, in the same loop. */
struct server {
    struct loop *loop;
    int listener;
    struct watch *watch;
    struct chan *chan;
    int connections, opens, aborts;
    struct strbuf records;
    bool close_at_open; /* as a process that retires */
};

static void server_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    struct server *server = owner;
    struct cleanup_opened opened = {.queue_id = "ID"};
    struct cleanup_done done = {.queue_id = "ID", .reason = ""};
    switch (kind) {
    case CLEANUP_OPEN:
        server->opens++;
        if (server->close_at_open) {
            server->close_at_open = false;
            server->chan = NULL;
            chan_free(chan);
            return;
        }
        chan_send(chan, CLEANUP_OPENED, &cleanup_opened_type, &opened);
        break;
    case CLEANUP_RECORDS:
        strbuf_add_slice(&server->records, body);
        if (server->records.len >= 2 && server->records.s[server->records.len - 2] == REC_END)
            chan_send(chan, CLEANUP_DONE, &cleanup_done_type, &done);
        break;
    case CLEANUP_ABORT:
        server->aborts++;
        done.status = CLEANUP_STAT_ABORTED;
        chan_send(chan, CLEANUP_DONE, &cleanup_done_type, &done);
        break;
    default:
        fail();
    }
}

static void server_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)err;
    struct server *server = owner;
    server->chan = NULL;
    chan_free(chan);
}

static const struct chan_events server_events = {.on_message = server_on_message,
                                                 .on_closed = server_on_closed};

static void server_on_connect(void *owner, unsigned events)
{
    (void)events;
    struct server *server = owner;
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    server->connections++;
    server->chan = chan_new(server->loop, fd, &server_events, server);
}

static char path[64];

static void server_start(struct server *server)
{
    struct err err = ERR_INIT;
    *server = (struct server){.loop = loop_new(), .records = STRBUF_ANY};
    snprintf(path, sizeof path, "/tmp/test_cleanup_client.%d", (int)getpid());
    server->listener = sock_listen_unix(path, SOCK_STREAM, 0600, &err);
    assert_true(server->listener >= 0);
    server->watch =
        watch_new(server->loop, server->listener, WATCH_READ, server_on_connect, server);
}

static void server_stop(struct server *server)
{
    chan_free(server->chan);
    watch_free(server->watch);
    close(server->listener);
    unlink(path);
    strbuf_done(&server->records);
    loop_free(server->loop);
}

static void send_one(struct cleanup_client *client, struct server *server, bool expect_ok)
{
    struct arena *arena = arena_new("test");
    struct cleanup_done done;
    struct err err = ERR_INIT;
    struct cleanup_stream *s = cleanup_stream_open(client, 0, NULL, NULL);
    cleanup_stream_add(s, REC_SENDER, slice_of("a@b"));
    cleanup_stream_attribute(s, "name", "value");
    cleanup_stream_addf(s, REC_RECIPIENT, "%s", "c@d");
    cleanup_stream_finish(s);
    assert_int_equal(cleanup_stream_wait(s, server->loop, &done, arena, &err), expect_ok);
    if (expect_ok) {
        assert_int_equal(done.status, 0);
        assert_string_equal(done.queue_id, "ID");
    } else {
        assert_int_equal(err.kind, ERR_TEMP);
    }
    cleanup_stream_free(s);
    arena_free(arena);
}

static void messages_share_a_connection(void **unused)
{
    (void)unused;
    struct server server;
    server_start(&server);
    struct cleanup_client *client = cleanup_client_new(server.loop, path, 10000);
    for (int i = 0; i < 3; i++) {
        strbuf_reset(&server.records);
        send_one(client, &server, true);
        assert_memory_equal(server.records.s,
                            "S\x03"
                            "a@bA\x0aname=valueR\x03"
                            "c@dE",
                            24);
    }
    assert_int_equal(server.connections, 1);
    assert_int_equal(server.opens, 3);

    server.close_at_open = true; /* a used connection that closes is replaced */
    send_one(client, &server, true);
    assert_int_equal(server.connections, 2);
    cleanup_client_free(client);
    server_stop(&server);
}

static void nobody_there_is_a_temporary_error(void **unused)
{
    (void)unused;
    struct server server;
    server_start(&server);
    struct cleanup_client *client = cleanup_client_new(server.loop, "/nonexistent/socket", 10000);
    send_one(client, &server, false);
    cleanup_client_free(client);

    client = cleanup_client_new(server.loop, path, 10000);
    server.close_at_open = true; /* a fresh one that closes is not */
    send_one(client, &server, false);
    cleanup_client_free(client);
    server_stop(&server);
}

static void freed_stream_aborts_and_its_connection_is_used_again(void **unused)
{
    (void)unused;
    struct server server;
    server_start(&server);
    struct cleanup_client *client = cleanup_client_new(server.loop, path, 10000);
    struct cleanup_stream *s = cleanup_stream_open(client, 0, NULL, NULL);
    cleanup_stream_add(s, REC_SENDER, slice_of("a@b"));
    cleanup_stream_free(s);
    while (server.aborts == 0)
        loop_run_once(server.loop, true);
    loop_run_once(server.loop, true); /* the answer reaches the client */
    send_one(client, &server, true);
    assert_int_equal(server.connections, 1);
    cleanup_client_free(client);
    server_stop(&server);
}

static void large_messages_stop_when_full(void **unused)
{
    (void)unused;
    struct server server;
    server_start(&server);
    struct cleanup_client *client = cleanup_client_new(server.loop, path, 10000);
    struct cleanup_stream *s = cleanup_stream_open(client, 0, NULL, NULL);
    struct arena *arena = arena_new("test");
    struct cleanup_done done;
    struct err err;
    char line[1000];
    memset(line, 'x', sizeof line);
    size_t lines = 0;
    while (lines < 5000) {
        if (cleanup_stream_is_full(s)) {
            assert_true(lines > 0);
            loop_run_once(server.loop, true);
            continue;
        }
        cleanup_stream_add(s, REC_LINE, (struct slice){line, sizeof line});
        lines++;
    }
    cleanup_stream_finish(s);
    assert_true(cleanup_stream_wait(s, server.loop, &done, arena, &err));
    assert_int_equal(server.records.len, lines * (sizeof line + 3) + 2);
    cleanup_stream_free(s);
    arena_free(arena);
    cleanup_client_free(client);
    server_stop(&server);
}

static void what_was_kept_back_goes_in_frames(void **unused)
{
    (void)unused;
    struct server server;
    server_start(&server);
    struct cleanup_client *client = cleanup_client_new(server.loop, path, 10000);
    struct cleanup_stream *s = cleanup_stream_open(client, 0, NULL, NULL);
    struct arena *arena = arena_new("test");
    struct cleanup_done done;
    struct err err;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_add_fill(&line, 'x', 1 << 20);
    for (int i = 0; i < 18;
         i++) /* more than one frame may hold, all before the queue id is known */
        cleanup_stream_add(s, REC_LINE, strbuf_slice(&line));
    cleanup_stream_finish(s);
    assert_true(cleanup_stream_wait(s, server.loop, &done, arena, &err));
    assert_int_equal(server.records.len, 18 * (line.len + 5 - 1) + 2);
    cleanup_stream_free(s);
    arena_free(arena);
    cleanup_client_free(client);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_share_a_connection),
        cmocka_unit_test(nobody_there_is_a_temporary_error),
        cmocka_unit_test(freed_stream_aborts_and_its_connection_is_used_again),
        cmocka_unit_test(large_messages_stop_when_full),
        cmocka_unit_test(what_was_kept_back_goes_in_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
