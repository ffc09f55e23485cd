"""REQUIRETLS (RFC 8689) from the server through the queue to the next server, into reports, and where it cannot be kept."""
import unittest

from integration import test_smtp_client
from support import certificates
from support.sink import KEYWORDS

OFFERS = KEYWORDS + ["REQUIRETLS"]
HEADER = "Require-TLS-ESMTP: yes"


def setUpModule():
    global ca
    ca = certificates.Authority(unittest.addModuleCleanup)
    ca.sign("good", "DNS:*.good.test")
    ca.make("server", "ec", "/CN=server")


class RequireTls(test_smtp_client.ClientTestCase):
    settings = {"smtp_tls_security_level": "may", "smtp_tls_policy_maps": "inline:{.good.test=secure}",
                "smtpd_tls_security_level": "may", "smtp_connection_cache_on_demand": "no",
                "smtp_requiretls_policy": "inline:{any.test=opportunistic}, enforce"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tls_CAfile=ca.path("ca.crt"), smtpd_tls_chain_files=ca.path("server.pem"))

    def server(self, domain, keywords=OFFERS, **options):
        return self.host(domain, keywords=keywords, tls=ca.server(), **options)

    def session(self):
        client = self.suite.smtp()
        self.addCleanup(client.close)
        self.assert_reply(client.start_tls(certificates.client()), 220)
        reply = client.ehlo()
        self.assert_reply(reply, 250)
        return client, reply

    def submit(self, recipient, sender="s@sender.good.test", text="Subject: x\n\nsecret\n"):
        """Over TLS, marked; the queue id."""
        client, _ = self.session()
        self.assert_reply(client.mail(sender, "REQUIRETLS"), 250)
        self.assert_reply(client.rcpt(recipient), 250)
        reply = client.data(text)
        self.assert_reply(reply, 250)
        return reply.lines[-1].split()[-1]

    def test_server(self):
        with self.suite.smtp() as client:
            self.assertNotIn("REQUIRETLS", "".join(client.ehlo().lines))
            self.assert_reply(client.mail("a@far.test", "REQUIRETLS"), 555, "5.5.4", "Unsupported option: REQUIRETLS")
        client, reply = self.session()
        self.assertEqual(reply.lines[-1], "250 REQUIRETLS")
        self.assert_reply(client.mail("a@far.test", "REQUIRETLS=x"), 555)
        self.assert_reply(client.mail("a@far.test", "requiretls"), 250)

    def test_is_passed_on(self):
        sink = self.server("kept.good.test")
        queue_id = self.submit("a@kept.good.test")
        self.assertEqual(self.outcome(queue_id, "a@kept.good.test")[2], "sent")
        self.assertIn(" REQUIRETLS", sink.messages[0].mail)
        self.assertIn("\n" + HEADER + "\n", sink.messages[0].text)
        self.send("b@kept.good.test")       # other mail is not marked
        self.assertNotIn("REQUIRETLS", sink.wait_for(2)[1].mail + sink.messages[1].text)

    def test_comes_back_from_a_filter(self):
        """In the clear, with the header that it was sent there with, which is not repeated."""
        sink = self.server("back.good.test")
        self.send("a@back.good.test", headers=HEADER + "\n")
        message = sink.wait_for(1)[0]
        self.assertIn(" REQUIRETLS", message.mail)
        self.assertEqual(message.text.count(HEADER), 1)

    def test_is_returned(self):
        """The report goes as safely, without the content."""
        sender, sink = self.server("sender.good.test"), self.server("none.good.test", KEYWORDS)
        queue_id = self.submit("a@none.good.test")
        self.assert_outcome(queue_id, "a@none.good.test", "5.7.30", "bounced",
                            "REQUIRETLS is required, but was not offered by host mx0.none.good.test[]")
        self.assertEqual(sink.messages, [])
        report = sender.wait_for(1)[0]
        self.assertEqual((report.sender, " REQUIRETLS" in report.mail), ("", True))
        self.assertNotIn("secret", report.text)
        self.assertIn(HEADER, report.text)

    def test_waits_for_a_better_way(self):
        for domain, tls, dsn, text in (
                ("no.elsewhere.test", None, "4.7.10", "REQUIRETLS: no TLS with host mx0.%s[], mail is not sent"),
                ("may.elsewhere.test", True, "4.7.5", "REQUIRETLS: host mx0.%s[] is not authenticated (TLS level may), mail is not sent")):
            with self.subTest(domain=domain):
                sink = self.server(domain) if tls else self.host(domain, keywords=OFFERS)
                queue_id = self.submit("a@" + domain)
                self.assert_outcome(queue_id, "a@" + domain, dsn, "deferred", text % domain)
                self.assertEqual([sink.messages, [c for c in sink.commands if c.startswith("MAIL")]], [[], []])

    def test_another_host_keeps_it(self):
        first, second = self.server("two.good.test", KEYWORDS), self.server("two.good.test", preference=20)
        queue_id = self.submit("a@two.good.test")
        self.assertEqual(self.outcome(queue_id, "a@two.good.test")[2], "sent")
        self.assertEqual((len(first.messages), len(second.messages)), (0, 1))

    def test_survives_the_queue(self):
        """Killed before the next hop has it: it is in the queue file."""
        sink = self.server("queue.good.test")
        sink.reply("CONNECT", ["421 4.3.0 later"])
        queue_id = self.submit("a@queue.good.test")
        self.assertEqual(self.outcome(queue_id, "a@queue.good.test")[2], "deferred")
        self.suite.kill()
        self.suite.start()
        self.suite.flush()
        self.assertIn(" REQUIRETLS", sink.wait_for(1)[0].mail)

    def test_opportunistic(self):
        for i, sink in enumerate((self.host("any.test", keywords=KEYWORDS), self.server("any.test"))):
            self.dns.records["any.test", "MX"] = ["10 mx%d.any.test" % i]
            queue_id = self.submit("a%d@any.test" % i)
            self.assertEqual(self.outcome(queue_id, "a%d@any.test" % i)[2], "sent")
            self.assertEqual(" REQUIRETLS" in sink.messages[0].mail, i == 1)

    def test_is_switched_off(self):
        self.suite.set(requiretls_enable="no")
        self.suite.reload()
        try:
            client, reply = self.session()
            self.assertNotIn("REQUIRETLS", "".join(reply.lines))
            self.assert_reply(client.mail("a@far.test", "REQUIRETLS"), 555)
        finally:
            self.suite.set(requiretls_enable="yes")
            self.suite.reload()


if __name__ == "__main__":
    unittest.main()
