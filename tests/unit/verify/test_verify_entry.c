#include "unit/cm.h"

#include "verify/verify_cache.h"

static void values(void **unused)
{
    (void)unused;
    static const struct {
        const char *value;
        bool good;
        enum verify_result result;
        int64_t probed, updated;
        const char *text;
    } rows[] = {
        {"0:0:1795295177:250 2.1.5 ok", true, VERIFY_OK, 0, 1795295177, "250 2.1.5 ok"},
        {"3:5:0:Address verification in progress", true, VERIFY_TODO, 5, 0,
         "Address verification in progress"},
        {"2:0:7:a:b:c", true, VERIFY_BOUNCED, 0, 7, "a:b:c"},
        {"1:0:7:", true, VERIFY_DEFERRED, 0, 7, ""},
        {"4:0:7:x", false, VERIFY_OK, 0, 0, ""},
        {"-1:0:7:x", false, VERIFY_OK, 0, 0, ""},
        {"0:-1:7:x", false, VERIFY_OK, 0, 0, ""},
        {"0:0:99999999999999999999:x", false, VERIFY_OK, 0, 0, ""},
        {"0:0:7", false, VERIFY_OK, 0, 0, ""},
        {"", false, VERIFY_OK, 0, 0, ""},
        {"OK", false, VERIFY_OK, 0, 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct verify_entry e = {.text = STRBUF_ANY};
        print_message("  row: %s\n", rows[i].value);
        assert_int_equal(verify_entry_parse(slice_of(rows[i].value), &e), rows[i].good);
        if (rows[i].good) {
            CLEANUP(strbuf_done) struct strbuf again = STRBUF_ANY;
            assert_int_equal(e.result, rows[i].result);
            assert_int_equal(e.probed_s, rows[i].probed);
            assert_int_equal(e.updated_s, rows[i].updated);
            assert_string_equal(e.text.s, rows[i].text);
            verify_entry_format(&e, &again);
            assert_string_equal(again.s, rows[i].value);
        }
        strbuf_done(&e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
