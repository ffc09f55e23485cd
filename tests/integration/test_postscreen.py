"""postscreen: the way to the SMTP server, a cache that lasts, and neighbours that hang or die."""
import os
import re
import signal
import ssl
import socket
import unittest

from support import certificates, gate
from support.dns import DnsServer
from support.gate import GateClient
from support.suite import Suite, SuiteTestCase
from support.wait import until

SETTINGS = {"postscreen_greet_wait": "1s", "postscreen_access_list": "", "smtpd_peername_lookup": "no",
            "respectful_logging": "yes"}


class GateTestCase(SuiteTestCase):
    smtpd_limit = "-"

    @classmethod
    def configure(cls, suite):
        suite.gate_port = gate.new_port()
        suite.master_cf = gate.services(suite.gate_port, cls.smtpd_limit) + cls.master_cf
        suite.write_config()

    def client(self, source="127.0.0.1", **options):
        client = GateClient(self.suite.gate_port, source, **options)
        self.addCleanup(client.close)
        return client

    def passed(self, source):
        """A client that is through."""
        client = self.client(source)
        self.assert_reply(client.greeting(), 220)
        return client

    def pid_of(self, name):
        return until(lambda: self.suite.processes().get(name), 30, "process " + name)[0]

    def signal(self, name, number):
        """Send it, and see it done."""
        pid = self.pid_of(name)
        os.kill(pid, number)
        if number == signal.SIGKILL:
            until(lambda: pid not in self.suite.pids(), 30, "end of " + name)
        return pid


class HandOver(GateTestCase):
    main_cf = dict(SETTINGS, mydestination="here.test", local_recipient_maps="", mynetworks="127.0.0.0/8")

    def test_mail_goes_through(self):
        client = self.passed("127.0.1.1")
        client.ehlo()
        for line, code in (("MAIL FROM:<>", 250), ("RCPT TO:<postmaster@here.test>", 250), ("DATA", 354)):
            self.assert_reply(client.cmd(line), code)
        client.send("Subject: x\r\n\r\nx\r\n.\r\n")
        self.assert_reply(client.read_reply(), 250)
        self.suite.wait_for_log(r"cleanup\[\d+\]: \w+: message-id=")
        self.suite.wait_for_log(r"smtpd\[\d+\]: \w+: client=unknown\[127\.0\.1\.1\]")

    def test_many_at_once(self):
        clients = [self.client("127.0.2.%d" % (i + 1)) for i in range(60)]
        for client in clients:
            self.assert_reply(client.greeting(), 220)
        for client in clients:
            self.assert_reply(client.quit(), 221)

    def test_a_server_that_dies_with_clients_in_its_queue(self):
        self.passed("127.0.1.2").quit()
        stopped = self.signal("smtpd", signal.SIGSTOP)
        mark = self.suite.log_mark()
        client = self.client("127.0.1.2")
        self.suite.wait_for_log(r"PASS OLD \[127\.0\.1\.2\]", since=mark)
        os.kill(stopped, signal.SIGKILL)
        self.assert_reply(client.greeting(), 220)
        self.assert_reply(client.quit(), 221)

    def test_reload_under_test(self):
        client = self.client("127.0.1.3")
        client.read_line()
        self.suite.reload()
        self.assert_reply(client.read_reply(), 220)
        self.assert_reply(client.quit(), 221)
        self.passed("127.0.1.4").quit()


class OneServer(GateTestCase):
    main_cf = dict(SETTINGS, postscreen_access_list="static:permit", postscreen_post_queue_limit="5")
    smtpd_limit = "1"

    def test_busy(self):
        """One is served, five wait, others are told; then those who wait have their turn."""
        first = self.passed("127.0.3.1")
        waiting = [self.client("127.0.3.%d" % (i + 2)) for i in range(5)]
        for i in range(5):
            self.suite.wait_for_log(r"ALLOWLISTED \[127\.0\.3\.%d\]" % (i + 2))
        late = self.client("127.0.3.20")
        self.assert_reply(late.greeting(), 421, "4.3.2", "All server ports are busy")
        first.quit()
        for client in waiting:
            self.assert_reply(client.greeting(), 220)
            client.quit()


