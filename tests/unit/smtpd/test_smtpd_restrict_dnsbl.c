#include "unit/cm.h"

#include "smtpd/smtpd_dnsbl.h"

#include "base/base.h"

static void test_filters(void **state)
{
    (void)state;
    // clang-format off
    static const struct { const char *filter; unsigned char address[4]; bool good, match; } rows[] = {
        {"127.0.0.2",            {127, 0, 0, 2},  true,  true},
        {"127.0.0.2",            {127, 0, 0, 3},  true,  false},
        {"127.0.[1..3].[5;10]",  {127, 0, 2, 10}, true,  true},
        {"127.0.[1..3].[5;10]",  {127, 0, 4, 10}, true,  false},
        {"127.0.[1..3].[5;10]",  {127, 0, 1, 6},  true,  false},
        {"[0..255].[0..255].[0..255].[1..2;4]", {9, 9, 9, 4}, true, true},
        {"127.0.0.[5..5]",       {127, 0, 0, 5},  true,  true},
        {"127.0.0.[5..3]",       {127, 0, 0, 5},  false, false},
        {"127.0.0",              {127, 0, 0, 2},  false, false},
        {"127.0.0.2.",           {127, 0, 0, 2},  false, false},
        {"127.0.0.2x",           {127, 0, 0, 2},  false, false},
        {"127.0.0.256",          {127, 0, 0, 0},  false, false},
        {"127.0.0.-1",           {127, 0, 0, 0},  false, false},
        {"127.0.0.[]",           {127, 0, 0, 0},  false, false},
        {"127.0.0.[1",           {127, 0, 0, 1},  false, false},
        {"127.0.0.[1;]",         {127, 0, 0, 1},  false, false},
        {"127.0.0.[1.2]",        {127, 0, 0, 1},  false, false},
        {"127.0.0.[1..2..3]",    {127, 0, 0, 1},  false, false},
        {"127.0.0.1;2",          {127, 0, 0, 1},  false, false},
        {"127.0.0.1..2",         {127, 0, 0, 1},  false, false},
        {"",                     {127, 0, 0, 1},  false, false},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool match = false;
        print_message("  row: %s\n", rows[i].filter);
        assert_int_equal(smtpd_dnsbl_match(rows[i].filter, rows[i].address, &match), rows[i].good);
        if (rows[i].good)
            assert_int_equal(match, rows[i].match);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
