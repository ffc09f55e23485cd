"""TLS results of smtp(8) and lmtp(8) for a collector of reports (RFC 8460, docs/protocol/tlsrpt.md), and what plug-ins for
MTA-STS say in policy tables."""
import hashlib
import json
import os
import re
import socket
import ssl
import unittest

from integration.test_smtp_client_tls import garbage
from integration import test_smtp_client
from support import certificates
from support.sink import Sink

RECORD = "v=TLSRPTv1; rua=mailto:reports@\\example.test"
STS = ("{ policy_string = version: STSv1 } { policy_string = mode: enforce } policy_type=sts policy_domain=good.test"
       " policy_ttl=604800 mx_host_pattern=*.good.test mx_host_pattern=other.test")


def setUpModule():
    global ca
    ca = certificates.Authority(unittest.addModuleCleanup)
    ca.make("self", "ec", "/CN=self")
    ca.sign("good", "DNS:*.good.test,DNS:good.test")
    ca.sign("old", "DNS:*.good.test", days=-1)


class ReportTestCase(test_smtp_client.ClientTestCase):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tls_CAfile=ca.path("ca.crt"), smtp_tls_loglevel="1", smtp_tls_security_level="may",
                  smtp_tlsrpt_enable="yes", smtp_tlsrpt_socket_name="public/tlsrpt", smtp_dns_support_level="dnssec",
                  smtp_connection_cache_on_demand="no")
        cls.dns.secure = {"."}
        os.makedirs(os.path.join(suite.queue_directory, "public"), exist_ok=True)
        cls.path = os.path.join(suite.queue_directory, "public/tlsrpt")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.listen()

    @classmethod
    def listen(cls):
        cls.collector = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cls.collector.bind(cls.path)
        os.chmod(cls.path, 0o666)
        cls.collector.settimeout(30)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.collector.close()

    def target(self, domain, record=RECORD, **options):
        self.dns.records["_smtp._tls." + domain, "TXT"] = record if isinstance(record, list) else [record]
        return self.host(domain, **options)

    def publish(self, domain, answer):
        self.dns.records["_%d._tcp.mx0.%s" % (self.port, domain), "TLSA"] = answer

    def policy(self, **entries):
        self.suite.set(smtp_tls_policy_maps="inline:{%s}" % ", ".join(
            "{ %s = %s }" % (name.replace("_", "."), entry) for name, entry in entries.items()))
        self.suite.reload()
        self.addCleanup(self.suite.reload)
        self.addCleanup(self.suite.set, smtp_tls_policy_maps="")

    def receive(self):
        return json.loads(self.collector.recv(65536))

    def reported(self, domain, status="sent"):
        """What is reported of a message to DOMAIN: (policy, result)."""
        queue_id = self.send("a@" + domain)
        self.assertEqual(self.outcome(queue_id, "a@" + domain)[2], status)
        event = self.receive()
        self.assertEqual(set(event), {"version", "time", "domain", "record", "policy", "result"})
        self.assertEqual((event["version"], event["domain"], event["record"]), (1, domain, RECORD))
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        result = event["result"]
        self.assertEqual(result["receiving-mx-hostname"], "mx0." + domain)
        self.assertRegex(result["receiving-ip"], r"^127\.")
        self.suite.wait_for_log("TLSRPT: status=%s, domain=%s, receiving_mx=mx0.%s%s" % (
            "failure" if "result-type" in result else "success", domain, domain, re.escape("[%s]" % result["receiving-ip"])
            + (", failure_type=" + result["result-type"] if "result-type" in result else "")))
        return event["policy"], result

    def assert_failure(self, domain, kind, reason=None, status="deferred"):
        policy, result = self.reported(domain, status)
        self.assertEqual(result["result-type"], kind)
        if reason:
            self.assertRegex(result.get("failure-reason-code", ""), reason)
        return policy


