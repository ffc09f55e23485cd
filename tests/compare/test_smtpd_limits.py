"""Limits of the SMTP server: the suite against Debian's Postfix."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase, run_session
from support.mask import mask_lines
from support.smtp import SmtpClient

HELLO = ["EHLO client.test"]
FROM = HELLO + ["MAIL FROM:<a@far.test>"]
TO = FROM + ["RCPT TO:<root@mail.example.test>"]
BODY = b"Subject: s\r\n\r\ntext\r\n.\r\n"


class Limits(ComparisonTestCase):
    maxDiff = None
    aliases = "postmaster: root\nroot: /dev/null\n"
    # mynetworks is excepted from limits per client
    main_cf = {"smtpd_error_sleep_time": "0", "smtpd_forbid_unauth_pipelining": "no", "in_flow_delay": "0",
               "smtpd_client_event_limit_exceptions": "", "smtpd_authorized_xclient_hosts": "127.0.0.1",
               "anvil_rate_time_unit": "1h"}

    def told(self, suite, sessions):
        """Replies and log of SESSIONS, one after the other; each is a list of steps."""
        mark = suite.log_mark()
        replies = []
        for steps in sessions:
            since = suite.log_mark()
            replies.append(run_session(suite, steps))
            suite.wait_for_log("disconnect from ", since=since)
        log = [line for line in mask_lines(suite.log_lines(mark), suite) if "postfix/smtpd" in line]
        return [line for session in replies for reply in session for line in reply.split("\n")] + log

    def check(self, *sessions):
        self.assert_same(self.told(self.ours, sessions), self.told(self.theirs, sessions), "limit")


@oracle.needed
class Rates(Limits):
    main_cf = {**Limits.main_cf, "smtpd_client_connection_rate_limit": "6", "smtpd_client_message_rate_limit": "2",
               "smtpd_client_recipient_rate_limit": "3"}

    def test_rates(self):
        """Other clients (XCLIENT) are not concerned by what one does; a client's window is as long as the test."""
        other = ["XCLIENT ADDR=192.0.2.1"]
        mails = ["MAIL FROM:<a@far.test>", "RSET"]
        self.check(other + HELLO + mails * 3 + FROM[1:],
                   ["XCLIENT ADDR=192.0.2.2"] + FROM + ["RCPT TO:<root@mail.example.test>"] * 5,
                   ["XCLIENT ADDR=192.0.2.3"] + FROM + ["RCPT TO:<root@mail.example.test>"],
                   *[HELLO] * 8)

    def test_rates_of_others(self):
        """A host that may speak for others is not counted, but they are."""
        self.check(*[["XCLIENT ADDR=192.0.2.9"] + HELLO] * 8)


@oracle.needed
class RatesOfClients(Limits):
    main_cf = {**Rates.main_cf, "smtpd_authorized_xclient_hosts": ""}

    def test_rates(self):
        self.check(FROM + ["RSET"] + FROM[1:] + ["RSET"] + FROM[1:], FROM, HELLO, HELLO, HELLO, HELLO, HELLO, HELLO)


@oracle.needed
class RatesOfRecipients(Limits):
    main_cf = {**Limits.main_cf, "smtpd_client_recipient_rate_limit": "2", "smtpd_authorized_xclient_hosts": ""}

    def test_rates(self):
        self.check(FROM + ["RCPT TO:<root@mail.example.test>"] * 4 + ["DATA", BODY, "QUIT"])


@oracle.needed
class Connections(Limits):
    main_cf = {**Limits.main_cf, "smtpd_client_connection_count_limit": "2", "smtpd_authorized_xclient_hosts": ""}

    def test_concurrency(self):
        got = []
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            lines = []
            first = [SmtpClient(("127.0.0.1", suite.port), 30) for _ in range(2)]
            lines += [c.greeting().code for c in first]
            with SmtpClient(("127.0.0.1", suite.port), 30) as third:
                lines += third.greeting().lines + [third.at_eof()]
            first[0].quit()
            suite.wait_for_log("disconnect from .* quit=1", since=mark)
            with SmtpClient(("127.0.0.1", suite.port), 30) as fourth:
                lines.append(fourth.greeting().code)
            first[1].quit()
            for c in first:
                c.close()
            suite.wait_for_log("limit exceeded", since=mark)
            lines += [line for line in mask_lines(suite.log_lines(mark), suite) if "limit exceeded" in line]
            got.append([str(line) for line in lines])
        self.assert_same(got[0], got[1], "connections")


@oracle.needed
class Exceptions(Limits):
    main_cf = {**Limits.main_cf, "smtpd_client_message_rate_limit": "1",
               "smtpd_client_event_limit_exceptions": "192.0.2.0/24"}

    def test_exceptions(self):
        mails = ["MAIL FROM:<a@far.test>", "RSET"] * 3
        self.check(["XCLIENT ADDR=192.0.2.1"] + HELLO + mails, ["XCLIENT ADDR=198.51.100.1"] + HELLO + mails)


@oracle.needed
class Errors(Limits):
    main_cf = {**Limits.main_cf, "smtpd_hard_error_limit": "4", "smtpd_soft_error_limit": "2", "smtpd_junk_command_limit": "3",
               "smtpd_recipient_limit": "2", "smtpd_recipient_overshoot_limit": "1", "smtpd_error_sleep_time": "1",
               "smtpd_noop_commands": "XNOP", "smtpd_forbidden_commands": "CONNECT XBAD"}

    def test_errors(self):
        good = "RCPT TO:<root@mail.example.test>"
        for name, steps in {
            "errors": HELLO + ["FOO"] * 6,
            "errors in a transaction": TO + ["FOO"] * 3 + ["DATA", BODY, "QUIT"],
            "a message forgives": TO + ["FOO", "FOO", "DATA", BODY, "FOO", "FOO", "FOO", "QUIT"],
            "junk": HELLO + ["NOOP"] * 9,
            "junk of all kinds": HELLO + ["NOOP", "RSET", "VRFY root", "ETRN far.test", "XNOP", "NOOP", "HELP", "RSET"],
            "junk and a message": HELLO + ["NOOP"] * 4 + TO[1:] + ["DATA", BODY] + ["NOOP"] * 4 + ["QUIT"],
            "recipients": FROM + [good] * 5 + ["RSET"] + ["QUIT"],
            "too many recipients": FROM + [good] * 9,
            "recipients, then data": FROM + [good] * 3 + ["DATA", BODY, "QUIT"],
            "hello is no junk": HELLO * 6 + ["QUIT"],
            "forbidden": HELLO + ["XBAD x"],
            "forbidden by default": HELLO + ["GET / HTTP/1.0"],
            "bad addresses": FROM + ["RCPT TO:<>"] * 6,
        }.items():
            with self.subTest(session=name):
                self.check(steps)


del Limits

if __name__ == "__main__":
    unittest.main()
