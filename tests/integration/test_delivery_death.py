"""Delivery programs that are killed, and servers that cut the connection, at each step of a delivery: nothing is lost,
and who had the mail already gets it twice only where the final reply, or the mark in the queue file, is missing."""
import os
import signal
import threading
import unittest

from support.shim import build_shim
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until

SENDER = "s@sender.test"
END = "end of %s\n"
# where the server is when it cuts or the client dies: which command, of how many; what the client was doing; copies
STEPS = [
    ("connect", "CONNECT", 1, "receiving the initial server greeting", 1),
    ("greeting", "EHLO", 1, "performing the (EHLO|LHLO) handshake", 1),
    ("mail", "MAIL", 1, "sending MAIL FROM", 1),
    ("rcpt", "RCPT", 1, "sending RCPT TO", 1),
    ("rcpt2", "RCPT", 2, "sending RCPT TO", 1),
    ("data", "DATA", 1, "sending DATA command", 1),
    # what is left may already be on its way
    ("content", "BODY", 1, "sending (message body|end of data -- message may be sent more than once)", 1),
    ("dot", ".", 1, "sending end of data -- message may be sent more than once", 2),
]
# of programs that write or run: where they die; complete copies
MAILBOX = [("append:1:before", 1), ("append:1:after", 1), ("fsync:1:before", 2), ("fsync:1:after", 2),
           ("pwrite:1:before", 2), ("pwrite:1:after", 1)]
MAILDIR = [("append:1:before", 1), ("append:1:after", 1), ("fsync:1:before", 1), ("link:1:before", 1),
           ("link:1:after", 2), ("pwrite:1:before", 2), ("pwrite:1:after", 1)]
MARK = [("pwrite:1:before", 2), ("pwrite:1:after", 1)]
COMMAND = [("fork:1:before", 1)] + MARK
KEEP = '#!/bin/sh\ncat >>"$1"\n'
WAIT = '#!/bin/sh\ncat >>"$1/read"; while [ -e "$1/wait" ]; do sleep 0.05; done; echo ended >>"$1/read"\n'


class Server:
    """A Sink that does something once, at a step, and knows who got the whole content."""

    def __init__(self, lmtp):
        # without PIPELINING each command is a step of its own
        self.sink = Sink(lmtp=lmtp, keywords=["8BITMIME", "ENHANCEDSTATUSCODES", "DSN"])
        self.lock, self.copies, self.left = threading.Lock(), [], {}
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", ".", "QUIT"):
            self.sink.reply(verb, lambda s, line, verb=verb: self.at(verb, s, line))

    def once(self, verb, count, act):
        with self.lock:
            self.left = {verb: (count, act)}

    def at(self, verb, session, line):
        if "<bounced@" in line and verb == "RCPT":
            return "550 5.1.1 never"
        with self.lock:
            if verb == ".":
                self.copies += [line] if self.sink.lmtp else session.rcpts
            count, act = self.left.get(verb, (0, None))
            self.left[verb] = (count - 1, act)
        return act() if count == 1 else None

    def count(self, recipient):
        with self.lock:
            return sum("<%s>" % recipient in r for r in self.copies)

    def has_acted(self):
        with self.lock:
            return all(count <= 0 for count, _ in self.left.values())


