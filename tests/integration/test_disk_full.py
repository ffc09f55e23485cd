"""A full disk: clients are told to come back, nothing accepted is lost, and the system goes on when there is space."""
import os
import unittest

from support.demo import local_user
from support.load import complete_copies
from support.namespace import SmallDisk, need_private_mounts
from support.sink import Sink
from support.suite import Suite
from support.wait import until

LIMIT = 200000


def message(name, size):
    line = "%s filler filler filler filler filler filler filler filler\n" % name
    return "Subject: %s\n\n%sEND %s\n" % (name, line * (size // len(line)), name)


class SmallQueue(unittest.TestCase):
    """The queue is on a file system of two megabytes; the next server is down until told otherwise."""

    def setUp(self):
        need_private_mounts()
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.sink.reply("CONNECT", lambda *_: "421 4.3.2 closed" if self.down else None)
        self.down = True
        self.suite = Suite({"relayhost": self.sink.nexthop, "message_size_limit": LIMIT,
                            "smtpd_error_sleep_time": "0s", "in_flow_delay": "0s", "notify_classes": "",
                            # few attempts by themselves, each of which makes room for a moment
                            "minimal_backoff_time": "10s", "maximal_backoff_time": "10s", "queue_run_delay": "1s"})
        self.disk = SmallDisk(self.suite.queue_directory, 2000000, inodes=300)
        self.addCleanup(self.suite.close)
        self.addCleanup(self.disk.close)
        self.addCleanup(self.suite.stop)
        self.suite.start()
        self.accepted = []

    def attempt(self, name, size):
        """One message by SMTP; the reply that ended it."""
        with self.suite.smtp() as client:
            for step in (lambda: client.mail("a@far.test"), lambda: client.rcpt("b@far.test"),
                         lambda: client.data(message(name, size))):
                reply = step()
                if reply.code != 250:
                    return reply
            self.accepted.append(name)
            return reply

    def submit(self, name, size):
        done = self.suite.sendmail(["-i", "-f", "a@far.test", "b@far.test"], message(name, size), check=False)
        if done.returncode == 0:
            self.accepted.append(name)
        return done

    def all_arrives(self):
        """Space is back, the next server is up: what was accepted arrives, and new mail too."""
        self.disk.release()
        self.down = False
        self.wait_for_accepted()
        reply = self.attempt("id999999", 100)
        self.assertEqual(reply.code, 250, reply.lines)
        self.wait_for_accepted()

    def wait_for_accepted(self):
        def arrived():
            self.suite.flush()
            copies = complete_copies("".join(m.text for m in list(self.sink.messages)))
            return set(self.accepted) <= set(copies) and not self.suite.queue_files()
        until(arrived, 120, lambda: "%s; arrived: %s; queue %s\n%s" % (
            self.accepted, len(self.sink.messages), self.suite.queue_files(), self.suite.tail()))

    def test_mail_is_refused_before_the_disk_is_full(self):
        reply = None
        for i in range(30):
            reply = self.attempt("id%06d" % i, 150000)
            if reply.code != 250:
                break
        self.assertEqual((reply.code, reply.enhanced), (452, "4.3.1"), reply.lines)
        self.assertIn("Insufficient system storage", reply.text)
        self.assertGreater(len(self.accepted), 3)
        self.all_arrives()

    def test_full_in_the_middle_of_messages(self):
        """More sessions than the free space holds, each past the check at MAIL."""
        self.disk.fill(leave=LIMIT * 3 // 2 + 60000)
        clients = [self.suite.smtp() for _ in range(5)]
        for client in clients:
            self.assertEqual(client.mail("a@far.test").code, 250)
            self.assertEqual(client.rcpt("b@far.test").code, 250)
        for client in clients:
            self.assertEqual(client.cmd("DATA").code, 354)
        codes = []
        for i, client in enumerate(clients):
            reply = client.body(message("id%06d" % i, 150000))
            codes.append(reply.code)
            if reply.code == 250:
                self.accepted.append("id%06d" % i)
            else:
                self.assertIn(reply.code, (451, 452), reply.lines)
            client.close()
        self.assertIn(250, codes)
        self.assertTrue({451, 452} & set(codes), codes)
        self.all_arrives()
        self.assertEqual(len(self.sink.messages), len(self.accepted), "more arrived than was accepted")

    def test_sendmail_on_a_full_disk(self):
        self.assertEqual(self.submit("id000001", 1000).returncode, 0)
        until(lambda: not self.suite.queue_files("maildrop"), 30, "empty maildrop")
        self.disk.fill()
        done = self.submit("id000002", 100000)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotEqual(done.stderr, "")
        self.assertEqual(self.suite.queue_files("maildrop"), [], "left behind by what was not accepted")
        self.all_arrives()
        self.assertNotIn("id000002", "".join(m.text for m in self.sink.messages))

    def test_deferral_that_cannot_be_written_down(self):
        """No space for the defer log: the message stays all the same."""
        self.attempt("id000001", 1000)
        self.suite.wait_for_log(r"status=deferred")
        self.disk.fill()
        mark = self.suite.log_mark()
        self.suite.flush()
        self.suite.wait_for_log(r"status=deferred|[Nn]o space left|cannot append", since=mark)
        self.assertEqual(len(self.suite.queue_ids()), 1)
        self.all_arrives()

    def test_no_inodes_left(self):
        self.attempt("id000000", 1000)      # the processes are there
        self.submit("id000001", 1000)
        until(lambda: not self.suite.queue_files("maildrop"), 30, "empty maildrop")
        names = []
        try:
            while True:
                path = self.suite.path("queue", "f%d" % len(names))
                open(path, "w").close()
                names.append(path)
        except OSError:
            pass
        reply = self.attempt("id000002", 1000)
        self.assertIn(reply.code, (451, 452), reply.lines)
        self.assertNotEqual(self.submit("id000003", 1000).returncode, 0)
        for path in names:
            os.unlink(path)
        self.all_arrives()
        self.assertEqual(len(self.sink.messages), 3)


class SmallMailbox(unittest.TestCase):
    """The mailboxes are on a file system that gets full."""

    def setUp(self):
        need_private_mounts()
        self.user = local_user()
        self.suite = Suite({"minimal_backoff_time": "1000s", "maximal_backoff_time": "1000s",
                            "mailbox_delivery_lock": "fcntl"})
        self.disk = SmallDisk(self.suite.path("mail"), 600000, mode=0o1777)
        self.addCleanup(self.suite.close)
        self.addCleanup(self.disk.close)
        self.addCleanup(self.suite.stop)
        self.suite.make_aliases("box: %s/mail/box/\n" % self.suite.dir)
        self.suite.start()

    def send(self, to, name, size):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("a@far.test", [to], message(name, size))
        return self.suite.wait_for_log(r"to=<%s@.*status=(\w+) (.*)" % to.split("@")[0], since=mark)

    def until_delivered(self, look):
        self.disk.release()

        def delivered():
            self.suite.flush()
            return look()
        until(delivered, 60, lambda: "delivery\n" + self.suite.tail())
        self.suite.wait_queue_empty()

    def test_mbox_is_cut_back(self):
        to = self.user + "@mail.example.test"
        self.assertEqual(self.send(to, "id000001", 1000).group(1), "sent")
        before = self.suite.mailbox(self.user)
        self.disk.fill(leave=40000)
        found = self.send(to, "id000002", 200000)
        self.assertEqual(found.group(1), "deferred", found.group(0))
        self.assertIn("No space left", found.group(2))
        self.assertEqual(self.suite.mailbox(self.user), before)
        self.until_delivered(lambda: "END id000002" in self.suite.mailbox(self.user))
        self.assertEqual(complete_copies(self.suite.mailbox(self.user)), {"id000001": 1, "id000002": 1})

    def test_maildir_keeps_no_half_message(self):
        to, box = "box@mail.example.test", self.suite.path("mail/box")
        self.assertEqual(self.send(to, "id000001", 1000).group(1), "sent")
        self.disk.fill(leave=40000)
        found = self.send(to, "id000002", 200000)
        self.assertEqual(found.group(1), "deferred", found.group(0))
        self.assertEqual(len(os.listdir(box + "/new")), 1)
        self.assertEqual(os.listdir(box + "/tmp"), [])
        self.until_delivered(lambda: len(os.listdir(box + "/new")) == 2)


if __name__ == "__main__":
    unittest.main()
