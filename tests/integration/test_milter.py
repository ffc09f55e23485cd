"""Mail filters: several of them, those of some clients, filters that hang, die or lie, and processes that die."""
import os
import signal
import socket
import struct
import unittest

from support import milter
from support.milter import ACCEPT, CONTINUE, PROGRESS, Milter, reply_code
from support.sink import Sink
from support.suite import Suite, SuiteTestCase
from support.wait import until

LOCAL = {"mydestination": "here.test", "local_recipient_maps": "", "local_transport": "discard",
         "default_transport": "discard", "milter_command_timeout": "25s", "milter_content_timeout": "25s"}
TEXT = "Subject: s\n\ntext\n"


def send(suite, text=TEXT, recipient="b@here.test"):
    """The reply to a message."""
    with suite.smtp() as c:
        reply = c.mail("a@far.test")
        if reply.code == 250:
            reply = c.rcpt(recipient)
        return c.data(text) if reply.code == 250 else reply


class Edited(SuiteTestCase):
    """What one filter makes of a message is what the next one sees, and what is delivered."""

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        cls.unix = Milter([milter.add_header("X-Second", "2")], address=suite.path("queue", "second.sock"))
        os.chmod(suite.path("queue", "second.sock"), 0o666)
        cls.first = Milter([milter.insert_header(1, "X-First", "1"), milter.replace_body(b"new\r\nbody\r\n"),
                            milter.add_recipient("new@far.test"), milter.delete_recipient("b@far.test"),
                            milter.change_sender("changed@far.test")])
        suite.set(**{**LOCAL, "default_transport": "smtp", "relayhost": cls.sink.nexthop,
                     "smtpd_milters": "%s, { unix:second.sock, command_timeout=5s }" % cls.first.address})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for server in (cls.first, cls.unix, cls.sink):
            server.__exit__(None, None, None) if isinstance(server, Milter) else server.close()

    def test_two_filters(self):
        count = len(self.sink.messages)
        self.assertEqual(send(self.suite, recipient="b@far.test").code, 250)
        message = self.sink.wait_for(count + 1)[count]
        self.assertEqual((message.sender, message.recipients), ("changed@far.test", ["new@far.test"]))
        head, _, body = message.text.partition("\n\n")
        self.assertEqual(body, "new\nbody\n")
        self.assertRegex(head, r"(?s)^Received: .*\nX-First: 1\nSubject: s\n.*\nX-Second: 2$")
        self.unix.wait_for("E")
        names = [data.split(b"\0")[0] for data in self.unix.heard("L")]
        self.assertEqual(names[:2], [b"X-First", b"Subject"])
        self.assertEqual(self.unix.heard("B")[-1], b"new\r\nbody\r\n")
        self.suite.wait_queue_empty()

    def test_large_message(self):
        """It goes to the filters piece by piece, and all of it."""
        text = "Subject: large\n\n" + ("x" * 70 + "\n") * 40000
        seen = len(b"".join(self.first.heard("B")))
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            c.rcpt("large@far.test")
            self.assertEqual(c.data(text).code, 250)
        self.assertEqual(len(b"".join(self.first.heard("B"))) - seen, 72 * 40000)
        self.assertLessEqual(max(len(piece) for piece in self.first.heard("B")), 65535)
        self.suite.wait_queue_empty()


class ByClient(SuiteTestCase):
    """smtpd_milter_maps"""

    @classmethod
    def configure(cls, suite):
        cls.usual, cls.other = Milter(replies={"M": reply_code("550 5.7.1 usual")}), Milter(replies={"M": reply_code("550 5.7.1 other")})
        suite.set(**LOCAL, smtpd_milters=cls.usual.address, smtpd_authorized_xclient_hosts="127.0.0.1",
                  smtpd_milter_maps="inline:{10.0.0.1=DISABLE, 10.0.0.2=%s, 10.0.0.3=nonsense}" % cls.other.address)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.usual.__exit__()
        cls.other.__exit__()

    def as_client(self, address):
        with self.suite.smtp() as c:
            c.send("XCLIENT NAME=x.test ADDR=%s\r\n" % address)
            reply = c.read_reply()
            if reply.code != 220:
                return reply
            c.send("EHLO x\r\n")
            c.read_reply()
            return c.mail("a@far.test")

    def test_table(self):
        self.assertEqual(self.as_client("10.0.0.1").code, 250)
        self.assert_reply(self.as_client("10.0.0.2"), 550, "5.7.1", "other")

    def test_what_makes_no_sense(self):
        """No mail passes because a table holds nonsense."""
        self.assertEqual(self.as_client("10.0.0.3").code, 421)


