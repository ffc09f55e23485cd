"""postqueue and postsuper against Debian's: the same queue, listed, changed and repaired by both."""
import json
import os
import re
import shutil
import unittest

from support import oracle, product
from support.queue_files import log_file, make_spool, put, queue_file
from support.suite import Suite

REASON = "connect to 127.0.0.1[127.0.0.1]:1: Connection refused"


def fill(queue):
    """A queue with something of everything."""
    def add(path, mode=0o700, **what):
        put(queue, path, queue_file(**what), mode)

    def log(queue_id, *reasons):
        put(queue, "defer/%s/%s" % (queue_id[0], queue_id),
            log_file([{"recipient": r, "offset": 1, "status": "4.4.1", "reason": why}
                      for r, why in reasons]), 0o600)
    add("maildrop/AAAAA1001", 0o744, with_size=False, sender="root")
    add("maildrop/AAAAA1002", sender="requeued")
    add("maildrop/AAAAA1003", 0o600, sender="unfinished")
    add("incoming/BBBBB1001")
    add("incoming/BBBBB1002", 0o600)
    add("incoming/4jX8CZ3nYbz1bkqk", sender="long")
    add("active/CCCCC1001")
    add("active/CCCCC1002", 0o710, recipients=("a@x.test", "A@x.test", "a@x.test"))
    add("deferred/D/D0001F001", recipients=("a@x.test", "b@x.test", "c@x.test",
                                            ("d@x.test", None, "D"), ("e@x.test", None, "/")))
    log("D0001F001", ("a@x.test", REASON), ("b@x.test", REASON), ("c@x.test", "two"))
    add("deferred/D/D0001F002", recipients=("a@x.test", "b@x.test"), sender="")
    log("D0001F002", ("b@x.test", "r" * 100))
    add("deferred/D/D0001F003", recipients=("a b@x.test", "", "x\xe4@y.test", '"q"@x.test'),
        sender="weird \"'<>&\x7f@x", text=b"x" * 100 + b"\n" * 2000)
    add("deferred/D/D0001F004", recipients=())
    add("deferred/D/D0001F005", 0o740)
    add("deferred/D/D0001F006", 0o400)
    add("deferred/E/D0001F00B")
    add("deferred/D0001F00A")
    add("hold/EEEEE1001", 0o710)
    add("hold/EEEEE1002")
    log("EEEEE1002", ("r@y.test", "hold log"))


@oracle.needed
class QueueTools(unittest.TestCase):
    def setUp(self):
        self.sides = []
        for which in (product.staged(), oracle.product()):
            suite = Suite({}, product=which)
            self.addCleanup(suite.close)
            self.sides.append(suite)
        # one queue for both, so that directories list in the same order and inodes are the same
        self.queue = self.sides[0].queue_directory
        for suite in self.sides:
            suite.set(queue_directory=self.queue)
            suite.write("maillog", "")          # which mail_owner may not create in that directory
            shutil.chown(suite.log_path, "postfix")

    def fill(self):
        shutil.rmtree(self.queue)
        make_spool(self.queue)
        fill(self.queue)

    def run_side(self, suite, *args):
        done = suite.run(args[0], *args[1:], check=False)
        errors = [line for line in done.stderr.splitlines()
                  if re.match(r"post(queue|super): ", line)]
        return [str(done.returncode)] + done.stdout.splitlines() + errors

    def files(self):
        """Path and mode of each file; numbers of inodes, which differ, are masked."""
        paths = [os.path.join(where, name) for where, _, names in os.walk(self.queue) for name in names]
        inodes = "|".join("%X" % os.stat(path).st_ino for path in paths)
        return sorted("%s %o" % (re.sub("(%s)$" % inodes, "INODE", os.path.relpath(path, self.queue)),
                                 os.stat(path).st_mode) for path in paths)

    def compare(self, *args):
        with self.subTest(args=args):
            ours, theirs = (self.run_side(suite, *args) for suite in self.sides)
            self.assertEqual(ours, theirs)

    def test_listing(self):
        self.fill()
        self.compare("postqueue", "-p")
        for suite in self.sides:
            suite.set(enable_long_queue_ids="yes")
        self.compare("postqueue", "-p")

    def test_json(self):
        self.fill()
        ours, theirs = (self.run_side(suite, "postqueue", "-j")[1:] for suite in self.sides)
        self.assertEqual([line for line in ours if line[0] == "{"],
                         [line for line in theirs if line[0] == "{"])
        for line in ours:
            if line[0] == "{":
                json.loads(line)

    def test_empty_and_errors(self):
        make_spool(self.queue)
        for args in (("-p",), ("-j",), ("-f",), ("-i", "AAAA1"), ("-i", "a/b"), ("-s", "x.test"),
                     ("-s", "127.0.0.1"), ("-s", "[1.2.3]"), (), ("-x",), ("-p", "-j"), ("-p", "x")):
            self.compare("postqueue", *args)
        for args in (("-x",), ("nosuch",), ("-d", "ALL", "nosuch"), ("-c", "etc"), ("",),
                     ("-d", ""), ("-h", "../x"), ("-d", "all")):
            self.compare("postsuper", *args)

    def sequence(self, *commands):
        """The same commands on the same queue by both, and what they leave."""
        results = []
        for suite in self.sides:
            self.fill()
            said = [self.run_side(suite, "postsuper", *args) for args in commands]
            results.append((said, self.files()))
        self.assertEqual(results[0][0], results[1][0])
        self.assertEqual(results[0][1], results[1][1])

    def test_messages_by_name(self):
        self.sequence(("-h", "D0001F001"), ("-h", "D0001F001"), ("-e", "D0001F002"),
                      ("-h", "D0001F002"), ("-f", "D0001F002"), ("-H", "D0001F001"),
                      ("-r", "D0001F003", "-r", "D0001F004", "-d", "CCCCC1001", "-H", "EEEEE1001",
                       "-h", "BBBBB1001", "-f", "EEEEE1002"),
                      ("-d", "D0001F005", "incoming"), ("-d", "D0001F005", "hold", "deferred"),
                      ("-d", "BBBBB1002"), ("-d", "D0001F006"), ("-d", "AAAAA1001"))

    def test_all_messages(self):
        self.sequence(("-e", "ALL"), ("-h", "ALL", "incoming"), ("-f", "ALL", "-H", "ALL", "-h", "ALL"),
                      ("-f", "ALL"), ("-r", "ALL", "-h", "ALL"))
        self.sequence(("-h", "ALL", "-d", "ALL", "incoming", "active", "hold"), ("-d", "ALL"))

    def test_structure(self):
        self.sequence(("-s",), ("-s", "-p"))


if __name__ == "__main__":
    unittest.main()
