#include "unit/cm.h"

#include "smtp/smtp_ehlo.h"

static void keywords(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *line; unsigned features; int64_t size; } rows[] = {
        {"PIPELINING",       SMTP_EHLO_PIPELINING, 0},
        {"pipelining",       SMTP_EHLO_PIPELINING, 0},
        {"SIZE",             SMTP_EHLO_SIZE, 0},
        {"SIZE 10240000",    SMTP_EHLO_SIZE, 10240000},
        {"SIZE 99999999999999999999", SMTP_EHLO_SIZE, 0},
        {"SIZE 18446744073709551615", SMTP_EHLO_SIZE, 0},
        {"SIZE -1",          SMTP_EHLO_SIZE, 0},
        {"8BITMIME",         SMTP_EHLO_8BITMIME, 0},
        {"AUTH=LOGIN PLAIN", SMTP_EHLO_AUTH, 0},
        {"AUTH PLAIN",       SMTP_EHLO_AUTH, 0},
        {"DSNX",             0, 0},
        {"",                 0, 0},
        {"XFORWARD NAME ADDR", SMTP_EHLO_XFORWARD, 0},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct smtp_ehlo e = {0};
        print_message("  row: %s\n", rows[i].line);
        smtp_ehlo_add_line(&e, slice_of(rows[i].line));
        assert_int_equal(e.features, rows[i].features);
        assert_int_equal(e.size_limit, rows[i].size);
        argv_done(&e.logins);
    }
}

/* All lines count, in the old form and the new. */
static void mechanisms(void **unused)
{
    (void)unused;
    struct smtp_ehlo e = {0};
    smtp_ehlo_add_line(&e, slice_of("AUTH PLAIN LOGIN"));
    smtp_ehlo_add_line(&e, slice_of("AUTH=CRAM-MD5 X"));
    smtp_ehlo_add_line(&e, slice_of("auth"));
    smtp_ehlo_add_line(&e, slice_of("AUTHX"));
    assert_int_equal(e.logins.count, 3);
    assert_string_equal(e.logins.at[0], "PLAIN LOGIN");
    assert_string_equal(e.logins.at[1], "CRAM-MD5 X");
    assert_string_equal(e.logins.at[2], "");
    argv_done(&e.logins);
}

static void firewalls_that_rewrite_the_greeting(void **unused)
{
    (void)unused;
    assert_true(smtp_ehlo_is_pix(slice_of("**********************")));
    assert_true(smtp_ehlo_is_pix(slice_of("*****2***0****")));
    assert_false(smtp_ehlo_is_pix(slice_of("mail.example.test ESMTP")));
    assert_false(smtp_ehlo_is_pix(slice_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords),
        cmocka_unit_test(mechanisms),
        cmocka_unit_test(firewalls_that_rewrite_the_greeting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
