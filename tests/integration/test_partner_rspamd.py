"""rspamd, the real one, as a mail filter: what it refuses, marks, and lets pass."""
import unittest

from support import servers
from support.partners import Rspamd
from support.receivers import GTUBE
from support.sink import Sink
from support.suite import SuiteTestCase

TEXT = ("From: a@far.test\nTo: b@far.test\nSubject: %s\nDate: Mon, 2 Mar 2026 10:00:00 +0000\nMessage-Id: <x@far.test>\n\n"
        "Hola.\n.dot\n%s\n")
MARKED, REWRITTEN = "Y" + GTUBE[1:], "Z" + GTUBE[1:]     # rspamd's own variants of the pattern


@servers.needed(Rspamd)
class Filtered(SuiteTestCase):
    @classmethod
    def configure(cls, suite):
        cls.rspamd = Rspamd()
        cls.addClassCleanup(cls.rspamd.close)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.set(smtpd_milters=cls.rspamd.spec, non_smtpd_milters="$smtpd_milters", milter_default_action="tempfail",
                  relayhost=cls.sink.nexthop, milter_mail_macros="i {mail_addr} {client_addr} {client_name} {auth_authen}")

    def delivered(self):
        message = self.sink.wait_for(1)[0]
        del self.sink.messages[:]
        return message.text

    def send(self, line, subject="hola"):
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            c.rcpt("b@far.test")
            return c.data(TEXT % (subject, line))

    def test_passed(self):
        self.assert_reply(self.send("Adios."), 250)
        head, _, body = self.delivered().partition("\n\n")
        self.assertRegex(head, r"(?m)^X-Spamd-Result: default: False \[")
        self.assertNotRegex(head, r"(?m)^X-Spam: ")
        self.assertEqual(body, "Hola.\n.dot\nAdios.\n")

    def test_refused(self):
        mark = self.suite.log_mark()
        self.assert_reply(self.send(GTUBE), 554, text="Gtube pattern")
        self.suite.wait_for_log(r"cleanup.*: milter-reject: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: 5\.7\.1 Gtube pattern; "
                                r"from=<a@far\.test> to=<b@far\.test>", since=mark)
        self.suite.wait_queue_empty()
        self.assertEqual(self.sink.messages, [])

    def test_marked(self):
        self.assert_reply(self.send(MARKED), 250)
        self.assertRegex(self.delivered(), r"(?m)^X-Spam: Yes$")

    def test_subject_rewritten(self):
        self.assert_reply(self.send(REWRITTEN, "ofertas"), 250)
        self.assertRegex(self.delivered(), r"(?m)^Subject: \*\*\* SPAM \*\*\* ofertas$")

    def test_what_sendmail_takes(self):
        self.suite.sendmail(["-f", "a@far.test", "b@far.test"], TEXT % ("local", MARKED))
        self.assertRegex(self.delivered(), r"(?m)^X-Spam: Yes$")

    def test_several_in_one_session(self):
        """One connection to the filter, one verdict for each message."""
        with self.suite.smtp() as c:
            for line, code in ((GTUBE, 554), ("x", 250), (GTUBE, 554), ("y", 250)):
                c.mail("a@far.test")
                c.rcpt("b@far.test")
                self.assert_reply(c.data(TEXT % ("many", line)), code)
        self.sink.wait_for(2)
        del self.sink.messages[:]

    def test_away(self):
        self.rspamd.stop()
        try:
            with self.suite.smtp() as c:
                self.assert_reply(c.mail("a@far.test"), 451, "4.7.1")
        finally:
            self.rspamd.start()
        self.assert_reply(self.send("back"), 250)
        self.delivered()


if __name__ == "__main__":
    unittest.main()
