"""The test support itself: what other tests rely on without looking."""
import os
import socket
import struct
import unittest

from support.dns import TYPES, DnsServer, encode_name
from support.mask import mask
from support.ports import free_port
from support.sink import Sink
from support.smtp import SmtpClient, parse_reply
from support.wait import TimedOut, until


class Dns(unittest.TestCase):
    def setUp(self):
        self.server = DnsServer({("a.test", "A"): ["10.0.0.1", "10.0.0.2"], ("a.test", "MX"): ["5 mx.test"],
                                 ("c.test", "CNAME"): ["a.test"], ("bad.test", "*"): DnsServer.SERVFAIL,
                                 ("mute.test", "A"): DnsServer.SILENCE, ("big.test", "TXT"): ["x" * 200] * 5},
                                address="127.0.0.1", port=free_port())
        self.addCleanup(self.server.close)

    def question(self, name, kind):
        return struct.pack(">HHHHHH", 77, 0x0100, 1, 0, 0, 0) + encode_name(name) + struct.pack(">HH", TYPES[kind], 1)

    def ask(self, name, kind, timeout=10):
        """(response code, truncated, number of answers, packet)"""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(timeout)
            s.sendto(self.question(name, kind), (self.server.address, self.server.port))
            packet = s.recv(4096)
        ident, flags, _, count = struct.unpack_from(">HHHH", packet)
        self.assertEqual(ident, 77)
        return flags & 15, bool(flags & 0x0200), count, packet

    def test_answers(self):
        for name, kind, expected in (("a.test", "A", (0, False, 2)), ("A.TEST", "MX", (0, False, 1)),
                                     ("c.test", "A", (0, False, 3)), ("a.test", "AAAA", (0, False, 0)),
                                     ("none.test", "A", (3, False, 0)), ("bad.test", "MX", (2, False, 0)),
                                     ("big.test", "TXT", (0, True, 0))):
            with self.subTest(name=name, kind=kind):
                self.assertEqual(self.ask(name, kind)[:3], expected)
        self.assertIn(socket.inet_aton("10.0.0.2"), self.ask("a.test", "A")[3])
        self.assertIn(("a.test", "MX"), self.server.queries)

    def test_silence(self):
        with self.assertRaises(TimeoutError):
            self.ask("mute.test", "A", timeout=0.3)

    def test_tcp_gives_all(self):
        with socket.create_connection((self.server.address, self.server.port), 10) as s:
            question = self.question("big.test", "TXT")
            s.sendall(struct.pack(">H", len(question)) + question)
            with s.makefile("rb") as stream:
                reply = stream.read(struct.unpack(">H", stream.read(2))[0])
        self.assertEqual(struct.unpack_from(">HHHH", reply)[3], 5)


class Masks(unittest.TestCase):
    def test_rows(self):
        for text, masked in (
                ("250 2.0.0 Ok: queued as 4B1234567", "250 2.0.0 Ok: queued as QID"),
                ("250-SIZE 10240000", "250-SIZE 10240000"),
                ("Nov 21 23:37:01 mail postfix/qmgr[4096]: 123456: removed", "TIME HOST postfix/qmgr[PID]: QID: removed"),
                ("postfix/qmgr[4096]: warning: 12345678: skipped", "postfix/qmgr[PID]: warning: QID: skipped"),
                ('{"queue_name": "hold", "queue_id": "123456"}', '{"queue_name": "hold", "queue_id": "QID"}'),
                ("postsuper: 123456: removed\npostsuper: Deleted: 123456 messages",
                 "postsuper: QID: removed\npostsuper: Deleted: 123456 messages"),
                ("open file deferred/1/123456: no", "open file deferred/1/QID: no"),
                ("Message-Id: <20261121233701.7067AA74438@a.test>", "Message-Id: <STAMP.QID@a.test>"),
                ("Date: Sat, 21 Nov 2026 23:37:01 +0000 (UTC)", "Date: DATE"),
                ("delay=0.14, delays=0.07/0.03/0/0.04, dsn=2.0.0", "delay=N, delay=N, dsn=2.0.0"),
                ("550 5.1.1 <DECADE@a.test>", "550 5.1.1 <QID@a.test>")):
            self.assertEqual(mask(text), masked)


class Partners(unittest.TestCase):
    def test_reply(self):
        reply = parse_reply(["250-first", "250 2.1.0 last"])
        self.assertEqual((reply.code, reply.enhanced, reply.text), (250, "2.1.0", "first\nlast"))

    def test_scripted_sink(self):
        with Sink() as sink, SmtpClient(("127.0.0.1", sink.port), 10) as client:
            sink.reply("RCPT", ["450 4.2.0 not now", None])
            client.greeting()
            client.ehlo()
            client.mail("a@b.test")
            self.assertEqual([client.rcpt("c@d.test").code for _ in range(2)], [450, 250])
            self.assertEqual(client.data("Subject: x\n\n.dot\n").code, 250)
            message = sink.wait_for(1)[0]
            self.assertEqual((message.sender, message.recipients, message.text),
                             ("a@b.test", ["c@d.test"], "Subject: x\n\n.dot\n"))
            sink.reply("NOOP", Sink.DROP)
            client.send("NOOP\r\n")
            self.assertTrue(client.at_eof())

    def test_until_gives_up(self):
        with self.assertRaisesRegex(TimedOut, "the moon"):
            until(lambda: False, 0.05, "the moon")

    def test_ports_differ(self):
        ports = [free_port() for _ in range(50)]
        self.assertEqual(len(set(ports)), 50)
        self.assertTrue(all(1024 < p < 32768 for p in ports), os.getpid())


if __name__ == "__main__":
    unittest.main()
