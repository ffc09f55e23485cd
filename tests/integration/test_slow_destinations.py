"""Destinations that are slow to reply do not hold up the others of their transport."""
import threading
import unittest

from support.sink import Sink
from support.suite import Suite
from support.wait import until

SLOTS, SLOW, EACH = 20, 6, 10


class SlowSinks:
    """Servers that hold back their reply to each message until release()."""

    def __init__(self, count):
        self.released = threading.Event()
        self.held = [0] * count
        self.lock = threading.Lock()
        self.sinks = [Sink() for _ in range(count)]
        for i, sink in enumerate(self.sinks):
            sink.reply(".", lambda session, line, at=i: self.hold(at))

    def hold(self, at):
        with self.lock:
            self.held[at] += 1
        self.released.wait()

    def release(self):
        self.released.set()

    def close(self):
        self.release()
        for sink in self.sinks:
            sink.close()


class SlowDestinations(unittest.TestCase):
    def setUp(self):
        self.slow = SlowSinks(SLOW)
        self.addCleanup(self.slow.close)
        self.healthy = Sink()
        self.addCleanup(self.healthy.close)
        self.suite = Suite({"transport_maps": "hash:@etc@/transport", "queue_run_delay": "1h"},
                           "smtp unix - - n - %d smtp" % SLOTS)
        self.addCleanup(self.suite.close)
        lines = ["slow%d.test smtp:%s" % (i, s.nexthop) for i, s in enumerate(self.slow.sinks)]
        lines.append("healthy.test smtp:" + self.healthy.nexthop)
        self.suite.make_map("transport", "\n".join(lines) + "\n")
        self.suite.start()

    def send(self, *recipients):
        with self.suite.smtp() as client:
            for recipient in recipients:
                client.message("a@far.test", [recipient], "Subject: x\n\nx\n")

    def send_slow(self):
        """EACH messages for each slow destination; all their first deliveries are under way after it."""
        for i in range(SLOW):
            self.send(*["r%d@slow%d.test" % (n, i) for n in range(EACH)])
        until(lambda: self.suite.count_log(r"\(queue active\)") >= SLOW * EACH, 30, "all in active")
        until(lambda: all(self.slow.held), 30, lambda: "a delivery to each: %s" % self.slow.held)

    def test_healthy_mail_goes_while_slow_deliveries_are_under_way(self):
        self.send_slow()
        for i in range(5):
            self.send("h%d@healthy.test" % i)
            self.healthy.wait_for(i + 1)
        self.assertFalse(any(s.messages for s in self.slow.sinks), "no slow delivery has ended")
        self.assertLess(sum(self.slow.held), SLOTS)
        self.slow.release()
        self.suite.wait_queue_empty(60)
        for sink in self.slow.sinks:
            self.assertEqual(len(sink.messages), EACH)

    def test_one_destination_gets_every_slot(self):
        self.suite.set(smtp_destination_concurrency_limit=SLOTS + 5,
                       smtp_initial_destination_concurrency=SLOTS + 5)
        self.suite.restart()
        self.send(*["r%d@slow0.test" % n for n in range(SLOTS + 5)])
        until(lambda: self.slow.held[0] == SLOTS, 60, lambda: "all slots in use: %s" % self.slow.held)
        self.slow.release()
        self.suite.wait_queue_empty(60)


if __name__ == "__main__":
    unittest.main()
