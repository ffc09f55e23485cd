"""Load that remembers what was accepted: clients who insist, something that kills, and the final count."""
import collections
import os
import re
import signal
import subprocess
import threading
import time

from .smtp import SmtpClient
from .wait import until

PATIENCE = 0.05             # seconds before a client tries again


class Account:
    """What became of each unique id: accepted (and by what), and how often nobody can know."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = {}                          # id: destination
        self.unsure = collections.Counter()         # id: attempts that ended without an answer
        self.refused = collections.Counter()        # first words of each refusal

    def accept(self, name, destination):
        with self.lock:
            self.accepted[name] = destination

    def doubt(self, name):
        with self.lock:
            self.unsure[name] += 1

    def refuse(self, why):
        with self.lock:
            self.refused[why[:60]] += 1


class Load:
    """At least COUNT messages to DESTINATIONS in turn, and more until ENOUGH() says so, by clients who
    repeat what was not accepted."""

    def __init__(self, suite, count, destinations, smtp_clients=6, sendmails=2, deadline=120,
                 enough=lambda: True):
        self.suite, self.account = suite, Account()
        self.destinations, self.count, self.enough = destinations, count, enough
        self.begun = 0
        self.deadline = time.monotonic() + deadline
        self._again_later = collections.deque()
        self.threads = [threading.Thread(target=self._smtp_client, daemon=True) for _ in range(smtp_clients)]
        self.threads += [threading.Thread(target=self._sendmail, daemon=True) for _ in range(sendmails)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def finish(self):
        """Wait for the clients; how many messages they could not place in time."""
        for thread in self.threads:
            thread.join()
        return len(self._again_later) + max(0, self.count - self.begun)

    def _next(self):
        if time.monotonic() > self.deadline:
            return None
        with self.account.lock:
            if self._again_later:
                number = self._again_later.popleft()
            elif self.begun < self.count or not self.enough():
                number, self.begun = self.begun, self.begun + 1
            else:
                return None
        return number, "id%06d" % number, self.destinations[number % len(self.destinations)]

    def text(self, name, number):
        filler = "%s line of filler\n" % name
        return "Subject: %s\n\n%sEND %s\n" % (name, filler * (number * 7 % 97), name)

    def _again(self, number):
        self._again_later.append(number)
        time.sleep(PATIENCE)

    def _smtp_client(self):
        client = None
        while True:
            work = self._next()
            if not work:
                break
            number, name, destination = work
            sent = False
            try:
                if client is None:
                    client = SmtpClient(("127.0.0.1", self.suite.port), 20)
                    self._must(client.greeting())
                    self._must(client.ehlo())
                self._must(client.mail("sender@far.test"))
                self._must(client.rcpt(destination))
                self._must(client.cmd("DATA"), 3)
                sent = True
                self._must(client.body(self.text(name, number)))
                self.account.accept(name, destination)
            except Refused as e:
                self.account.refuse(str(e))
                client = self._drop(client)
                self._again(number)
            except (OSError, AssertionError, ValueError):
                if sent:
                    self.account.doubt(name)
                client = self._drop(client)
                self._again(number)
        self._drop(client)

    @staticmethod
    def _must(reply, first=2):
        if reply.code // 100 != first:
            raise Refused(" ".join(reply.lines))

    @staticmethod
    def _drop(client):
        if client:
            client.close()

    def _sendmail(self):
        while True:
            work = self._next()
            if not work:
                break
            number, name, destination = work
            done = subprocess.run(
                [self.suite.product.command("sendmail"), "-i", "-f", "sender@far.test", destination],
                input=self.text(name, number).encode(), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=self.suite.env, cwd=self.suite.dir)
            if done.returncode == 0:
                self.account.accept(name, destination)
            else:
                self.account.doubt(name)
                self._again(number)


class Refused(Exception):
    """A complete reply that says no."""


class Killer(threading.Thread):
    """SIGKILL for one process after the other, of KINDS in turn, at moments drawn from RANDOM."""

    def __init__(self, suite, random, kinds, pause=(0.05, 0.4)):
        super().__init__(daemon=True)
        self.suite, self.random, self.kinds, self.pause = suite, random, list(kinds), pause
        self.kills = collections.Counter()
        self.restarts = 0
        self.failure = None
        self.ending = threading.Event()

    def run(self):
        try:
            while not self.ending.is_set():
                order = list(self.kinds)
                self.random.shuffle(order)
                for kind in order:
                    if self.ending.wait(self.random.uniform(*self.pause)):
                        break
                    self._kill_one(kind)
        except Exception as e:              # shown by finish()
            self.failure = e

    def _kill_one(self, kind):
        for _ in range(20):             # some live for milliseconds
            pids = sorted(self.suite.processes().get(kind, []))
            if pids:
                break
        else:
            return
        pid = self.random.choice(pids)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[kind] += 1
        if kind == "master":
            until(lambda: pid not in self.suite.pids(), 60, "death of the master")
            restart(self.suite)
            self.restarts += 1

    def finish(self):
        """Stop; afterwards the instance is up."""
        self.ending.set()
        self.join()
        if self.failure:
            raise self.failure
        restart(self.suite)


def restart(suite, timeout=60):
    """`postfix start` until there is a master: the processes of the one before may still be leaving."""
    end = time.monotonic() + timeout
    while not suite.master_pid():
        if time.monotonic() > end:
            raise AssertionError("no master within %d s after its death\n%s" % (timeout, suite.tail()))
        suite.postfix("start", check=False)
        time.sleep(PATIENCE)


def complete_copies(text):
    """{id: how often} of the whole messages of Load.text() in TEXT; what was cut off does not count."""
    copies, current = collections.Counter(), None
    for line in text.split("\n"):
        found = re.match(r"Subject: (id\d{6})$", line)
        if found:
            current = found.group(1)
        elif current and line == "END " + current:
            copies[current] += 1
            current = None
    return copies


def maildir_texts(path):
    """The messages of a Maildir."""
    for name in ("new", "cur"):
        for where, _, files in os.walk(os.path.join(path, name)):
            for file in files:
                with open(os.path.join(where, file), encoding="latin-1") as f:
                    yield f.read()
