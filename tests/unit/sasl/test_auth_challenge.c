#include "unit/cm.h"

#include "sasl/auth_challenge.h"

static void rounds(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *mechanism, *challenge; bool is_good; } rows[] = {
        {"SCRAM-SHA-1",   "r=x,s=QSXCR+Q6sek8bf92,i=4096", true},
        {"scram-sha-256", "r=x,s=y,i=2000000",             true},
        {"SCRAM-SHA-256", "r=x,s=y,i=2000001",             false},
        {"SCRAM-SHA-1",   "r=x,s=y,i=0",                   false},
        {"SCRAM-SHA-1",   "r=x,s=y,i=-1",                  false},
        {"SCRAM-SHA-1",   "r=x,s=y,i=",                    false},
        {"SCRAM-SHA-1",   "i=99999999999999999999999",     false},
        {"SCRAM-SHA-1",   "i=1,i=4294967295",              false},
        {"SCRAM-SHA-1",   "v=rmF9pqV8S7suAoZWja4dJRkFsKQ", true},
        {"SCRAM-SHA-1",   "",                              true},
        {"PLAIN",         "i=99999999",                    true},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s %s\n", rows[i].mechanism, rows[i].challenge);
        assert_int_equal(auth_challenge_check(rows[i].mechanism, slice_of(rows[i].challenge), &err),
                         rows[i].is_good);
        assert_int_equal(err.kind == ERR_NONE, rows[i].is_good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
