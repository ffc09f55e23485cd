"""Fast flush from end to end: deferred mail enters its site's list, and a request delivers it."""
import os

from support.ports import free_port
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until


class FastFlushTestCase(SuiteTestCase):
    main_cf = {"relay_domains": "relay.test", "minimal_backoff_time": "1h", "queue_run_delay": "1h",
               "maximal_backoff_time": "1h", "initial_destination_concurrency": "1"}

    @classmethod
    def configure(cls, suite):
        cls.port = free_port()
        suite.set(transport_maps="static:smtp:[127.0.0.1]:%d" % cls.port)

    def list_of(self, site):
        try:
            with open(os.path.join(self.suite.queue_directory, "flush", site)) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def defer(self, recipient):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-f", "s@here.test", recipient], "Subject: x\n\nbody\n")
        return self.suite.wait_for_log(r": (\w+): to=<%s>.* status=deferred" % recipient,
                                       since=mark).group(1)


class FastFlush(FastFlushTestCase):
    def test_deferred_mail_is_delivered_on_request(self):
        # the second one is not tried: the destination is dead by then, and the queue manager defers
        ids = [self.defer("a@relay.test"), self.defer("b@Relay.test")]
        other = self.defer("c@other.test")
        until(lambda: sorted(self.list_of("relay_test")) == sorted(ids), 30,
              lambda: "the list of the site: %s" % self.list_of("relay_test"))
        self.assertEqual(self.list_of("other_test"), [])
        with Sink(port=self.port) as sink:
            self.suite.run("postqueue", "-s", "relay.test")
            got = sink.wait_for(2)
            self.assertEqual(sorted(m.recipients[0].lower() for m in got),
                             ["a@relay.test", "b@relay.test"])
        until(lambda: self.list_of("relay_test") == [], 30, "an empty list")
        # the sink has a message before the client has its reply and the queue file goes
        until(lambda: [os.path.basename(f) for f in self.suite.queue_files()] == [other], 30,
              lambda: "one message left in the queue: %s" % self.suite.queue_files())


class WithoutRetry(FastFlushTestCase):
    """The transport retry is gone: the queue manager itself defers, and tells flush."""

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        with open(suite.path("etc", "master.cf")) as f:
            lines = [line for line in f if not line.startswith("retry ")]
        suite.write("etc/master.cf", "".join(lines))

    def test_last_resort(self):
        first, second = self.defer("a@relay.test"), self.defer("b@relay.test")
        self.suite.wait_for_count(r"qmgr\[\d+\]: %s: to=<b@relay.test>.* status=deferred" % second, 1)
        until(lambda: sorted(self.list_of("relay_test")) == sorted([first, second]), 30,
              lambda: "the list of the site: %s" % self.list_of("relay_test"))
