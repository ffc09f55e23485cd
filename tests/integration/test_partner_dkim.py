"""OpenDKIM and OpenDMARC beside the server: mail of our users leaves signed, mail from outside is judged."""
import os
import re
import unittest

from support import servers
from support.auth_server import AuthServer
from support.dns import DnsServer
from support.partners import OpenDKIM, OpenDMARC
from support.sink import Sink
from support.suite import SuiteTestCase

TEXT = "From: User <user@example.test>\nTo: b@far.test\nSubject: hola\nDate: Mon, 2 Mar 2026 10:00:00 +0000\n\nHola.\n.dot\n"
XCLIENT = "XCLIENT NAME=client.outside.test ADDR=192.0.2.25"


def from_outside(suite, sender, text, recipient="b@far.test"):
    """The replies to a client of another network: MAIL, RCPT, and what came last."""
    with suite.smtp() as c:
        assert c.cmd(XCLIENT).code == 220
        c.ehlo("client.outside.test")
        replies = [c.mail(sender), c.rcpt(recipient)]
        return replies + [c.data(text)]


def results(text):
    """The values of all Authentication-Results, unfolded."""
    return [re.sub(r"\s+", " ", value) for value in re.findall(r"(?m)^Authentication-Results: (.*(?:\n\s.*)*)", text)]


@servers.needed(OpenDKIM)
@servers.needed(OpenDMARC)
@unittest.skipUnless(os.geteuid() == 0, "needs root: a resolv.conf for the filters")
class Dkim(SuiteTestCase):
    """smtpd_milters and non_smtpd_milters as tutorials have them: the filter that signs, then the one that judges."""

    @classmethod
    def configure(cls, suite):
        cls.dns = DnsServer({("_dmarc.example.test", "TXT"): ["v=DMARC1; p=reject"],
                             ("_dmarc.lazy.test", "TXT"): ["v=DMARC1; p=none"],
                             ("example.test", "TXT"): ["v=spf1 -all"], ("lazy.test", "A"): ["192.0.2.1"]})
        cls.addClassCleanup(cls.dns.close)
        cls.dkim = OpenDKIM("example.test", resolver=cls.dns.address)
        cls.addClassCleanup(cls.dkim.close)
        name, text = cls.dkim.record
        cls.dns.records[name, "TXT"] = [text]
        cls.dmarc = OpenDMARC("mail.example.test", resolver=cls.dns.address)
        cls.addClassCleanup(cls.dmarc.close)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.set(milter_default_action="accept", milter_protocol="6", smtpd_authorized_xclient_hosts="127.0.0.1",
                  smtpd_milters="%s, %s" % (cls.dkim.spec, cls.dmarc.spec), non_smtpd_milters="$smtpd_milters",
                  relay_domains="far.test", relayhost=cls.sink.nexthop, smtpd_sasl_type="dovecot",
                  smtpd_sasl_path="private/auth", smtpd_sasl_auth_enable="yes")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.auth = AuthServer(cls.suite.path("queue/private/auth"))
        cls.addClassCleanup(cls.auth.close)

    def delivered(self):
        """The next message, as the far end has it."""
        message = self.sink.wait_for(1)[0]
        del self.sink.messages[:]
        return message.text

    def signed(self, text=TEXT):
        with self.suite.smtp() as c:
            c.message("user@example.test", ["b@far.test"], text)
        return self.delivered()

    def test_signs_what_comes_from_here(self):
        text = self.signed()
        self.assertRegex(text, r"(?m)^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example\.test;")
        self.assertEqual(text.count("DKIM-Signature:"), 1)
        self.assertLess(text.index("DKIM-Signature:"), text.index("Received:"))     # put on top
        self.assertEqual(results(text), [])

    def test_signs_what_sendmail_takes(self):
        self.suite.sendmail(["-i", "-f", "user@example.test", "b@far.test"], TEXT)
        text = self.delivered()
        self.assertEqual(text.count("DKIM-Signature:"), 1)
        self.check_passes(text)

    def test_signs_for_who_has_logged_in(self):
        """{auth_type} makes a client from anywhere one of ours."""
        with self.suite.smtp() as c:
            c.cmd(XCLIENT)
            c.ehlo()
            self.assert_reply(c.cmd("AUTH PLAIN AHVzZXIAc2VjcmV0"), 235)
            c.message("user@example.test", ["b@far.test"], TEXT)
        text = self.delivered()
        self.assertEqual(text.count("DKIM-Signature:"), 1)
        self.check_passes(text)

    def test_leaves_other_domains_unsigned(self):
        self.assertNotIn("DKIM-Signature", self.signed(TEXT.replace("@example.test", "@lazy.test")))

    def check_passes(self, text):
        replies = from_outside(self.suite, "user@example.test", text)
        self.assertEqual(replies[-1].code, 250, replies)
        got = self.delivered()
        self.assertRegex("\n".join(results(got)), r"mail\.example\.test; dkim=pass \(\d+-bit key; .*header\.d=example\.test")
        self.assertRegex("\n".join(results(got)), r"dmarc=pass \(p=reject dis=none\) header\.from=example\.test")

    def test_verifies_its_own_signatures(self):
        """What the far end got was signed as sent: lines with dots, long lines, no last line end, no body."""
        for name, text in (("plain", TEXT), ("long", TEXT + "x" * 900 + "\n"), ("no body", TEXT.split("\n\n")[0] + "\n\n"),
                           ("many headers", "".join("X-%d: a\n\tb\n" % i for i in range(100)) + TEXT)):
            with self.subTest(name):
                self.check_passes(self.signed(text))

    def test_changed_on_the_way(self):
        """DMARC: the domain wants such mail refused."""
        text = self.signed().replace("Hola.", "Adios.")
        replies = from_outside(self.suite, "user@example.test", text)
        self.assert_reply(replies[-1], 550, "5.7.1", "rejected by DMARC policy for example.test")
        self.suite.wait_for_log(r"milter-reject: END-OF-MESSAGE from client\.outside\.test\[192\.0\.2\.25\]: "
                                r"5\.7\.1 rejected by DMARC policy for example\.test; from=<user@example\.test>")

    def test_not_signed(self):
        self.assert_reply(from_outside(self.suite, "user@example.test", TEXT)[-1], 550, "5.7.1", "DMARC policy")
        replies = from_outside(self.suite, "user@lazy.test", TEXT.replace("@example.test", "@lazy.test"))
        self.assertEqual(replies[-1].code, 250, replies)
        self.assertIn("mail.example.test; dmarc=fail (p=none dis=none) header.from=lazy.test", results(self.delivered()))

    def test_filter_that_is_away(self):
        """milter_default_action = accept: mail flows without the filters, and is signed again when they are back."""
        self.dkim.stop()
        try:
            self.assertNotIn("DKIM-Signature", self.signed())
            self.suite.wait_for_log("warning: connect to Milter service unix:.*: (Connection refused|No such file)")
        finally:
            self.dkim.start()
        self.assertIn("DKIM-Signature", self.signed())


if __name__ == "__main__":
    unittest.main()
