/* Clients counted by network. */
#include "base/strbuf.h"
#include "smtpd/smtpd_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void keys(void **unused)
{
    (void)unused;
    static const struct {
        const char *address, *expect;
        int prefix4, prefix6;
    } rows[] = {
        {"192.0.2.77", "192.0.2.77", 32, 84},     {"192.0.2.77", "192.0.2.0/24", 24, 84},
        {"192.0.2.77", "192.0.2.64/27", 27, 84},  {"192.0.2.77", "0.0.0.0/0", 0, 84},
        {"2001:db8::1", "2001:db8::/84", 32, 84}, {"2001:db8::1", "2001:db8::1", 32, 128},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
        smtpd_limit_key(rows[i].address, rows[i].prefix4, rows[i].prefix6, &key);
        assert_string_equal(key.s, rows[i].expect);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