class Limits(GateTestCase):
    main_cf = dict(SETTINGS, postscreen_client_connection_count_limit="2", postscreen_pre_queue_limit="10",
                   postscreen_greet_wait="${stress?{6}:{60}}s")

    def test_connections_of_one_address(self):
        held = [self.client("127.0.4.1") for _ in range(2)]
        self.assert_reply(self.client("127.0.4.1").greeting(), 421, "4.7.0", "too many connections")
        self.suite.wait_for_log(r"NOQUEUE: reject: CONNECT from \[127\.0\.4\.1\]:\d+: too many connections")
        for client in held:
            client.close()
        self.suite.wait_for_count(r"DISCONNECT \[127\.0\.4\.1\]", 3)

    def test_stress(self):
        """Nine of ten are there: the ninth waits for a short time only, the tenth is refused."""
        mark = self.suite.log_mark()
        clients = []
        for i in range(9):
            clients.append(self.client("127.0.4.%d" % (i + 10)))
            clients[-1].read_line()
        self.assert_reply(self.client("127.0.4.30").greeting(), 421, "4.3.2", "All screening ports are busy")
        self.suite.wait_for_log(r"entering STRESS mode with 9 connections", since=mark)
        self.assert_reply(clients[-1].read_reply(), 220)
        for client in clients[:3]:
            client.close()
        self.suite.wait_for_log(r"leaving STRESS mode with \d connections", since=mark)


class Proxy(GateTestCase):
    main_cf = dict(SETTINGS, postscreen_upstream_proxy_protocol="haproxy", postscreen_upstream_proxy_timeout="4s")

    def test_addresses_go_along(self):
        client = self.client()
        client.send("PROXY TCP4 192.0.2.1 192.0.2.25 4711 25\r\n")
        self.assert_reply(client.greeting(), 220)
        self.suite.wait_for_log(r"CONNECT from \[192\.0\.2\.1\]:4711 to \[192\.0\.2\.25\]:25")
        self.suite.wait_for_log(r"smtpd\[\d+\]: connect from unknown\[192\.0\.2\.1\]")

    def test_no_header(self):
        for text in ("EHLO x\r\n", ""):
            client = self.client()
            client.send(text)
            self.assertEqual(client.sock.recv(100), b"")
        self.suite.wait_for_log(r"warning: haproxy read: timeout error")


