/* Attributes of XCLIENT and XFORWARD. */
#include "unit/smtpd/fixture.h"

#include "smtpd/smtpd_xattr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct smtpd_xattr table[] = {{"NAME", smtpd_xattr_is_name},
                                           {"ADDR", smtpd_xattr_is_address},
                                           {"PORT", smtpd_xattr_is_port},
                                           {"IDENT", NULL}};

static void attributes(void **unused)
{
    (void)unused;
    static const struct {
        const char *args, *problem;
        const char *texts[COUNT_OF(table)];
    } rows[] = {
        {"NAME=a.test ADDR=1.2.3.4", NULL, {"a.test", "1.2.3.4", NULL, NULL}},
        {"name=a.test\tport=25", NULL, {"a.test", NULL, "25", NULL}},
        {"NAME=[unavailable] IDENT=", NULL, {"", NULL, NULL, ""}},
        {"NAME=[TEMPUNAVAIL]", NULL, {"[TEMPUNAVAIL]", NULL, NULL, NULL}},
        {"IDENT=a+2Bb", NULL, {NULL, NULL, NULL, "a+b"}},
        {"IDENT=a+zz", NULL, {NULL, NULL, NULL, "a+zz"}},
        {"IDENT=a+0D+0Ab", NULL, {NULL, NULL, NULL, "a??b"}}, /* no new lines in logs */
        {"IDENT=1 IDENT=2", NULL, {NULL, NULL, NULL, "2"}},
        {"", "501 5.5.4 Syntax: XTEST attribute=value...", {NULL}},
        {"NAME", "501 5.5.4 Error: attribute=value expected", {NULL}},
        {"FOO=x", "501 5.5.4 Bad XTEST attribute name: FOO", {NULL}},
        {"NAME=a..b", "501 5.5.4 Bad NAME syntax: a..b", {NULL}},
        {"ADDR=1.2.3", "501 5.5.4 Bad ADDR syntax: 1.2.3", {NULL}},
        {"ADDR=::1", "501 5.5.4 Bad ADDR syntax: ::1", {NULL}},
        {"ADDR=IPV6:::1", "501 5.5.4 Bad ADDR syntax: IPV6:::1", {NULL}}, /* inet_protocols */
        {"ADDR=IPV6:1.2.3.4", "501 5.5.4 Bad ADDR syntax: IPV6:1.2.3.4", {NULL}},
        {"PORT=65536", "501 5.5.4 Bad PORT syntax: 65536", {NULL}},
        {"PORT=-1", "501 5.5.4 Bad PORT syntax: -1", {NULL}},
    };
    struct smtpd_session *s = fixture_session();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *texts[COUNT_OF(table)] = {NULL};
        print_message("  row: %s\n", rows[i].args);
        const char *problem =
            smtpd_xattr_parse(s, "XTEST", slice_of(rows[i].args), table, COUNT_OF(table), texts);
        if (rows[i].problem)
            assert_string_equal(problem, rows[i].problem);
        else
            assert_null(problem);
        for (size_t k = 0; !problem && k < COUNT_OF(table); k++) {
            assert_int_equal(texts[k] != NULL, rows[i].texts[k] != NULL);
            if (texts[k])
                assert_string_equal(texts[k], rows[i].texts[k]);
        }
        smtpd_xattr_free(texts, COUNT_OF(table));
    }
    smtpd_session_free(s);
}

static void long_values_are_refused(void **unused)
{
    (void)unused;
    char args[400] = "IDENT=";
    char *texts[COUNT_OF(table)] = {NULL};
    struct smtpd_session *s = fixture_session();
    memset(args + 6, 'x', 256);
    assert_string_equal(
        smtpd_xattr_parse(s, "XTEST", slice_of(args), table, COUNT_OF(table), texts),
        "501 5.5.4 Error: attribute value too long");
    args[6 + 255] = 0;
    assert_null(smtpd_xattr_parse(s, "XTEST", slice_of(args), table, COUNT_OF(table), texts));
    smtpd_xattr_free(texts, COUNT_OF(table));
    smtpd_session_free(s);
}

int main(void)
{
    fixture_open();
    const struct CMUnitTest tests[] = {cmocka_unit_test(attributes),
                                       cmocka_unit_test(long_values_are_refused)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close();
    return failed;
}
