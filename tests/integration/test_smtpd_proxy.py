"""smtpd with a before-queue filter: real mail through one and back in, large mail, slow and dying filters."""
import os
import signal
import threading
import unittest

from support.ports import free_port
from support.sink import Sink
from support.suite import SuiteTestCase

LOCAL = {"mydestination": "here.test", "local_recipient_maps": "", "default_transport": "discard",
         "local_transport": "discard", "smtpd_forbid_bare_newline_exclusions": "", "message_size_limit": "20000000"}
TEXT = "Subject: large\n\n" + "\n".join(".%06d %s" % (i, "x" * 60) for i in range(60000)) + "\n"


class Reinject:
    """What a filter such as amavis does: what comes in goes, after a look, to another port of the suite."""

    @classmethod
    def configure(cls, suite):
        after, cls.filter = free_port(), Sink(keywords=["8BITMIME", "XFORWARD NAME ADDR PROTO HELO SOURCE PORT"])
        cls.filter.reply("XFORWARD", cls.keep)
        cls.filter.reply(".", lambda session, line: cls.reinject(after, session))
        suite.set(smtpd_proxy_filter="127.0.0.1:%d" % cls.filter.port)
        suite.master_cf = ("127.0.0.1:%d inet n - n - - smtpd -o smtpd_proxy_filter= -o smtpd_authorized_xforward_hosts="
                           "127.0.0.0/8 -o receive_override_options=no_unknown_recipient_checks\n" % after)
        suite.write_config()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.filter.close()

    @staticmethod
    def keep(session, line):
        session.xforward = line
        return "250 Ok"

    @classmethod
    def reinject(cls, port, session):
        from support.smtp import SmtpClient
        with SmtpClient(("127.0.0.1", port)) as c:
            c.greeting()
            c.ehlo("filter.test")
            c.cmd(session.xforward)
            c.cmd("MAIL FROM:" + session.mail)
            for r in session.rcpts:
                c.cmd("RCPT TO:" + r)
            return "\n".join(c.data("Subject: seen\n\ntext\n").lines)

    def test_mail_comes_back_in(self):
        with self.suite.smtp() as c:
            c.ehlo("client.test")
            c.mail("a@far.test")
            c.rcpt("b@here.test")
            c.rcpt("c@here.test")
            reply = c.data("Subject: s\n\ntext\n")
            self.assert_reply(reply, 250, "2.0.0", "queued as")
        queue_id = reply.text.split()[-1]
        self.suite.wait_for_log(r"%s: client=localhost\[127\.0\.0\.1\], orig_client=localhost\[127\.0\.0\.1\]" % queue_id)
        self.suite.wait_for_log(r"proxy-accept: END-OF-MESSAGE: 250 2\.0\.0 Ok: queued as %s; " % queue_id)
        self.suite.wait_for_log(r"%s: to=<c@here\.test>.* status=sent" % queue_id)


class ReinjectAtOnce(Reinject, SuiteTestCase):
    main_cf = LOCAL


class ReinjectLate(Reinject, SuiteTestCase):
    main_cf = {**LOCAL, "smtpd_proxy_options": "speed_adjust"}


class Large:
    """Four megabytes through a filter that lets the sender wait."""

    @classmethod
    def configure(cls, suite):
        cls.filter, cls.gate = Sink(), threading.Event()
        cls.filter.reply("BODY", cls.hold)
        suite.set(smtpd_proxy_filter="127.0.0.1:%d" % cls.filter.port)

    @classmethod
    def tearDownClass(cls):
        cls.gate.set()
        super().tearDownClass()
        cls.filter.close()

    @classmethod
    def hold(cls, session, line):
        cls.gate.wait(100)

    def test_content_arrives_whole(self):
        self.gate.clear()
        with self.suite.smtp(timeout=100) as c:
            c.mail("a@far.test")
            c.rcpt("b@here.test")
            self.assertEqual(c.cmd("DATA").code, 354)
            replies = []
            sender = threading.Thread(target=lambda: replies.append(c.body(TEXT)))
            sender.start()
            with self.suite.smtp() as other:        # nobody else waits
                other.mail("q@far.test")
                self.assertEqual(other.noop().code, 250)
            self.gate.set()
            sender.join(100)
            self.assert_reply(replies[0], 250, "2.0.0", "Ok: taken")
        content = self.filter.wait_for(1)[-1].text
        self.assertEqual(content[content.index("Subject: large"):], TEXT)


class LargeAtOnce(Large, SuiteTestCase):
    main_cf = LOCAL

    def test_filter_that_goes_in_the_middle(self):
        self.gate.set()
        self.filter.reply("BODY", Sink.DROP)
        try:
            with self.suite.smtp() as c:
                c.mail("a@far.test")
                c.rcpt("b@here.test")
                self.assert_reply(c.data(TEXT), 451, "4.3.0", "Error: queue file write error")
                self.assertEqual(c.noop().code, 250)
        finally:
            self.filter.reply("BODY", self.hold)
        self.suite.wait_for_log(r"warning: lost connection with proxy 127\.0\.0\.1:%d" % self.filter.port)


class LargeLate(Large, SuiteTestCase):
    main_cf = {**LOCAL, "smtpd_proxy_options": "speed_adjust"}

    def test_nothing_is_left_of_a_killed_server(self):
        """The client has no reply and sends it again: nothing is lost, and nothing lies about."""
        self.gate.set()
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            c.rcpt("b@here.test")
            c.cmd("DATA")
            c.send(TEXT.replace("\n", "\r\n").encode())
            for pid in self.suite.processes()["smtpd"]:
                os.kill(pid, signal.SIGKILL)
            self.assertTrue(c.at_eof())
            c.close()
        self.suite.wait_queue_empty()
        with self.suite.smtp() as c:
            self.assertEqual(c.message("a@far.test", ["b@here.test"], "Subject: s\n\nt\n").code, 250)


class UnixSocket(SuiteTestCase):
    main_cf = LOCAL

    @classmethod
    def configure(cls, suite):
        path = suite.path("queue", "filter")
        cls.filter = Sink(path=path)
        os.chmod(path, 0o666)
        suite.set(smtpd_proxy_filter="unix:filter", smtpd_client_restrictions="check_client_access inline:{127.0.0.1=HOLD}")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.filter.close()

    def test_relative_path(self):
        with self.suite.smtp() as c:
            self.assertEqual(c.message("a@far.test", ["b@here.test"], "Subject: s\n\nt\n").code, 250)
        self.suite.wait_for_log("with smtpd_proxy_filter specified, action HOLD is unavailable")

    def test_mail_of_a_local_user_is_not_for_the_filter(self):
        before = len(self.filter.messages)
        self.suite.sendmail(["b@here.test"], "Subject: s\n\ntext\n")
        self.suite.wait_for_log(r"to=<b@here\.test>.* status=sent")
        self.assertEqual(len(self.filter.messages), before)


if __name__ == "__main__":
    unittest.main()