class Cache(unittest.TestCase):
    kinds = {"btree": "btree:@dir@/data/gate", "proxy": "proxy:btree:@dir@/data/gate", "lmdb": "lmdb:@dir@/data/gate"}

    def make(self, table, **settings):
        suite = Suite(dict(SETTINGS, postscreen_cache_map=table, proxy_write_maps="proxy:btree:@dir@/data/gate", **settings))
        self.addCleanup(suite.close)
        suite.make_aliases("")
        suite.gate_port = gate.new_port()
        suite.master_cf = gate.services(suite.gate_port)
        suite.write_config()
        return suite

    def visit(self, suite, source, word):
        mark = suite.log_mark()
        client = GateClient(suite.gate_port, source)
        client.greeting()
        client.quit()
        client.close()
        suite.wait_for_log(r"PASS %s \[%s\]" % (word, source.replace(".", r"\.")), since=mark)

    def test_lasts(self):
        for name, table in self.kinds.items():
            with self.subTest(name):
                suite = self.make(table)
                suite.start()
                self.visit(suite, "127.0.5.1", "NEW")
                self.visit(suite, "127.0.5.1", "OLD")
                suite.reload()
                self.visit(suite, "127.0.5.1", "OLD")
                suite.restart()
                self.visit(suite, "127.0.5.1", "OLD")
                self.visit(suite, "127.0.5.2", "NEW")

    def test_survives_a_kill(self):
        """What was there a second ago is on disk, and the table is whole."""
        suite = self.make(self.kinds["btree"])
        suite.start()
        self.visit(suite, "127.0.5.1", "NEW")

        def is_on_disk():
            with open(suite.path("data/gate.db"), "rb") as file:
                return b"127.0.5.1" in file.read()
        until(is_on_disk, 30, "record on disk")
        suite.kill()
        suite.start()
        self.visit(suite, "127.0.5.1", "OLD")

    def test_cleanup(self):
        suite = self.make(self.kinds["btree"], postscreen_greet_ttl="1s", postscreen_cache_retention_time="1s",
                          postscreen_cache_cleanup_interval="2s")
        suite.start()
        self.visit(suite, "127.0.5.1", "NEW")
        suite.wait_for_log(r"cache btree:\S+ full cleanup: retained=0 dropped=1 entries")
        self.visit(suite, "127.0.5.1", "NEW")

    def test_one_writer(self):
        suite = self.make(self.kinds["btree"])
        suite.master_cf += "127.0.0.1:%d inet n - n - 1 postscreen\n" % gate.new_port()
        second = int(re.findall(r"127\.0\.0\.1:(\d+)", suite.master_cf)[-1])
        suite.write_config()
        suite.start()
        self.visit(suite, "127.0.5.1", "NEW")
        client = socket.create_connection(("127.0.0.1", second))
        self.addCleanup(client.close)
        suite.wait_for_log(r"fatal: \S+gate.db: unable to get exclusive lock: ")


class Dns(GateTestCase):
    records = {("up.bl.test", "A"): ["127.0.0.2"], ("1.6.0.127.bl.test", "A"): ["127.0.0.2"],
               ("2.6.0.127.bl.test", "A"): ["127.0.0.2"]}
    main_cf = dict(SETTINGS, postscreen_dnsbl_sites="bl.test", postscreen_dnsbl_action="enforce",
                   postscreen_greet_wait="6s", dnsblog_reply_delay="1s")

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("a name server of our own needs root")
        cls.dns = DnsServer(cls.records)
        cls.addClassCleanup(cls.dns.close)
        cls.resolver = cls.dns.address
        super().setUpClass()

    def test_killed_with_a_question(self):
        """It is asked again."""
        client = self.client("127.0.6.1")
        client.read_line()
        self.signal("dnsblog", signal.SIGKILL)
        self.assert_reply(client.read_reply(), 220)
        self.suite.wait_for_log(r"DNSBL rank 1 for \[127\.0\.6\.1\]")

    def test_hangs(self):
        """Nobody waits longer than for the greeting."""
        self.passed("127.0.6.9").quit()
        pid = self.signal("dnsblog", signal.SIGSTOP)
        try:
            mark = self.suite.log_mark()
            client = self.passed("127.0.6.2")
            self.suite.wait_for_log(r"PASS NEW \[127\.0\.6\.2\]", since=mark)
            client.quit()
        finally:
            os.kill(pid, signal.SIGCONT)


