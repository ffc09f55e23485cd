/* Transcripts of sessions: what they keep, and how much. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/notice.h"

#include <string.h>

static void lines_are_told_by_direction(void **state)
{
    (void)state;
    struct transcript t = {0};
    transcript_add_text(&t, true, slice_of("250-a\r\n250 b\r\n"));
    transcript_add(&t, false, slice_of("QUIT\x01\x1b[2J"));
    assert_string_equal(t.text.s, " Out: 250-a\n Out: 250 b\n In:  QUIT??[2J\n");
    assert_int_equal(t.lines, 3);
    transcript_clear(&t);
    assert_int_equal(t.lines, 0);
    transcript_add(&t, false, slice_of("again"));
    assert_string_equal(t.text.s, " In:  again\n");
    transcript_clear(&t);
}

/* A client may talk for ever. */
static void memory_is_bounded(void **state)
{
    (void)state;
    enum { LINES = 100000, BOUND = 64 * 1024 };
    struct transcript t = {0};
    char line[64];
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "NOOP %d", i);
        transcript_add(&t, false, slice_of(line));
        assert_true(t.text.len <= BOUND);
    }
    assert_false(t.text.overflow);
    assert_true(slice_starts(strbuf_slice(&t.text), "(lines left out)\n In:  NOOP "));
    assert_true(slice_ends(strbuf_slice(&t.text), " In:  NOOP 99999\n"));
    size_t lines = 0;
    for (size_t i = 0; i < t.text.len; i++)
        lines += t.text.s[i] == '\n';
    assert_int_equal(t.lines, lines);
    transcript_clear(&t);

    static char longest[200000];
    memset(longest, 'x', sizeof longest);
    for (int i = 0; i < 100; i++) {
        transcript_add(&t, true, (struct slice){longest, sizeof longest});
        assert_true(t.text.len <= BOUND);
    }
    transcript_clear(&t);
}

static void classes_are_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned classes;
        bool ok;
    } rows[] = {
        {"", 0, true},
        {"resource, software", NOTICE_RESOURCE | NOTICE_SOFTWARE, true},
        {"Bounce delay", NOTICE_BOUNCE | NOTICE_2BOUNCE | NOTICE_DELAY, true},
        {"policy,protocol data", NOTICE_POLICY | NOTICE_PROTOCOL | NOTICE_DATA, true},
        {"polcy, data", NOTICE_DATA, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        unsigned classes = 0;
        common_params.notify_classes = rows[i].text;
        assert_int_equal(notice_classes(&classes, &err), rows[i].ok);
        assert_int_equal(classes, rows[i].classes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_told_by_direction),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(classes_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
