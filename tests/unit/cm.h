/* cm: cmocka with the includes it wants, and comparisons of our types. */
#ifndef TESTS_UNIT_CM_H
#define TESTS_UNIT_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strbuf.h"

static inline void cm_slice_is(struct slice actual, const char *expected, const char *file,
                               int line)
{
    size_t len = strlen(expected);
    if (actual.len != len || memcmp(actual.s, expected, len) != 0) {
        print_error("\"%.*s\" is not \"%s\"\n", SLICE_ARG(actual), expected);
        _fail(file, line);
    }
}
#define assert_slice(actual, expected) cm_slice_is(actual, expected, __FILE__, __LINE__)
#define assert_strbuf(actual, expected)                                                            \
    cm_slice_is(strbuf_slice(&(actual)), expected, __FILE__, __LINE__)
/* print which row of a table runs */
#define ROW(name) print_message("  row: %s\n", name)

#endif
