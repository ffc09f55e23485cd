#include "mail/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void header_is_base_128_low_bits_first(void **unused)
{
    (void)unused;
    static const struct {
        size_t len;
        const char *header;
        size_t header_len;
    } rows[] = {
        {0, "N\0", 2},
        {127, "N\x7f", 2},
        {128, "N\x80\x01", 3},
        {2048, "N\x80\x10", 3},
        {16383, "N\xff\x7f", 3},
        {16384, "N\x80\x80\x01", 4},
        {RECORD_MAX, "N\x80\x80\x80\x08", 5},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY, out = STRBUF_ANY;
        strbuf_add_fill(&text, 'x', rows[i].len);
        print_message("  row: %zu\n", rows[i].len);
        record_add(&out, REC_LINE, strbuf_slice(&text));
        assert_int_equal(out.len, rows[i].header_len + rows[i].len);
        assert_memory_equal(out.s, rows[i].header, rows[i].header_len);

        int type;
        struct slice data;
        size_t size;
        assert_int_equal(record_peek(strbuf_slice(&out), &type, &data, &size), RECORD_READY);
        assert_int_equal(type, REC_LINE);
        assert_int_equal(data.len, rows[i].len);
        assert_int_equal(size, out.len);
        assert_true(slice_same(data, strbuf_slice(&text)));
        strbuf_done(&text);
        strbuf_done(&out);
    }
}

static void peek_tells_incomplete_from_bad(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *bytes;
        size_t len;
        enum record_status status;
    } rows[] = {
        {"nothing", "", 0, RECORD_MORE},
        {"type only", "N", 1, RECORD_MORE},
        {"length goes on", "N\x80", 2, RECORD_MORE},
        {"data goes on",
         "N\x03"
         "ab",
         4, RECORD_MORE},
        {"whole",
         "N\x02"
         "ab",
         4, RECORD_READY},
        {"more behind it",
         "N\x01"
         "abc",
         5, RECORD_READY},
        {"longer than allowed", "N\x81\x80\x80\x08", 5, RECORD_BAD},
        {"length without end", "N\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 11, RECORD_BAD},
        {"high bits only", "N\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 12, RECORD_BAD},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int type;
        struct slice data;
        size_t size;
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(
            record_peek((struct slice){rows[i].bytes, rows[i].len}, &type, &data, &size),
            rows[i].status);
    }
}

static void attributes_and_formats(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    record_add_attribute(&out, "encoding", "8bit");
    record_addf(&out, REC_WARN, "%15ld", 7L);
    static const char expected[] = "A\x0d"
                                   "encoding=8bit"
                                   "W\x0f"
                                   "              7";
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.s, expected, out.len);
}

static void names_are_those_of_postcat(void **unused)
{
    (void)unused;
    assert_string_equal(record_type_name(REC_RECIPIENT), "recipient");
    assert_string_equal(record_type_name(REC_CANCELLED), "canceled_recipient");
    assert_string_equal(record_type_name('~'), "unknown_record_type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_base_128_low_bits_first),
        cmocka_unit_test(peek_tells_incomplete_from_bad),
        cmocka_unit_test(attributes_and_formats),
        cmocka_unit_test(names_are_those_of_postcat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
