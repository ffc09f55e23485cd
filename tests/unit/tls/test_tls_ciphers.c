#include "tls/tls_ciphers.h"
#include "tls/tls_params.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *grade, *exclude;
    bool need_certificates;
    const char *expected; /* NULL: refused */
} rows[] = {
    {"high", "", false, "HIGH"},
    {"Medium", "", false, "MEDIUM"},
    {"low", "", false, "MEDIUM"},
    {"export", "", true, "MEDIUM:!aNULL"},
    {"null", "", false, "NULL"},
    {"high", "MD5, aDSS\tkRSA", false, "HIGH:!MD5:!aDSS:!kRSA"},
    {"high", "RC4+MD5", true, "HIGH:!RC4+MD5:!aNULL"},
    {"high", "!MD5", false, NULL},
    {"high", "-MD5", false, NULL},
    {"high", "+MD5", false, NULL},
    {"high", "@STRENGTH", false, NULL},
    {"best", "", false, NULL},
    {"", "", false, NULL},
};

static void test_lists(void **state)
{
    (void)state;
    tls_params.tls_high_cipherlist = "HIGH";
    tls_params.tls_medium_cipherlist = "MEDIUM";
    tls_params.tls_null_cipherlist = "NULL";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
        struct err err = ERR_INIT;
        bool ok =
            tls_ciphers_list(rows[i].grade, rows[i].exclude, rows[i].need_certificates, &got, &err);
        assert_int_equal(ok, rows[i].expected != NULL);
        if (ok)
            assert_string_equal(got.s, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
