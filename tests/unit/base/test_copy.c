/* Copies in steps: as much as asked, from no byte beyond what may be read. */
#include "base/copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { LONGEST = 5 * COPY_STEP };

static void short_copies_are_whole(void **unused)
{
    (void)unused;
    char from[LONGEST + COPY_STEP], to[LONGEST + COPY_STEP];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (char)('a' + i % 26);
    for (size_t len = 0; len <= LONGEST; len++) {
        memset(to, '?', sizeof to);
        copy_short(to, from, len);
        assert_memory_equal(to, from, len);
        size_t steps = (len + COPY_STEP - 1) / COPY_STEP * COPY_STEP;
        for (size_t i = steps; i < sizeof to; i++)
            assert_int_equal(to[i], '?');
    }
}

/* What was asked for is all that there is: one byte more would be another's memory (ASan). */
static void a_byte_is_found_in_whole_steps(void **unused)
{
    (void)unused;
    for (size_t max = 0; max <= LONGEST; max++) {
        size_t whole = max / COPY_STEP * COPY_STEP;
        char *from = malloc(max + 1), *to = malloc(max + 1);
        assert_true(from && to);
        char *end_from = from + 1, *end_to = to + 1; /* at no aligned place */
        for (size_t at = 0; at <= max; at++) {
            memset(end_from, 'x', max);
            memset(end_to, '?', max);
            if (at < max)
                end_from[at] = '\n';
            if (at + 1 < max)
                end_from[at + 1] = '\n'; /* not the first */
            size_t found = copy_until(end_to, end_from, max, '\n');
            assert_int_equal(found, at < whole ? at : SIZE_MAX);
            assert_memory_equal(end_to, end_from, at < whole ? at + 1 : whole);
        }
        free(from);
        free(to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_copies_are_whole),
        cmocka_unit_test(a_byte_is_found_in_whole_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
