/* postscreen_access_list. */
#include "postscreen/psc_access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void verdicts(void **unused)
{
    (void)unused;
    static const char table[] =
        "inline:{{192.0.2.1=permit}, {192.0.2.2=reject}, {192.0.2.3=dunno}, {192.0.2.4=foo},"
        " {192.0.2.5=permit_mynetworks reject}, {192.0.2.6=hash:/x}}";
    static const struct {
        const char *list, *address;
        enum psc_verdict verdict;
        const char *problem;
    } rows[] = {
        {"", "192.0.2.1", PSC_NO_VERDICT, ""},
        {"permit", "192.0.2.1", PSC_ALLOW, ""},
        {"REJECT permit", "192.0.2.1", PSC_DENY, ""},
        {"dunno permit", "192.0.2.1", PSC_NO_VERDICT, ""},
        {"permit_mynetworks", "10.0.0.1", PSC_ALLOW, ""},
        {"permit_mynetworks", "192.0.2.1", PSC_NO_VERDICT, ""},
        {"foo permit", "192.0.2.1", PSC_NO_VERDICT, "unknown command: foo"},
        {table, "192.0.2.1", PSC_ALLOW, ""},
        {table, "192.0.2.2", PSC_DENY, ""},
        {table, "192.0.2.3", PSC_NO_VERDICT, ""},
        {table, "192.0.2.4", PSC_NO_VERDICT, "unknown command: foo"},
        {table, "192.0.2.5", PSC_DENY, ""},
        {table, "192.0.2.6", PSC_NO_VERDICT, "lookup result \"hash:/x\" is not allowed"},
        {table, "192.0.2.7", PSC_NO_VERDICT, ""},
        {"fail:x permit", "192.0.2.1", PSC_NO_VERDICT, "table lookup error"},
        {"static:dunno permit", "192.0.2.1", PSC_ALLOW, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
        print_message("  row: %s %s\n", rows[i].list, rows[i].address);
        struct psc_access *access = psc_access_new(rows[i].list, "10.0.0.0/8", &problems);
        assert_int_equal(psc_access_find(access, rows[i].address, &problems), rows[i].verdict);
        assert_non_null(strstr(problems.s, rows[i].problem));
        assert_int_equal(rows[i].problem[0] == '\0', problems.len == 0);
        psc_access_free(access);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
