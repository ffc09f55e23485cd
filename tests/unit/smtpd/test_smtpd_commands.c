/* The dialogue up to the queue file, command by command, without a socket. */
#include "unit/smtpd/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* Each row is a session; the reply to its last line counts. */
static void replies(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *lines, *expect;
    } rows[] = {
        {"helo", "HELO a", "250 mail.test\r\n"},
        {"helo without name", "HELO", "501 Syntax: HELO hostname\r\n"},
        {"unknown", "FOO", "500 5.5.2 Error: command not recognized\r\n"},
        {"empty", "", "500 5.5.2 Error: bad syntax\r\n"},
        {"not UTF-8", "NOOP \xe9", "500 5.5.2 Error: bad UTF-8 syntax\r\n"},
        {"header", "Subject: x", "221 2.7.0 Error: I can break rules, too. Goodbye.\r\n"},
        {"forbidden", "GET / HTTP/1.0", "221 2.7.0 Error: I can break rules, too. Goodbye.\r\n"},
        {"mail", "MAIL FROM:<a@b.test>", "250 2.1.0 Ok\r\n"},
        {"null sender", "MAIL FROM:<>", "250 2.1.0 Ok\r\n"},
        {"mail syntax", "MAIL FROM", "501 5.5.4 Syntax: MAIL FROM:<address>\r\n"},
        {"bad domain", "MAIL FROM:<a@b..c>", "501 5.1.7 Bad sender address syntax\r\n"},
        {"bad option", "MAIL FROM:<> FOO=1", "555 5.5.4 Unsupported option: FOO=1\r\n"},
        {"bad size", "MAIL FROM:<> SIZE=x", "501 5.5.4 Bad message size syntax\r\n"},
        {"size", "MAIL FROM:<> SIZE=99999999", "552 5.3.4 Message size exceeds fixed limit\r\n"},
        {"ret twice", "MAIL FROM:<> RET=FULL RET=HDRS", "501 5.5.4 Bad RET parameter syntax\r\n"},
        {"nested", "MAIL FROM:<>\nMAIL FROM:<>", "503 5.5.1 Error: nested MAIL command\r\n"},
        {"rcpt first", "RCPT TO:<a>", "503 5.5.1 Error: need MAIL command\r\n"},
        {"rcpt null", "MAIL FROM:<>\nRCPT TO:<>", "501 5.1.3 Bad recipient address syntax\r\n"},
        {"rcpt notify", "MAIL FROM:<>\nRCPT TO:<root@here.test> NOTIFY=NEVER,DELAY",
         "501 5.5.4 Error: Bad NOTIFY parameter syntax\r\n"},
        {"relay", "MAIL FROM:<>\nRCPT TO:<a@far.test>",
         "554 5.7.1 <a@far.test>: Relay access denied\r\n"},
        {"unknown user", "MAIL FROM:<>\nRCPT TO:<x@here.test>",
         "550 5.1.1 <x@here.test>: Recipient address rejected: User unknown in local recipient "
         "table\r\n"},
        {"access table", "MAIL FROM:<>\nRCPT TO:<no@here.test>",
         "550 5.7.9 <no@here.test>: Recipient address rejected: go away\r\n"},
        {"enhanced code of an address", "MAIL FROM:<>\nRCPT TO:<map@here.test>",
         "550 5.1.2 <map@here.test>: Recipient address rejected: other\r\n"},
        {"bad word in access table", "MAIL FROM:<>\nRCPT TO:<odd@here.test>",
         "451 4.3.5 Server configuration error\r\n"},
        {"no queue", "MAIL FROM:<>\nRCPT TO:<root@here.test>",
         "451 4.3.0 Error: queue file write error\r\n"},
        {"data first", "DATA", "503 5.5.1 Error: need RCPT command\r\n"},
        {"no recipients", "MAIL FROM:<>\nDATA", "554 5.5.1 Error: no valid recipients\r\n"},
        {"bdat syntax", "BDAT x", "521 5.5.4 Syntax: BDAT count [LAST]\r\n"},
        {"rset", "MAIL FROM:<>\nRSET\nDATA", "503 5.5.1 Error: need RCPT command\r\n"},
        {"vrfy", "VRFY root@here.test", "252 2.0.0 root@here.test\r\n"},
        {"etrn", "ETRN far.test", "459 <far.test>: service unavailable\r\n"},
        {"starttls", "STARTTLS", "502 5.5.1 Error: command not implemented\r\n"},
        {"auth", "AUTH PLAIN", "503 5.5.1 Error: authentication not enabled\r\n"},
        {"help", "HELP",
         "214 2.0.0 Commands: AUTH BDAT DATA EHLO ETRN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS "
         "VRFY XCLIENT XFORWARD\r\n"},
        {"xclient", "XCLIENT NAME=a.test ADDR=192.0.2.7", "220 mail.test ESMTP Postfix\r\n"},
        {"xclient gives its right away", "XCLIENT ADDR=192.0.2.7\nXCLIENT ADDR=127.0.0.1",
         "550 5.7.0 Error: insufficient authorization\r\n"},
        {"xclient in a transaction", "MAIL FROM:<>\nXCLIENT ADDR=192.0.2.7",
         "503 5.5.1 Error: MAIL transaction in progress\r\n"},
        {"xforward", "XFORWARD NAME=a.test", "550 5.7.0 Error: insufficient authorization\r\n"},
        {"quit", "QUIT", "221 2.0.0 Bye\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        struct smtpd_session *s = fixture_session();
        struct slice rest = slice_of(rows[i].lines), line;
        bool more = true;
        while (more) {
            struct slice after;
            more = slice_split(rest, '\n', &line, &after);
            if (!more)
                line = rest;
            rest = more ? after : SLICE_EMPTY;
            strbuf_reset(&s->reply);
            smtpd_session_command(s, line);
        }
        assert_string_equal(s->reply.s, rows[i].expect);
        smtpd_session_free(s);
    }
}

