#include "unit/cm.h"

#include "smtp/smtp_sasl_cache.h"

#include <string.h>

static void entries(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *value; bool is_good; const char *digest, *dsn, *reply; } rows[] = {
        {"1795338394;5en6G6M=;5.7.8;535 5.7.8 no", true,  "5en6G6M=", "5.7.8", "535 5.7.8 no"},
        {"1;x;5.7.8;535 a; b",                     true,  "x", "5.7.8", "535 a; b"},
        {"1;x;5.7.9;535-5.7.8 no\n535 5.7.9 more", true,  "x", "5.7.9", "535-5.7.8 no"},
        {"1;x;5.7.8;",                             true,  "x", "5.7.8", ""},
        {"1;x;5.7.8",                              false, "", "", ""},
        {"1;;5.7.8;535 no",                        false, "", "", ""},
        {"1;x;;535 no",                            false, "", "", ""},
        {"1;x;2.0.0;535 no",                       false, "", "", ""},
        {"soon;x;5.7.8;535 no",                    false, "", "", ""},
        {"",                                       false, "", "", ""},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct smtp_sasl_cache_entry entry;
        print_message("  row: %s\n", rows[i].value);
        assert_int_equal(smtp_sasl_cache_parse(slice_of(rows[i].value), &entry), rows[i].is_good);
        if (!rows[i].is_good)
            continue;
        assert_true(slice_eq(entry.digest, rows[i].digest));
        assert_true(slice_eq(entry.dsn, rows[i].dsn));
        assert_true(slice_eq(entry.reply, rows[i].reply));
    }
}

static void passwords(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *value; char delimiter; const char *user, *password; } rows[] = {
        {"user:secret",   ':', "user", "secret"},
        {"user:sec:ret",  ':', "user", "sec:ret"},
        {"user",          ':', "user", ""},
        {":",             ':', "", ""},
        {"a:b@c|sec:ret", '|', "a:b@c", "sec:ret"},
        {"a:b",           '|', "a:b", ""},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct smtp_sasl_login login;
        print_message("  row: %s\n", rows[i].value);
        smtp_sasl_login_init(&login);
        smtp_sasl_login_split(slice_of(rows[i].value), rows[i].delimiter, &login);
        assert_string_equal(login.user.s, rows[i].user);
        assert_string_equal(login.password.s, rows[i].password);
        smtp_sasl_login_done(&login);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries), cmocka_unit_test(passwords)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
