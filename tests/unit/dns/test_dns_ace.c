#include "dns/dns_ace.h"

#include "config/common_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* "": it is no name. OLD: with enable_idna2003_compatibility. */
static const struct {
    const char *name, *ace, *old;
} rows[] = {
    {"b\xc3\xbc"
     "cher.test",
     "xn--bcher-kva.test", "xn--bcher-kva.test"},
    {"B\xc3\x9c"
     "CHER.test",
     "xn--bcher-kva.test", "xn--bcher-kva.test"},
    {"stra\xc3\x9f"
     "e.test",
     "xn--strae-oqa.test", "strasse.test"},
    {"\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95", "xn--fsqu00a.xn--0zwm56d",
     "xn--fsqu00a.xn--0zwm56d"},
    {"b\xc3\xbc..test", "", ""},
    {"-\xc3\xbc.test", "", ""},
    {"\xc3.test", "", ""},
};

static void labels_are_translated(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int old = 0; old < 2; old++) {
            CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
            const char *wanted = old ? rows[i].old : rows[i].ace;
            print_message("  row: %s %d\n", rows[i].name, old);
            common_params.enable_idna2003_compatibility = old;
            assert_int_equal(dns_ace(rows[i].name, &out), wanted[0] != 0);
            assert_string_equal(out.s, wanted);
        }
}

static void long_names_are_refused(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY, out = STRBUF_ANY;
    for (int i = 0; i < 100; i++)
        strbuf_add_str(&name, "\xc3\xbc");
    assert_false(dns_ace(name.s, &out));
    for (int i = 0; i < 1000; i++)
        strbuf_add_str(&name, ".\xc3\xbc");
    assert_false(dns_ace(name.s, &out));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_translated),
        cmocka_unit_test(long_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
