"""A deferred queue of a hundred thousand: new mail does not wait for it, and the tools still work.

Times and memory are printed; MTA_BACKLOG changes the number.
"""
import os
import shutil
import sys
import time
import unittest

from support.memory import pss
from support.queue_files import log_file, make_spool, queue_file
from support.suite import Suite
from support.wait import until

COUNT = int(os.environ.get("MTA_BACKLOG", "100000"))
REASON = "connect to mail.far.test[192.0.2.1]:25: Connection timed out"


def make_backlog(queue_directory, count, owner="postfix"):
    """COUNT messages that are due in an hour or later, and as many more seconds apart, with a defer log each."""
    later = int(time.time()) + 3600
    uid = gid = None
    if os.geteuid() == 0:
        import pwd
        uid, gid = pwd.getpwnam(owner)[2:4]
    for letter in "0123456789ABCDEF":
        for queue in ("deferred", "defer"):
            os.makedirs(os.path.join(queue_directory, queue, letter), mode=0o700, exist_ok=True)
            if uid is not None:
                os.chown(os.path.join(queue_directory, queue, letter), uid, gid)
    for i in range(count):
        data = queue_file(sender="s%d@far.test" % i, recipients=("r%d@d%d.test" % (i, i % 500),),
                          arrival=int(time.time()) - 60)
        new = os.path.join(queue_directory, "deferred", ".new")
        fd = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o700)
        os.write(fd, data)
        os.utime(fd, (later + i % 3600, later + i % 3600))
        if uid is not None:
            os.fchown(fd, uid, gid)
        queue_id = "%05X%X" % (i * 10 % 1000000, os.fstat(fd).st_ino)
        os.close(fd)
        os.rename(new, os.path.join(queue_directory, "deferred", queue_id[0], queue_id))
        write_log(os.path.join(queue_directory, "defer", queue_id[0], queue_id), i, uid, gid)


def write_log(path, number, uid, gid):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    os.write(fd, log_file([{"recipient": "r%d@d%d.test" % (number, number % 500), "status": "4.4.1",
                            "action": "delayed", "reason": REASON}]))
    if uid is not None:
        os.fchown(fd, uid, gid)
    os.close(fd)


class Backlog(unittest.TestCase):
    def setUp(self):
        self.suite = Suite({"default_transport": "discard:", "queue_run_delay": "2s"})
        self.addCleanup(self.suite.close)
        make_spool(self.suite.queue_directory)
        begun = time.monotonic()
        make_backlog(self.suite.queue_directory, COUNT)
        self.figures = ["%d messages written in %.1f s" % (COUNT, time.monotonic() - begun)]

    def note(self, what, begun):
        self.figures.append("%s %.2f s" % (what, time.monotonic() - begun))

    def send(self, what):
        mark, begun = self.suite.log_mark(), time.monotonic()
        with self.suite.smtp() as client:
            client.message("a@far.test", ["b@far.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<b@far.test>.*status=sent", since=mark)
        self.note(what, begun)

    def test_new_mail_first(self):
        begun = time.monotonic()
        self.suite.start()
        self.note("start", begun)
        self.send("first message")
        pid = until(lambda: self.suite.processes().get("qmgr"), 30, "qmgr")[0]
        for i in range(5):
            self.send("message %d" % (i + 2))
        begun = time.monotonic()
        listed = self.suite.postqueue()
        self.note("postqueue -p", begun)
        self.assertIn("in %d Requests." % COUNT, listed.splitlines()[-1])
        self.assertEqual(listed.count("@d7.test"), COUNT // 500)
        self.assertEqual(listed.count("(%s)" % REASON), COUNT)
        self.figures.append("qmgr has %d bytes for each" % (pss(pid) / COUNT))

        # nothing of it was touched: none of it is due
        self.assertEqual(self.suite.count_log(r"to=<r\d+@d"), 0)
        self.assertEqual(len(self.suite.queue_files("deferred")), COUNT)

        # made due, each is tried; new mail is not behind all of it
        begun = time.monotonic()
        self.suite.flush()
        self.send("message after flush")
        self.send("another")
        self.assertGreater(len(self.suite.queue_files("deferred", "incoming", "active")), 0,
                           "the backlog went first, or is too small to tell")
        until(lambda: not self.suite.queue_files(), 400, lambda: "delivery of all; %d left" % len(self.suite.queue_files()))
        self.note("delivery of all", begun)
        self.suite.wait_for_count(r"to=<r\d+@d\d+.test>.*status=sent", COUNT)
        until(lambda: not self.suite.queue_files("defer"), 30, "no defer log that stays")

    def tearDown(self):
        print("\n".join(self.figures), file=sys.stderr)
        for queue in ("deferred", "defer"):
            shutil.rmtree(self.suite.path("queue", queue), ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
