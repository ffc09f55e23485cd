"""smtp(8): relay lists, fallback relays, names without DNS, rewriting and other things on the way."""
import socket
import threading
import unittest

from support.ports import free_port
from support.sink import Sink
from support.suite import SuiteTestCase

SENDER = "s@mail.example.test"


class RouteTestCase(SuiteTestCase):
    """One destination, far.test, by way of a server that the subclass names."""

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        cls.dead = free_port()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.sink.close()

    def send(self, to="a@far.test", text="From: <s@mail.example.test>\nSubject: x\n\nx\n", sender=SENDER):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "-f", sender, to], text)
        return self.suite.wait_for_log(r"to=<%s>, (?:orig_to=<[^>]*>, )?relay=([^,]+),.* dsn=([\d.]+), "
                                       r"status=(\w+) \((.*)\)$" % to, since=mark).groups()


class RelayList(RouteTestCase):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(relayhost="[127.0.0.1]:%d, [127.0.0.1]:%d" % (cls.dead, cls.sink.port))

    def test_second_relay_when_the_first_is_down(self):
        relay, _, status, _ = self.send()
        self.assertEqual((relay, status), ("127.0.0.1[127.0.0.1]:%d" % self.sink.port, "sent"))


class Fallback(RouteTestCase):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(relayhost="[127.0.0.1]:%d" % cls.dead, smtp_fallback_relay=cls.sink.nexthop)

    def test_fallback_relay(self):
        self.assertEqual(self.send()[2], "sent")
        self.assertEqual(self.sink.wait_for(1)[0].recipients, ["a@far.test"])


class NativeNames(RouteTestCase):
    """smtp_dns_support_level=disabled: the system's own names."""
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(relayhost="localhost:%d" % cls.sink.port)

    def test_host_of_the_hosts_file(self):
        relay, _, status, _ = self.send()
        self.assertEqual((relay, status), ("localhost[127.0.0.1]:%d" % self.sink.port, "sent"))


class Generic(RouteTestCase):
    maps = {"generic": "s@mail.example.test outside@public.test\n@inside.test @public.test\n"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(relayhost=cls.sink.nexthop, smtp_generic_maps="hash:@etc@/generic")

    def test_addresses_are_rewritten_on_the_way_out(self):
        self.send(text="From: Me <s@mail.example.test>\nTo: a@far.test,\n b@inside.test\nSubject: s@mail.example.test\n"
                       "\nFrom: s@mail.example.test\n")
        message = self.sink.wait_for(1)[0]
        self.assertEqual(message.sender, "outside@public.test")
        self.assertIn("From: Me <outside@public.test>\n", message.text)
        self.assertIn("b@public.test", message.text)
        self.assertIn("Subject: s@mail.example.test\n", message.text)
        self.assertTrue(message.text.endswith("\n\nFrom: s@mail.example.test\n"))


class Xforward(RouteTestCase):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.sink.keywords += ["XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"]
        cls.sink.reply("XFORWARD", "250 2.0.0 Ok")
        suite.set(relayhost=cls.sink.nexthop, smtp_send_xforward_command="yes")

    def test_client_information(self):
        with self.suite.smtp() as client:
            client.mail(SENDER)
            client.rcpt("a@far.test")
            client.data("Subject: x\n\nx\n")
        self.sink.wait_for(1)
        said = " ".join(c for c in self.sink.commands if c.startswith("XFORWARD"))
        for word in ("ADDR=127.0.0.1", "HELO=client.test", "PROTO=ESMTP", "IDENT="):
            self.assertIn(word, said)


class Firewall(RouteTestCase):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.sink.reply("CONNECT", "220 ****************")
        suite.set(relayhost=cls.sink.nexthop, smtp_pix_workaround_threshold_time="0s",
                  smtp_pix_workaround_delay_time="1s")

    def test_workarounds(self):
        self.assertEqual(self.send()[2], "sent")
        self.suite.wait_for_log(r"enabling PIX workarounds: disable_esmtp delay_dotcrlf for 127\.0\.0\.1")
        self.assertTrue(self.sink.commands[0].startswith("HELO "))


class RawServer:
    """Takes one connection after the other; SCRIPT(conn, file) plays the server."""

    def __init__(self, script):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.script = script
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn, conn.makefile("rb") as file:
                try:
                    self.script(conn, file)
                except OSError:
                    pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def until_data(conn, file):
    conn.sendall(b"220 raw\r\n")
    for line in file:
        verb = line[:4].upper()
        conn.sendall(b"354 go\r\n" if verb == b"DATA" else b"250 ok\r\n")
        if verb == b"DATA":
            return


class Interruptions(RouteTestCase):
    """A server that has enough in the middle of a large message."""
    LARGE = "Subject: x\n\n" + ("z" * 70 + "\n") * 80000

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.say = b""

        def script(conn, file):
            until_data(conn, file)
            file.read(100000)
            conn.sendall(cls.say)
            if cls.say:
                while file.read(65536):
                    pass
        cls.server = RawServer(script)
        suite.set(relayhost="[127.0.0.1]:%d" % cls.server.port)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.close()

    def test_lost_connection(self):
        type(self).say = b""
        _, dsn, status, text = self.send("lost@far.test", self.LARGE)
        self.assertEqual((dsn, status, text), ("4.4.2", "deferred", "lost connection with 127.0.0.1[127.0.0.1] "
                                               "while sending message body"))

    def test_early_refusal(self):
        type(self).say = b"552 5.3.4 too much\r\n"
        _, dsn, status, text = self.send("early@far.test", self.LARGE)
        self.assertEqual((dsn, status, text), ("5.3.4", "bounced", "host 127.0.0.1[127.0.0.1] said: 552 5.3.4 too much "
                                               "(in reply to end of DATA command)"))


class Hostile(RouteTestCase):
    """Replies that no server should send."""

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.script = None
        cls.server = RawServer(lambda conn, file: cls.script(conn, file))
        suite.set(relayhost="[127.0.0.1]:%d" % cls.server.port,
                  **{"smtp_%s_timeout" % s: "2s" for s in ("helo", "mail", "rcpt", "data_init", "data_done", "quit")})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.close()

    def play(self, to, data):
        def script(conn, file):
            conn.sendall(data)
            while file.read(65536):
                pass
        type(self).script = staticmethod(script)
        return self.send(to)

    def test_odd_greetings(self):
        rows = [("nul", b"220 \0\0\r\n" * 3), ("endless", b"220-x\r\n" * 5000), ("long", b"220 " + b"x" * 300000),
                ("noise", bytes(range(256)) * 100), ("unasked", b"220 a\r\n250 b\r\n250 c\r\n354 d\r\n250 e\r\n250 f\r\n")]
        for name, data in rows:
            with self.subTest(name):
                self.assertIn(self.play(name + "@far.test", data)[2], ("deferred", "bounced"))
        self.assertEqual(self.suite.sanitizer_reports(), "")


if __name__ == "__main__":
    unittest.main()
