"""Put the same input through two products and compare what comes back, after masking.

Each test method of a ComparisonTestCase talks to both instances, self.ours and self.theirs.
MTA_COMPARE=self puts the oracle on both sides, which shows what the tests themselves are worth.
"""
import difflib
import os
import re
import socket
import ssl
import sys
import unittest
from concurrent import futures

from . import oracle, product as products
from .mask import mask, mask_lines
from .renew import renew
from .sink import Sink
from .smtp import SmtpClient
from .suite import END_OF_LOG, Suite
from .wait import until

CLOSED = "(connection closed)"
# what the oracle's release has not yet is off on our side
OLDER = {"requiretls_enable": "no", "smtp_log_tls_feature_status": "no", "lmtp_log_tls_feature_status": "no"}

# nothing is tried again by itself, in the middle of another test: neither mail nor a service that ended with an error
ONCE = {"queue_run_delay": "1h", "minimal_backoff_time": "1h", "service_throttle_time": "1h"}


class Side(Suite):
    """An instance whose reload() leaves nobody behind who would take the next connection with the old settings."""
    resolver_options = "timeout:10 attempts:2"      # no name server is silent here; ours may have to wait for a processor

    def reload(self):
        renew(self)


def whole_log(suite, since=0):
    """The log lines after SINCE, with those of all that has happened."""
    suite.sync_log()
    return [line for line in suite.log_lines(since) if not re.search(END_OF_LOG, line)]


def wait_at_rest(suite, timeout=120):
    """No message is on its way. Two looks: one may miss a report that is made while the message it is about goes."""
    def busy():
        return suite.queue_files("maildrop", "incoming", "active")
    until(lambda: not busy() and not busy(), timeout, lambda: "rest; still there: %s\n%s" % (busy(), suite.tail()))


def log_of_message(suite, queue_id, since=0):
    """The log lines after SINCE, when the queue manager has removed the message or put it off."""
    def is_done():
        return (any(path.endswith("/" + queue_id) for path in suite.queue_files("deferred"))
                or suite.count_log(": %s: removed$" % queue_id, since))
    until(is_done, 60, lambda: "the end of %s\n%s" % (queue_id, suite.tail()))
    return whole_log(suite, since)


def at_once(look, suites):
    """What LOOK(suite) returns for each of SUITES, which do not wait for one another."""
    with futures.ThreadPoolExecutor(len(suites)) as pool:
        return list(pool.map(look, suites))


def sides():
    ours = oracle.product() if os.environ.get("MTA_COMPARE") == "self" else products.staged()
    return ours, oracle.product()


def run_session(suite, steps, port=None, connect=None):
    """Send STEPS (text: a command line; bytes: as it is); the masked replies.

    A tuple (bytes, n) awaits n replies, for pipelined commands; n = 0 awaits none. A function is called
    with the client and returns a reply, or None when there is none. CONNECT is called with it before the greeting.
    """
    replies = []
    client = SmtpClient(("127.0.0.1", port or suite.port), 30)
    try:
        if connect:
            connect(client)
        replies.append(client.greeting().lines)
        for step in steps:
            if callable(step):
                reply = step(client)
                replies.append(reply.lines if reply else [])
                continue
            data, count = step if isinstance(step, tuple) else (step, 1)
            client.send(data if isinstance(data, bytes) else data + "\r\n")
            for _ in range(count):
                replies.append(client.read_reply().lines)
    except (AssertionError, ConnectionError, ssl.SSLError):
        replies.append([CLOSED])
    except socket.timeout:
        replies.append(["(no reply)"])
    finally:
        client.close()
    return [mask("\n".join(lines), suite) for lines in replies]


def transcript(steps, replies):
    """For the eye: what was said and what came back."""
    said = ["(connect)"]
    for step in steps:
        data, count = step if isinstance(step, tuple) else (step, 1)
        said += [getattr(data, "__name__", None) or repr(data)] * count
    return ["%s\n    %s" % (s, r.replace("\n", "\n    ")) for s, r in zip(said, replies)]


class ComparisonTestCase(unittest.TestCase):
    main_cf = {}
    master_cf = ""
    aliases = ""
    maps = {}
    relay = False           # True: each instance relays to a Sink of its own, suite.sink
    ours = theirs = None

    @classmethod
    def configure(cls, suite):
        """For what class attributes cannot say; runs for each instance before its start."""

    @classmethod
    def setUpClass(cls):
        started = []
        try:
            for which in sides():
                suite = Side({**OLDER, **ONCE, **cls.main_cf}, cls.master_cf, which)
                started.append(suite)
                suite.make_aliases(cls.aliases)
                for name, text in cls.maps.items():
                    suite.make_map(name, text)
                if cls.relay:
                    suite.sink = Sink()
                    suite.set(relayhost=suite.sink.nexthop)
                cls.configure(suite)
                suite.start()
        except BaseException:
            for suite in started:
                suite.close()
            raise
        cls.ours, cls.theirs = started

    @classmethod
    def tearDownClass(cls):
        try:
            cls.ours.close()
        finally:
            cls.theirs.close()
        if cls.relay:
            cls.ours.sink.close()
            cls.theirs.sink.close()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.ours:
            print("\n%s, our log:\n%s" % (self.id(), self.ours.tail()), file=sys.stderr)
        return outcome

    def assert_same(self, ours, theirs, what):
        """Both are lists of masked lines."""
        if ours != theirs:
            diff = difflib.unified_diff(theirs, ours, "Postfix", "ours", lineterm="", n=20)
            self.fail("%s differs:\n%s" % (what, "\n".join(diff)))

    def compare_session(self, name, steps):
        """One SMTP dialogue through both."""
        got = [transcript(steps, run_session(s, steps)) for s in (self.ours, self.theirs)]
        self.assert_same(got[0], got[1], "session '%s'" % name)

    def compare_command(self, name, *args, stdin=b""):
        """One tool command line through both: exit status, output, errors."""
        got = []
        for suite in (self.ours, self.theirs):
            argv = [suite.expand(a) for a in args]
            done = suite.run(name, *argv, stdin=stdin, check=False)
            got.append(["status %d" % done.returncode]
                       + mask_lines(done.stdout.splitlines(), suite)
                       + ["stderr: " + line for line in mask_lines(done.stderr.splitlines(), suite)])
        self.assert_same(got[0], got[1], " ".join((name,) + args))

    def compare_message(self, name, submit):
        """SUBMIT(suite) hands in one message; what arrives at the sinks has to be the same."""
        got = []
        for suite in (self.ours, self.theirs):
            before = len(suite.sink.messages)
            submit(suite)
            message = suite.sink.wait_for(before + 1)[before]
            lines = ["MAIL FROM:" + message.mail] + ["RCPT TO:" + r for r in message.rcpts]
            got.append(mask_lines(lines + message.text.split("\n"), suite))
        self.assert_same(got[0], got[1], "message '%s'" % name)

    def marks(self):
        """The ends of both logs, with all in them that earlier mail brings about."""
        for suite in (self.ours, self.theirs):
            wait_at_rest(suite)
            whole_log(suite)
        return self.ours.log_mark(), self.theirs.log_mark()

    def compare_log(self, marks, pattern):
        """Log lines after MARKS (of marks()) that contain PATTERN's text."""
        got = [[line for line in mask_lines(whole_log(suite, mark), suite) if pattern in line]
               for suite, mark in zip((self.ours, self.theirs), marks)]
        self.assert_same(got[0], got[1], "log")
