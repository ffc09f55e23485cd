#include "unit/cm.h"

#include "smtp/smtp_nexthop.h"

#include <string.h>

static int port_of(const char *text)
{
    return strcmp(text, "2525") == 0 ? 2525 : strcmp(text, "submission") == 0 ? 587 : 0;
}

static bool has_srv(const char *service)
{
    return strcmp(service, "submission") == 0;
}

static void check(bool is_lmtp, bool use_mx, const char *text, int kind, const char *host, int port)
{
    const struct smtp_nexthop_options options = {
        is_lmtp, use_mx, is_lmtp ? 24 : 25, port_of, is_lmtp ? "24" : "smtp", has_srv};
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct smtp_nexthop nexthop;
    struct err err = ERR_INIT;
    print_message("  row: %s\n", text);
    bool ok = smtp_nexthop_parse(slice_of(text), &options, arena, &nexthop, &err);
    assert_int_equal(ok, host != NULL);
    if (!host) {
        assert_int_equal(err.kind, ERR_CONFIG);
        return;
    }
    assert_int_equal(nexthop.kind, kind);
    assert_string_equal(nexthop.host, host);
    assert_int_equal(nexthop.port, port);
    assert_string_equal(nexthop.text, text);
}

static void smtp_forms(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *text; int kind; const char *host; int port; } rows[] = {
        {"example.test",           SMTP_NEXTHOP_DOMAIN, "example.test", 25},
        {"example.test:2525",      SMTP_NEXTHOP_DOMAIN, "example.test", 2525},
        {"[example.test]",         SMTP_NEXTHOP_HOST,   "example.test", 25},
        {"[example.test]:submission", SMTP_NEXTHOP_HOST, "example.test", 587},
        {"[192.0.2.1]:2525",       SMTP_NEXTHOP_HOST,   "192.0.2.1",    2525},
        {"[ipv6:2001:db8::1]",     SMTP_NEXTHOP_HOST,   "2001:db8::1",  25},
        {"[IPv6:::1]:2525",        SMTP_NEXTHOP_HOST,   "::1",          2525},
        {"[example.test",          0, NULL, 0},
        {"[]",                     0, NULL, 0},
        {"[a]b",                   0, NULL, 0},
        {"example.test:",          0, NULL, 0},
        {"example.test:nonesuch",  0, NULL, 0},
        {"",                       0, NULL, 0},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check(false, true, rows[i].text, rows[i].kind, rows[i].host, rows[i].port);
    check(false, false, "example.test", SMTP_NEXTHOP_HOST, "example.test", 25);
}

static void services_by_name(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *text; bool is_service; } rows[] = {
        {"example.test:submission", true},  {"example.test:2525", false},
        {"[example.test]:submission", false}, {"example.test", false},
    };
    // clang-format on
    const struct smtp_nexthop_options options = {false, true, 25, port_of, "smtp", has_srv};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct smtp_nexthop nexthop;
        struct err err = ERR_INIT;
        assert_true(smtp_nexthop_parse(slice_of(rows[i].text), &options, arena, &nexthop, &err));
        assert_int_equal(nexthop.service != NULL, rows[i].is_service);
    }
}

static void lmtp_forms(void **unused)
{
    (void)unused;
    check(true, false, "unix:private/dovecot", SMTP_NEXTHOP_UNIX, "private/dovecot", 0);
    check(true, false, "inet:example.test", SMTP_NEXTHOP_HOST, "example.test", 24);
    check(true, false, "inet:example.test:2525", SMTP_NEXTHOP_HOST, "example.test", 2525);
    check(true, false, "inet:[::1]:2525", SMTP_NEXTHOP_HOST, "::1", 2525);
    check(true, false, "unix:", 0, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(smtp_forms),
                                       cmocka_unit_test(services_by_name),
                                       cmocka_unit_test(lmtp_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
