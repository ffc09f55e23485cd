"""Policy services that hang, die, lie and talk too much; connections shared by many sessions."""
import os
import threading

from support.policy import CLOSE, PolicyServer
from support.suite import SuiteTestCase
from support.wait import until

HEADER = "Subject: x\n\ntext\n"


class PolicyTestCase(SuiteTestCase):
    aliases = "postmaster: root\nroot: /dev/null\n"
    rule = "check_policy_service POLICY"
    listen = staticmethod(lambda suite: None)

    @classmethod
    def configure(cls, suite):
        cls.policy = PolicyServer(cls.listen(suite))
        suite.set(smtpd_recipient_restrictions=cls.rule.replace("POLICY", cls.policy.spec),
                  smtpd_sessions_per_process="100", smtpd_client_connection_count_limit="0",
                  smtpd_error_sleep_time="0")

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.policy.close()

    def setUp(self):
        self.policy.answer = "DUNNO"
        self.policy.hang_up()
        self.policy.requests.clear()

    def rcpt(self, client, sender="a@far.test"):
        client.mail(sender)
        return client.rcpt("root@localhost")

    def deliver(self):
        with self.suite.smtp() as c:
            self.assert_reply(self.rcpt(c), 250)
            self.assert_reply(c.data(HEADER), 250)


class Connections(PolicyTestCase):
    rule = "check_policy_service { POLICY, timeout=30s }, permit"

    def test_one_connection_serves_all_messages(self):
        with self.suite.smtp() as c:
            for _ in range(3):
                self.assert_reply(self.rcpt(c), 250)
                self.assert_reply(c.data(HEADER), 250)
        self.deliver()
        self.assertEqual(len({r["_connection"] for r in self.policy.requests}), 1)

    def test_messages_at_once_have_connections_of_their_own(self):
        """Requests with another instance end the delivery before them, so they never share one."""
        clients = [self.suite.smtp() for _ in range(20)]
        try:
            for _ in range(2):
                for c in clients:
                    self.assert_reply(self.rcpt(c), 250)
                    self.assert_reply(c.rcpt("root@localhost"), 250)
                for c in clients:
                    c.rset()
        finally:
            for c in clients:
                c.close()
        seen, current = {}, {}
        for r in self.policy.requests:
            seen.setdefault(r["instance"], set()).add(r["_connection"])
            if current.get(r["_connection"]) != r["instance"]:
                self.assertNotIn(r["instance"], set(current.values()))
            current[r["_connection"]] = r["instance"]
        self.assertEqual(len(seen), 40)
        self.assertTrue(all(len(connections) == 1 for connections in seen.values()), seen)
        self.assertLessEqual(len(current), 20)

    def test_server_that_restarts_is_asked_again(self):
        self.deliver()
        self.policy.stop()
        self.policy.start()
        self.deliver()

    def test_unasked_reply_is_not_taken_for_the_next_one(self):
        self.policy.answer = b"action=DUNNO\n\naction=REJECT late\n\n"
        self.deliver()
        self.policy.answer = "DUNNO"
        self.deliver()
        self.assertEqual(len({r["_connection"] for r in self.policy.requests}), 2)


class IdleLimit(PolicyTestCase):
    rule = "check_policy_service { POLICY, max_idle=1s }, permit"

    def test_idle_connections_are_closed(self):
        self.deliver()
        until(lambda: not self.policy.open, 30, "end of the idle connection")
        self.deliver()


class RequestLimit(PolicyTestCase):
    rule = "check_policy_service { POLICY, request_limit=1 }, permit"

    def test_each_request_has_a_connection(self):
        self.deliver()
        self.deliver()
        self.assertEqual(len({r["_connection"] for r in self.policy.requests}), 2)


class UnixSocket(PolicyTestCase):
    listen = staticmethod(lambda suite: os.path.join(suite.queue_directory, "private/policy"))
    rule = "check_policy_service unix:private/policy"

    @classmethod
    def configure(cls, suite):
        os.makedirs(suite.path("queue/private"), exist_ok=True)
        super().configure(suite)

    def test_reject(self):
        self.policy.answer = "REJECT no thanks"
        with self.suite.smtp() as c:
            self.assert_reply(self.rcpt(c), 554, "5.7.1", "<root@localhost>: Recipient address rejected: no thanks")


