"""TLS of smtp(8) and lmtp(8): handshakes that fail, that none of the mail leaves in the clear where TLS is required, sessions
that are kept or resumed, client certificates."""
import hashlib
import re
import ssl
import unittest

from integration import test_smtp_client
from support import certificates
from support.dns import DnsServer
from support.sink import Sink
from support.wait import until

FAILED = "Cannot start TLS: handshake failure"


def setUpModule():
    global ca
    ca = certificates.Authority(unittest.addModuleCleanup)
    ca.make("own", "ec", "/CN=client.test")
    ca.sign("good", "DNS:*.good.test,DNS:good.test")
    ca.sign("bad", "DNS:elsewhere.test")


def garbage(session, line):
    session.say("220 go")
    session.conn.recv(100)
    session.conn.sendall(b"this is no handshake\r\n" * 1000)
    return Sink.DROP


def closes(session, line):
    session.say("220 go")
    session.conn.recv(100)
    return Sink.DROP


def half_a_record(session, line):
    """The beginning of a handshake message that announces more than ever comes."""
    session.say("220 go")
    session.conn.recv(100)
    session.conn.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f")
    return Sink.DROP


def hangs(session, line):
    session.say("220 go")
    return Sink.HANG


def trickles(session, line):
    """A good handshake, a byte at a time, after which the server goes."""
    session.say("220 go")
    come, leave = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = session.sink.tls.wrap_bio(come, leave, server_side=True)
    while True:
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            done = False
        for byte in leave.read():
            session.conn.sendall(bytes([byte]))
        if done:
            return Sink.DROP
        come.write(session.conn.recv(4096))


class ClientTlsTestCase(test_smtp_client.ClientTestCase):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tls_CAfile=ca.path("ca.crt"), smtp_tls_loglevel="1",
                  smtp_connection_cache_on_demand="no")
        suite.make_map("policy", ".good.test secure\nelsewhere.test encrypt\nclear.test none\n")

    def assert_deferred(self, queue_id, recipient, dsn, text):
        self.assert_outcome(queue_id, recipient, dsn, "deferred", text)
        self.assertIn(queue_id, [message["queue_id"] for message in self.suite.queue()])


