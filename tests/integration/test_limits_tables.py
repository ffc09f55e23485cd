"""Tables that cannot be read, users that do not exist, settings that mean nothing: a clear word, and no mail lost."""
import os
import unittest

from support.demo import local_user
from support.sink import Sink
from support.suite import Suite
from support.wait import until

TEXT = "Subject: x\n\nx\n"


class BrokenTables(unittest.TestCase):
    def make(self, **settings):
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        values = {"relayhost": self.sink.nexthop, "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
                  "queue_run_delay": "1s", "smtpd_error_sleep_time": "0s"}
        values.update(settings)
        suite = Suite(values)
        self.addCleanup(suite.close)
        suite.make_aliases("")
        return suite

    def attempt(self, suite, recipient="b@far.test"):
        """The first reply that is no 250, or the last one."""
        with suite.smtp() as client:
            for step in (lambda: client.mail("a@far.test"), lambda: client.rcpt(recipient),
                         lambda: client.data(TEXT)):
                reply = step()
                if reply.code != 250:
                    return reply
            return reply

    def arrives(self, suite, count=1):
        def arrived():
            suite.flush()
            return len(self.sink.messages) >= count and not suite.queue_files()
        until(arrived, 60, lambda: "%d messages, %d came; queue: %s\n%s" % (
            count, len(self.sink.messages), suite.queue_files(), suite.tail()))

    def repaired(self, suite, name, text):
        suite.make_map(name, text)
        suite.reload()

    def check(self, parameter, contents):
        """Mail waits while the table of PARAMETER is missing, and goes on when it is there."""
        suite = self.make(**{parameter: "hash:@etc@/table"})
        suite.start()
        reply = self.attempt(suite)
        self.assertNotEqual(reply.code // 100, 5, reply.lines)
        self.assertEqual(suite.sendmail(["-f", "a@far.test", "c@far.test"], TEXT).returncode, 0)
        suite.wait_for_log(r"(warning|error|fatal).*table")
        self.assertEqual(suite.count_log("status=bounced"), 0)
        self.assertEqual([m.recipients for m in self.sink.messages if m.recipients == [""]], [])
        self.repaired(suite, "table", contents)
        if reply.code != 250:
            until(lambda: self.attempt(suite).code == 250, 60, lambda: "250 after the repair\n" + suite.tail())
        self.arrives(suite, 2)
        self.assertEqual(suite.count_log("status=bounced"), 0)

    def test_virtual_aliases(self):
        self.check("virtual_alias_maps", "x@far.test y@far.test\n")

    def test_canonical(self):
        self.check("canonical_maps", "x@far.test y@far.test\n")

    def test_transport(self):
        self.check("transport_maps", "x.test smtp:\n")

    def test_sender_dependent_relayhost(self):
        self.check("sender_dependent_relayhost_maps", "x@x.test [127.0.0.1]\n")

    def test_table_of_rubbish(self):
        suite = self.make(virtual_alias_maps="hash:@etc@/table")
        suite.write("etc/table", "")
        suite.write("etc/table.db", "this is no database\n" * 1000)
        suite.start()
        reply = self.attempt(suite)
        self.assertIn(reply.code, (250, 421, 451), reply.lines)
        self.assertEqual(self.sink.messages, [])
        os.unlink(suite.path("etc/table.db"))
        self.repaired(suite, "table", "x@far.test y@far.test\n")
        until(lambda: self.attempt(suite).code == 250, 60, lambda: "250 after the repair\n" + suite.tail())
        self.arrives(suite)

    def test_table_of_a_restriction(self):
        """An access table that cannot be read opens nothing."""
        suite = self.make(smtpd_recipient_restrictions="check_recipient_access hash:@etc@/table, permit")
        suite.start()
        reply = self.attempt(suite)
        self.assertIn(reply.code, (421, 451), reply.lines)
        self.assertEqual(suite.queue_files(), [])

    def test_unknown_table_type(self):
        suite = self.make(virtual_alias_maps="nosuchtype:/x")
        suite.start()
        self.assertIn(self.attempt(suite).code, (250, 421, 451))
        suite.wait_for_log(r"nosuchtype")
        self.assertEqual(self.sink.messages, [])

    def test_aliases_gone(self):
        """local(8) cannot look: the mail waits, the user's existence is not denied."""
        user = local_user()
        suite = self.make(local_recipient_maps="")
        os.unlink(suite.path("etc/aliases.db"))
        suite.start()
        self.assertEqual(self.attempt(suite, user + "@mail.example.test").code, 250)
        suite.wait_for_log(r"to=<%s@.*status=deferred" % user)
        suite.make_aliases("")
        suite.reload()
        until(lambda: suite.flush() or "Subject: x" in suite.mailbox(user), 30, lambda: "delivery\n" + suite.tail())

    def test_unknown_user(self):
        suite = self.make()
        suite.start()
        reply = self.attempt(suite, "no-such-user@mail.example.test")
        self.assertEqual((reply.code, reply.enhanced), (550, "5.1.1"), reply.lines)
        suite.sendmail(["-f", "a@far.test", "no-such-user@mail.example.test"], TEXT)
        notice = self.sink.wait_for(1)[0]
        self.assertEqual((notice.sender, notice.recipients), ("", ["a@far.test"]))
        self.assertIn("unknown user: \"no-such-user\"", notice.text)


class BrokenSettings(unittest.TestCase):
    def make(self, **settings):
        suite = Suite(settings)
        self.addCleanup(suite.close)
        suite.make_aliases("")
        return suite

    def test_unknown_parameter(self):
        """Named by postconf; nothing else minds."""
        suite = self.make(default_transport="discard:", no_such_parameter="1")
        done = suite.run("postconf", "-n")
        self.assertIn("unused parameter: no_such_parameter=1", done.stderr)
        suite.start()
        suite.sendmail(["-f", "a@far.test", "b@far.test"], TEXT)
        suite.wait_for_log(r"to=<b@far.test>.*status=sent")

    def test_values_that_mean_nothing(self):
        for name, value in (("message_size_limit", "many"), ("queue_run_delay", "soon"), ("hash_queue_depth", "-5"),
                            ("enable_long_queue_ids", "perhaps"), ("default_process_limit", "0")):
            with self.subTest(parameter=name):
                suite = self.make()
                suite.start()
                suite.stop()
                mark = suite.log_mark()
                suite.set(**{name: value})
                code = suite.postfix("start", check=False)
                said = suite._read("postfix.out")
                if code == 0:
                    suite.wait_for_log(r"(fatal|warning|error).*%s" % name, since=mark)
                else:
                    until(lambda: name in said + "\n".join(suite.log_lines(mark)), 30, lambda: "a word on " + name)


if __name__ == "__main__":
    unittest.main()
