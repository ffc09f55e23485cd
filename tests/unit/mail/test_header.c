#include "unit/cm.h"

#include "mail/header.h"

static void headers_are_found_by_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *line;
        bool is_header;
        enum header_id id;
    } rows[] = {
        {"To: x", true, HEADER_TO},
        {"apparently-to:x", true, HEADER_APPARENTLY_TO},
        {"MESSAGE-ID : x", true, HEADER_MESSAGE_ID},
        {"mime-version: 1", true, HEADER_MIME_VERSION},
        {"Tox: y", true, HEADER_OTHER},
        {"T: y", true, HEADER_OTHER},
        {": x", false, HEADER_OTHER},
        {"a b: x", false, HEADER_OTHER},
        {"no colon", false, HEADER_OTHER},
        {"", false, HEADER_OTHER},
        {"tls-required: no", true, HEADER_TLS_REQUIRED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice name, value;
        print_message("  row: %s\n", rows[i].line);
        bool ok = header_parse(slice_of(rows[i].line), &name, &value);
        assert_int_equal(ok, rows[i].is_header);
        if (ok)
            assert_int_equal(header_find(name)->id, rows[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(headers_are_found_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