class Required(ClientTlsTestCase):
    settings = {"smtp_tls_security_level": "encrypt", "smtp_starttls_timeout": "5s"}

    def test_failures(self):
        """Nothing but EHLO and STARTTLS is said in the clear, and the mail stays in the queue."""
        rows = ((garbage, "4.7.5", FAILED), (closes, "4.7.5", FAILED), (half_a_record, "4.7.5", FAILED), (hangs, "4.7.5", FAILED),
                (trickles, "4.4.2", "lost connection with HOST while performing the EHLO handshake"),
                (Sink.DROP, "4.4.2", "lost connection with HOST while receiving the STARTTLS response"),
                (Sink.HANG, "4.4.2", "conversation with HOST timed out while receiving the STARTTLS response"),
                ("454 4.7.0 no", "4.7.0", "TLS is required, but host HOST refused to start TLS: 454 4.7.0 no"),
                ("220 go\n250 and this\n250 too", "4.4.2", None))
        domains = ["fails%d.test" % i for i in range(len(rows))]
        sinks = [self.host(domain, tls=ca.server()) for domain in domains]
        for sink, (script, _, _) in zip(sinks, rows):
            sink.reply("STARTTLS", script)
        ids = [self.send("a@" + domain) for domain in domains]
        for domain, sink, queue_id, (script, dsn, text) in zip(domains, sinks, ids, rows):
            with self.subTest(script=script):
                if text:
                    self.assert_deferred(queue_id, "a@" + domain, dsn, text.replace("HOST", "mx0.%s[]" % domain))
                    self.assertEqual([c.split()[0] for c in sink.commands if c != "QUIT"], ["EHLO", "STARTTLS"])
                else:       # what came before the handshake is no reply to EHLO
                    self.assertEqual(self.outcome(queue_id, "a@" + domain)[2], "sent")
                    self.assertIsNotNone(sink.messages[0].tls)

    def test_is_not_offered(self):
        for i, keywords in enumerate(([], ["STARTTLSX", "XSTARTTLS"])):
            domain = "not%d.test" % i
            sink = self.host(domain, keywords=keywords)
            self.assert_deferred(self.send("a@" + domain), "a@" + domain, "4.7.4",
                                 "TLS is required, but was not offered by host mx0.%s[]" % domain)
            until(lambda s=sink: [c.split()[0] for c in s.commands] == ["EHLO", "QUIT"], 30, lambda s=sink: "EHLO and QUIT; got %s" % s.commands)

    def test_the_next_host_has_it(self):
        self.host("two.test", 10)
        sink = self.host("two.test", 20, tls=ca.server())
        self.assertEqual(self.outcome(self.send("a@two.test"), "a@two.test")[2], "sent")
        self.assertIsNotNone(sink.messages[0].tls)

    def test_large_and_many(self):
        sink = self.host("large.test", tls=ca.server())
        body = "".join("%d %s\n" % (i, "x" * (i % 200)) for i in range(20000))
        recipients = ["r%d@large.test" % i for i in range(40)]
        self.send(*recipients, body=body)
        message = sink.wait_for(1)[0]
        self.assertIsNotNone(message.tls)
        self.assertEqual(sorted(message.recipients), sorted(recipients))
        self.assertTrue(message.text.endswith(body))
        for i in range(20):
            self.send("a%d@large.test" % i)
        sink.wait_for(21)
        self.assertEqual([m for m in sink.messages if not m.tls], [])

    def test_without_an_engine(self):
        sink = self.host("engine.test", tls=ca.server())
        self.suite.set(smtp_tls_CAfile="/nonexistent")
        self.suite.reload()
        try:
            self.assert_deferred(self.send("a@engine.test"), "a@engine.test", "4.7.5",
                                 "TLS is required, but our TLS engine is unavailable")
        finally:
            self.suite.set(smtp_tls_CAfile=ca.path("ca.crt"))
            self.suite.reload()
        self.assertEqual(sink.messages, [])


class Opportunistic(ClientTlsTestCase):
    settings = {"smtp_tls_security_level": "may", "minimal_backoff_time": "1s", "queue_run_delay": "1s",
                "maximal_backoff_time": "1s"}

    def test_goes_in_the_clear_after_a_while(self):
        for i, (verb, script) in enumerate((("STARTTLS", garbage), ("STARTTLS", closes),
                                            ("EHLO", lambda s, line: Sink.DROP if s.tls else None),
                                            ("MAIL", lambda s, line: Sink.DROP if s.tls else None),
                                            (".", lambda s, line: Sink.DROP if s.tls else None))):
            with self.subTest(verb=verb, script=script):
                domain = "while%d.test" % i
                sink = self.host(domain, tls=ca.server())
                sink.reply(verb, script)
                queue_id = self.send("a@" + domain)
                message = sink.wait_for(1)[0]
                self.assertIsNone(message.tls)
                self.assertEqual(sink.commands[1], "STARTTLS")
                self.suite.wait_for_log(queue_id + ": to=.*status=sent")
                self.assertEqual(len(sink.messages), 1)

    def test_never_where_tls_is_required(self):
        sink = self.host("good.test", tls=ca.server())
        sink.reply("MAIL", lambda s, line: Sink.DROP)
        self.suite.set(smtp_tls_policy_maps="inline:{good.test=encrypt}")
        self.suite.reload()
        try:
            queue_id = self.send("a@good.test")
            until(lambda: self.suite.count_log(queue_id + ": to=.*status=deferred") >= 3, 30, lambda: "three attempts")
        finally:
            self.suite.set(smtp_tls_policy_maps="")
            self.suite.reload()
        self.assertTrue(all(s.tls for s in sink.sessions))
        self.assertEqual(sink.messages, [])


