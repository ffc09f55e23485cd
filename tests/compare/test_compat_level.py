"""What an old compatibility_level makes smtpd, master and postfix log, and when.

Clients are pretended with XCLIENT. The programs that complete an address differ (Postfix asks
trivial-rewrite), so only the texts of append_dot_mydomain are compared, not who logs them.
"""
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines
from support.wait import until

TEN = "XCLIENT ADDR=10.1.1.1 NAME=ten.test"         # a stranger
NINE = "XCLIENT ADDR=127.0.0.9 NAME=nine.test"      # in our subnet, but not this host
HELLO = "EHLO client.test"
MAIL = "MAIL FROM:<a@far.test>"
RESET = ["RSET", MAIL]


def rcpt(*addresses):
    return ["RCPT TO:<%s>" % a for a in addresses]


class CompatTestCase(ComparisonTestCase):
    maxDiff = None

    @classmethod
    def configure(cls, suite):
        suite.set(mynetworks=None, smtpd_authorized_xclient_hosts="127.0.0.1")

    def compat_lines(self, suite, mark, program="smtpd"):
        return [re.sub(r"^.*?\[PID\]: ", "", line) for line in mask_lines(suite.log_lines(mark), suite)
                if "backwards-compatible" in line and "/%s[" % program in line]

    def session(self, *steps):
        """One session with both; the lines about old defaults are the same, and are returned."""
        marks = [s.log_mark() for s in (self.ours, self.theirs)]
        self.compare_session(" ".join(map(str, steps)), list(steps) + ["QUIT"])
        got = []
        for suite, mark in zip((self.ours, self.theirs), marks):
            until(lambda s=suite, m=mark: any("disconnect from" in line for line in s.log_lines(m)), 30,
                  "end of the session")
            got.append([line for line in self.compat_lines(suite, mark) if "append_dot" not in line])
        self.assert_same(got[0], got[1], "log")
        return got[0]


@oracle.needed
class LevelZero(CompatTestCase):
    main_cf = {"compatibility_level": "0",
               "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination"}

    def test_this_host_is_trusted_anyway(self):
        self.assertEqual(self.session(HELLO, MAIL, *rcpt("postfix@localhost", "x@other.test")), [])

    def test_subnet(self):
        lines = self.session(NINE, HELLO, MAIL, *rcpt("x@other.test"))
        self.assertIn('mynetworks_style=subnet to permit request from client "nine.test[127.0.0.9]"',
                      lines[0])

    def test_relay_domains(self):
        lines = self.session(TEN, HELLO, MAIL,
                             *rcpt("postfix@mail.example.test", "x@sub.mail.example.test"))
        self.assertIn('relay_domains=$mydestination to accept mail for domain "sub.mail.example.test"',
                      lines[0])
        self.assertIn('to accept mail for address "x@sub.mail.example.test"', lines[-1])

    def test_order_of_lists(self):
        lines = self.session(TEN, HELLO, MAIL, *rcpt("x@other.test"))
        self.assertIn('smtpd_relay_before_recipient_restrictions=no to reject recipient "x@other.test"',
                      lines[0])

    def test_addresses_that_are_not_ascii(self):
        utf8 = "MAIL FROM:<\u00e9@far.test>\r\n".encode(), "RCPT TO:<\u00e8@localhost>\r\n".encode()
        lines = self.session(HELLO, *utf8)
        self.assertEqual(len(lines), 2, lines)
        self.assertIn('smtputf8_enable=no to accept non-ASCII sender address "??@far.test"', lines[0])

    def test_etrn(self):
        lines = self.session(HELLO, "ETRN sub.mail.example.test", "ETRN other.test")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn('to flush mail for domain "sub.mail.example.test"', lines[0])

    def test_completed_domains(self):
        """Once for each look at an address, of which there are more or fewer."""
        text = 'append_dot_mydomain=yes to rewrite "%s" to "%s.example.test"'
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            with suite.smtp() as client:
                client.mail("a@far.test")
                for name in ("bar", "localhost"):
                    client.rcpt("x@" + name)
            suite.wait_for_log("disconnect from", since=mark)
            suite.wait_for_log(re.escape(text % ("bar", "bar")))
            self.assertEqual(suite.count_log(re.escape(text % ("localhost", "localhost"))), 0)

    def test_notice_of_postfix(self):
        got = []
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            suite.postfix("status")
            suite.wait_for_log("the Postfix mail system is running", since=mark)
            got.append([re.sub(r'(level)=[\d.]+"', r'\1=LAST"', re.sub(r"^.*?\]: ", "", line))
                        for line in suite.log_lines(mark) if re.search(r" postfix(/postfix)?\[\d+\]: ", line)])
        self.assertEqual(len(got[0]), 3)
        self.assert_same(got[0], got[1], "notice")

    def test_chroot(self):
        got = []
        for suite in (self.ours, self.theirs):
            suite.master_cf = "jailed unix - - - - 0 discard\nfree unix - - n - 0 discard\n"
            suite.write_config()
            mark = suite.log_mark()
            suite.reload()
            suite.wait_for_log("default setting chroot=y", since=mark)
            got.append([re.sub(r"line \d+", "line N", line)
                        for line in self.compat_lines(suite, mark, "master")])
        self.assertEqual(len(got[0]), 1, got[0])
        self.assert_same(got[0], got[1], "log")


