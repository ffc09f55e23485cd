"""Content filters, the real ones: SpamAssassin in a pipe, ClamSMTP and ClamAV behind the SMTP client."""
import unittest

from support.receivers import CLASSIC, GTUBE, ClamSmtp, Spamd, needed
from support.ports import free_port
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until

WHOLE = "From: me@far.test\nTo: you@far.test\nSubject: %s\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-Id: <x@far.test>\n\n"


@needed("/usr/sbin/spamd spamd", "/usr/bin/spamc spamc", "/usr/bin/msmtp msmtp")
class SpamAssassin(SuiteTestCase):
    """spamc reads the message from pipe(8) and hands it to a sendmail command. That is msmtp's, because this private
    instance is none that another user's sendmail(1) may speak for."""
    spamd = None

    @classmethod
    def configure(cls, suite):
        cls.addClassCleanup(lambda: cls.spamd and cls.spamd.close())
        cls.spamd = Spamd().__enter__()
        cls.sink, back = Sink(), free_port()
        cls.addClassCleanup(cls.sink.close)
        suite.set(relayhost=cls.sink.nexthop)
        suite.master_cf = (
            "127.0.0.1:%d inet n - n - - smtpd -o content_filter=spamassassin\n"
            "127.0.0.1:%d inet n - n - - smtpd\n"
            "spamassassin unix - n n - - pipe user=nobody argv=/usr/bin/spamc -d 127.0.0.1 -p %d -s 10000000"
            " -e /usr/bin/msmtp --host=127.0.0.1 --port=%d -oi -f ${sender} -- ${recipient}\n"
            % (suite.port, back, cls.spamd.port, back))
        suite.write_config()

    def send(self, text, *recipients):
        before = len(self.sink.messages)
        with self.suite.smtp() as client:
            client.message("me@far.test", recipients or ["you@far.test"], text)
        message = self.sink.wait_for(before + 1)[before]
        self.suite.wait_queue_empty()
        return message

    def test_plain_mail_is_passed_on(self):
        mark = self.suite.log_mark()
        message = self.send(WHOLE % "lunch" + "Shall we?\n.\n..\n\nFrom here\n", "you@far.test", "they@far.test")
        self.assertIn("X-Spam-Checker-Version: SpamAssassin", message.text)
        self.assertNotIn("X-Spam-Flag: YES", message.text)
        self.assertEqual(message.sender, "me@far.test")
        self.assertEqual(message.recipients, ["they@far.test", "you@far.test"])
        self.assertEqual(message.text.partition("\n\n")[2], "Shall we?\n.\n..\n\nFrom here\n")
        for recipient in ("you", "they"):
            self.suite.wait_for_log(r"postfix/pipe.*to=<%s@far\.test>, relay=spamassassin.* status=sent"
                                    r" \(delivered via spamassassin service\)" % recipient, since=mark)

    def test_gtube_is_marked(self):
        message = self.send(WHOLE % "spam" + "one\n" + GTUBE + "\n")
        self.assertRegex(message.text, r"(?m)^X-Spam-Flag: YES$")
        self.assertRegex(message.text, r"X-Spam-Status: Yes, score=\d{3,}")

    def test_shell_characters_are_no_matter(self):
        message = self.send(WHOLE % "odd" + "x\n", "a`id`|$x'{y}@far.test")
        self.assertEqual(message.recipients, ["a`id`|$x'{y}@far.test"])