class Sessions(ClientTlsTestCase):
    settings = {"smtp_tls_security_level": "may", "smtp_tls_policy_maps": "hash:@etc@/policy"}

    def one_host(self, *domains, **options):
        """The same server for all."""
        sink = self.host(domains[0], tls=ca.server(**options))
        for domain in domains[1:]:
            self.dns.records[(domain, "MX")] = self.dns.records[(domains[0], "MX")]
        return sink

    def deliver(self, sink, address):
        count = len(sink.messages)
        queue_id = self.send(address)
        message = sink.wait_for(count + 1)[count]
        self.suite.wait_for_log(queue_id + ": to=.*status=sent")
        self.suite.wait_queue_empty()
        return message

    def test_waits_before_it_goes_in_the_clear(self):
        sink = self.host("waits.may.test", tls=ca.server())
        sink.reply("STARTTLS", garbage)
        self.assert_deferred(self.send("a@waits.may.test"), "a@waits.may.test", "4.7.5", FAILED)
        self.assertEqual(sink.messages, [])

    def test_kept_for_the_same_policy(self):
        sink = self.one_host("kept.good.test", "clear.test", "elsewhere.test", "may.test")
        self.suite.set(smtp_connection_cache_destinations="kept.good.test clear.test elsewhere.test may.test",
                       smtp_tls_connection_reuse="yes")
        self.suite.reload()
        try:
            self.assertIsNone(self.deliver(sink, "a@clear.test").tls)
            first = self.deliver(sink, "a@kept.good.test")
            self.assertIsNotNone(first.tls)
            self.assertIs(self.deliver(sink, "b@kept.good.test").session, first.session)
            for domain in ("elsewhere.test", "may.test"):
                self.assertIsNot(self.deliver(sink, "a@" + domain).session, first.session)
        finally:
            self.suite.set(smtp_connection_cache_destinations="", smtp_tls_connection_reuse="no")
            self.suite.reload()

    def test_resumed_for_the_same_policy(self):
        for name, version in (("old", ssl.TLSVersion.TLSv1_2), ("new", ssl.TLSVersion.TLSv1_3)):
            with self.subTest(version=version):
                domain, other = name + ".good.test", name + ".may.test"
                sink = self.one_host(domain, other, highest=version)
                resumed = []
                sink.reply("MAIL", lambda s, line: resumed.append(s.tls.session_reused))
                self.suite.reload()
                for address in ("a@" + domain, "b@" + domain, "a@" + other, "c@" + domain):
                    self.deliver(sink, address)
                self.assertEqual(resumed, [False, True, False, True])
                self.suite.wait_for_count("Verified TLS connection established to mx0." + domain, 3)

    def test_limit_of_a_trace(self):
        sink = self.one_host("trace.good.test")
        self.suite.set(smtp_tls_loglevel="4", smtp_tls_trace_size_limit="100")
        self.suite.restart()
        try:
            self.deliver(sink, "a@trace.good.test")
            self.suite.wait_for_log("smtp.*the TLS trace has reached its size limit")
            self.assertEqual(self.suite.count_log("0070 "), 0)   # what comes after the 100 octets
        finally:
            self.suite.set(smtp_tls_loglevel="1", smtp_tls_trace_size_limit="102400")
            self.suite.restart()

    def test_resumed_by_another_process(self):
        sink = self.one_host("cache.good.test")
        resumed = []
        sink.reply("MAIL", lambda s, line: resumed.append(s.tls.session_reused))
        self.suite.set(smtp_tls_session_cache_database="btree:${data_directory}/smtp_scache")
        self.suite.restart()
        try:
            self.deliver(sink, "a@cache.good.test")
            self.deliver(sink, "b@cache.good.test")   # tlsmgr has answered the process by now
            self.suite.reload()
            self.deliver(sink, "c@cache.good.test")
            self.deliver(sink, "d@cache.good.test")
        finally:
            self.suite.set(smtp_tls_session_cache_database="")
            self.suite.restart()
        self.assertEqual((resumed[1], resumed[3]), (True, True))

    def test_wrong_names_are_not_resumed(self):
        """A server whose certificate is put right is believed at once."""
        sink = self.host("put.good.test", tls=ca.server("bad", highest=ssl.TLSVersion.TLSv1_2))
        for _ in range(2):
            self.assert_deferred(self.send("a@put.good.test"), "a@put.good.test", "4.7.5", "Server certificate not verified")
        sink.tls.load_cert_chain(ca.path("good.pem"))
        self.send("b@put.good.test")
        self.suite.flush()
        self.assertTrue(all(m.tls for m in sink.wait_for(3)))


