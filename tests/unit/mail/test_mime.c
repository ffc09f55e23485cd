#include "unit/cm.h"

#include "mail/mime.h"

static void places_and_faults(void **unused)
{
    (void)unused;
    static const struct {
        const char *line;
        enum mime_place place;
    } rows[] = {
        {"Content-Type: multipart/mixed; boundary=\"b b\"", MIME_PRIMARY_HEADER},
        {"", MIME_END_OF_HEADER},
        {"preamble: x", MIME_BODY},
        {"--b b", MIME_BODY},
        {"Content-Type: message/rfc822", MIME_PART_HEADER},
        {"", MIME_END_OF_HEADER},
        {"Subject: in", MIME_NESTED_HEADER},
        {"", MIME_END_OF_HEADER},
        {"body: \xc3\xb6", MIME_BODY},
        {"--b b", MIME_BODY},
        {"Content-Type: text/plain", MIME_PART_HEADER},
        {"no header", MIME_BODY},
        {"--b b--", MIME_BODY},
        {"epilogue: x", MIME_BODY},
    };
    const struct mime_options options = {.nesting_limit = 1, .boundary_length_limit = 100};
    struct mime *m = mime_new(&options);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].line);
        assert_int_equal(mime_feed(m, slice_of(rows[i].line)), rows[i].place);
    }
    assert_int_equal(mime_faults(m), MIME_FAULT_8BIT_BODY);
    mime_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_and_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
