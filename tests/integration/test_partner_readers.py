"""Mail readers, the real ones, that rewrite an mbox while local(8) delivers into it: every message is somewhere, once, whole.

As Debian has it: the mailboxes are in a directory of root:mail, mode 2775; readers take their fcntl lock first, then the lock
file through a set-gid helper (mutt_dotlock, dotlockfile of liblockfile), where local(8), like Postfix, begins with the lock file.

A reader saves some of what it finds to a file of its own, which deletes it from the mailbox, and writes the rest back; it quits
when more has come meanwhile. mailx locks only where it writes its system mailbox back, hence $MAIL instead of -f, and it reads
under a lock that is taken for it: it would take the first half of a message that is being written for the message."""
import collections
import fcntl
import os
import re
import shutil
import tempfile
import threading
import time
import unittest

from support.receivers import ids, needed
from support.suite import SuiteTestCase
from support.terminal import Terminal
from support.wait import until

BATCHES, BATCH, SENDERS, PATIENCE = 4, 75, 3, 30
FROM = re.compile(r"From me@far\.test  ?\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$")
TEXT = "From: me@far.test\nSubject: %s %d\n\n%s\nFrom here\nlast line\n"
MUTTRC = """\
set mbox_type=mbox folder=%(home)s spoolfile=%(box)s record="" save_empty=yes mark_old=no
set delete=yes move=no quit=yes confirmappend=no confirmcreate=no beep=no sleep_time=0 timeout=1
unset wait_key
save-hook . =saved
"""


def what(number):
    """Two of three messages are to be saved."""
    return "keep" if number % 3 == 0 else "drop"


def messages(path):
    """How often each message is in an mbox file; raises AssertionError where one is not whole."""
    if not os.path.exists(path):
        return collections.Counter()
    with open(path, encoding="ascii") as box:
        text = box.read()
    assert text == "" or text.endswith("\n\n"), "the end is torn: %r" % text[-200:]
    found, lines, start = collections.Counter(), text.split("\n"), 0
    starts = [i for i, line in enumerate(lines) if line.startswith("From ")] + [len(lines) - 1]
    assert starts[0] == 0, "not at the start of a message: %r" % lines[:3]
    for start, end in zip(starts, starts[1:]):
        part = lines[start:end]
        assert FROM.match(part[0]), part
        kind, number = re.search(r"(?m)^Subject: (\w+) (\d+)$", "\n".join(part)).groups()
        body = part[part.index("") + 1:]
        assert "\n".join(body) == filling(int(number)) + "\n>From here\nlast line\n", part
        found[kind + " " + number] += 1
    return found


def filling(number):
    return "\n".join(["a line of text"] * (1 + number % 40 * 20))


class ReaderTerminal(Terminal):
    timeout = PATIENCE


class Readers(SuiteTestCase):
    main_cf = {"alias_maps": "", "mailbox_delivery_lock": "fcntl, dotlock", "mail_spool_directory": "@dir@/spool",
               "minimal_backoff_time": "1s", "queue_run_delay": "1s"}

    @classmethod
    def configure(cls, suite):
        os.mkdir(suite.path("spool"))
        shutil.chown(suite.path("spool"), "root", "mail")
        os.chmod(suite.path("spool"), 0o2775)

    def set_up(self, user):
        self.user = user
        self.home = tempfile.mkdtemp(prefix="mta-reader-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.home)
        shutil.chown(self.home, user)
        self.box, self.saved = self.suite.path("spool", user), os.path.join(self.home, "saved")
        self.addCleanup(lambda: os.path.exists(self.box) and os.unlink(self.box))

    def terminal(self, *command):
        uid, gid = ids(self.user)
        return ReaderTerminal(["setpriv", "--reuid=%d" % uid, "--regid=%d" % gid, "--clear-groups", "env", "-i", "-C", self.home,
                               "PATH=/usr/bin:/bin", "HOME=" + self.home, "TERM=vt100", "LC_ALL=C", "USER=" + self.user,
                               "MAIL=" + self.box, "MAILRC=/dev/null", *command])

    def send(self, numbers):
        try:
            with self.suite.smtp() as client:
                for i in numbers:
                    client.message("me@far.test", [self.user + "@localhost"], TEXT % (what(i), i, filling(i)))
        except BaseException as problem:
            self.problems.append(problem)

    def deliver(self, batch):
        """Begin to send a part of the messages."""
        numbers = range(batch * BATCH, (batch + 1) * BATCH)
        self.threads = [threading.Thread(target=self.send, args=(numbers[first::SENDERS],)) for first in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def delivered(self):
        for thread in self.threads:
            thread.join()
        self.assertEqual(self.problems, [])
        self.suite.wait_queue_empty(60)

    def read_while_delivering(self, session):
        """SESSION(go_on) is one of a reader's: it calls GO_ON where the mailbox is open, and saves and quits while mail comes."""
        self.problems = []
        self.deliver(0)
        self.delivered()
        for batch in range(1, BATCHES):
            def go_on():
                before = os.path.getsize(self.box)
                self.deliver(batch)
                until(lambda: os.path.getsize(self.box) > before, PATIENCE, lambda: "more mail; " + self.suite.tail())
            session(go_on)
            self.delivered()
        everything = {"%s %d" % (what(i), i): 1 for i in range(BATCHES * BATCH)}
        self.assertEqual(messages(self.saved) + messages(self.box), everything)
        session(lambda: None)
        self.assertEqual(messages(self.saved), {name: 1 for name in everything if name.startswith("drop")})
        self.assertEqual(messages(self.box), {name: 1 for name in everything if name.startswith("keep")})
        self.assertEqual(os.listdir(self.suite.path("spool")), [self.user])

    @needed("/usr/bin/mutt mutt")
    def test_mutt(self):
        self.set_up("games")
        muttrc = os.path.join(self.home, "muttrc")
        with open(muttrc, "w", encoding="ascii") as f:
            f.write(MUTTRC % {"home": self.home, "box": self.box})

        def session(go_on):
            with self.terminal("mutt", "-n", "-F", muttrc, "-f", self.box) as at:
                at.expect(r"Msgs:[1-9]")
                go_on()
                at.press("T~s drop\n;s\n$")
                # it stays when mail comes, or a lock does not, while it writes
                deadline = time.monotonic() + PATIENCE
                while at.runs():
                    self.assertLess(time.monotonic(), deadline, at.seen)
                    at.press("q")
                    at.read(0.2)
                self.assertEqual(at.process.returncode, 0, at.seen)
        self.read_while_delivering(session)

    @needed("/usr/bin/bsd-mailx bsd-mailx")
    def test_mailx(self):
        self.set_up("news")

        def session(go_on):
            box = open(self.box, "r+b")
            fcntl.lockf(box, fcntl.LOCK_EX)
            with self.terminal("bsd-mailx", "-n", "-N") as at:
                with box:
                    at.expect("^& ")
                go_on()
                at.type("s /drop " + self.saved)
                at.expect("^& ")
                at.type("q")
                self.assertEqual(at.ends(), 0, at.seen)
        self.read_while_delivering(session)


if __name__ == "__main__":
    unittest.main()
