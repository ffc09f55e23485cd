"""VERP, asked for by SMTP clients and by sendmail: the suite against Debian's Postfix."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase

HELLO = ["EHLO client.test"]
OPTIONS = ["XVERP", "XVERP=", "XVERP=+=", "XVERP=ab", "XVERP=+", "XVERP==+", "XVERP=+=-", "xverp=-=", "XVERP SIZE=1",
           "XVERP XVERP", "XVERPX"]


@oracle.needed
class Verp(ComparisonTestCase):
    relay = True
    main_cf = {"smtpd_authorized_verp_clients": "127.0.0.1", "smtpd_authorized_xclient_hosts": "127.0.0.1",
               "smtpd_error_sleep_time": "0", "in_flow_delay": "0", "smtpd_forbid_unauth_pipelining": "no"}

    def test_dialogue(self):
        for option in OPTIONS:
            for sender in ("o@far.test", ""):
                with self.subTest(option=option, sender=sender):
                    self.compare_session(option, HELLO + ["MAIL FROM:<%s> %s" % (sender, option), "QUIT"])

    def test_not_for_others(self):
        self.compare_session("another client", ["XCLIENT ADDR=192.0.2.1"] + HELLO + ["MAIL FROM:<a@b.test> XVERP", "QUIT"])

    def envelopes(self, submit, count):
        """What two recipients' mail is sent with."""
        got = []
        for suite in (self.ours, self.theirs):
            before = len(suite.sink.messages)
            submit(suite)
            messages = suite.sink.wait_for(before + count)[before:]
            got.append(sorted("%s to %s" % (m.sender, " ".join(m.recipients)) for m in messages))
        self.assert_same(got[0], got[1], "envelopes")
        return got[0]

    def by_smtp(self, suite, sender, option):
        with suite.smtp() as c:
            c.ehlo()
            self.assertEqual(c.mail(sender, option).code, 250)
            for r in ("user@one.test", "second+ext@two.test", '"odd one"@two.test'):
                self.assertEqual(c.rcpt(r).code, 250)
            self.assertEqual(c.data("Subject: s\n\ntext\n").code, 250)

    def test_senders(self):
        got = self.envelopes(lambda s: self.by_smtp(s, "list@far.test", "XVERP"), 3)
        self.assertIn("list+user=one.test@far.test to user@one.test", got)
        self.envelopes(lambda s: self.by_smtp(s, "list@far.test", "XVERP=-="), 3)
        self.envelopes(lambda s: self.by_smtp(s, "list", "XVERP"), 3)

    def test_sendmail(self):
        for option in ("-XV", "-XV-="):
            self.envelopes(lambda s: s.run("sendmail", option, "-f", "list@far.test", "a@one.test", "b@one.test",
                                           stdin="Subject: s\n\ntext\n"), 2)


if __name__ == "__main__":
    unittest.main()
