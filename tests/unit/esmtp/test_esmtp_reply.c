/* Replies written and read. */
#include "esmtp/esmtp_reply.h"
#include "esmtp/esmtp_reply_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void replies_on_the_wire(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text;
        bool soft;
        const char *footer, *expect;
    } rows[] = {
        {"plain", "250 2.1.0 Ok", false, NULL, "250 2.1.0 Ok\r\n"},
        {"no enhanced code", "220 host ESMTP", false, NULL, "220 host ESMTP\r\n"},
        {"lines", "250 host\nSIZE 1\nDSN", false, NULL, "250-host\r\n250-SIZE 1\r\n250 DSN\r\n"},
        {"soft", "550 5.1.1 no", true, NULL, "450 4.1.1 no\r\n"},
        {"soft leaves 2xx", "250 2.1.1 ok", true, NULL, "250 2.1.1 ok\r\n"},
        {"footer", "550 5.1.1 no", false, "call us", "550-5.1.1 no\r\n550 5.1.1 call us\r\n"},
        {"control bytes", "550 5.1.1 a\rb", false, NULL, "550 5.1.1 a?b\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].name);
        esmtp_reply_format(rows[i].text, rows[i].soft, rows[i].footer, &out);
        assert_string_equal(out.s, rows[i].expect);
    }
}

static void replies_as_clients_read_them(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *input;
        enum esmtp_reply_status status;
        int code;
        const char *dsn, *one_line;
    } rows[] = {
        {"one line", "250 2.1.0 Ok\r\n", ESMTP_REPLY_READY, 250, "2.1.0", "250 2.1.0 Ok"},
        {"lines", "550-5.1.1 no\r\n550 5.1.1 body\r\n", ESMTP_REPLY_READY, 550, "5.1.1",
         "550 5.1.1 no body"},
        {"other class", "550 4.1.1 x\r\n", ESMTP_REPLY_READY, 550, "", "550 4.1.1 x"},
        {"no text", "250\r\n", ESMTP_REPLY_READY, 250, "", "250"},
        {"LF only", "250 ok\n", ESMTP_REPLY_READY, 250, "", "250 ok"},
        {"incomplete", "250-a\r\n250 b", ESMTP_REPLY_MORE, 0, "", NULL},
        {"garbage", "hello\r\n", ESMTP_REPLY_BAD, 0, "", NULL},
        {"bad code", "150 x\r\n", ESMTP_REPLY_BAD, 0, "", NULL},
        {"text within", "250-a\r\njunk\r\n250 b\r\n", ESMTP_REPLY_READY, 250, "", "250 a junk b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct esmtp_reply reply;
        struct slice in = slice_of(rows[i].input);
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].name);
        esmtp_reply_init(&reply);
        assert_int_equal(esmtp_reply_parse(&reply, &in), rows[i].status);
        if (rows[i].status == ESMTP_REPLY_READY) {
            assert_int_equal(reply.code, rows[i].code);
            assert_string_equal(reply.dsn, rows[i].dsn);
            esmtp_reply_one_line(&reply, &text);
            assert_string_equal(text.s, rows[i].one_line);
        }
        esmtp_reply_done(&reply);
    }
}

static void endless_replies_are_refused(void **unused)
{
    (void)unused;
    struct esmtp_reply reply;
    enum esmtp_reply_status status = ESMTP_REPLY_MORE;
    esmtp_reply_init(&reply);
    for (int i = 0; i <= ESMTP_REPLY_LINES_MAX && status == ESMTP_REPLY_MORE; i++) {
        struct slice in = slice_of("250-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
        status = esmtp_reply_parse(&reply, &in);
    }
    assert_int_equal(status, ESMTP_REPLY_BAD);
    assert_true(reply.text.len <= ESMTP_REPLY_TEXT_MAX);
    esmtp_reply_done(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_on_the_wire),
        cmocka_unit_test(replies_as_clients_read_them),
        cmocka_unit_test(endless_replies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