class Reports(ReportTestCase):
    def test_success(self):
        self.target("good.test", tls=ca.server())
        policy, result = self.reported("good.test")
        self.assertEqual(policy, {"policy-type": "no-policy-found", "policy-domain": "good.test"})
        self.assertNotIn("result-type", result)
        self.assertRegex(result["sending-mta-ip"], r"^127\.")

    def test_who_is_not_reported(self):
        """Nobody without a record, or with two; no host in [], no other port. What is asked for last is what comes first."""
        self.host("norecord.test", tls=ca.server())
        self.target("two.test", [RECORD, RECORD + ","], tls=ca.server())
        self.target("other.test", "v=TLSRPTv10; rua=mailto:a@b.test", tls=ca.server())
        direct = self.target("direct.test", tls=ca.server())
        self.target("last.test", ["v=spf1 -all", RECORD], tls=ca.server())
        self.dns.records["direct.test", "A"] = self.dns.records["mx0.direct.test", "A"]
        self.policy(**{"clear.test": "none"})
        self.target("clear.test", tls=ca.server())
        for domain in ("norecord.test", "two.test", "other.test", "clear.test"):
            self.assertEqual(self.outcome(self.send("a@" + domain), "a@" + domain)[2], "sent")
        self.suite.set(transport_maps="inline:{direct.test=smtp:[direct.test]}")
        self.suite.reload()
        try:
            self.assertEqual(self.outcome(self.send("a@direct.test"), "a@direct.test")[2], "sent")
        finally:
            self.suite.set(transport_maps="")
            self.suite.reload()
        self.assertIsNotNone(direct.messages[0].tls)
        self.reported("last.test")

    def test_no_tls(self):
        self.target("plain.test")
        self.assert_failure("plain.test", "starttls-not-supported", status="sent")
        self.target("refuses.test", tls=ca.server()).reply("STARTTLS", "454 4.7.0 \"no\"")
        self.assert_failure("refuses.test", "starttls-not-supported", '^454 4.7.0 "no"$', status="sent")

    def test_handshakes(self):
        self.target("garbage.test", tls=ca.server()).reply("STARTTLS", garbage)
        self.assert_failure("garbage.test", "validation-failure", "SSL routines|wrong version")
        self.target("drops.test", tls=ca.server()).reply("STARTTLS", lambda s, line: (s.say("220 go"), Sink.DROP)[1])
        self.assert_failure("drops.test", "validation-failure", "lost connection|unexpected eof|Connection reset")

    def test_certificates(self):
        self.policy(**{domain: "secure" for domain in ("self.good.test", "old.good.test", "wrong.test")})
        for domain, certificate, kind in (("self.good.test", "self", "certificate-not-trusted"),
                                          ("old.good.test", "old", "certificate-expired"),
                                          ("wrong.test", "good", "certificate-host-mismatch")):
            with self.subTest(kind):
                self.target(domain, tls=ca.server(certificate))
                self.assert_failure(domain, kind)

    def test_dane(self):
        self.suite.set(smtp_tls_security_level="dane")
        self.policy(**{"only.test": "dane-only"})
        try:
            with open(ca.path("good.crt"), encoding="ascii") as f:
                digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()
            self.target("dane.test", tls=ca.server())
            self.publish("dane.test", ["3 0 1 " + digest])
            policy, result = self.reported("dane.test")
            self.assertEqual(policy, {"policy-type": "tlsa", "policy-string": ["3 0 1 " + digest.upper()],
                                      "policy-domain": "mx0.dane.test"})
            self.assertNotIn("result-type", result)
            self.target("nodane.test", tls=ca.server())
            self.assertEqual(self.reported("nodane.test")[0]["policy-type"], "no-policy-found")
            self.target("mismatch.test", tls=ca.server())
            self.publish("mismatch.test", ["3 0 1 " + "00" * 32])
            self.assert_failure("mismatch.test", "validation-failure", "DANE")
            self.target("bogus.test", tls=ca.server())
            self.publish("bogus.test", self.dns.SERVFAIL)
            self.assertEqual(self.assert_failure("bogus.test", "dnssec-invalid"),
                             {"policy-type": "tlsa", "policy-domain": "mx0.bogus.test"})
            self.target("only.test", tls=ca.server())
            self.assert_failure("only.test", "dane-required")
            self.publish("only.test", ["1 1 1 " + "00" * 32])
            self.assert_failure("only.test", "tlsa-invalid")
        finally:
            self.suite.set(smtp_tls_security_level="may")

    def test_resumed_handshakes(self):
        self.target("again.test", tls=ca.server(highest=ssl.TLSVersion.TLSv1_2))
        self.target("end.test", tls=ca.server())
        for _ in range(2):
            self.reported("again.test")
        self.suite.set(smtp_tlsrpt_skip_reused_handshakes="yes")
        self.suite.reload()
        try:
            self.reported("again.test")
            self.assertEqual(self.outcome(self.send("b@again.test"), "b@again.test")[2], "sent")
            self.reported("end.test")       # and not again.test
        finally:
            self.suite.set(smtp_tlsrpt_skip_reused_handshakes="no")
            self.suite.reload()

    def test_a_collector_that_is_away(self):
        """Mail goes on; one warning; the collector's next socket is found."""
        for name in ("away1.test", "away2.test", "back.test"):
            self.target(name, tls=ca.server())
        os.unlink(self.path)
        self.collector.close()
        mark = self.suite.log_mark()
        try:
            for name in ("away1.test", "away2.test"):
                self.assertEqual(self.outcome(self.send("a@" + name), "a@" + name)[2], "sent")
            self.suite.wait_for_log("warning: TLSRPT: cannot send to public/tlsrpt: No such file", since=mark)
        finally:
            self.listen()
        self.reported("back.test")
        self.suite.wait_for_count("TLSRPT: cannot send", 1)

    def test_lmtp(self):
        sink = Sink(lmtp=True, tls=ca.server())
        self.addCleanup(sink.close)
        self.dns.records["lmtp.test", "A"] = ["127.0.0.1"]
        self.dns.records["_smtp._tls.lmtp.test", "TXT"] = [RECORD]
        self.suite.set(default_transport="lmtp:lmtp.test", lmtp_tls_security_level="encrypt", lmtp_tcp_port=str(sink.port),
                       lmtp_tlsrpt_enable="yes", lmtp_dns_support_level="enabled",
                       lmtp_tlsrpt_socket_name=self.path)      # as it is seen from outside
        self.suite.reload()
        try:
            self.send("a@far.test")
            event = self.receive()
            self.assertEqual((event["domain"], event["result"]["receiving-ip"]), ("lmtp.test", "127.0.0.1"))
        finally:
            self.suite.set(default_transport="smtp")
            self.suite.reload()


