"""local(8) beside Postfix: the status lines of what aliases can list, and the mailboxes that result."""
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase, log_of_message
from support.mask import mask_lines

USER = "nobody"
ALIASES = """\
one: %(u)s
two: %(u)s, daemon, one
self: self
ring: ring2
ring2: ring
usage: "|echo some output; exit 64"
unknown: "|exit 67"
later: "|echo tmp; exit 75"
odd: "|exit 99"
own: "|echo 4.1.9 custom text; exit 1"
killed: "|kill -9 $$"
missing: |/no/such/command
nowhere: "|no-such-command x"
null: /dev/null
no-dir: /nonexist/file
no-list: :include:/nonexist/list
relative: :include:list
broken: foo bar@
nothing: <>
colon: :fail:x
backslash: \\%(u)s
owned: "|/bin/true", /dev/null
owner-owned: %(u)s
required: mailer-daemon
extended: %(u)s+x
""" % {"u": USER}

TEXT = "From: a@far.test\nSubject: s\n\nFrom here\n>From there\n.\ntext\n"


@oracle.needed
class LocalLikeTheOracle(ComparisonTestCase):
    main_cf = {"recipient_delimiter": "+"}
    aliases = ALIASES

    def status_lines(self, suite, to, *options):
        mark = suite.log_mark()
        suite.sendmail(["-i", "-f", "%s@mail.example.test" % USER, *options, to], TEXT)
        pid_and_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark)
        queue_id = pid_and_id.group(1)
        lines = [line for line in log_of_message(suite, queue_id, mark) if queue_id + ": to=" in line]
        lines = [re.sub(r"^.*?: \w+: |delays?=[^ ]+ ", "", line) for line in lines]
        self.assertTrue(lines, suite.tail())
        return mask_lines(lines, suite)

    def test_status(self):
        names = [line.split(":")[0] for line in ALIASES.splitlines()]
        for name in names + ["no-such+x", "postmaster", USER.upper()]:
            with self.subTest(name):
                self.assert_same(self.status_lines(self.ours, name),
                                 self.status_lines(self.theirs, name), "mail to " + name)

    def test_probe(self):
        for name in ("two", "usage", "null", "no-such"):
            with self.subTest(name):
                self.assert_same(self.status_lines(self.ours, name, "-bv"),
                                 self.status_lines(self.theirs, name, "-bv"), "probe of " + name)

    def test_mailbox(self):
        boxes = []
        for suite in (self.ours, self.theirs):
            self.status_lines(suite, "daemon+x")
            boxes.append(mask_lines(suite.mailbox("daemon").splitlines()[-14:], suite))
        self.assert_same(boxes[0], boxes[1], "mailbox")


if __name__ == "__main__":
    unittest.main()
