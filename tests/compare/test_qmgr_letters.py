"""What public/qmgr is told by letters: which messages it takes whose time has not come, in incoming and in deferred."""
import os
import socket
import time

from support import oracle
from support.compare import ComparisonTestCase, at_once
from support.wait import until

MESSAGES = 120
# name: letters that are sent, and "@QUEUE": a message whose time is to come is put there
CASES = {
    "incoming": ["@incoming", "I"],
    "wake-up": ["@incoming", "W"],
    "incoming, dead ones too": ["@incoming", "FI"],
    "incoming at once": ["@incoming", "AI"],
    "incoming at once, the other way round": ["@incoming", "IA"],
    "wake-up at once": ["@incoming", "AW"],
    "incoming, said before": ["A", "@incoming", "I"],
    "incoming, once only": ["AI", "@incoming", "I"],
    "incoming, not for deferred": ["AD", "@incoming", "I"],
    "deferred": ["@deferred", "D"],
    "deferred at once": ["@deferred", "AD"],
    "deferred, said before": ["A", "@deferred", "D"],
    "deferred, once only": ["AD", "@deferred", "D"],
    "deferred, not for incoming": ["AI", "@deferred", "D"],
    "as postqueue -f": ["@incoming", "@deferred", "FADI"],
}
QUEUES = {"I": "incoming", "W": "incoming", "D": "deferred"}


@oracle.needed
class Letters(ComparisonTestCase):
    main_cf = {"default_transport": "discard:", "smtpd_sender_restrictions": "check_sender_access static:HOLD"}

    def path(self, suite, queue, queue_id):
        return os.path.join(suite.queue_directory, queue, *(queue_id[:1] if queue == "deferred" else ""), queue_id)

    def put(self, suite, queue, ahead_s):
        """A message out of hold, to be tried AHEAD_S from now."""
        queue_id = suite.stock.pop()
        held, path = self.path(suite, "hold", queue_id), self.path(suite, queue, queue_id)
        os.utime(held, (time.time() + ahead_s,) * 2)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.chown(os.path.dirname(path), os.stat(held).st_uid, -1)
        os.rename(held, path)
        return path

    @staticmethod
    def kick(suite, letters):
        """As postkick does, until qmgr has read it: Postfix's may close the connection before."""
        last = None
        for _ in range(100):
            try:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(30)
                    sock.connect(os.path.join(suite.queue_directory, "public", "qmgr"))
                    sock.sendall(letters.encode())
                    sock.recv(1)
                    return
            except (BrokenPipeError, ConnectionResetError) as problem:
                last = problem
        raise AssertionError("%s to qmgr: %s\n%s" % (letters, last, suite.tail()))

    def send(self, suite, letters):
        """Until the looks that LETTERS ask for are over: two more find messages that are due."""
        self.kick(suite, letters)
        for letter, queue in QUEUES.items():
            for _ in range(2 if letter in letters else 0):
                due = self.put(suite, queue, -60)
                self.kick(suite, letter)
                until(lambda path=due: not os.path.exists(path), 30, lambda: "%s\n%s" % (queue, suite.tail()))

    def run_case(self, suite, steps):
        put = []
        for step in steps:
            if step[0] == "@":
                put.append(self.put(suite, step[1:], 3600))
            else:
                self.send(suite, step)
        stayed = [path for path in put if os.path.exists(path)]
        for path in stayed:
            os.unlink(path)
        for letters in ("I", "D"):      # an A that nothing followed yet
            self.send(suite, letters)
        return ["stays" if path in stayed else "taken" for path in put]

    def run_all(self, suite):
        with suite.smtp() as client:
            for _ in range(MESSAGES):
                client.message("me@far.test", ["you@far.test"], "Subject: x\n\nx\n")
        suite.stock = list(suite.queue_ids("hold"))
        return {name: self.run_case(suite, steps) for name, steps in CASES.items()}

    def test_letters(self):
        ours, theirs = at_once(self.run_all, (self.ours, self.theirs))
        self.assertEqual(ours, theirs)
        self.assertEqual(ours["incoming"] + ours["as postqueue -f"], ["stays", "taken", "taken"])
