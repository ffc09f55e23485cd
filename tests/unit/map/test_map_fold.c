#include "unit/cm.h"

#include "map/map_fold.h"

static void keys_are_folded(void **unused)
{
    (void)unused;
    /* the second column is what Debian's postmap stored */
    static const struct {
        const char *key, *unicode, *ascii;
    } rows[] = {
        {"", "", ""},
        {"Abc@Example.COM", "abc@example.com", "abc@example.com"},
        {"ÄÖx", "äöx", "ÄÖx"},
        {"Straße", "strasse", "straße"},
        {"ΣΑΣ", "σασ", "ΣΑΣ"},
        {"İz", "i̇z", "İz"},
        {"A\xff\xc4", "a\xff\xc4", "a\xff\xc4"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf unicode = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf ascii = STRBUF_ANY;
        ROW(rows[i].key);
        map_fold(&unicode, slice_of(rows[i].key), true);
        map_fold(&ascii, slice_of(rows[i].key), false);
        assert_strbuf(unicode, rows[i].unicode);
        assert_strbuf(ascii, rows[i].ascii);
    }
}

static void folding_may_lengthen(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf folded = STRBUF_ANY;
    for (int i = 0; i < 10000; i++)
        strbuf_add_str(&key, "ΐ"); /* two bytes; folded, three letters of two bytes each */
    map_fold(&folded, strbuf_slice(&key), true);
    assert_int_equal(folded.len, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_folded),
        cmocka_unit_test(folding_may_lengthen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