class Sts(ReportTestCase):
    """The entries are as plug-ins make them."""

    def test_a_policy(self):
        self.policy(**{"a.good.test": "secure match=.good.test servername=hostname " + STS})
        self.target("a.good.test", tls=ca.server("good"))
        # mx0.a.good.test is two levels below good.test: no pattern has it
        policy = self.assert_failure("a.good.test", "validation-failure", "does not have this host")
        self.assertEqual(policy, {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"],
                                  "policy-domain": "good.test", "mx-host": ["*.good.test", "other.test"], "policy-ttl": 604800})
        self.suite.set(smtp_tls_enforce_sts_mx_patterns="no")
        self.suite.reload()
        try:        # the certificate's name alone is compared, with .good.test
            self.assertNotIn("result-type", self.reported("a.good.test")[1])
        finally:
            self.suite.set(smtp_tls_enforce_sts_mx_patterns="yes")
            self.suite.reload()

    def test_the_next_host_is_in_the_policy(self):
        self.policy(**{"good.test": "secure match=.good.test servername=hostname " + STS})
        self.dns.records["_smtp._tls.good.test", "TXT"] = [RECORD]
        wrong, right = self.host("far.test", tls=ca.server()), self.host("near.test", tls=ca.server())
        for name, domain in (("wrong.test", "far"), ("mx1.good.test", "near")):
            self.dns.records[name, "A"] = self.dns.records["mx0.%s.test" % domain, "A"]
        self.dns.records["good.test", "MX"] = ["10 wrong.test", "20 mx1.good.test"]
        self.assertEqual(self.outcome(self.send("a@good.test"), "a@good.test")[2], "sent")
        self.assertEqual((len(wrong.sessions), len(right.messages)), (0, 1))
        self.assertEqual([self.receive()["result"].get("result-type") for _ in range(2)], ["validation-failure", None])

    def test_a_policy_that_cannot_be_had(self):
        self.policy(**{"fetch.test": "may policy_type=sts policy_failure=sts-policy-fetch-error"})
        self.target("fetch.test", tls=ca.server())
        self.assertEqual(self.assert_failure("fetch.test", "sts-policy-fetch-error", status="sent")["policy-type"], "sts")

    def test_wrong_attributes(self):
        self.target("wrong.test", tls=ca.server())
        for attribute, text in (("policy_type=dane", 'policy_type" is not "sts"'), ("policy_ttl=soon", 'policy_ttl" is no number'),
                                ("policy_domain=", 'policy_domain" has empty value'),
                                ("policy_failure=bad", 'policy_failure" is no result type'), ("policy=x", "invalid attribute name")):
            with self.subTest(attribute):
                self.policy(**{"wrong.test": "encrypt " + attribute})
                mark = self.suite.log_mark()
                self.assert_outcome(self.send("a@wrong.test"), "a@wrong.test", "4.7.5", "deferred",
                                    "client TLS configuration problem")
                self.suite.wait_for_log("warning: smtp_tls_policy_maps, .*" + text, since=mark)


if __name__ == "__main__":
    unittest.main()
