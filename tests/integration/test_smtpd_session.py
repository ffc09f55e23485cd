"""smtpd: messages from the first command to the queue, and what guards them."""
import socket
import ssl
import unittest

from support import certificates
from support.smtp import SmtpClient
from support.suite import SuiteTestCase


class SmtpdSession(SuiteTestCase):
    main_cf = {"mydestination": "here.test", "local_recipient_maps": "", "smtpd_error_sleep_time": "0",
               "default_transport": "discard", "local_transport": "discard", "mynetworks": "127.0.0.0/8",
               "smtpd_forbid_bare_newline_exclusions": "", "message_size_limit": "20000"}

    def dialogue(self, *steps):
        """Send each of STEPS (bytes); the replies, as one text each."""
        replies = []
        with socket.create_connection(("127.0.0.1", self.suite.port), timeout=60) as s:
            f = s.makefile("rb")
            for step in (b"",) + steps:
                s.sendall(step)
                lines = []
                while not lines or lines[-1][3:4] == "-":
                    line = f.readline().decode("utf-8", "replace").rstrip("\r\n")
                    if not line:
                        break
                    lines.append(line)
                replies.append("\n".join(lines))
        return replies[1:]

    TO = (b"EHLO client.test\r\n", b"MAIL FROM:<a@far.test>\r\n", b"RCPT TO:<b@here.test>\r\n")

    def test_message_is_queued(self):
        replies = self.dialogue(*self.TO, b"DATA\r\n", b"Subject: x\r\n\r\n..dot\r\n.\r\n", b"QUIT\r\n")
        self.assertRegex(replies[4], r"^250 2\.0\.0 Ok: queued as ")
        queue_id = replies[4].split()[-1]
        self.suite.wait_for_log(r"%s: client=\S+\[127\.0\.0\.1\]$" % queue_id)
        self.suite.wait_for_log(r"disconnect from \S+ ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5")

    def test_bare_lf_dot_is_no_end_of_data(self):
        text = b"Subject: x\r\n\r\na\n.\nMAIL FROM:<smuggled@far.test>\r\n.\r\n"
        replies = self.dialogue(*self.TO, b"DATA\r\n", text, b"NOOP\r\n")
        self.assertRegex(replies[4], r"^250 2\.0\.0 Ok: queued as ")
        self.assertEqual(replies[5], "250 2.0.0 Ok")

    def test_input_ahead_of_the_reply_ends_the_session(self):
        replies = self.dialogue(b"EHLO client.test\r\nMAIL FROM:<a@far.test>\r\n")
        self.assertEqual(replies[0], "554 5.5.0 Error: SMTP protocol synchronization")

    def test_chunks(self):
        replies = self.dialogue(*self.TO, b"BDAT 14\r\nSubject: x\r\n\r\n", b"BDAT 3 LAST\r\na\r\n")
        self.assertEqual(replies[3], "250 2.0.0 Ok: 14 bytes")
        self.assertRegex(replies[4], r"^250 2\.0\.0 Ok: 17 bytes queued as ")

    def test_too_large(self):
        replies = self.dialogue(*self.TO, b"DATA\r\n", b"x" * 70 * 400 + b"\r\n.\r\n", b"NOOP\r\n")
        self.assertEqual(replies[4], "552 5.3.4 Error: message file too big")
        self.assertEqual(replies[5], "250 2.0.0 Ok")

    def test_header_instead_of_command(self):
        replies = self.dialogue(b"Subject: hello\r\n")
        self.assertEqual(replies[0], "221 2.7.0 Error: I can break rules, too. Goodbye.")
        self.suite.wait_for_log(r"warning: non-SMTP command from \S+\[127\.0\.0\.1\]: Subject: hello")


class BehindABalancer(SuiteTestCase):
    main_cf = {"smtpd_upstream_proxy_protocol": "haproxy", "smtpd_upstream_proxy_timeout": "6",
               "smtpd_client_restrictions": "check_client_access inline:{{192.0.2.66=REJECT}}",
               "smtpd_delay_reject": "no", "mydestination": "here.test"}

    def connect(self, *pieces):
        client = SmtpClient(("127.0.0.1", self.suite.port), 60)
        for piece in pieces:
            client.send(piece)
        return client

    def test_client_is_the_one_of_the_header(self):
        with self.connect("PROXY TCP4 192.0.2.66 192.0.2.2 1234 25\r\n") as c:
            self.assert_reply(c.greeting(), 554, "5.7.1", "<unknown[192.0.2.66]>: Client host rejected")

    def test_header_in_pieces(self):
        with self.connect("P", "ROXY TCP4 192.0.2.1 192.0.2.2 12") as c:
            with self.connect("PROXY TCP4 192.0.2.7 192.0.2.2 1 25\r\n") as other:    # nobody waits
                other.greeting()
            c.send("34 25\r\n")
            self.assertEqual(c.greeting().code, 220)
        self.suite.wait_for_log(r"disconnect from unknown\[192\.0\.2\.1\] quit=1 commands=1")

    def test_a_byte_now_and_then_runs_out_of_time(self):
        with self.connect("PROXY ") as c:
            c.sock.settimeout(0.5)
            for _ in range(120):
                c.send("x")
                try:
                    reply = c.read_reply()
                    break
                except socket.timeout:
                    continue
            self.assert_reply(reply, 421, "4.3.0", "Server local error")
        self.suite.wait_for_log(r"warning: haproxy read: timeout error")


class BehindABalancerWithTls(SuiteTestCase):
    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "ec", "/CN=server")
        suite.set(smtpd_upstream_proxy_protocol="haproxy", smtpd_tls_wrappermode="yes",
                  smtpd_tls_chain_files="@etc@/server.pem")

    def test_handshake_follows_the_header(self):
        """In one packet with it, as a balancer may send it."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = certificates.client().wrap_bio(incoming, outgoing)
        with socket.create_connection(("127.0.0.1", self.suite.port), timeout=60) as s:
            pending = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n"
            greeting = b""
            while not greeting.endswith(b"\n"):
                try:
                    greeting += tls.read(1000)
                except ssl.SSLWantReadError:
                    s.sendall(pending + outgoing.read())
                    pending = b""
                    incoming.write(s.recv(65536))
        self.assertRegex(greeting, b"^220 ")
        self.suite.wait_for_log(r"connect from unknown\[192\.0\.2\.1\]")


if __name__ == "__main__":
    unittest.main()
