"""smtpd: messages from the first command to the queue, and what guards them."""
import socket
import unittest

from support.suite import SuiteTestCase


class SmtpdSession(SuiteTestCase):
    main_cf = {"mydestination": "here.test", "local_recipient_maps": "", "smtpd_error_sleep_time": "0",
               "default_transport": "discard", "local_transport": "discard", "mynetworks": "127.0.0.0/8",
               "smtpd_forbid_bare_newline_exclusions": "", "message_size_limit": "20000"}

    def dialogue(self, *steps):
        """Send each of STEPS (bytes); the replies, as one text each."""
        replies = []
        with socket.create_connection(("127.0.0.1", self.suite.port), timeout=20) as s:
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


class SmtpdUnbuilt(SuiteTestCase):
    main_cf = {"smtpd_upstream_proxy_protocol": "haproxy"}

    def test_protocol_that_is_not_built_is_not_skipped(self):
        with self.assertRaises(Exception):
            with self.suite.smtp() as c:
                c.ehlo("client.test")
        self.suite.wait_for_log(r"smtpd_upstream_proxy_protocol = haproxy: the proxy protocol is not built")


if __name__ == "__main__":
    unittest.main()
