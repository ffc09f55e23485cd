/* The time limits of resolv.conf(5). */
#include "unit/cm.h"

#include "dns/dns_options.h"

static void limits_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int timeout_ms, tries;
    } rows[] = {
        {"", 5000, 2},
        {"nameserver 192.0.2.1\n", 5000, 2},
        {"options timeout:1\n", 1000, 2},
        {"options attempts:4", 5000, 4},
        {"options\ttimeout:3  attempts:1 rotate\n", 3000, 1},
        {"options timeout:3\nnameserver 192.0.2.1\noptions timeout:2\n", 2000, 2},
        {"options timeout:999 attempts:999\n", 30000, 5},
        {"options timeout:99999999999999999999 attempts:-1\n", 5000, 2},
        {"options timeout:0 attempts:0 timeout: attempts:x timeout:1s\n", 5000, 2},
        {"; options timeout:1\n#options timeout:1\nxoptions timeout:1\n", 5000, 2},
        {"options timeout:4\r\n", 4000, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dns_options options = {5000, 2};
        dns_options_parse(slice_of(rows[i].text), &options);
        assert_int_equal(options.timeout_ms, rows[i].timeout_ms);
        assert_int_equal(options.tries, rows[i].tries);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
