"""The main ways of a message, with every daemon under valgrind (support.valgrind)."""
import copy
import os
import shutil
import subprocess
import tempfile
import unittest

from support import product as products, valgrind
from support.queued import wait_queued
from support.sink import Sink
from support.suite import SuiteTestCase

WAIT = 60       # valgrind takes a second to start each program

TEXT = "From: <s@far.test>\nTo: <u@far.test>\nSubject: =?utf-8?q?caf=C3=A9?=\nX-Drop: this\nContent-Type: text/plain\n\ntext\n"
FAULTY = b"#include <stdlib.h>\nint main(void) { char *p = malloc(1); return *p == 'x' ? 1 : 0; }\n"


class Valgrind(SuiteTestCase):
    valgrind = True
    main_cf = {"transport_maps": "inline:{ {fail.test=error:5.1.1 no such user} {there.test=retry:4.0.0 held} }",
               "canonical_maps": "inline:{ {old@there.test=s@there.test} }", "local_recipient_maps": "",
               "header_checks": "regexp:{ {/^X-Drop:/ IGNORE} }", "smtpd_reject_unlisted_recipient": "no"}
    aliases = 'list: nobody, "|cat >/dev/null"\n'

    @classmethod
    def setUpClass(cls):
        reason = valgrind.missing(products.staged())
        if reason:
            raise unittest.SkipTest(reason)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        super().setUpClass()

    @classmethod
    def configure(cls, suite):
        suite.set(relayhost=cls.sink.nexthop)

    def submit(self, sender, *recipients):
        """Send TEXT by SMTP; the queue id."""
        with self.suite.smtp(timeout=WAIT) as c:
            reply = c.message(sender, recipients, TEXT)
            return reply.text.split()[-1]

    def wait_removed(self, queue_id):
        self.suite.wait_for_log(queue_id + ": removed", WAIT)

    def test_smtp_to_mailbox_and_command(self):
        queue_id = self.submit("old@there.test", "list@localhost", "nobody@localhost")
        self.wait_removed(queue_id)
        self.assertIn("Subject: =?utf-8?q?caf=C3=A9?=", self.suite.mailbox("nobody"))
        self.assertNotIn("X-Drop", self.suite.mailbox("nobody"))
        self.suite.wait_for_count(r"local\[.*to=<list@localhost>|orig_to=<list@localhost>", 2)

    def test_sendmail_to_smtp_server(self):
        self.suite.sendmail(["-i", "-f", "s@there.test", "u@far.test", "v@far.test"], TEXT)
        message = self.sink.wait_for(1, WAIT)[0]
        self.assertEqual(message.recipients, ["u@far.test", "v@far.test"])
        self.suite.wait_for_log(r"smtp\[.*to=<v@far.test>.*status=sent", WAIT)

    def test_bounce(self):
        queue_id = self.submit("s@there.test", "u@fail.test")
        report = self.suite.wait_for_log(queue_id + r": sender non-delivery notification: (\w+)", WAIT).group(1)
        self.wait_removed(queue_id)
        self.suite.wait_for_log(report + r": to=<s@there.test>.*status=deferred", WAIT)
        self.suite.wait_deferred(report)
        self.assertEqual(wait_queued(self.suite, report).sender, "")
        self.assertEqual([m["queue_id"] for m in self.suite.queue()], [report])


class Reports(unittest.TestCase):
    """What valgrind finds fails a test."""

    def test_finding_is_a_report(self):
        reason = valgrind.missing(products.staged())
        if reason:
            self.skipTest(reason)
        with tempfile.TemporaryDirectory() as directory:
            product = copy.copy(products.staged())
            product.daemons = os.path.join(directory, "faulty")
            os.makedirs(product.daemons)
            self.build_faulty(product.daemon("master"))
            wrapped = valgrind.wrapped(product, os.path.join(directory, "valgrind"), directory)
            status = subprocess.run([wrapped.daemon("master")]).returncode
            self.assertEqual(status, 99)
            reports = [n for n in os.listdir(directory) if n.startswith("valgrind.master.")]
            self.assertEqual(len(reports), 1)
            with open(os.path.join(directory, reports[0])) as f:
                self.assertIn("uninitialised", f.read())

    def build_faulty(self, path):
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            self.skipTest("no C compiler")
        subprocess.run([compiler, "-O0", "-x", "c", "-", "-o", path], check=True, input=FAULTY)


if __name__ == "__main__":
    unittest.main()