class BadFilters(unittest.TestCase):
    """Nothing but the session of the bad filter suffers."""

    def start(self, filters, **settings):
        suite = Suite({**LOCAL, "milter_default_action": "tempfail", "smtpd_milters": filters.address, **settings})
        self.addCleanup(suite.close)
        self.addCleanup(filters.__exit__)
        suite.start()
        return suite

    def test_hanging_filter_holds_up_nobody_else(self):
        filters = Milter(replies={"M": [Milter.HANG]})
        suite = self.start(filters, milter_command_timeout="600s", smtpd_milter_maps="inline:{10.0.0.1=DISABLE}",
                           smtpd_authorized_xclient_hosts="127.0.0.1")
        slow, fast = suite.smtp(), suite.smtp()
        try:
            slow.send("MAIL FROM:<a@far.test>\r\n")
            filters.wait_for("M")
            for line, code in (("XCLIENT ADDR=10.0.0.1", 220), ("EHLO x", 250)):
                fast.send(line + "\r\n")
                self.assertEqual(fast.read_reply().code, code)
            self.assertEqual(fast.mail("a@far.test").code, 250)
        finally:
            slow.close()
            fast.close()

    def test_lies(self):
        """Packets that are none, answers nobody asked for, edits without right or reason."""
        lies = {
            "length zero": {"M": [b"\0\0\0\0"]}, "length huge": {"M": [b"\xff\xff\xff\xffx"]},
            "edit too early": {"M": milter.add_header("A", "b")}, "edit cut short": {"E": (b"i", b"\0\0")},
            "two answers": {"C": [[CONTINUE, CONTINUE]]}, "terms cut short": {"O": (b"O", b"\0\0\0\6")},
            "version too high": {"O": (b"O", struct.pack(">III", 9, 0, 0))},
            "not offered": {"O": (b"O", struct.pack(">III", 6, 0xffffff, 0))}, "no terms": {"O": CONTINUE},
        }
        filters = Milter()
        suite = self.start(filters)
        for name, replies in lies.items():
            with self.subTest(name):
                filters.replies = replies
                mark = suite.log_mark()
                with suite.smtp() as c:
                    replies = [c.mail("a@far.test"), c.rcpt("b@here.test")]
                    if replies[-1].code == 250:
                        replies.append(c.data(TEXT))
                self.assertIn(451, [reply.code for reply in replies])
                suite.wait_for_log(r"warning: milter inet:127\.0\.0\.1:\d+: ", since=mark)
        filters.replies = {}
        self.assertEqual(send(suite).code, 250)

    def test_edits_without_end(self):
        """More changes than a message may have end the trust in the filter, and nothing is accepted."""
        filters = Milter([milter.add_header("X-%d" % i, "v") for i in range(10001)])
        suite = self.start(filters, milter_content_timeout="60s")
        self.assertEqual(send(suite).code, 451)
        suite.wait_for_log(r"asks for more changes than one message may have")
        suite.wait_queue_empty()

    def test_header_that_would_be_two(self):
        filters = Milter([milter.add_header("X-A", "v\nBcc: someone@far.test"), milter.add_header("X A", "v"),
                          milter.insert_header(0, "", "v")])
        suite = self.start(filters, smtpd_recipient_restrictions="check_sender_access static:HOLD")
        self.assertEqual(send(suite).code, 250)
        (name,) = suite.queue_files("hold")
        shown = suite.run("postcat", "-hq", name.rpartition("/")[2]).stdout
        self.assertTrue(shown.endswith("\nX-A: v\n Bcc: someone@far.test\n"), shown)

    def test_filter_that_is_down(self):
        with socket.socket() as nobody:     # bound, and not listening
            nobody.bind(("127.0.0.1", 0))
            filters = Milter()
            suite = self.start(filters, smtpd_milters="inet:127.0.0.1:%d" % nobody.getsockname()[1])
            self.assertEqual(send(suite).code, 451)
            suite.wait_for_log(r"connect to Milter service inet:127.0.0.1:\d+: Connection refused")

    def test_shutdown_is_the_default(self):
        filters = Milter(replies={"E": Milter.DIE})
        suite = self.start(filters, milter_default_action="shutdown")
        client = suite.smtp()
        self.addCleanup(client.close)
        client.mail("a@far.test")
        client.rcpt("b@here.test")
        reply = client.data(TEXT)
        self.assertTrue(client.at_eof())
        self.assertEqual((reply.code, reply.enhanced), (421, "4.7.0"))
        suite.wait_queue_empty()


