"""Clients that mean no good, or are merely strange: in TLS, in floods, with half a connection. Nobody else waits for them."""
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import unittest

from support import certificates, memory
from support.auth_server import AuthServer
from support.ports import free_port
from support.sink import KEYWORDS, Sink
from support.smtp import SmtpClient
from support.suite import Suite, SuiteTestCase


class SlicedTls:
    """A TLS client that sends its records a byte at a time."""

    def __init__(self, client, context):
        self.sock, self.out, self.incoming = client.sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_bio(self.incoming, self.out, server_hostname="server.test")
        self.drive(self.tls.do_handshake)

    def flush(self):
        for byte in self.out.read():
            self.sock.sendall(bytes([byte]))

    def drive(self, step):
        while True:
            try:
                done = step()
                self.flush()
                return done
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.sock.recv(1))      # and reads them like that

    def cmd(self, line):
        self.drive(lambda: self.tls.write(line.encode()))
        return self.drive(lambda: self.tls.read(4096)).decode()


class Tls(SuiteTestCase):
    main_cf = {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "@etc@/server.pem", "smtpd_tls_loglevel": "1",
               "smtpd_timeout": "6s", "smtpd_starttls_timeout": "6s", "smtpd_per_request_deadline": "yes", "smtpd_min_data_rate": "500",
               "smtpd_sessions_per_process": "100", "local_transport": "discard"}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "ec", "/CN=server")

    def session(self):
        client = self.suite.smtp()
        self.addCleanup(client.close)
        return client

    def test_records_byte_by_byte(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = certificates.client()
                context.minimum_version = context.maximum_version = version
                client = self.session()
                self.assert_reply(client.cmd("STARTTLS"), 220)
                tls = SlicedTls(client, context)
                self.assertIn("250", tls.cmd("EHLO c\r\n"))
                self.assertEqual(tls.cmd("NOOP\r\n")[:3], "250")
                self.assertEqual(tls.cmd("MAIL FROM:<a@far.test>\r\n")[:3], "250")
                self.assertEqual(tls.cmd("RCPT TO:<postmaster>\r\n")[:3], "250")
                self.assertEqual(tls.cmd("DATA\r\n")[:3], "354")
                self.assertEqual(tls.cmd("Subject: x\r\n\r\n%s\r\n.\r\n" % ("x" * 300))[:3], "250")

    @unittest.skipUnless(shutil.which("openssl"), "needs openssl(1)")
    def test_renegotiation(self):
        """It is refused, whoever asks: TLS 1.2 clients can make a server work that way."""
        mark = self.suite.log_mark()
        with subprocess.Popen(["openssl", "s_client", "-starttls", "smtp", "-tls1_2", "-connect",
                               "127.0.0.1:%d" % self.suite.port], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(os.environ, LC_ALL="C")) as process:
            process.stdin.write(b"R\n")
            process.stdin.flush()
            shown = b""
            while b"RENEGOTIATING" not in shown:
                piece = os.read(process.stdout.fileno(), 4096)
                self.assertTrue(piece, shown)
                shown += piece
            self.suite.wait_for_log("disconnect from", since=mark)
            process.stdin.close()
            shown += process.stdout.read()
        self.suite.wait_for_count("TLS connection established", 1, mark)
        self.assertIn(b"no renegotiation", shown)
        self.assert_reply(self.session().noop(), 250)

    def test_handshakes_that_stop(self):
        """Two hundred clients say STARTTLS and go on with a piece of a handshake, or with no TLS at all. Others do not wait
        for them, they do not stay, and the memory they took is there for the next two hundred."""
        hello = ssl.MemoryBIO()
        whole = certificates.client().wrap_bio(ssl.MemoryBIO(), hello)
        with self.assertRaises(ssl.SSLWantReadError):
            whole.do_handshake()
        first = hello.read()
        beginnings = [b"", b"\x16", first[:3], first[:5], first[:-1], b"EHLO plain\r\n", b"\x16\x03\x01\xff\xff", bytes(5000),
                      first[:5] + bytes(len(first) - 5), b"\x15\x03\x03\x00\x02\x02\x00", first + first, first + b"\x17\x03\x03\x40\x00" * 9]
        sizes = []
        for _ in range(2):
            mark = self.suite.log_mark()
            clients = []
            for i in range(200):
                client = self.session()
                self.assert_reply(client.cmd("STARTTLS"), 220)
                client.sock.sendall(beginnings[i % len(beginnings)])
                clients.append(client)
            self.assert_reply(self.session().start_tls(certificates.client()), 220)
            for client in clients:          # every one is ended by the server, within smtpd_starttls_timeout
                client.pending = b""
                with contextlib.suppress(ConnectionError):
                    while client.sock.recv(65536):
                        pass
                client.close()
            self.suite.wait_for_count("lost connection after STARTTLS", 200, mark)
            sizes.append(max(memory.pss(pid) for pid in self.suite.processes()["smtpd"]))
        if not memory.is_sanitized(self.suite.product.daemon("smtpd")):
            self.assertLess(sizes[1], sizes[0] + (6 << 20), sizes)     # pages are shared with more or fewer others

    def test_a_byte_now_and_then(self):
        """The time for a request is one for all its pieces."""
        mark = self.suite.log_mark()
        client = self.session()
        self.assert_reply(client.start_tls(certificates.client()), 220)
        client.sock.settimeout(0.2)
        received = b""
        for _ in range(400):
            try:
                client.sock.sendall(b"N")
                received += client.sock.recv(1000)
            except socket.timeout:
                continue
            except OSError:
                break
            if b"421" in received:
                break
        else:
            self.fail("it goes on for ever")
        self.suite.wait_for_log("timeout after STARTTLS from", since=mark)
        self.assert_reply(self.session().noop(), 250)

    def test_half_closed(self):
        """Who has said everything may close his end, and still gets every reply and the message accepted."""
        with SmtpClient(("127.0.0.1", self.suite.port), 30) as client:
            client.greeting()
            client.ehlo()
            client.send("MAIL FROM:<a@far.test>\r\nRCPT TO:<postmaster>\r\nDATA\r\n")
            for code in (250, 250, 354):
                self.assert_reply(client.read_reply(), code)
            client.send("Subject: x\r\n\r\nx\r\n.\r\nNOOP\r\n")
            client.sock.shutdown(socket.SHUT_WR)
            self.assert_reply(client.read_reply(), 250, text="queued as")
            self.assert_reply(client.read_reply(), 250)
            self.assertTrue(client.at_eof())


class Floods(unittest.TestCase):
    """One client is held back by anvil's counts; its neighbours in the same network are, or are not, counted with it."""
    main_cf = {"mynetworks": "192.0.2.1", "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "@etc@/server.pem",
               "smtpd_client_new_tls_session_rate_limit": "3", "smtpd_client_auth_rate_limit": "4",
               "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "@dir@/auth",
               "smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "100", "smtpd_tls_session_cache_timeout": "0"}

    def start(self, **settings):
        suite = Suite(dict(self.main_cf, **settings))
        self.addCleanup(suite.close)
        certificates.make(suite.etc, "server", "ec", "/CN=server")
        return suite.start()

    def from_address(self, suite, address):
        client = SmtpClient.__new__(SmtpClient)
        client.sock = socket.create_connection(("127.0.0.1", suite.port), 30, (address, 0))
        client.pending, client.keywords = b"", {}
        self.addCleanup(client.close)
        client.greeting()
        return client

    def test_handshakes_and_logins(self):
        suite = self.start()
        server = AuthServer(suite.path("auth"))
        self.addCleanup(server.stop)
        codes = []
        for _ in range(12):
            client = self.from_address(suite, "127.0.0.1")
            client.ehlo()
            codes.append(client.start_tls(certificates.client()).code)
            client.close()
        self.assertEqual(codes[:3], [220] * 3)
        self.assertEqual(codes, sorted(codes))      # the count of one may come after the question of the next
        self.assertEqual(codes[-1], 454)
        client = self.from_address(suite, "127.0.0.1")
        client.ehlo()
        codes = [client.cmd("AUTH PLAIN AHgAeA==").code for _ in range(20)]
        self.assertEqual(set(codes[4:]), {450})
        self.assertNotIn(450, codes[:4])
        other = self.from_address(suite, "127.0.0.2")
        other.ehlo()
        self.assertNotEqual(other.cmd("AUTH PLAIN AHgAeA==").code, 450)
        self.assertEqual(other.start_tls(certificates.client()).code, 220)

    def test_networks(self):
        """smtpd_client_ipv4_prefix_length, smtpd_client_ipv6_prefix_length."""
        limit = {"smtpd_client_connection_rate_limit": "2"}
        for settings, addresses, refused in (
                ({}, ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"], []),
                ({"smtpd_client_ipv4_prefix_length": "24"},
                 ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.1.1", "127.0.0.4"], ["127.0.0.3", "127.0.0.4"])):
            suite = self.start(**limit, **settings)
            got = [a for a in addresses if self.greeting(suite, a) == 421]
            self.assertEqual(got, refused, settings)

    def greeting(self, suite, address):
        with socket.create_connection(("127.0.0.1", suite.port), 30, (address, 0)) as sock:
            return int(sock.recv(1000)[:3])

    def test_ipv6_networks(self):
        """As told by a balancer: hosts of one network are one client, those of another are not."""
        for prefix, codes in (("128", [220, 220, 220, 220]), ("84", [220, 421, 220, 421])):
            suite = self.start(smtpd_client_connection_rate_limit="1", smtpd_client_ipv6_prefix_length=prefix,
                               smtpd_upstream_proxy_protocol="haproxy", inet_protocols="all")
            got = []
            for client in ("2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2001:db8:1:0:0::9"):
                with socket.create_connection(("127.0.0.1", suite.port), 30) as sock:
                    sock.sendall(b"PROXY TCP6 %s 2001:db8::ffff 1000 25\r\n" % client.encode())
                    got.append(int(sock.recv(1000)[:3]))
            self.assertEqual(got, codes, prefix)


class Stress(SuiteTestCase):
    """What ${stress?...} in main.cf gives when master says that there is no process left."""
    main_cf = {"smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "${stress?{1}:{20}}"}

    @classmethod
    def configure(cls, suite):
        suite.stressed = free_port()
        suite.master_cf = "127.0.0.1:%d inet n - n - - smtpd -o stress=yes\n" % suite.stressed
        suite.write_config()

    def test_error_limit(self):
        with self.suite.smtp() as client:
            self.assert_reply(client.cmd("FOO"), 500)
            self.assert_reply(client.cmd("FOO"), 500)
        with self.suite.smtp(port=self.suite.stressed) as client:
            self.assert_reply(client.cmd("FOO"), 500)
            self.assert_reply(client.read_reply(), 421)
            self.assertTrue(client.at_eof())


class SmtpUtf8(SuiteTestCase):
    """From a client that says SMTPUTF8 through the queue, to a server that knows it and one that does not."""
    main_cf = {"smtputf8_enable": "yes", "mydestination": "here.test", "local_recipient_maps": "",
               "local_transport": "discard", "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination", "maximal_backoff_time": "1s"}
    TEXT = "Subject: Gr\u00fc\u00dfe\n\nWelt \u4e16\u754c\n".encode()

    def send(self, sender, recipient, keywords, option="SMTPUTF8"):
        with Sink(keywords=keywords) as sink:
            self.suite.set(relayhost=sink.nexthop)
            self.suite.reload()
            mark = self.suite.log_mark()
            with self.suite.smtp() as client:
                client.send(("MAIL FROM:<%s> BODY=8BITMIME %s\r\n" % (sender, option)).encode())
                self.assert_reply(client.read_reply(), 250)
                client.send(("RCPT TO:<%s>\r\n" % recipient).encode())
                self.assert_reply(client.read_reply(), 250)
                self.assert_reply(client.data(self.TEXT), 250)
            status = self.suite.wait_for_log(r"to=<%s>, relay=.*(status=.*)" % recipient, since=mark).group(1)
            # a report on the mail before may come as well
            return next((m for m in sink.messages if m.sender), None), status

    def test_server_that_knows_it(self):
        message, _ = self.send("d\u00f6rte@far.test", "\u7528\u6237@\u4f8b\u3048.test", KEYWORDS + ["SMTPUTF8"])
        self.assertIn("SMTPUTF8", message.mail)
        self.assertEqual(message.sender.encode("latin-1").decode(), "d\u00f6rte@far.test")
        self.assertEqual(message.recipients[0].encode("latin-1").decode(), "\u7528\u6237@\u4f8b\u3048.test")
        self.assertTrue(message.data.endswith("\n\nWelt \u4e16\u754c\n".encode()), message.data)
        self.assertIn("with UTF8SMTP".encode(), message.data.replace(b"UTF8ESMTP", b"UTF8SMTP"))

    def test_server_that_does_not(self):
        """The mail cannot be delivered, nor made to fit: it is returned, once."""
        message, status = self.send("a@far.test", "\u7528\u6237@far.test", KEYWORDS)
        self.assertIsNone(message)
        self.assertRegex(status, r"status=bounced \(SMTPUTF8 is required, but was not offered by host ")

    def test_plain_addresses_are_delivered_there(self):
        """Only the header is UTF-8; who did not ask for SMTPUTF8 gets it through as it is."""
        message, _ = self.send("a@far.test", "b@far.test", KEYWORDS, option="")
        self.assertNotIn("SMTPUTF8", message.mail)
        self.assertIn(self.TEXT.split(b"\n")[0], message.data)

    def test_local_mailboxes(self):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.send("MAIL FROM:<d\u00f6rte@far.test> SMTPUTF8\r\n".encode())
            self.assert_reply(client.read_reply(), 250)
            client.send("RCPT TO:<j\u00f6rg@here.test>\r\n".encode())
            self.assert_reply(client.read_reply(), 250)
            self.assert_reply(client.data(self.TEXT), 250)
        self.suite.wait_for_log("to=<j\u00f6rg@here.test>.*status=sent", since=mark)


if __name__ == "__main__":
    unittest.main()
