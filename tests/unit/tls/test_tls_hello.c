#include "unit/cm.h"

#include "tls/tls_hello.h"

static void first_identity(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in;
        size_t len;
        const char *want;
    } rows[] = {
        {"one", "\0\7\0\1i\0\0\0\1\0\0", 11, "i"},
        {"two", "\0\16\0\1i\0\0\0\1\0\1j\0\0\0\1", 16, "i"},
        {"empty identity", "\0\6\0\0\0\0\0\1", 8, ""},
        {"nothing", "", 0, ""},
        {"half a length", "\0", 1, ""},
        {"list too long", "\0\10\0\1i\0\0\0\1", 9, ""},
        {"identity too long", "\0\7\0\6i\0\0\0\1", 9, ""},
        {"identity cut", "\0\1\0", 3, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        struct slice got = tls_hello_first_identity((struct slice){rows[i].in, rows[i].len});
        assert_true(slice_eq(got, rows[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_identity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