class Tls(GateTestCase):
    main_cf = dict(SETTINGS, postscreen_pipelining_enable="yes", smtpd_tls_security_level="may",
                   smtpd_tls_chain_files="@etc@/server.pem")

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=server")
        super().configure(suite)

    def start_tls(self, source):
        client = self.passed(source)
        client.ehlo()
        self.assertIn("STARTTLS", client.keywords)
        self.assert_reply(client.start_tls(certificates.client()), 220)
        return client

    def test_killed(self):
        """A session is lost, the next one is not."""
        client = self.start_tls("127.0.8.1")
        self.assert_reply(client.cmd("EHLO x"), 250)
        self.signal("tlsproxy", signal.SIGKILL)
        with self.assertRaises((AssertionError, OSError)):
            client.cmd("NOOP")
        self.suite.wait_for_log(r"HANGUP after \S+ from \[127\.0\.8\.1\]:\d+ in tests after SMTP handshake")
        self.assert_reply(self.start_tls("127.0.8.2").cmd("EHLO x"), 250)

    def test_settings_of_tlsproxy(self):
        """Parameters of its own, where they differ from those of smtpd."""
        context = certificates.client(highest=ssl.TLSVersion.TLSv1_2)
        context.options |= ssl.OP_NO_TICKET
        for number, (always, length) in enumerate((("yes", 32), ("no", 0))):
            self.suite.set(tlsproxy_tls_always_issue_session_ids=always, tlsproxy_tls_dh1024_param_file="/no/%s.dh" % always)
            self.suite.reload()
            client = self.passed("127.0.8.%d" % (20 + number))
            client.ehlo()
            self.assert_reply(client.start_tls(context), 220)
            self.assertEqual(len(client.sock.session.id), length)
            self.suite.wait_for_log("tlsproxy.*cannot load DH parameters from file /no/%s.dh" % always)
            self.assert_reply(client.quit(), 221)   # the old process has the cache to itself until then

    def test_settings_of_postscreen(self):
        """They come before those of tlsproxy and of smtpd, where main.cf has them."""
        certificates.make(self.suite.etc, "gate", "ec", "/CN=gate")
        certificates.make(self.suite.etc, "proxy", "ec", "/CN=proxy")
        rows = (("127.0.8.30", {"tlsproxy_tls_chain_files": "proxy"}, "proxy"),
                ("127.0.8.31", {"postscreen_tls_chain_files": "gate"}, "gate"))
        for source, settings, name in rows:
            self.suite.set(**{key: os.path.join(self.suite.etc, value + ".pem") for key, value in settings.items()})
            self.suite.set(postscreen_tls_loglevel_maps="inline:{127.0.8.30=0, 127.0.8.31=2}",
                           postscreen_tls_enable_rpk="yes")
            self.suite.reload()
            client = self.start_tls(source)
            self.assertEqual(certificates.subject(client.sock.getpeercert(True)), "subject=CN = " + name)
            self.assert_reply(client.quit(), 221)
            self.suite.wait_for_log(r"DISCONNECT \[%s\]" % re.escape(source))
        try:
            self.suite.wait_for_log(r"TLS connection established from \[127\.0\.8\.31\]")
            self.assertEqual([self.suite.count_log(r"TLS connection established from \[%s\]" % re.escape(row[0])) for row in rows], [0, 1])
            self.assertEqual([self.suite.count_log(r"setting up TLS connection from \[%s\]" % re.escape(row[0])) for row in rows], [0, 1])
            self.suite.wait_for_log("tlsproxy.*warning: tlsproxy_tls_enable_rpk: raw public keys")
        finally:
            self.suite.set(postscreen_tls_chain_files="$smtpd_tls_chain_files", tlsproxy_tls_chain_files="$smtpd_tls_chain_files",
                           postscreen_tls_loglevel_maps="", postscreen_tls_enable_rpk="no")
            self.suite.reload()

    def test_nothing_before_the_handshake_counts(self):
        client = self.passed("127.0.8.3")
        client.ehlo()
        client.send("STARTTLS\r\nEHLO injected\r\nMAIL FROM:<a@b>\r\n")
        self.assert_reply(client.read_reply(), 220)
        client.wrap(certificates.client())
        self.assert_reply(client.cmd("RCPT TO:<c@d>"), 503, "5.5.1")

    def test_hangs(self):
        """The client is told after a while that there is no TLS, others are served meanwhile."""
        self.start_tls("127.0.8.4").close()
        pid = self.signal("tlsproxy", signal.SIGSTOP)
        try:
            client = self.passed("127.0.8.5")
            client.ehlo()
            client.send("STARTTLS\r\n")
            self.passed("127.0.8.6").quit()
            self.assert_reply(client.read_reply(), 454, "4.7.0")
            self.assert_reply(client.quit(), 221)
        finally:
            os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