class Deaths(unittest.TestCase):
    """A process dies while a filter has the message: nothing was accepted, nothing is delivered."""

    def start(self):
        filters = Milter([milter.add_header("X-A", "b"), milter.replace_body(b"other\r\n")], replies={"E": Milter.HANG})
        suite = Suite({**LOCAL, "smtpd_milters": filters.address, "milter_content_timeout": "600s", "notify_classes": ""})
        self.addCleanup(suite.close)
        self.addCleanup(filters.__exit__)
        suite.start()
        return suite, filters

    def in_content(self, suite, filters):
        client = suite.smtp()
        self.addCleanup(client.close)
        client.mail("a@far.test")
        client.rcpt("b@here.test")
        client.send("DATA\r\n")
        self.assertEqual(client.read_reply().code, 354)
        client.send("Subject: s\r\n\r\ntext\r\n.\r\n")
        filters.wait_for("E")
        return client

    def pid_of(self, suite, name):
        (pid,) = suite.processes()[name]
        return pid

    def test_cleanup_dies(self):
        suite, filters = self.start()
        client = self.in_content(suite, filters)
        os.kill(self.pid_of(suite, "cleanup"), signal.SIGKILL)
        self.assertEqual(client.read_reply().code, 451)
        filters.replies = {}
        self.assertEqual(client.mail("again@far.test").code, 421)      # nobody knows where the filter stands
        client.close()
        self.assertEqual(send(suite).code, 250)
        suite.wait_for_log(r": removed$")
        suite.wait_for_count(r"status=sent", 1)

    def test_smtpd_dies(self):
        suite, filters = self.start()
        self.in_content(suite, filters)
        os.kill(self.pid_of(suite, "smtpd"), signal.SIGKILL)
        filters.wait_for("closed")
        until(lambda: not suite.queue_files(), 30, "the unfinished file to go")
        filters.replies = {"E": ACCEPT}
        self.assertEqual(send(suite).code, 250)

    def test_client_leaves(self):
        """A reset ends it all at once; nobody waits ten minutes for the filter, and nothing is accepted."""
        suite, filters = self.start()
        mark = suite.log_mark()
        self.in_content(suite, filters).abort()
        suite.wait_for_log(r"lost connection after END-OF-MESSAGE from localhost\[127\.0\.0\.1\]", since=mark)
        suite.wait_for_log(r"disconnect from", since=mark)
        filters.wait_for("closed")
        until(lambda: not suite.queue_files(), 30, "the unfinished file to go")
        filters.replies = {}
        self.assertEqual(send(suite).code, 250)
        suite.wait_for_log(r"status=sent")
        suite.wait_queue_empty()
        suite.wait_for_count(r"status=sent", 1)

    def test_client_closes_its_end(self):
        """It may still want the reply."""
        suite, filters = self.start()
        filters.replies = {"E": [[PROGRESS]]}
        client = self.in_content(suite, filters)
        client.sock.shutdown(socket.SHUT_WR)
        with filters.lock:
            connection = filters.open[-1]
        connection.sendall(b"\0\0\0\1c")
        self.assertEqual(client.read_reply().code, 250)
        self.assertTrue(client.at_eof())
        suite.wait_queue_empty()


class Submitted(SuiteTestCase):
    """non_smtpd_milters: what they defer stays in maildrop."""

    @classmethod
    def configure(cls, suite):
        cls.filters = Milter(replies={"E": reply_code("451 4.7.1 later")})
        suite.set(**LOCAL, non_smtpd_milters=cls.filters.address)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.filters.__exit__()

    def test_deferred_and_accepted(self):
        self.suite.sendmail(["b@here.test"], TEXT)
        self.suite.wait_for_log(r"milter-reject: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: 4\.7\.1 later")
        self.assertEqual(len(self.suite.queue_files("maildrop")), 1)
        self.filters.replies = {}
        self.suite.flush()
        self.suite.run("postkick", "public", "pickup", "W")
        self.suite.wait_for_log(r"to=<b@here\.test>.*status=sent")
        self.suite.wait_queue_empty()

    def test_smtp_is_not_concerned(self):
        heard = self.filters.connections
        self.assertEqual(send(self.suite).code, 250)
        self.assertEqual(self.filters.connections, heard)


if __name__ == "__main__":
    unittest.main()
