"""Nothing accepted is lost: thousands of messages go through while processes of each kind, master too, are killed.

MTA_SEED repeats the order of the kills of an earlier run, MTA_MESSAGES changes the number of messages.
"""
import collections
import os
import random
import sys
import time
import unittest

from support.demo import local_user
from support.load import Killer, Load, complete_copies, maildir_texts
from support.sink import Sink
from support.suite import Suite
from support.wait import TimedOut, until

MESSAGES = int(os.environ.get("MTA_MESSAGES", "5000"))
SEED = int(os.environ.get("MTA_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
KINDS = ("smtpd", "cleanup", "qmgr", "pickup", "local", "smtp", "bounce", "trivial-rewrite", "anvil", "postdrop",
         "showq", "postlogd", "master")
NEEDED = ("smtpd", "cleanup", "qmgr", "pickup", "local", "smtp", "master")

KILLING = 70                # seconds, at most; it ends earlier when nearly all messages have found a taker

# What a death can do twice: the deliveries that had happened and were not yet written down. One process, or
# those of one qmgr, has at most this many under way.
TWICE_PER_KILL = 40


class Durability(unittest.TestCase):
    def setUp(self):
        self.user = local_user()
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.suite = Suite({
            "relayhost": self.sink.nexthop,
            "mailbox_delivery_lock": "fcntl",
            "service_throttle_time": "1s",          # a service whose process dies at once comes back soon
            "transport_retry_time": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
            "queue_run_delay": "1s",
            "ipc_timeout": "30s",
            "smtpd_error_sleep_time": "0s",
        })
        self.addCleanup(self.suite.close)
        box = self.suite.path("mail", "box")
        os.makedirs(box)
        os.chmod(box, 0o1777)
        self.suite.make_aliases("box: %s/maildir/\n" % box)
        self.maildir = os.path.join(box, "maildir")

    def delivered(self):
        copies = complete_copies(self.suite.mailbox(self.user))
        for text in maildir_texts(self.maildir):
            copies += complete_copies(text)
        for message in list(self.sink.messages):
            copies += complete_copies(message.text)
        return copies

    def waiting(self):
        """Queue files that are mail: without the mode bit they are what a killed process had begun."""
        out = []
        for path in self.suite.queue_files():
            try:
                if os.stat(path).st_mode & 0o100:
                    out.append(path)
            except FileNotFoundError:
                pass                # has moved on
        return out

    def drain(self):
        """Let the queue run dry; what stays is shown by the comparison that follows."""
        try:
            def empty():
                if not self.waiting():
                    return True
                self.suite.postfix("flush", check=False)
                return False
            until(empty, 120, "empty queue")
        except TimedOut:
            print("left in the queue: %s\n%s" % (self.waiting()[:20], self.suite.tail()), file=sys.stderr)

    def test_everything_accepted_arrives(self):
        print("MTA_SEED=%d MTA_MESSAGES=%d" % (SEED, MESSAGES), file=sys.stderr)
        self.suite.start()
        host = self.suite.main_cf.get("myhostname", "mail.example.test")
        killer = Killer(self.suite, random.Random(SEED), KINDS, pause=(0.01, 0.2))
        end = time.monotonic() + KILLING
        load = Load(self.suite, MESSAGES, ["%s@%s" % (self.user, host), "someone@far.test", "box@" + host],
                    deadline=KILLING + 240, enough=lambda: all(killer.kills[kind] >= 8 for kind in NEEDED)
                    or time.monotonic() > end)
        load.start()
        killer.start()
        while load.running() and time.monotonic() < end:
            load.threads[0].join(0.2)
        killer.finish()
        unplaced = load.finish()
        self.drain()

        account, copies = load.account, self.delivered()
        lost = sorted(set(account.accepted) - set(copies))
        twice = sum(count - 1 for count in copies.values() if count > 1)
        doubts = sum(account.unsure.values())
        kills = sum(killer.kills.values())
        self.report(account, killer, copies, lost, twice, doubts, unplaced)
        self.assertEqual(lost, [], "accepted and lost")
        self.assertEqual(set(copies) - set(account.accepted) - set(account.unsure), set(), "from nowhere")
        self.assertLessEqual(twice, doubts + kills * TWICE_PER_KILL)
        self.assertLessEqual(twice, len(account.accepted) // 5)
        self.assertEqual(unplaced, 0, "messages that no server took in time: it did not come back")
        self.assertEqual(set(NEEDED) - set(killer.kills), set(), "kinds that nothing was killed of")

    @staticmethod
    def report(account, killer, copies, lost, twice, doubts, unplaced):
        lines = ["accepted %d, arrived %d, lost %d, second copies %d (%d attempts ended without an answer), "
                 "not placed %d" % (len(account.accepted), len(copies), len(lost), twice, doubts, unplaced),
                 "killed %s" % dict(killer.kills)]
        lines += ["refused %d times: %s" % (n, why) for why, n in account.refused.most_common(5)]
        by = collections.Counter(account.accepted[name] for name in lost)
        lines += ["lost on the way to %s: %d" % item for item in by.items()]
        print("\n".join(lines), file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
