"""What qmgr had in work goes on at once when it ends, though no new mail comes and no wake-up is due."""
import os
import signal
import threading

from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until


class QmgrEnds(SuiteTestCase):
    main_cf = {"transport_maps": "hash:@etc@/transport", "default_transport": "smtp",
               "smtp_destination_concurrency_limit": "1"}
    maps = {"transport": "slow.test  smtp:[127.0.0.1]:1\n"}

    def go_on_after(self, end):
        """Two messages for a destination that takes one at a time; qmgr ends while that one is on its way."""
        go = threading.Event()
        with Sink() as sink:
            self.addCleanup(go.set)
            sink.reply(".", lambda session, line: go.wait() and None)
            table = "slow.test  smtp:%s\n" % sink.nexthop
            self.suite.make_map("transport", table)
            self.suite.reload()
            mark = self.suite.log_mark()
            with self.suite.smtp() as client:
                for n in (1, 2):
                    client.message("me@x.test", ["a%d@slow.test" % n], "Subject: x\n\nx\n")
            until(lambda: any("DATA" in c.upper() for c in sink.commands), 60, "a delivery")
            self.suite.wait_for_count(r"\(queue active\)", 2, since=mark)
            end(table)
            go.set()
            # who was just being served may be so twice
            until(lambda: {r for m in list(sink.messages) for r in m.recipients} == {"a1@slow.test", "a2@slow.test"}, 60,
                  self.suite.tail)
            self.suite.wait_queue_empty()

    def test_killed(self):
        self.go_on_after(lambda table: os.kill(self.suite.processes()["qmgr"][0], signal.SIGKILL))

    def test_changed_table(self):
        def end(table):
            mark = self.suite.log_mark()
            self.suite.make_map("transport", table + "# changed\n")
            self.suite.wait_for_log(r"qmgr\[\d+\]: lookup table has changed", since=mark)
        self.go_on_after(end)
