"""What strangers send: lines, headers and messages without end, bytes that do not belong, broken MIME.

After each of them the same processes serve the next client, and their memory stays small.
"""
import random
import socket
import unittest

from support.sink import Sink
from support.suite import Suite, SuiteTestCase
from support.wait import until

LARGE = 400 * 1024 * 1024       # address space that no bounded input makes a process need (not under sanitizers)
HEAD = "From: a@far.test\nTo: b@far.test\nSubject: x\nMessage-Id: <x@far.test>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"


def resident(pid):
    """Bytes of memory that a process occupies."""
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


class HostileInput(SuiteTestCase):
    main_cf = {"smtpd_error_sleep_time": "0s", "smtpd_forbid_bare_newline_exclusions": "",
               "smtpd_hard_error_limit": "1000", "smtpd_soft_error_limit": "1000", "smtpd_timeout": "20s",
               "message_size_limit": "3000000"}

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        suite.set(relayhost=cls.sink.nexthop)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.sink.close()

    def setUp(self):
        self.sink.messages.clear()
        self.log_start = self.suite.log_mark()

    def tearDown(self):
        """Everything still works, nothing died, nothing grew."""
        self.sink.messages.clear()
        self.deliver(HEAD + "\nstill here\n")
        self.assertEqual(self.suite.count_log(r"killed by signal|exit status [1-9]|panic:|fatal:", self.log_start), 0,
                         self.suite.tail())
        for name, pids in self.suite.processes().items():
            for pid in pids:
                self.assertLess(resident(pid), LARGE, name)

    def deliver(self, text):
        """Send TEXT (str or bytes, with LF) and return the message that the next server received."""
        before = len(self.sink.messages)
        with self.suite.smtp() as client:
            client.message("a@far.test", ["b@far.test"], text)
        return self.sink.wait_for(before + 1)[before]

    def body_of(self, message):
        return message.data.split(b"\n\n", 1)[1]

    def test_command_without_end(self):
        with self.suite.smtp() as client:
            try:
                for _ in range(500):
                    client.send(b"X" * 10000)
                client.send(b"\r\n")
                reply = client.read_reply()
                self.assertEqual(reply.code // 100, 5, reply.lines)
                self.assertLess(max(len(line) for line in reply.lines), 5000)
            except (ConnectionError, BrokenPipeError, AssertionError) as e:
                if not isinstance(e, ConnectionError) and "closed" not in str(e):
                    raise

    def test_command_of_odd_bytes(self):
        with self.suite.smtp() as client:
            for line in (b"\0", b"\0\0MAIL FROM:<>", bytes(range(128, 256)), b"NO\0OP", b"MAIL FROM:<a\0b@far.test>",
                         b"MAIL FROM:<" + b"(" * 900, b"RCPT TO:" + b"<" * 900, b"\t \t", b""):
                client.send(line + b"\r\n")
                reply = client.read_reply()
                self.assertEqual(reply.code // 100, 5, (line, reply.lines))
            self.assertEqual(client.noop().code, 250)

    def test_addresses_without_end(self):
        with self.suite.smtp() as client:
            reply = client.mail("a" * 5000 + "@far.test")
            self.assertEqual(reply.code // 100, 5, reply.lines)
            client.rset()
            client.mail("a@far.test")
            self.assertEqual(client.rcpt("b@" + "far." * 2000 + "test").code // 100, 5)

    def test_line_without_end_in_the_body(self):
        line = b"y" * 1000000
        got = self.body_of(self.deliver(HEAD.encode() + b"\n" + line + b"\nend\n"))
        # smtp_line_length_limit: longer lines are folded, which adds a newline and a space
        self.assertEqual(got.replace(b"\n ", b""), line + b"\nend\n")
        self.assertLess(max(len(part) for part in got.split(b"\n")), 1000)

    def test_header_without_end(self):
        got = self.deliver(HEAD + "X-Long: " + "z" * 1000000 + "\n\nbody\n")
        self.assertTrue(got.data.endswith(b"\n\nbody\n"), got.data[-100:])
        self.assertLess(len(got.data), 110000)          # header_size_limit, and the rest of the message

    def test_header_continued_without_end(self):
        got = self.deliver(HEAD + "X-Long: a\n" + " continued\n" * 100000 + "\nbody\n")
        self.assertTrue(got.data.endswith(b"\n\nbody\n"), got.data[-100:])
        self.assertLess(len(got.data), 110000)

    def test_headers_without_number(self):
        got = self.deliver(HEAD + "".join("X-%d: y\n" % i for i in range(100000)) + "\nbody\n")
        self.assertIn(b"\nX-0: y\n", got.data)
        self.assertIn(b"\nX-99999: y\n\nbody\n", got.data)

    def test_message_without_end(self):
        with self.suite.smtp() as client:
            client.mail("a@far.test")
            client.rcpt("b@far.test")
            self.assertEqual(client.cmd("DATA").code, 354)
            chunk = b"0123456789abcdef0123456789abcdef0123456789abcdef\r\n" * 200
            for _ in range(1000):
                client.send(chunk)
            client.send(b".\r\n")
            self.assert_reply(client.read_reply(), 552, "5.3.4")
            self.assert_reply(client.mail("a@far.test", "SIZE=99999999999"), 552, "5.3.4")
        self.assertEqual(self.sink.messages, [])

    def test_nul_bytes(self):
        got = self.deliver(HEAD.encode() + b"X-Nul: a\0b\n\none\0two\n\0\0\0\n")
        self.assertEqual(self.body_of(got), b"one\0two\n\0\0\0\n")
        self.assertIn(b"X-Nul: a", got.data)

    def test_smuggling(self):
        """An end of data that only a lenient server sees does not start a second message."""
        inside = b"MAIL FROM:<smuggled@far.test>\r\nRCPT TO:<b@far.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
        for end in (b"\n.\r\n", b"\n.\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n\0.\r\n"):
            with self.subTest(end=end):
                self.sink.messages.clear()
                with self.suite.smtp() as client:
                    client.mail("a@far.test")
                    client.rcpt("b@far.test")
                    self.assertEqual(client.cmd("DATA").code, 354)
                    client.send(b"Subject: outer\r\n\r\nouter" + end + inside + b"\r\n.\r\n")
                    reply = client.read_reply()
                    if reply.code == 250:
                        got = self.sink.wait_for(1)[0]
                        self.assertEqual(got.sender, "a@far.test")
                        self.assertIn(b"Subject: smuggled", got.data)
                        self.assertNotIn(b"\r", got.data)
                    self.assertEqual(client.noop().code, 250)
                self.suite.wait_queue_empty()
                self.assertLessEqual(len(self.sink.messages), 1)
                self.assertNotIn("MAIL FROM:<smuggled@far.test>", " ".join(self.sink.commands))

    def test_broken_mime(self):
        deep = "".join("--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (i, i + 1) for i in range(90))
        for name, head, body in (
                ("no boundary", "Content-Type: multipart/mixed\n", "text\n"),
                ("endless boundary", "Content-Type: multipart/mixed; boundary=\"%s\"\n" % ("b" * 5000), "--bbb\n\nx\n"),
                ("quotes", 'Content-Type: multipart/mixed; boundary="x\n', "--x\n\ntext\n"),
                ("deep", "Content-Type: multipart/mixed; boundary=b0\n", deep),
                ("never closed", "Content-Type: multipart/mixed; boundary=b\n", "--b\nContent-Type: text/plain\n"),
                ("bad encoding", "Content-Transfer-Encoding: sideways\n", "text \u00e4\n"),
                ("encoded multipart", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n",
                 "--b\n\n\u00e4\n--b--\n"),
                ("many parameters", "Content-Type: text/plain; " + "a=b; " * 10000 + "\n", "text\n"),
                ("comments", "Content-Type: " + "(" * 5000 + "\n", "text\n")):
            with self.subTest(message=name):
                got = self.deliver((HEAD + "Mime-Version: 1.0\n" + head + "\n" + body).encode())
                self.assertEqual(self.body_of(got), body.encode())

    def test_mime_nested_deeply(self):
        """Handed on as it came: nothing in it has to be converted."""
        body = "".join("--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (i, i + 1) for i in range(5000))
        got = self.deliver((HEAD + "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b0\n\n" + body).encode())
        self.assertEqual(self.body_of(got), body.encode())

    def test_broken_mime_to_a_server_without_8bit(self):
        keywords = [k for k in self.sink.keywords if k != "8BITMIME"]
        self.sink.keywords, old = keywords, self.sink.keywords
        self.addCleanup(setattr, self.sink, "keywords", old)
        eight = "Content-Transfer-Encoding: 8bit\n"
        for name, head, body in (
                ("plain", "Content-Transfer-Encoding: 8bit\n", "\u00e4\n" * 1000),
                ("never closed", "Content-Type: multipart/mixed; boundary=b\n", "--b\n" + eight + "\n\u00e4\n"),
                ("deep", "Content-Type: multipart/mixed; boundary=b\n",
                 "--b\nContent-Type: message/rfc822\n\n" * 90 + "--b\n" + eight + "\n\u00e4\n")):
            with self.subTest(message=name):
                with self.suite.smtp() as client:
                    client.mail("", "BODY=8BITMIME")
                    client.rcpt("b@far.test")
                    reply = client.data((HEAD + "Mime-Version: 1.0\n" + head + "\n" + body + "\n").encode())
                    self.assertEqual(reply.code, 250)
                self.suite.wait_for_log(r"to=<b@far.test>.*status=(sent|bounced)", since=self.log_start)
                self.suite.wait_queue_empty()
        for message in self.sink.messages:
            message.data.decode("ascii")

    def test_clients_that_leave(self):
        """Gone at each moment of a transaction: nothing is queued, nobody else notices."""
        steps = [b"MAIL FROM:<a@far.test>\r\n", b"RCPT TO:<b@far.test>\r\n", b"DATA\r\n", b"Subject: left\r\n\r\nx", b"\r\n."]
        for count in range(len(steps) + 1):
            for leave in ("abort", "close"):
                client = self.suite.smtp()
                for step in steps[:count]:
                    client.send(step)
                    if step[:3] in (b"MAI", b"RCP", b"DAT"):
                        client.read_reply()
                getattr(client, leave)()
        until(lambda: not self.suite.queue_files("incoming", "active"), 30, "no file of a client that left")
        self.assertEqual(self.sink.messages, [])

    def test_random_bytes(self):
        source = random.Random(7)
        for _ in range(30):
            client = self.suite.smtp(ehlo=None)
            try:
                client.sock.settimeout(2)
                client.send(bytes(source.randrange(256) for _ in range(3000)) + b"\r\n")
                client.read_line()
            except (OSError, AssertionError, socket.timeout):
                pass
            client.close()


class ManyRecipients(unittest.TestCase):
    COUNT = 100000

    def test_recipient_limit(self):
        with Suite({"default_transport": "discard:", "smtpd_recipient_limit": "50"}) as suite, suite.smtp() as client:
            client.mail("a@far.test")
            codes = [client.rcpt("r%d@far.test" % i).code for i in range(50)]
            self.assertEqual(set(codes), {250})
            reply = client.rcpt("r50@far.test")
            self.assertEqual((reply.code, reply.enhanced), (452, "4.5.3"), reply.lines)
            self.assertEqual(client.data("Subject: x\n\nx\n").code, 250)

    def test_hundred_thousand(self):
        with Suite({"default_transport": "discard:", "smtpd_recipient_limit": "200000"}) as suite:
            client = suite.smtp(timeout=120)
            self.assertEqual(client.mail("a@far.test").code, 250)
            for first in range(0, self.COUNT, 1000):
                client.send("".join("RCPT TO:<r%d@far.test>\r\n" % i for i in range(first, first + 1000)))
                for _ in range(1000):
                    self.assertEqual(client.read_reply().code, 250)
            self.assertEqual(client.data("Subject: many\n\nx\n").code, 250)

            # they do not hold up who comes later
            mark = suite.log_mark()
            with suite.smtp() as other:
                other.message("a@far.test", ["later@far.test"], "Subject: y\n\ny\n")
            suite.wait_for_log(r"to=<later@far.test>.*status=sent", since=mark)
            for pid in suite.processes().get("qmgr", []):
                self.assertLess(resident(pid), LARGE)
            suite.wait_queue_empty(timeout=240)
            client.close()
            until(lambda: len(self.sent(suite)) == self.COUNT, 30, lambda: "all sent; sent %d" % len(self.sent(suite)))

    @staticmethod
    def sent(suite):
        """The numbers of recipients that the log has as sent."""
        done = set()
        for line in suite.log_lines():
            at = line.find("to=<r")
            if at > 0 and "status=sent" in line:
                done.add(line[at + 5:line.index("@", at)])
        return done

    def test_from_headers(self):
        """sendmail -t, with thousands of addresses in each of a few headers."""
        with Suite({"default_transport": "discard:"}) as suite:
            head = "".join("To: " + ",\n ".join("r%d@far.test" % i for i in range(n, n + 1000)) + "\n"
                           for n in range(0, 10000, 1000))
            suite.sendmail(["-t", "-f", "a@far.test"], head + "Subject: many\n\nx\n")
            suite.wait_for_log(r"nrcpt=10000 ")
            suite.wait_queue_empty(timeout=60)
            suite.wait_for_count(r"to=<r\d+@far.test>.*status=sent", 10000)


if __name__ == "__main__":
    unittest.main()
