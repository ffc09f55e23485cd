/* The service, asked over a socket in one loop. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "io/sock.h"
#include "ipc/client.h"
#include "mail/rewrite_msg.h"
#include "trivial-rewrite/rewrite_server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const settings[][2] = {
    {"myhostname", "h.example"},
    {"mydomain", "example"},
    {"myorigin", "o.example"},
    {"mydestination", "h.example"},
    {"inet_interfaces", "127.0.0.1"},
    {"append_dot_mydomain", "yes"},
    {"remote_header_rewrite_domain", "remote.invalid"},
    {"transport_maps", "inline:{ {t.example=slow:next.example} }"},
};

static char path[64];
static struct rewrite_service service;
static struct client *client;
static struct config *cfg;
static int listener = -1, closed;
static struct watch *watch;

static void on_done(void)
{
    closed++;
}

static void on_connect(void *owner, unsigned events)
{
    (void)owner;
    (void)events;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    rewrite_server_accept(&service, fd);
}

static int setup(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    cfg = config_new("/nonexistent");
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        config_override(cfg, settings[i][0], settings[i][1]);
    if (!common_params_load(cfg, &err))
        fail_msg("%s", err.reason);
    service = (struct rewrite_service){.loop = loop_new(),
                                       .resolver = resolver_new(cfg, &err),
                                       .rules = rewrite_rules_from_params(),
                                       .on_done = on_done};
    if (!service.resolver)
        fail_msg("%s", err.reason);
    snprintf(path, sizeof path, "/tmp/test_rewrite_server.%d", (int)getpid());
    listener = sock_listen_unix(path, SOCK_STREAM, 0600, &err);
    watch = watch_new(service.loop, listener, WATCH_READ, on_connect, NULL);
    const struct client_options options = {
        .path = path, .timeout_ms = 10000, .max_idle = 1, .max_idle_ms = 60000};
    client = client_new(service.loop, &options);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    client_free(client);
    rewrite_server_close_all();
    watch_free(watch);
    close(listener);
    unlink(path);
    resolver_free(service.resolver);
    loop_free(service.loop);
    params_done(common_param_rows, &common_params);
    config_free(cfg);
    return 0;
}

struct answer {
    bool came;
    uint16_t kind;
    struct strbuf body;
};

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct answer *answer = owner;
    if (!body.s)
        fail_msg("%s", err->reason);
    answer->came = true;
    answer->kind = kind;
    strbuf_set_slice(&answer->body, body);
}

static void ask(uint16_t kind, const struct msg_type *type, const void *question,
                struct answer *answer)
{
    answer->came = false;
    client_call(client, kind, type, question, on_answer, answer);
    for (int i = 0; i < 1000 && !answer->came; i++)
        loop_run_once(service.loop, true);
    assert_true(answer->came);
}

static void decode(const struct answer *answer, uint16_t kind, const struct msg_type *type,
                   struct arena *arena, void *ret)
{
    struct err err = ERR_INIT;
    assert_int_equal(answer->kind, kind);
    if (!msg_decode(type, strbuf_slice(&answer->body), arena, ret, &err))
        fail_msg("%s", err.reason);
}

static void addresses_are_rewritten(void **unused)
{
    (void)unused;
    static const struct {
        enum rewrite_context context;
        const char *address, *expected;
    } rows[] = {
        {REWRITE_LOCAL, "user", "user@o.example"},
        {REWRITE_LOCAL, "user@host", "user@host.example"},
        {REWRITE_REMOTE, "user", "user@remote.invalid"},
        {REWRITE_LOCAL, "", ""},
    };
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct answer answer = {.body = STRBUF_ANY};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct rewrite_question question = {.context = rows[i].context,
                                                  .address = rows[i].address};
        struct rewrite_reply reply;
        ROW(rows[i].address);
        ask(REWRITE_ADDRESS, &rewrite_question_type, &question, &answer);
        decode(&answer, REWRITE_ADDRESS_REPLY, &rewrite_reply_type, arena, &reply);
        assert_string_equal(reply.address, rows[i].expected);
    }
    strbuf_done(&answer.body);
}

static void addresses_are_resolved(void **unused)
{
    (void)unused;
    static const struct {
        const char *address, *transport, *nexthop;
        unsigned address_class, flags;
    } rows[] = {
        {"u@h.example", "local", "h.example", RESOLVE_CLASS_LOCAL, 0},
        {"u@t.example", "slow", "next.example", RESOLVE_CLASS_DEFAULT, 0},
        {"u@a..b", "", "", RESOLVE_CLASS_DEFAULT, RESOLVE_BAD_ADDRESS},
    };
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct answer answer = {.body = STRBUF_ANY};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct resolve_question question = {
            .sender = "s@x", .address = rows[i].address, .use = RESOLVE_DELIVER};
        struct resolve_answer reply;
        ROW(rows[i].address);
        ask(REWRITE_RESOLVE, &resolve_question_type, &question, &answer);
        decode(&answer, REWRITE_RESOLVE_REPLY, &resolve_answer_type, arena, &reply);
        assert_true(reply.ok);
        assert_string_equal(reply.recipient, rows[i].address);
        assert_string_equal(reply.transport, rows[i].transport);
        assert_string_equal(reply.nexthop, rows[i].nexthop);
        assert_int_equal(reply.address_class, rows[i].address_class);
        assert_int_equal(reply.flags, rows[i].flags);
    }
    strbuf_done(&answer.body);
}

static void bad_questions_close_the_connection(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf long_text = STRBUF_ANY;
    strbuf_add_fill(&long_text, 'x', REWRITE_TEXT_MAX + 1);
    const struct resolve_question bad[] = {
        {.sender = "", .address = long_text.s, .use = RESOLVE_DELIVER},
        {.sender = long_text.s, .address = "", .use = RESOLVE_DELIVER},
        {.sender = "", .address = "u@h.example", .use = 7},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int pair[2], before = closed;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        rewrite_server_accept(&service, pair[0]);
        CLEANUP(strbuf_done) struct strbuf frame = STRBUF_ANY;
        msg_frame(REWRITE_RESOLVE, &resolve_question_type, &bad[i], &frame);
        assert_int_equal(write(pair[1], frame.s, frame.len), (ssize_t)frame.len);
        for (int turn = 0; turn < 100 && closed == before; turn++)
            loop_run_once(service.loop, true);
        assert_int_equal(closed, before + 1);
        close(pair[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_rewritten),
        cmocka_unit_test(addresses_are_resolved),
        cmocka_unit_test(bad_questions_close_the_connection),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
