"""pipe(8): what is not in the comparison: hostile addresses, much input, time limits, processes that die."""
import os
import signal

from support.suite import SuiteTestCase
from support.wait import until

KEEP = '#!/bin/sh\ncat >"$1/$$.part" && mv "$1/$$.part" "$1/$$.done"\n'
WAIT = '#!/bin/sh\necho $$ >>"$1/started"; cat >/dev/null; while [ -e "$1/wait" ]; do sleep 0.05; done; echo x >>"$1/ended"\n'


class Pipe(SuiteTestCase):
    main_cf = {"recipient_delimiter": "+", "transport_maps": "inline:{keep.test=keep:, wait.test=wait:, echo.test=echo:,"
               " early.test=early:, chatty.test=chatty:}", "command_time_limit": "50s", "chatty_time_limit": "1s",
               "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "queue_run_delay": "1s",
               "transport_retry_time": "1s"}

    @classmethod
    def configure(cls, suite):
        for name, text in (("keep", KEEP), ("wait", WAIT)):
            os.chmod(suite.write("etc/" + name, text), 0o755)
        suite.master_cf = (
            "keep unix - n n - - pipe user=nobody argv=@etc@/keep @dir@/mail\n"
            "wait unix - n n - - pipe user=nobody argv=@etc@/wait @dir@/mail\n"
            "echo unix - n n - - pipe user=nobody argv=/bin/echo -- $recipient\n"
            "early unix - n n - - pipe user=nobody argv=/bin/true\n"
            "chatty unix - n n - - pipe user=nobody argv=/usr/bin/yes\n")
        suite.write_config()

    def send(self, recipient, text="Subject: x\n\nx\n"):
        """The queue id; nobody hears of its fate."""
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "-f", "", recipient], text)
        return self.suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)

    def status(self, recipient, text="Subject: x\n\nx\n"):
        return self.suite.wait_for_log(self.send(recipient, text) + r": to=.* status=(.*)").group(1)

    def test_addresses_are_one_argument_each(self):
        for user in ("a;id", "$(id)", "`id`", "a|b", "a b", "a'b", "$$", "${sender}"):
            with self.subTest(user):
                self.assertEqual(self.status('"%s"@echo.test' % user),
                                 "sent (delivered via echo service (-- %s@echo.test))" % user)

    def test_much_input(self):
        body = "Subject: x\n\n" + "0123456789" * 6 + "\n"
        self.assertIn("sent", self.status("a@keep.test", body + ("x" * 70 + "\n") * 40000))
        sizes = [os.path.getsize(self.suite.path("mail", n)) for n in os.listdir(self.suite.path("mail"))
                 if n.endswith(".done")]
        self.assertGreater(max(sizes), 40000 * 71)

    def test_command_that_reads_nothing(self):
        self.assertEqual(self.status("a@early.test", "Subject: x\n\n" + ("x" * 70 + "\n") * 10000),
                         "sent (delivered via early service)")

    def test_endless_output(self):
        status = self.status("a@chatty.test")
        self.assertIn('bounced (Command time limit exceeded: "/usr/bin/yes". Command output: y y', status)
        self.assertLess(len(status), 9000)

    def test_killed_while_the_command_runs(self):
        """pipe dies: the mail stays, and the command runs once more."""
        gate = self.suite.write("mail/wait", "")
        queue_id = self.send("a@wait.test")
        started = self.suite.path("mail/started")
        until(lambda: os.path.exists(started), 60, "the command")
        for pid in self.suite.processes()["pipe"]:
            os.kill(pid, signal.SIGKILL)
        self.suite.wait_for_log(queue_id + r": to=<a@wait.test>.*status=deferred")
        os.unlink(gate)
        self.suite.wait_for_log(queue_id + r": to=<a@wait.test>.*status=sent \(delivered via wait service\)")
        self.suite.wait_queue_empty()
        with open(started) as f:
            self.assertEqual(len(f.readlines()), 2)
