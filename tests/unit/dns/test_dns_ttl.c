/* Times to live of answers, and packets that are cut off anywhere. */
#include "dns/dns_ttl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEADER(answers, authority) "\0\0\x81\x80\0\x01\0" answers "\0" authority "\0\0"
#define QUESTION                                                                                   \
    "\x01"                                                                                         \
    "a"                                                                                            \
    "\x04"                                                                                         \
    "test"                                                                                         \
    "\0\0\x01\0\x01"
#define A(ttl) "\xc0\x0c\0\x01\0\x01\0\0" ttl "\0\x04\x7f\0\0\x02"
/* its own time to live, and that of names that do not exist */
#define SOA(ttl, minimum)                                                                          \
    "\0\0\x06\0\x01\0\0" ttl "\0\x16\0\0"                                                          \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                             \
    "\0\0" minimum

static const struct {
    const char *name;
    struct slice packet;
    int64_t ttl;
} rows[] = {
#define ROW(name, text, ttl)                                                                       \
    {                                                                                              \
        name, {text, sizeof(text) - 1}, ttl                                                        \
    }
    ROW("one record", HEADER("\x01", "\0") QUESTION A("\x01\x2c"), 300),
    ROW("the shortest", HEADER("\x02", "\0") QUESTION A("\x01\x2c") A("\0\x3c"), 60),
    ROW("none: minimum of SOA", HEADER("\0", "\x01") QUESTION SOA("\x0e\x10", "\0\x1e"), 30),
    ROW("none: time of SOA", HEADER("\0", "\x01") QUESTION SOA("\0\x14", "\x0e\x10"), 20),
    ROW("none, no SOA", HEADER("\0", "\0") QUESTION, -1),
    ROW("too short", "\0\0", -1),
    ROW("name without end",
        HEADER("\0", "\0") "\x3f"
                           "abc",
        -1),
};

static void times(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(dns_ttl_of(rows[i].packet), rows[i].ttl);
    }
}

static void cut_off(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t len = 0; len < rows[i].packet.len; len++) {
            char copy[200]; /* the sanitizer sees what is read behind the end */
            assert_true(len < sizeof copy);
            char *end = copy + sizeof copy - len;
            memcpy(end, rows[i].packet.s, len);
            int64_t ttl = dns_ttl_of((struct slice){end, len});
            assert_int_equal(ttl, -1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(times), cmocka_unit_test(cut_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
