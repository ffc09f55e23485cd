/* What both implementations promise: answers come later, once, and not to those who gave up. */
#include "unit/cm.h"

#include "sasl/auth_server.h"

#include <stdio.h>

static const struct auth_settings settings = {
    .path = "nonexistent/auth",
    .service = "smtp",
    .realm = "",
    .hostname = "mail.example.test",
    .config_path = "/nonexistent",
    .config_directory = "/nonexistent",
};
static const struct auth_peer peer = {.client_address = "192.0.2.1", .client_port = 25};

struct fixture {
    struct loop *loop;
    struct work_pool *pool;
    struct auth_server *server;
    struct strbuf problems;
};

struct seen {
    unsigned steps, ready;
    enum auth_status status;
    char text[200];
    bool failed;
};

static void on_step(void *owner, const struct auth_step *step)
{
    struct seen *seen = owner;
    seen->steps++;
    seen->status = step->status;
    snprintf(seen->text, sizeof seen->text, "%s", step->text);
}

static void on_ready(void *owner, const struct err *err)
{
    struct seen *seen = owner;
    seen->ready++;
    seen->failed = err != NULL;
}

static void open_server(struct fixture *f, const char *type)
{
    struct err err = ERR_INIT;
    *f = (struct fixture){.problems = STRBUF_ANY};
    f->loop = loop_new();
    f->pool = work_pool_new(f->loop, 1);
    f->server = auth_server_new(type, &settings, &f->problems, &err);
    assert_non_null(f->server);
    auth_server_start(f->server, f->loop, f->pool);
}

static void close_server(struct fixture *f)
{
    auth_server_free(f->server);
    work_pool_free(f->pool);
    loop_free(f->loop);
    strbuf_done(&f->problems);
}

static void run_until(struct fixture *f, const unsigned *count)
{
    while (*count == 0)
        loop_run_once(f->loop, true);
}

static void types(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    assert_string_equal(auth_types()[0], "cyrus");
    assert_string_equal(auth_types()[1], "dovecot");
    assert_null(auth_types()[2]);
    assert_null(auth_server_new("Cyrus", &settings, &problems, &err));
    assert_string_equal(err.reason, "unsupported SASL server implementation: Cyrus");
}

static void policies_are_lists_of_words(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type, *list;
        bool good;
        unsigned policy;
    } rows[] = {
        {"none", "dovecot", "", true, 0},
        {"some", "dovecot", "noplaintext, NoAnonymous", true,
         AUTH_NO_PLAINTEXT | AUTH_NO_ANONYMOUS},
        {"of Dovecot only", "dovecot", "forward_secrecy", true, AUTH_FORWARD_SECRECY},
        {"not of Cyrus", "cyrus", "forward_secrecy", false, 0},
        {"mutual", "cyrus", "mutual_auth", true, AUTH_MUTUAL},
        {"unknown", "cyrus", "noplain", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        struct fixture f;
        struct err err = ERR_INIT;
        unsigned policy = 0;
        open_server(&f, rows[i].type);
        assert_int_equal(auth_policy_parse(f.server, rows[i].list, &policy, &err), rows[i].good);
        assert_int_equal(policy, rows[i].policy);
        close_server(&f);
    }
}

static void a_server_that_is_away_is_told_later(void **state)
{
    (void)state;
    struct fixture f;
    struct seen first = {0}, given_up = {0}, waiting = {0}, waited_enough = {0};
    CLEANUP(argv_done) struct argv mechanisms = ARGV_INIT;
    open_server(&f, "dovecot");
    auth_begin(f.server, &peer, 0, "PLAIN", NULL, on_step, &first);
    struct auth_exchange *x = auth_begin(f.server, &peer, 0, "PLAIN", NULL, on_step, &given_up);
    assert_non_null(auth_server_wait(f.server, on_ready, &waiting));
    struct auth_wait *wait = auth_server_wait(f.server, on_ready, &waited_enough);
    assert_int_equal(first.steps + waiting.ready, 0);
    auth_cancel(x);
    auth_wait_cancel(wait);
    run_until(&f, &waiting.ready);
    assert_int_equal(first.steps, 1);
    assert_int_equal(first.status, AUTH_BROKEN);
    assert_string_equal(first.text, "Connection lost to authentication server");
    assert_true(waiting.failed);
    assert_int_equal(given_up.steps + waited_enough.ready, 0);
    auth_server_mechanisms(f.server, 0, &mechanisms);
    assert_int_equal(mechanisms.count, 0);
    close_server(&f);
}

static void what_is_left_goes_with_the_server(void **state)
{
    (void)state;
    for (const char *const *type = auth_types(); *type; type++) {
        ROW(*type);
        struct fixture f;
        struct seen seen = {0};
        open_server(&f, *type);
        auth_begin(f.server, &peer, 0, "PLAIN", NULL, on_step, &seen);
        auth_server_wait(f.server, on_ready, &seen);
        close_server(&f);
        assert_int_equal(seen.steps + seen.ready, 0);
    }
}

static void cyrus_answers_from_a_thread(void **state)
{
    (void)state;
    struct fixture f;
    struct seen seen = {0}, given_up = {0};
    open_server(&f, "cyrus");
    assert_null(auth_server_wait(f.server, on_ready, &seen));
    struct auth_exchange *x = auth_begin(f.server, &peer, 0, "FOO", NULL, on_step, &given_up);
    auth_begin(f.server, &peer, 0, "FOO", NULL, on_step, &seen);
    assert_int_equal(seen.steps, 0);
    auth_cancel(x);
    run_until(&f, &seen.steps);
    assert_int_equal(seen.status, AUTH_FAILED);
    assert_string_equal(seen.text, "no mechanism available");
    assert_int_equal(given_up.steps, 0);
    close_server(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(policies_are_lists_of_words),
        cmocka_unit_test(a_server_that_is_away_is_told_later),
        cmocka_unit_test(what_is_left_goes_with_the_server),
        cmocka_unit_test(cyrus_answers_from_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
