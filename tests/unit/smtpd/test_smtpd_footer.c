/* Text after refusals. */
#include "unit/smtpd/fixture.h"

#include "esmtp/esmtp_footer.h"
#include "smtpd/smtpd_footer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void censor(void **unused)
{
    (void)unused;
    static const struct {
        const char *filter, *value, *expect;
    } rows[] = {
        {"abc", "a-b", "a_b"},     {"a\\40b", "a b", "a b"}, {"\\t", "\t ", "\t_"},
        {"\\\\x", "\\xt", "\\x_"}, {"", "abc", "___"},       {"abc\\", "c\\", "c\\"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        esmtp_footer_censor(rows[i].filter, rows[i].value, &out);
        assert_string_equal(out.s, rows[i].expect);
    }
}

static void replies(void **unused)
{
    (void)unused;
    static const struct {
        const char *footer, *text, *expect;
        bool is_exempt;
    } rows[] = {
        {"", "550 5.1.1 no", "550 5.1.1 no\r\n", false},
        {"call us", "550 5.1.1 no", "550-5.1.1 no\r\n550 5.1.1 call us\r\n", false},
        {"call us", "250 2.0.0 Ok", "250 2.0.0 Ok\r\n", false},
        {"call us", "550 5.1.1 no", "550 5.1.1 no\r\n", true},
        {"\\c. Call us", "450 no", "450 no. Call us\r\n", false},
        {"\\c; one\\ntwo\\nthree", "450 no", "450-no; one\r\n450-two\r\n450 three\r\n", false},
        {"$server_name ($client_address) $$1 $other", "450 no",
         "450-no\r\n450 mail.test (127.0.0.1) $1 \r\n", false},
        {"${client_address", "450 no", "450 no\r\n", false}, /* no template: no footer */
    };
    struct smtpd_session *s = fixture_session();
    const char *kept = smtpd_params.smtpd_reject_footer;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].footer);
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct reply reply = {.text = rows[i].text, .is_exempt = rows[i].is_exempt};
        smtpd_params.smtpd_reject_footer = rows[i].footer;
        smtpd_reply_format(s, &reply, &out);
        assert_string_equal(out.s, rows[i].expect);
    }
    smtpd_params.smtpd_reject_footer = kept;
    smtpd_session_free(s);
}

int main(void)
{
    fixture_open();
    const struct CMUnitTest tests[] = {cmocka_unit_test(censor), cmocka_unit_test(replies)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close();
    return failed;
}
