/* Exchanges with servers good and bad: what is sent, and that answers come later, once, and not to
 * those who gave up. */
#include "unit/cm.h"

#include "sasl/auth_client.h"

#include <stdio.h>
#include <string.h>

struct seen {
    unsigned steps;
    enum auth_status status;
    char text[300], mechanism[30];
    bool has_text, is_complete;
};

struct fixture {
    struct loop *loop;
    struct auth_client *client;
    struct strbuf problems;
    struct seen seen;
};

static void on_step(void *owner, const struct auth_step *step)
{
    struct seen *seen = owner;
    seen->steps++;
    seen->status = step->status;
    seen->has_text = step->text != NULL;
    seen->is_complete = step->is_complete;
    snprintf(seen->text, sizeof seen->text, "%s", step->text ? step->text : "");
    snprintf(seen->mechanism, sizeof seen->mechanism, "%s", step->mechanism ? step->mechanism : "");
}

static int setup(void **state)
{
    static struct fixture f;
    const struct auth_client_settings settings = {.service = "smtp", .path = ""};
    struct err err = ERR_INIT;
    f = (struct fixture){.problems = STRBUF_ANY};
    f.loop = loop_new();
    f.client = auth_client_new("cyrus", &settings, &f.problems, &err);
    assert_non_null(f.client);
    auth_client_start(f.client, f.loop);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    auth_client_free(f->client);
    loop_free(f->loop);
    strbuf_done(&f->problems);
    return 0;
}

static void await(struct fixture *f)
{
    unsigned steps = f->seen.steps;
    while (f->seen.steps == steps)
        loop_run_once(f->loop, true);
    assert_int_equal(f->seen.steps, steps + 1);
}

static struct auth_exchange *begin(struct fixture *f, const char *mechanisms, unsigned policy)
{
    const struct auth_client_login login = {.server = "mail.test",
                                            .user = "user",
                                            .password = "secret",
                                            .mechanisms = mechanisms,
                                            .policy = policy};
    f->seen = (struct seen){0};
    struct auth_exchange *x = auth_client_begin(f->client, &login, on_step, &f->seen);
    assert_int_equal(f->seen.steps, 0);
    await(f);
    return x;
}

static void respond(struct fixture *f, struct auth_exchange *x, const char *challenge)
{
    unsigned steps = f->seen.steps;
    auth_respond(x, slice_of(challenge));
    assert_int_equal(f->seen.steps, steps);
    await(f);
}

static void initial_response(void **state)
{
    struct fixture *f = *state;
    struct auth_exchange *x = begin(f, "FOO PLAIN", AUTH_NO_ANONYMOUS);
    assert_int_equal(f->seen.status, AUTH_MORE);
    assert_string_equal(f->seen.mechanism, "PLAIN");
    assert_string_equal(f->seen.text, "AHVzZXIAc2VjcmV0");
    assert_true(f->seen.is_complete);
    respond(f, x, ""); /* more than it has to say */
    assert_int_equal(f->seen.status, AUTH_FAILED);
    assert_string_equal(f->seen.text, "generic failure");
}

static void several_steps(void **state)
{
    struct fixture *f = *state;
    struct auth_exchange *x = begin(f, "LOGIN", 0);
    assert_false(f->seen.has_text);
    respond(f, x, "VXNlcm5hbWU6");
    assert_string_equal(f->seen.text, "dXNlcg==");
    assert_false(f->seen.is_complete);
    respond(f, x, "UGFzc3dvcmQ6");
    assert_string_equal(f->seen.text, "c2VjcmV0");
    assert_true(f->seen.is_complete);
    auth_cancel(x);
}

static void digest(void **state)
{
    struct fixture *f = *state;
    struct auth_exchange *x = begin(f, "PLAIN LOGIN CRAM-MD5", AUTH_NO_PLAINTEXT);
    assert_string_equal(f->seen.mechanism, "CRAM-MD5");
    respond(f, x, "PDE+");
    assert_string_equal(f->seen.text, "dXNlciBkNjIxNTliMmZjNWJmNTc0MmY5ZTBlOWZiMGZhODEyMg==");
    auth_cancel(x);
}

static void no_mechanism(void **state)
{
    struct fixture *f = *state;
    // clang-format off
    static const struct { const char *mechanisms; unsigned policy; } rows[] = {
        {"FOO BAR", 0}, {"", 0}, {"PLAIN LOGIN", AUTH_NO_PLAINTEXT}, {"CRAM-MD5", AUTH_MUTUAL},
        {"ANONYMOUS", AUTH_NO_ANONYMOUS}, {"SCRAM-SHA-1", AUTH_FORWARD_SECRECY},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].mechanisms);
        begin(f, rows[i].mechanisms, rows[i].policy);
        assert_int_equal(f->seen.status, AUTH_FAILED);
        assert_string_equal(f->seen.text, "no mechanism available");
    }
}

static void bad_challenges(void **state)
{
    struct fixture *f = *state;
    // clang-format off
    static const struct { const char *mechanism, *challenge, *text; } rows[] = {
        {"CRAM-MD5",    "!!!!", "bad protocol / cancel"},
        {"CRAM-MD5",    "YWJ",  "another step is needed in authentication"},
        {"CRAM-MD5",    "YQ==YQ==", "bad protocol / cancel"},
        {"SCRAM-SHA-1", "cj14LHM9eSxpPTQyOTQ5NjcyOTU=", "bad number of rounds in the challenge"},
        {"DIGEST-MD5",  "", "generic failure"},
        {"DIGEST-MD5",  "cmVhbG09", "generic failure"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s %s\n", rows[i].mechanism, rows[i].challenge);
        struct auth_exchange *x = begin(f, rows[i].mechanism, 0);
        assert_int_equal(f->seen.status, AUTH_MORE);
        respond(f, x, rows[i].challenge);
        assert_int_equal(f->seen.status, AUTH_FAILED);
        assert_string_equal(f->seen.text, rows[i].text);
    }
}

static void given_up(void **state)
{
    struct fixture *f = *state;
    const struct auth_client_login login = {"mail.test", "user", "secret", "PLAIN", 0};
    struct seen seen = {0};
    auth_cancel(auth_client_begin(f->client, &login, on_step, &seen));
    auth_client_begin(f->client, &login, on_step, &seen); /* goes with the client */
    auth_client_free(f->client);
    f->client = NULL;
    assert_int_equal(seen.steps, 0);
}

static void types_and_policies(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    unsigned policy;
    assert_string_equal(auth_client_types()[0], "cyrus");
    assert_null(auth_client_types()[1]);
    assert_null(auth_client_new("dovecot", NULL, &f->problems, &err));
    assert_string_equal(err.reason, "unsupported SASL client implementation: dovecot");
    assert_true(auth_client_policy_parse(f->client, "noplaintext, mutual_auth", &policy, &err));
    assert_int_equal(policy, AUTH_NO_PLAINTEXT | AUTH_MUTUAL);
    assert_true(auth_client_policy_parse(f->client, "forward_secrecy", &policy, &err));
    assert_false(auth_client_policy_parse(f->client, "bogus", &policy, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(initial_response, setup, teardown),
        cmocka_unit_test_setup_teardown(several_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(digest, setup, teardown),
        cmocka_unit_test_setup_teardown(no_mechanism, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_challenges, setup, teardown),
        cmocka_unit_test_setup_teardown(given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(types_and_policies, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