class Logs(ClientTlsTestCase):
    settings = {"smtp_tls_security_level": "may", "smtp_tls_loglevel_maps": "inline:{mx0.quiet.test=0, .loud.test=2, 127=1}",
                "tls_trace_rate_limit": "1"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tls_loglevel="0", smtp_tls_policy_maps="inline:{.good.test=secure, bad.test=secure, must.test=encrypt,"
                                                              " off.test=none, fails.test=encrypt}")

    def status_of(self, domain):
        """What its delivery's line says between delays= and dsn=."""
        return self.suite.wait_for_log(r"%s: to=.*, delays=[^,]+, ([^,]+), dsn=" % self.send("a@" + domain)).group(1)

    def test_status_of_tls(self):
        self.host("fails.test", tls=ca.server()).reply("STARTTLS", garbage)
        for domain, options, expected in (
                ("x.good.test", {"tls": ca.server()}, "tls=secure"), ("bad.test", {"tls": ca.server("bad")}, "tls=secure:encrypt"),
                ("may.test", {"tls": ca.server()}, "tls=may"), ("plain.test", {}, "tls=may:none"),
                ("must.test", {}, "tls=encrypt:none"), ("off.test", {"tls": ca.server()}, "tls=none"), ("fails.test", None, "tls=encrypt:none")):
            with self.subTest(domain):
                if options is not None:
                    self.host(domain, **options)
                self.assertEqual(self.status_of(domain), expected)
        self.host("absent.test", listens=False)
        self.assertNotIn("tls=", self.suite.wait_for_log(self.send("a@absent.test") + ": to=.*").group(0))

    def test_status_can_be_left_out(self):
        self.host("left.test")
        self.suite.set(smtp_log_tls_feature_status="no")
        self.suite.reload()
        try:
            self.assertNotIn("tls=", self.suite.wait_for_log(self.send("a@left.test") + ": to=.*").group(0))
        finally:
            self.suite.set(smtp_log_tls_feature_status="yes")
            self.suite.reload()

    def test_levels_by_server(self):
        for domain in ("quiet.test", "a.loud.test", "other.test"):
            self.host(domain, tls=ca.server())
            self.suite.wait_for_log(self.send("a@" + domain) + ": to=.*status=sent")
        self.assertEqual([self.suite.count_log("TLS connection established to mx0.%s" % d) for d in ("quiet.test", "a.loud.test", "other.test")],
                         [0, 1, 1])
        self.assertEqual([self.suite.count_log("setting up TLS connection to mx0." + d) for d in ("quiet.test", "a.loud.test", "other.test")],
                         [0, 1, 0])

    def test_rate_of_traces(self):
        """Deliveries at a time, in one process: one is traced, and more only as seconds pass."""
        self.suite.set(smtp_tls_loglevel_maps="", smtp_tls_loglevel="4", tls_trace_rate_limit="1")
        self.suite.restart()
        try:
            sinks = [self.host("rate%d.test" % i, tls=ca.server()) for i in range(8)]
            self.send(*["a@rate%d.test" % i for i in range(8)])
            for sink in sinks:
                sink.wait_for(1)
            self.suite.wait_queue_empty()
            self.suite.wait_for_count("setting up TLS connection to mx0.rate", 8)
            self.suite.wait_for_log("mx0.rate.*: more sessions than tls_trace_rate_limit: octets are not logged")
            self.suite.wait_for_log("read from 0x")
        finally:
            self.suite.set(smtp_tls_loglevel="0")
            self.suite.restart()

    def test_raw_public_keys(self):
        self.suite.set(smtp_tls_enable_rpk="yes")
        self.suite.reload()
        try:
            sink = self.host("rpk.test", tls=ca.server())
            self.send("a@rpk.test")
            self.assertIsNotNone(sink.wait_for(1)[0].tls)
            self.suite.wait_for_log("warning: smtp_tls_enable_rpk: raw public keys need OpenSSL 3.2 .*; certificates are used")
        finally:
            self.suite.set(smtp_tls_enable_rpk="no")
            self.suite.reload()