@oracle.needed
class EmptyRelayRestrictions(CompatTestCase):
    main_cf = {"compatibility_level": "0",
               "smtpd_recipient_restrictions": "check_recipient_access static:permit, reject"}

    def test_who_would_be_refused(self):
        lines = self.session(TEN, HELLO, MAIL, *rcpt("x@other.test", "x@sub.mail.example.test",
                                                      "postfix@mail.example.test"))
        self.assertIn('"smtpd_relay_restrictions = (empty)" to avoid "Relay access denied" error '
                      'for recipient "x@other.test"', lines[0])
        self.assertNotIn("postfix@", "".join(lines))

    def test_friends_would_not(self):
        self.assertEqual(self.session(HELLO, MAIL, *rcpt("x@other.test")), [])


@oracle.needed
class LevelOne(CompatTestCase):
    main_cf = {"compatibility_level": "1", "smtpd_client_restrictions": "permit_mynetworks, reject",
               "smtpd_recipient_restrictions": "permit_auth_destination, reject"}

    def test_what_is_left(self):
        self.assertEqual(self.session(TEN, HELLO, MAIL, *rcpt("x@sub.mail.example.test")), [])
        lines = self.session(NINE, HELLO, MAIL, *rcpt("x@other.test", "x@sub.mail.example.test"))
        self.assertEqual(len([line for line in lines if "mynetworks_style" in line]), 3, lines)
        self.assertNotIn("smtputf8", "".join(lines))


@oracle.needed
class SetByHand(CompatTestCase):
    """What main.cf says is nobody's default, whatever the level."""
    main_cf = {"compatibility_level": "0", "mynetworks_style": "subnet", "append_dot_mydomain": "yes",
               "relay_domains": "$mydestination", "smtpd_relay_restrictions": "",
               "smtpd_relay_before_recipient_restrictions": "no", "smtputf8_enable": "no",
               "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination"}

    def test_silence(self):
        for steps in ([NINE, HELLO, MAIL] + rcpt("x@other.test"),
                      [TEN, HELLO, MAIL] + rcpt("x@sub.mail.example.test", "x@other.test", "x@bar"),
                      [HELLO, "ETRN sub.mail.example.test"]):
            self.assertEqual(self.session(*steps), [])


@oracle.needed
class LevelToCome(CompatTestCase):
    main_cf = {"compatibility_level": "9999"}

    def test_silence(self):
        self.assertEqual(self.session(NINE, HELLO, MAIL, *rcpt("x@sub.mail.example.test")), [])
        for suite in (self.ours, self.theirs):
            suite.postfix("status")
            suite.wait_for_log("the Postfix mail system is running")
            self.assertEqual(suite.count_log("backwards-compatible"), 0)


if __name__ == "__main__":
    unittest.main()