static void too_many_errors_end_the_session(void **unused)
{
    (void)unused;
    struct smtpd_session *s = fixture_session();
    for (int i = 0; i < smtpd_params.smtpd_hard_error_limit; i++) {
        assert_false(s->reply_closes);
        smtpd_session_command(s, slice_of("FOO"));
    }
    assert_true(s->reply_closes);
    assert_non_null(strstr(s->reply.s, "421 4.7.0 mail.test Error: too many errors\r\n"));
    smtpd_session_free(s);
}

static void sessions_count_their_commands(void **unused)
{
    (void)unused;
    static const char *const lines[] = {"EHLO a", "NOOP", "FOO", "MAIL FROM", "MAIL FROM:<>"};
    CLEANUP(strbuf_done) struct strbuf counts = STRBUF_ANY;
    struct smtpd_session *s = fixture_session();
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        smtpd_session_command(s, slice_of(lines[i]));
    smtpd_counts_format(s, &counts);
    assert_string_equal(counts.s, "ehlo=1 mail=1/2 noop=1 unknown=0/1 commands=3/5");
    smtpd_session_free(s);
}

static void open_sessions_have_different_numbers(void **unused)
{
    (void)unused;
    struct smtpd_session *a = fixture_session(), *b = fixture_session();
    uint32_t first = a->log.session;
    assert_int_not_equal(first, b->log.session);
    smtpd_session_free(a);
    struct smtpd_session *c = fixture_session();
    assert_int_equal(c->log.session, first);
    assert_true(sizeof *c < 2048);
    smtpd_session_free(b);
    smtpd_session_free(c);
}

int main(void)
{
    fixture_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(too_many_errors_end_the_session),
        cmocka_unit_test(sessions_count_their_commands),
        cmocka_unit_test(open_sessions_have_different_numbers),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close();
    return failed;
}
