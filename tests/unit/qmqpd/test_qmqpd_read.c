/* qmqpd_read: netstrings of netstrings, good and bad. */
#include "unit/cm.h"

#include "base/strbuf.h"
#include "qmqpd/qmqpd_read.h"

static void requests(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *name, *text; enum qmqpd_status status; const char *seen; } rows[] = {
        {"one recipient",    "17:2:hi,3:a@b,3:c@d,,", QMQPD_DONE, "hi|a@b|c@d"},
        {"two",              "23:2:hi,3:a@b,3:c@d,3:e@f,,", QMQPD_DONE, "hi|a@b|c@d|e@f"},
        {"none",             "11:2:hi,3:a@b,,", QMQPD_DONE, "hi|a@b"},
        {"all is empty",     "9:0:,0:,0:,,", QMQPD_DONE, "||"},
        {"more behind it",   "11:2:hi,3:a@b,,garbage", QMQPD_DONE, "hi|a@b"},
        {"a part of it",     "17:2:hi,3:a@b,3:c", QMQPD_MORE, "hi|a@b"},
        {"no length",        ":", QMQPD_BAD, ""},
        {"signed",           "-5:", QMQPD_BAD, ""},
        {"blank",            " 5:", QMQPD_BAD, ""},
        {"nothing inside",   "0:,", QMQPD_BAD, ""},
        {"inside is longer", "6:15:hi,", QMQPD_BAD, ""},
        {"no room for ,",    "4:2:hi,", QMQPD_BAD, ""},
        {"no comma inside",  "17:2:hi;3:a@b,3:c@d,,", QMQPD_BAD, "hi"},
        {"no comma at end",  "11:2:hi,3:a@b,;", QMQPD_BAD, "hi|a@b"},
        {"sender is cut off", "7:2:hi,3:a@b,,", QMQPD_BAD, "hi"},
        {"content too long", "99:21:", QMQPD_TOO_LONG, ""},
        {"address too long", "99:2:hi,11:", QMQPD_TOO_LONG, "hi"},
        {"number too long",  "1000000000000000000:", QMQPD_TOO_LONG, ""},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf seen = STRBUF_ANY;
        struct qmqpd_reader r = {.content_max = 20, .address_max = 10};
        struct slice in = slice_of(rows[i].text), data;
        enum qmqpd_status status;
        print_message("  row: %s\n", rows[i].name);
        while ((status = qmqpd_read(&r, &in, &data)) == QMQPD_DATA)
            strbuf_addf(&seen, "%s%.*s", r.given == QMQPD_CONTENT ? "" : "|", SLICE_ARG(data));
        assert_int_equal(status, rows[i].status);
        assert_string_equal(seen.s, rows[i].seen);
    }
}

static void addresses_have_no_nul(void **unused)
{
    (void)unused;
    static const char text[] = "13:2:hi,5:a\0@bc,,";
    struct qmqpd_reader r = {.address_max = 10};
    struct slice in = {text, sizeof text - 1}, data;
    assert_int_equal(qmqpd_read(&r, &in, &data), QMQPD_DATA);
    assert_int_equal(qmqpd_read(&r, &in, &data), QMQPD_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests),
                                       cmocka_unit_test(addresses_have_no_nul)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
