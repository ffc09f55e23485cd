"""TLS sessions that take long, carry much, or end badly; other sessions of the process do not wait for them."""
import os
import socket
import unittest

from support import certificates
from support.suite import SuiteTestCase
from support.wait import until

HEADER = "From: a@far.test\nSubject: x\n\n"


class SmtpdTls(SuiteTestCase):
    main_cf = {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "@etc@/server.pem", "smtpd_tls_loglevel": "1",
               "header_checks": "static:HOLD", "smtpd_starttls_timeout": "5s", "message_size_limit": "20000000",
               "smtpd_sessions_per_process": "100", "smtpd_junk_command_limit": "100000"}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "ec", "/CN=server")

    def session(self):
        client = self.suite.smtp()
        self.addCleanup(client.close)
        self.assert_reply(client.start_tls(certificates.client()), 220)
        self.assert_reply(client.ehlo(), 250)
        return client

    def content(self, mark):
        """Of the message that came since MARK, which is deleted."""
        queue_id = self.suite.wait_for_log(r"(\w+): hold: header ", since=mark).group(1)
        path = self.suite.path("queue/hold", queue_id)
        until(lambda: os.path.exists(path), 30, "message on hold")
        shown = self.suite.run("postcat", "-b", path).stdout
        os.unlink(path)
        return shown

    def test_much_content(self):
        body = "".join("%07d %s\n" % (i, "x" * (i % 900)) for i in range(10000))
        for command in ("DATA", "BDAT"):
            with self.subTest(command):
                client, mark = self.session(), self.suite.log_mark()
                self.assert_reply(client.mail("a@far.test"), 250)
                self.assert_reply(client.rcpt("postmaster"), 250)
                text = HEADER + body
                reply = client.data(text) if command == "DATA" else client.bdat(text.replace("\n", "\r\n"), last=True)
                self.assert_reply(reply, 250)
                self.assertEqual(self.content(mark), "\n" + body)

    def test_many_commands_at_once(self):
        client = self.session()
        client.send("RSET\r\n" * 6000)
        for _ in range(6000):
            self.assert_reply(client.read_reply(), 250)

    def test_handshake_that_never_ends(self):
        mark = self.suite.log_mark()
        with self.suite.smtp() as slow, self.suite.smtp() as other:
            slow.send("STARTTLS\r\n")
            self.assert_reply(slow.read_reply(), 220)
            slow.send(b"\x16\x03\x01")
            self.assert_reply(other.cmd("NOOP"), 250)
            self.assertTrue(slow.at_eof())
        self.suite.wait_for_log(r"SSL_accept error from \S+: Connection timed out", since=mark)
        self.suite.wait_for_log(r"lost connection after STARTTLS", since=mark)

    def test_ends(self):
        """Cut off in the middle of the handshake, of a command, of a message."""
        mark = self.suite.log_mark()
        client = self.suite.smtp()
        client.send("STARTTLS\r\n")
        client.read_reply()
        client.abort()
        client = self.session()
        client.sock.sendall(b"MAIL FR")
        client.sock.unwrap()
        client.close()
        client = self.session()
        self.assert_reply(client.mail("a@far.test"), 250)
        self.assert_reply(client.rcpt("postmaster"), 250)
        self.assert_reply(client.cmd("DATA"), 354)
        client.send("Subject: never\r\n")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        for where in ("STARTTLS", "EHLO", "DATA"):
            self.suite.wait_for_log(r"lost connection after %s" % where, since=mark)
        self.assert_reply(self.session().cmd("NOOP"), 250)
        until(lambda: not self.suite.queue_files("incoming"), 30, "the unfinished file to go")

    def test_plain_text_in_a_session(self):
        client = self.session()
        plain = socket.socket(fileno=os.dup(client.sock.fileno()))
        self.addCleanup(plain.close)
        plain.settimeout(30)
        plain.sendall(b"QUIT\r\n")
        with self.assertRaises((ConnectionResetError, StopIteration)):
            next(data for data in iter(lambda: plain.recv(1000), b"") if not data)
        self.assert_reply(self.session().cmd("NOOP"), 250)


if __name__ == "__main__":
    unittest.main()