@unittest.skipUnless(os.geteuid() == 0, "the deliveries have users of their own, which takes root")
class DeliveryDeath(SuiteTestCase):
    main_cf = {
        "service_confinement": "no",        # the library that kills reads a file
        "minimal_backoff_time": "1s", "maximal_backoff_time": "1s", "queue_run_delay": "1s", "transport_retry_time": "1s",
        "service_throttle_time": "1s", "stale_lock_time": "1s", "deliver_lock_delay": "1s",
        "smtp_connection_cache_on_demand": "no", "lmtp_dns_support_level": "disabled",
        "lmtp_connection_cache_on_demand": "no",
        "virtual_mailbox_domains": "virtual.test", "virtual_mailbox_base": "@dir@/mail", "virtual_uid_maps": "static:65534",
        "virtual_gid_maps": "static:65534",
        "virtual_mailbox_maps": "inline:{mbox@virtual.test=vmbox, maildir@virtual.test=box/}",
        "mailbox_size_limit": "0", "virtual_mailbox_limit": "0"}
    aliases = ("forward: forward@smtp.test\nrun: \"|/bin/cat >>@dir@/mail/run\"\nwait: \"|@etc@/wait @dir@/mail\"\n")

    @classmethod
    def configure(cls, suite):
        shim = build_shim(cls.addClassCleanup, "killshim")
        os.mkdir(suite.path("kill"))
        os.chmod(suite.path("kill"), 0o777)
        cls.order = suite.path("kill", "at")
        for name, text in (("keep", KEEP), ("wait", WAIT)):
            os.chmod(suite.write("etc/" + name, text), 0o755)
        suite.make_aliases(suite.expand(cls.aliases))
        cls.servers = {"smtp": Server(False), "lmtp": Server(True)}
        cls.notices = Sink()
        for sink in [s.sink for s in cls.servers.values()] + [cls.notices]:
            cls.addClassCleanup(sink.close)
        ports = {name: s.sink.port for name, s in cls.servers.items()}
        suite.set(transport_maps="inline:{smtp.test=smtp:[127.0.0.1]:%d, lmtp.test=lmtp:inet:127.0.0.1:%d, pipe.test=keep:, "
                  "sender.test=relay:%s}" % (ports["smtp"], ports["lmtp"], cls.notices.nexthop),
                  import_environment="MAIL_CONFIG TZ LANG=C LD_PRELOAD=%s KILL_FILE=%s "
                  "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0" % (shim, cls.order))
        suite.master_cf = "keep unix - n n - - pipe user=nobody argv=@etc@/keep @dir@/mail/piped\n"
        suite.write_config()

    def send(self, name, *recipients):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "-f", SENDER, *recipients],
                            "Subject: %s\n\n%s%s" % (name, ("x" * 70 + "\n") * 8000, END % name))
        return self.suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1), mark

    def kill(self, program):
        for pid in self.suite.processes()[program]:
            os.kill(pid, signal.SIGKILL)

    def assert_death(self, how, program, mark):
        if how == "killed":
            self.suite.wait_for_log(r"sbin/%s pid \d+ killed by signal 9" % program, since=mark)

    def outcomes(self, queue_id, recipient):
        return [line.split("status=")[1] for line in self.suite.log_lines()
                if "%s: to=<%s>" % (queue_id, recipient) in line]

    def at_each_step(self, program, ways):
        server = self.servers[program]
        for how, act in ways.items():
            for name, verb, count, doing, copies in STEPS:
                name = "%s-%s" % (how, name)
                with self.subTest(program=program, step=name):
                    server.once(verb, count, act)
                    users = ["%s-%s@%s.test" % (name, u, program) for u in "ab"]
                    queue_id, mark = self.send(name, *users)
                    for user in users:
                        self.suite.wait_for_log("%s: to=<%s>.* status=sent" % (queue_id, user), since=mark)
                    self.suite.wait_queue_empty()
                    self.assertTrue(server.has_acted())
                    self.assert_death(how, program, mark)
                    # of LMTP only the first recipient's reply was under way
                    expected = [copies, 1 if program == "lmtp" else copies]
                    self.assertEqual([server.count(u) for u in users], expected)
                    if how == "cut":
                        for user in users:
                            self.assertRegex(self.outcomes(queue_id, user)[0],
                                             r"^deferred \(lost connection with 127\.0\.0\.1\[127\.0\.0\.1\] while %s\)$" % doing)
                            self.assertRegex(self.outcomes(queue_id, user)[-1], "^sent ")

    def ways(self, program):
        def kill():
            self.kill(program)
            return Sink.DROP
        return {"cut": lambda: Sink.DROP, "killed": kill}

    def test_smtp(self):
        self.at_each_step("smtp", self.ways("smtp"))

    def test_lmtp(self):
        self.at_each_step("lmtp", self.ways("lmtp"))

    def test_after_the_final_reply(self):
        """Cut or killed with QUIT on its way: all have it, once."""
        for program in ("smtp", "lmtp"):
            for how, act in self.ways(program).items():
                with self.subTest(program=program, how=how):
                    def end(act=act):       # the report to qmgr does not wait for the answer to QUIT
                        until(lambda: not self.suite.queue_files(), 60, "an empty queue")
                        return act()
                    server, user = self.servers[program], "%s-quit@%s.test" % (how, program)
                    server.once("QUIT", 1, end)
                    queue_id, mark = self.send(how, user)
                    self.suite.wait_for_log("%s: to=<%s>.* status=sent" % (queue_id, user), since=mark)
                    until(server.has_acted, 60, "QUIT")
                    self.suite.wait_queue_empty()
                    self.assert_death(how, program, mark)
                    self.assertEqual(server.count(user), 1)

    def test_between_replies_of_lmtp(self):
        """The first recipient's reply was seen: that one is done. The other gets the mail again."""
        server = self.servers["lmtp"]
        for how, act in self.ways("lmtp").items():
            with self.subTest(how=how):
                users = ["%s-between-%s@lmtp.test" % (how, u) for u in "ab"]
                server.once(".", 2, lambda act=act: self.wait_for_mark(users[0]) or act())
                queue_id, mark = self.send(how, *users)
                self.suite.wait_for_log("%s: to=<%s>.* status=sent" % (queue_id, users[1]), since=mark)
                self.suite.wait_queue_empty()
                self.assert_death(how, "lmtp", mark)
                self.assertEqual([server.count(u) for u in users], [1, 2])
                self.assertEqual(len(self.outcomes(queue_id, users[0])), 1)

    def wait_for_mark(self, user):
        self.suite.wait_for_log("to=<%s>.* status=sent" % user)

        def is_marked():
            for path in self.suite.queue_files("active"):
                with open(path, "rb") as f:
                    if b"D" + bytes([len(user)]) + user.encode() in f.read():
                        return True
            return False
        until(is_marked, 60, "the mark of " + user)

    def dies(self, program, recipient, rows, count):
        """COUNT(text) tells how often a message has arrived that ends with that text."""
        for order, copies in rows:
            name = "%s %s %s" % (program, recipient, order)
            with self.subTest(name):
                self.suite.write("kill/new", "%s:%s" % (program, order))
                os.rename(self.suite.path("kill/new"), self.order)
                queue_id, mark = self.send(name, recipient)
                self.suite.wait_for_log("%s: to=<.* status=|%s: removed" % (queue_id, queue_id), since=mark)
                self.suite.wait_queue_empty()
                self.assertFalse(os.path.exists(self.order), "nobody died")
                self.assertEqual(count(END % name), copies)

    def in_file(self, path):
        return lambda text: self.suite._read("mail/" + path).count(text)

    def test_local(self):
        self.dies("local", "nobody@localhost", MAILBOX, self.in_file("nobody"))
        self.dies("local", "run@localhost", COMMAND, self.in_file("run"))

    def test_local_forwards(self):
        server = self.servers["smtp"]
        self.dies("local", "forward@localhost", MARK,
                  lambda text: sum(text in m.text for m in server.sink.messages))

    def test_local_while_a_command_reads(self):
        gate, read = self.suite.write("mail/wait", ""), lambda: self.suite._read("mail/read")
        self.send("gate", "wait@localhost")
        until(lambda: END % "gate" in read(), 60, "the command")
        self.kill("local")
        until(lambda: read().count(END % "gate") == 2, 60, "the command again")
        os.unlink(gate)
        self.suite.wait_queue_empty()
        until(lambda: read().count("ended") == 2, 60, "the end of both")

    def test_virtual(self):
        self.dies("virtual", "mbox@virtual.test", MAILBOX, self.in_file("vmbox"))

    def test_virtual_maildir(self):
        def count(text):
            new = self.suite.path("mail/box/new")
            return sum(text in self.suite._read(os.path.join(new, n)) for n in os.listdir(new))
        self.dies("virtual", "maildir@virtual.test", MAILDIR, count)

    def test_pipe(self):
        self.dies("pipe", "a@pipe.test", COMMAND, self.in_file("piped"))

    def test_smtp_at_the_mark(self):
        for program in ("smtp", "lmtp"):
            sink = self.servers[program].sink
            self.dies(program, "mark@%s.test" % program, MARK, lambda text: sum(text in m.text for m in sink.messages))

    def test_bounce_is_reported_once(self):
        """Dies with the bounce in the log, before or after the mark: the sender hears of it, by one message."""
        for order, _ in MARK:
            with self.subTest(order):
                before = len(self.notices.messages)
                self.dies("smtp", "bounced@smtp.test", [(order, 0)], self.servers["smtp"].count)
                self.assertEqual(len(self.notices.messages), before + 1)
                self.assertIn("<bounced@smtp.test>: host", self.notices.messages[-1].text)


if __name__ == "__main__":
    unittest.main()
