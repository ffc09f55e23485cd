"""Real policy services in the usual restriction lists: postgrey on its socket, policyd-spf started by spawn(8)."""
import os
import subprocess
import unittest

from support import servers
from support.dns import DnsServer
from support.partners import Postgrey, policyd_spf, policyd_spf_needed
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until

TEXT = "From: a@far.test\nSubject: x\n\nx\n"
MAIN_CF = {"mydestination": "here.test", "local_recipient_maps": "", "mynetworks": "192.0.2.0/28",
            "smtpd_authorized_xclient_hosts": "127.0.0.1", "smtpd_client_restrictions": "", "smtpd_error_sleep_time": "0",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"}


class Policy(SuiteTestCase):
    """What passes goes to a sink."""

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.set(local_transport="smtp:" + cls.sink.nexthop)

    def as_client(self, name, address, ehlo="client.test"):
        c = self.suite.smtp()
        self.addCleanup(c.close)
        self.assertEqual(c.cmd("XCLIENT NAME=%s ADDR=%s" % (name, address)).code, 220)
        c.ehlo(ehlo)
        return c

    def first_line(self):
        """Of the next message that has passed: what comes before our Received."""
        message = self.sink.wait_for(1)[0]
        del self.sink.messages[:]
        return message.text.partition("\n")[0]


@servers.needed(Postgrey)
class Greylisting(Policy):
    main_cf = MAIN_CF

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.postgrey = Postgrey()
        cls.addClassCleanup(cls.postgrey.close)
        suite.set(smtpd_recipient_restrictions="permit_mynetworks, reject_unauth_destination, check_policy_service "
                                               + cls.postgrey.spec)

    def test_first_time_and_again(self):
        """The first attempt is put off; the same three again, later, is let in with a header that says so."""
        mark = self.suite.log_mark()
        with self.as_client("client.far.test", "198.51.100.7") as c:
            c.mail("a@far.test")
            self.assertRegex(c.rcpt("new@here.test").lines[0],
                             r"^450 4\.2\.0 <new@here\.test>: Recipient address rejected: Greylisted, see ")
            self.assertEqual(c.cmd("DATA").code, 554)
            self.suite.wait_for_log(r"NOQUEUE: reject: RCPT from client\.far\.test\[198\.51\.100\.7\]: 450 4\.2\.0 "
                                    r"<new@here\.test>: Recipient address rejected: Greylisted", since=mark)
            c.rset()

            def may_pass():
                c.rset()
                c.mail("a@far.test")
                return c.rcpt("new@here.test").code == 250
            until(may_pass, 30, "the delay to be over")
            self.assert_reply(c.data(TEXT), 250)
            self.assertRegex(self.first_line(), r"^X-Greylist: delayed \d+ seconds by postgrey-\S+ at mail\.example\.test; ")
            # from another network it begins anew
            other = self.as_client("client.far.test", "203.0.113.7")
            other.mail("a@far.test")
            self.assertEqual(other.rcpt("new@here.test").code, 450)

    def test_lists_and_networks(self):
        with self.as_client("mx.friend.test", "198.51.100.8") as c:
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("b@here.test").code, 250)
        with self.as_client("client.far.test", "198.51.100.9") as c:
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("postmaster@here.test").code, 250)
            self.assertEqual(c.rcpt("b@here.test").code, 450)
        with self.as_client("own.test", "192.0.2.1") as c:
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("b@here.test").code, 250)

    def test_service_is_away(self):
        self.postgrey.stop()
        try:
            with self.as_client("client.far.test", "198.51.100.10") as c:
                c.mail("a@far.test")
                self.assert_reply(c.rcpt("b@here.test"), 451, "4.3.5", "Server configuration problem")
        finally:
            self.postgrey.start()
        with self.as_client("mx.friend.test", "198.51.100.8") as c:
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("b@here.test").code, 250)


@policyd_spf_needed
@unittest.skipUnless(os.geteuid() == 0, "needs root: a resolv.conf for the daemons")
class Spf(Policy):
    """policyd-spf of a master.cf entry: spawn(8), as its README and most tutorials have it."""
    main_cf = dict(MAIN_CF, **{"policyd-spf_time_limit": "3600",
                   "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination, "
                                                   "check_policy_service unix:private/policyd-spf"})

    @classmethod
    def setUpClass(cls):
        cls.dns = DnsServer({
            ("good.test", "TXT"): ["v=spf1 ip4:198.51.100.0/24 -all"], ("mx.test", "TXT"): ["v=spf1 a mx ip4:10.23.5.0/24 -all"],
            ("mx.test", "MX"): ["10 mail.mx.test"], ("mail.mx.test", "A"): ["203.0.113.25"],
            ("soft.test", "TXT"): ["v=spf1 ~all"], ("plain.test", "A"): ["192.0.2.80"],
            ("down.test", "TXT"): DnsServer.SILENCE,
            ("wrong.test", "TXT"): ["v=spf1 nonsense:x -all"]})
        cls.addClassCleanup(cls.dns.close)
        cls.resolver = cls.dns.address
        super().setUpClass()

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.master_cf = "policyd-spf unix - n n - 0 spawn\n  user=nobody argv=%s\n" % policyd_spf(suite.path("etc"))
        suite.write_config()

    def judged(self, sender, address, ehlo="client.test"):
        """The reply to RCPT; what it accepts is sent."""
        with self.as_client("client.far.test", address, ehlo) as c:
            self.assertEqual(c.mail(sender).code, 250)
            reply = c.rcpt("b@here.test")
            if reply.code == 250:
                self.assert_reply(c.data(TEXT), 250)
        return reply

    def test_results(self):
        for sender, address, result in (("a@good.test", "198.51.100.1", "Pass"), ("a@mx.test", "203.0.113.25", "Pass"),
                                        ("a@mx.test", "10.23.5.9", "Pass"), ("a@soft.test", "198.51.100.1", "Softfail"),
                                        ("a@plain.test", "198.51.100.1", "None")):
            with self.subTest((sender, address)):
                reply = self.judged(sender, address)
                self.assertEqual(reply.code, 250, reply.lines)
                self.assertTrue(self.first_line().startswith("Received-SPF: %s (" % result))

    def test_refused(self):
        reply = self.judged("a@good.test", "203.0.113.1")
        self.assertRegex(reply.lines[0], r"^550 5\.7\.23 <b@here\.test>: Recipient address rejected: Message rejected due to: "
                                         r"SPF fail - not authorized\.")
        reply = self.judged("a@mx.test", "198.51.100.1")
        self.assert_reply(reply, 550, "5.7.23")

    def test_errors(self):
        """A look-up that gets no answer is temporary (defer_if_permit with a code of its own); a record that is wrong is not."""
        reply = self.judged("a@down.test", "198.51.100.1")
        self.assertEqual(reply.code, 450, reply.lines)
        self.assertEqual(reply.enhanced, "4.7.24", reply.lines)
        reply = self.judged("a@wrong.test", "198.51.100.1")
        self.assert_reply(reply, 550, "5.7.24")

    def test_null_sender_is_judged_by_its_helo(self):
        reply = self.judged("", "203.0.113.1", ehlo="good.test")
        self.assertEqual((reply.code, reply.enhanced), (550, "5.7.23"), reply.lines)


if __name__ == "__main__":
    unittest.main()