class Early(ClientTlsTestCase):
    settings = {"smtp_tls_security_level": "encrypt", "smtp_tls_block_early_mail_reply": "yes"}

    def test_more_replies_than_commands(self):
        """What commands of another would bring, put in front of ours: replies behind that to EHLO. No mail is sent."""
        for i, more in enumerate((b"250 2.1.0 Ok\r\n", b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n")):
            domain = "early%d.test" % i
            sink = self.host(domain, tls=ca.server())
            sink.reply("EHLO", [None, lambda s, line, more=more: (s.conn.sendall(b"250 mx.test\r\n" + more), "")[1]])
            self.assert_deferred(self.send("a@" + domain), "a@" + domain, "4.7.0", "unexpected server message")
            self.suite.wait_for_log(r"warning: server mx0.%s\[.*violates smtp_tls_block_early_mail_reply policy" % domain)
            self.assertNotIn("MAIL", [c.split()[0] for c in sink.commands])

    def test_others_are_served(self):
        sink = self.host("fine.test", tls=ca.server())
        self.send("a@fine.test")
        self.assertIsNotNone(sink.wait_for(1)[0].tls)


class Identity(ClientTlsTestCase):
    settings = {"smtp_tls_security_level": "encrypt", "smtp_tls_wrappermode": "yes"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tls_chain_files=ca.path("own.pem"))

    def test_wrapped_with_a_certificate(self):
        context = ca.server()
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(ca.path("own.crt"))
        sink = self.host("wrapped.test", tls=context, wrapped=True)
        names = []
        sink.reply("MAIL", lambda s, line: names.append(certificates.subject(s.tls.getpeercert(True))))
        self.send("a@wrapped.test")
        sink.wait_for(1)
        self.assertIn("client.test", names[0])
        line = self.suite.wait_for_log("TLS connection established to mx0.wrapped.test.*").group(0)
        self.assertRegex(line, "client-signature ECDSA .prime256v1. client-digest SHA256$")

    def test_a_server_that_speaks_first(self):
        sink = self.host("clear.test")
        self.assert_deferred(self.send("a@clear.test"), "a@clear.test", "4.7.5", FAILED)
        self.assertEqual(sink.messages, [])


class Dane(ClientTlsTestCase):
    """What Postfix does is in tests/compare/test_smtp_client_dane.py; here is what it does not, or does by chance."""
    settings = {"smtp_tls_security_level": "dane", "smtp_tls_connection_reuse": "yes"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.dns.secure = {"."}
        suite.set(smtp_dns_support_level="dnssec", smtp_connection_cache_destinations="static:all")
        with open(ca.path("good.crt"), encoding="ascii") as f:
            cls.good = "3 0 1 " + hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()

    def publish(self, domain, *records):
        self.dns.records["_%d._tcp.mx0.%s" % (self.port, domain), "TLSA"] = list(records)

    def deliver(self, sink, address):
        count = len(sink.messages)
        self.suite.wait_for_log(self.send(address) + ": to=.*status=sent")
        return sink.messages[count]

    def test_kept_and_resumed_for_the_same_records(self):
        sink = self.host("kept.test", tls=ca.server(highest=ssl.TLSVersion.TLSv1_2))
        self.publish("kept.test", self.good)
        first = self.deliver(sink, "a@kept.test")
        self.assertIs(self.deliver(sink, "b@kept.test").session, first.session)
        self.publish("kept.test", "3 0 1 " + "00" * 32)
        self.assert_deferred(self.send("c@kept.test"), "c@kept.test", "4.7.5", "Server certificate not verified")
        self.publish("kept.test", self.good, "3 0 1 " + "00" * 32)
        self.assertIsNot(self.deliver(sink, "d@kept.test").session, first.session)

    def test_a_record_without_data(self):
        """Postfix's process does not survive it."""
        sink = self.host("nodata.test", tls=ca.server())
        self.publish("nodata.test", "3 1 1 -")
        self.assertIsNotNone(self.deliver(sink, "a@nodata.test").tls)
        self.suite.wait_for_log(r"mx0.nodata.test.*: all TLSA records unusable, fallback to unauthenticated TLS")

    def test_more_records_than_are_read(self):
        sink = self.host("many.test", tls=ca.server())
        self.publish("many.test", self.good, *("3 1 1 %064x" % i for i in range(200)))
        self.deliver(sink, "a@many.test")
        self.suite.wait_for_log("Verified TLS connection established to mx0.many.test")
        self.publish("many.test", *("3 1 1 %064x" % i for i in range(200)), self.good)
        self.assert_deferred(self.send("b@many.test"), "b@many.test", "4.7.5", "Server certificate not verified")

    def test_a_malformed_answer(self):
        self.host("cut.test", tls=ca.server())
        self.publish("cut.test", b"\3\1")
        self.assert_deferred(self.send("a@cut.test"), "a@cut.test", "4.7.5", "TLSA lookup error for mx0.cut.test:%d" % self.port)

    def test_nobody_validates(self):
        sink = self.host("probe.test", tls=ca.server())
        self.publish("probe.test", "3 0 1 " + "00" * 32)
        for answer, reason in ((["ns.test"], "a response that is not DNSSEC validated"),
                               (DnsServer.SERVFAIL, "no response: Host not found, try again")):
            self.dns.records["", "NS"] = answer
            self.dns.secure = set()
            self.suite.reload()
            mark = self.suite.log_mark()
            try:
                self.assertIsNotNone(self.deliver(sink, "a@probe.test").tls)    # as with level may
                self.suite.wait_for_log("warning: DNSSEC validation may be unavailable", since=mark)
                self.suite.wait_for_log(re.escape("reason: dnssec_probe 'ns:.' received " + reason), since=mark)
            finally:
                self.dns.secure = {"."}
                del self.dns.records["", "NS"]


class Lmtp(ClientTlsTestCase):
    def test_starttls(self):
        sink = Sink(lmtp=True, tls=ca.server())
        self.addCleanup(sink.close)
        self.suite.set(default_transport="lmtp:inet:127.0.0.1:%d" % sink.port, lmtp_tls_security_level="encrypt",
                       lmtp_tls_loglevel="1")
        self.suite.reload()
        self.send("a@far.test", "b@far.test")
        message = sink.wait_for(1)[0]
        self.assertIsNotNone(message.tls)
        self.assertEqual(message.recipients, ["a@far.test", "b@far.test"])
        self.suite.wait_for_log(r"lmtp\[\d+\]: Untrusted TLS connection established to ")
        self.assertEqual([re.split(" ", c)[0] for c in sink.commands[:3]], ["LHLO", "STARTTLS", "LHLO"])


if __name__ == "__main__":
    unittest.main()