class Trouble(PolicyTestCase):
    rule = ("check_policy_service { POLICY, timeout=6s, try_limit=1, {default_action = 450 4.3.5 later} }, "
            "permit")

    def refused(self, client):
        self.assert_reply(self.rcpt(client), 450, "4.3.5", "Recipient address rejected: later")

    def test_hanging_server_holds_up_its_own_session_only(self):
        self.policy.answer = lambda request: None if request["sender"] == "slow@far.test" else "DUNNO"
        with self.suite.smtp() as slow, self.suite.smtp() as other:
            slow.send("MAIL FROM:<slow@far.test>\r\nRCPT TO:<root@localhost>\r\n")
            self.policy.wait_for(1)
            for _ in range(3):
                self.assert_reply(self.rcpt(other), 250)
                other.rset()
            self.assert_reply(slow.read_reply(), 250)
            self.assert_reply(slow.read_reply(), 450, "4.3.5", "later")

    def test_client_that_leaves_while_it_waits(self):
        self.policy.answer = None
        c = self.suite.smtp()
        c.send("MAIL FROM:<a@far.test>\r\nRCPT TO:<root@localhost>\r\n")
        self.policy.wait_for(1)
        mark = self.suite.log_mark()
        c.close()
        self.suite.wait_for_log(r"disconnect from", since=mark)
        self.policy.answer = "DUNNO"
        self.deliver()

    def test_dripping_server(self):
        """One byte at a time does not move the time limit."""
        stop = threading.Event()

        def drip(client):
            while not stop.wait(0.05):
                try:
                    client.sendall(b"x")
                except OSError:
                    return
        self.policy.answer = None
        with self.suite.smtp() as c:
            c.send("MAIL FROM:<a@far.test>\r\nRCPT TO:<root@localhost>\r\n")
            self.policy.wait_for(1)
            with self.policy.lock:
                threading.Thread(target=drip, args=(self.policy.open[-1],), daemon=True).start()
            self.assert_reply(c.read_reply(), 250)
            self.assert_reply(c.read_reply(), 450, "4.3.5", "later")
        stop.set()

    def test_endless_reply(self):
        for answer in (b"action=REJECT " + b"x" * 200000, b"x=y\n" * 50000):
            with self.subTest(answer=answer[:8]):
                self.policy.answer = answer
                mark = self.suite.log_mark()
                with self.suite.smtp() as c:
                    self.refused(c)
                self.suite.wait_for_log(r"warning: reply longer than 65536 bytes from 127\.0\.0\.1:", since=mark)

    def test_closing_server(self):
        for answer in (CLOSE, (b"action=", CLOSE), b"\n", b"no attribute\n\n"):
            with self.subTest(answer=answer):
                self.policy.answer = answer
                with self.suite.smtp() as c:
                    self.refused(c)
        self.policy.answer = "DUNNO"
        self.deliver()

    def test_warn_if_reject_waits_for_the_answer(self):
        self.suite.set(smtpd_recipient_restrictions="warn_if_reject check_policy_service %s, permit"
                       % self.policy.spec)
        self.suite.reload()
        try:
            self.policy.answer = "REJECT only a test"
            mark = self.suite.log_mark()
            self.deliver()
            self.suite.wait_for_log(r"reject_warning: RCPT from .*: 554 5\.7\.1 .*only a test", since=mark)
        finally:
            self.suite.set(smtpd_recipient_restrictions=self.rule.replace("POLICY", self.policy.spec))
            self.suite.reload()


class Misconfigured(SuiteTestCase):
    """A service that cannot be understood never opens the relay."""
    aliases = "root: /dev/null\n"

    def test_arguments(self):
        for argument, why in (("foo:bar", "invalid transport name: foo in service: foo:bar"),
                              ("inet:host", "need host:port instead of"),
                              ("{ inet:127.0.0.1:1, foo=bar }", 'unknown option: "foo = bar"'),
                              ("{ inet:127.0.0.1:1, junk }", "malformed option: missing '='"),
                              ("{ inet:127.0.0.1:1, timeout=x }", "timeout"),
                              ("{ inet:127.0.0.1:1, try_limit=0 }", "try_limit"), ("{}", "no policy service")):
            with self.subTest(argument=argument):
                self.suite.set(smtpd_recipient_restrictions="check_policy_service %s, permit" % argument)
                self.suite.reload()
                mark = self.suite.log_mark()
                with self.suite.smtp() as c:
                    c.mail("a@far.test")
                    self.assert_reply(c.rcpt("root@localhost"), 451, "4.3.5", "Server configuration error")
                self.suite.wait_for_log("check_policy_service.*" + why.replace("{", r"\{"), since=mark)
