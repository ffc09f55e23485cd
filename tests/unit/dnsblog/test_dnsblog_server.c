#include "dnsblog/dnsblog_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void names(void **unused)
{
    (void)unused;
    static const struct {
        const char *address, *name; /* NULL: refused */
    } rows[] = {
        {"192.0.2.1", "1.2.0.192.list.test"},
        {"2001:db8::1",
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.list.test"},
        {"name", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(DNS_NAME_MAX);
        print_message("  row: %s\n", rows[i].address);
        assert_int_equal(dnsblog_query_name(rows[i].address, "list.test", &out),
                         rows[i].name != NULL);
        if (rows[i].name)
            assert_string_equal(out.s, rows[i].name);
    }
}

static void too_long(void **unused)
{
    (void)unused;
    char domain[300];
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(DNS_NAME_MAX);
    memset(domain, 'x', sizeof domain - 1);
    domain[sizeof domain - 1] = '\0';
    assert_false(dnsblog_query_name("192.0.2.1", domain, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