@needed("/usr/sbin/clamsmtpd clamsmtp", "/usr/sbin/clamd clamav-daemon")
class ClamAv(SuiteTestCase):
    """content_filter = scan:host:port, and a port for what comes back."""
    filter = None

    @classmethod
    def configure(cls, suite):
        cls.addClassCleanup(lambda: cls.filter and cls.filter.close())
        cls.back = free_port()
        cls.filter = ClamSmtp(cls.back).__enter__()
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.set(relayhost=cls.sink.nexthop, content_filter="scan:127.0.0.1:%d" % cls.filter.port,
                  receive_override_options="no_address_mappings", smtpd_authorized_xforward_hosts="127.0.0.0/8",
                  virtual_alias_maps="inline:{alias@far.test=real@far.test}", smtpd_authorized_xclient_hosts="127.0.0.0/8", mynetworks="127.0.0.0/8 192.0.2.0/24")
        suite.master_cf = """\
scan      unix  -       -       n       -       16      smtp
        -o smtp_send_xforward_command=yes
127.0.0.1:%d inet  n -       n       -       16      smtpd
        -o content_filter=
        -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks
        -o smtpd_helo_restrictions=
        -o smtpd_client_restrictions=
        -o smtpd_sender_restrictions=
        -o smtpd_recipient_restrictions=permit_mynetworks,reject
        -o mynetworks_style=host
        -o smtpd_authorized_xforward_hosts=127.0.0.0/8
""" % cls.back
        suite.write_config()

    def send(self, text, recipient, xclient=None):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            if xclient:
                self.assert_reply(client.cmd("XCLIENT " + xclient), 220)
                client.ehlo()
            client.message("manuela@pruebas.test", [recipient], text)
        return mark

    def test_clean_mail_comes_back(self):
        mark = self.send(WHOLE % "clean" + "text\n.\n", "alias@far.test", "ADDR=192.0.2.7 NAME=client.far.test")
        message = self.sink.wait_for(1)[0]
        # the address is mapped behind the filter, not before it
        self.assertEqual(message.recipients, ["real@far.test"])
        self.assertIn("X-Virus-Scanned: ClamAV using ClamSMTP", message.text)
        self.assertTrue(message.text.endswith("\n\ntext\n.\n"), message.text)
        self.suite.wait_for_log(r"postfix/smtp\[\d+\]: \w+: to=<alias@far\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:%d,"
                                r".*status=sent \(250 .*queued as" % self.filter.port, since=mark)

    def test_the_client_is_told_of(self):
        """XFORWARD goes through the filter: the second smtpd logs who was the first one's client."""
        mark = self.send(WHOLE % "xforward" + "text\n", "you@far.test", "ADDR=192.0.2.7 NAME=client.far.test")
        self.suite.wait_for_log(r"postfix/smtpd\[\d+\]: \w+: client=\S+, orig_queue_id=\w+, orig_client=client\.far\.test\[192\.0\.2\.7\]",
                                since=mark)

    def test_a_virus_is_thrown_away(self):
        before = len(self.sink.messages)
        mark = self.send(WHOLE.encode() % b"virus" + CLASSIC + b"\n", "manuela@pruebas.test")
        found = self.suite.wait_for_log(r"(\w+): to=<manuela@pruebas\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, delay=.*,"
                                        r" dsn=2\.0\.0, status=sent \(250 Virus Detected; Discarded Email\)", since=mark)
        self.suite.wait_for_log(r"postfix/qmgr\[\d+\]: %s: removed" % found.group(1), since=mark)
        self.suite.wait_queue_empty()
        self.assertEqual(len(self.sink.messages), before)
        until(lambda: "from=manuela@pruebas.test, to=manuela@pruebas.test, status=VIRUS:Eicar-Test-Signature" in self.filter.said(),
              30, self.filter.said)

    def test_filter_down_is_no_loss(self):
        """Without the filter mail waits, and is delivered when it is back."""
        clamsmtpd = self.filter.processes[-1]
        clamsmtpd.terminate()
        clamsmtpd.wait(30)
        mark = self.send(WHOLE % "waits" + "text\n", "you@far.test")
        queue_id = self.suite.wait_for_log(r"(\w+): to=<you@far\.test>.*status=deferred \(connect to 127\.0\.0\.1.*: Connection refused\)",
                                           since=mark).group(1)
        self.filter.start_filter()
        self.suite.flush()
        self.suite.wait_for_log(r"%s: to=<you@far\.test>.*status=sent" % queue_id, since=mark)
        self.suite.wait_for_log(r"postfix/smtp\[\d+\]: \w+: to=<you@far\.test>.*status=sent \(250 2\.0\.0 Ok: taken\)", since=mark)


if __name__ == "__main__":
    unittest.main()
