/* The service and its client, over a socket in one loop. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "mail/rewrite_client.h"
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
static struct rewrite_client *client;
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
    client = rewrite_client_new(service.loop, path, 10000);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    rewrite_client_free(client);
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
    bool came, ok;
    char address[512], transport[100], nexthop[100];
    unsigned address_class, flags;
};

static void wait_for(struct answer *answer)
{
    for (int i = 0; i < 1000 && !answer->came; i++)
        loop_run_once(service.loop, true);
    assert_true(answer->came);
}

static void on_rewritten(void *owner, const char *address, const struct err *err)
{
    struct answer *answer = owner;
    answer->came = true;
    answer->ok = address != NULL;
    snprintf(answer->address, sizeof answer->address, "%s", address ? address : err->reason);
}

static void on_resolved(void *owner, const struct resolve_reply *reply, const struct err *err)
{
    struct answer *answer = owner;
    answer->came = true;
    answer->ok = reply != NULL;
    if (!reply) {
        snprintf(answer->address, sizeof answer->address, "%s", err->reason);
        return;
    }
    snprintf(answer->address, sizeof answer->address, "%s", reply->recipient);
    snprintf(answer->transport, sizeof answer->transport, "%s", reply->transport);
    snprintf(answer->nexthop, sizeof answer->nexthop, "%s", reply->nexthop);
    answer->address_class = reply->address_class;
    answer->flags = reply->flags;
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
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer answer = {0};
        ROW(rows[i].address);
        rewrite_client_rewrite(client, rows[i].context, rows[i].address, on_rewritten, &answer);
        wait_for(&answer);
        assert_true(answer.ok);
        assert_string_equal(answer.address, rows[i].expected);
    }
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
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer answer = {0};
        ROW(rows[i].address);
        rewrite_client_resolve(client, RESOLVE_DELIVER, "s@x", rows[i].address, on_resolved,
                               &answer);
        wait_for(&answer);
        assert_true(answer.ok);
        assert_string_equal(answer.address, rows[i].address);
        assert_string_equal(answer.transport, rows[i].transport);
        assert_string_equal(answer.nexthop, rows[i].nexthop);
        assert_int_equal(answer.address_class, rows[i].address_class);
        assert_int_equal(answer.flags, rows[i].flags);
    }
}

static void a_cancelled_question_is_not_answered(void **unused)
{
    (void)unused;
    struct answer cancelled = {0}, other = {0};
    struct rewrite_call *call =
        rewrite_client_rewrite(client, REWRITE_LOCAL, "user", on_rewritten, &cancelled);
    rewrite_client_rewrite(client, REWRITE_LOCAL, "user", on_rewritten, &other);
    rewrite_client_cancel(call);
    wait_for(&other);
    assert_false(cancelled.came);
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

static void no_service_is_a_temporary_error(void **unused)
{
    (void)unused;
    struct rewrite_client *lost = rewrite_client_new(service.loop, "/nonexistent/rewrite", 1000);
    struct answer answer = {0};
    rewrite_client_resolve(lost, RESOLVE_DELIVER, "", "u@h.example", on_resolved, &answer);
    wait_for(&answer);
    assert_false(answer.ok);
    rewrite_client_free(lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_rewritten),
        cmocka_unit_test(addresses_are_resolved),
        cmocka_unit_test(a_cancelled_question_is_not_answered),
        cmocka_unit_test(bad_questions_close_the_connection),
        cmocka_unit_test(no_service_is_a_temporary_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
