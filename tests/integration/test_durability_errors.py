"""Writes that fail now and then, in each program that holds mail: refused or deferred, never lost."""
import os
import unittest

from support.demo import local_user
from support.load import Load, complete_copies
from support.shim import build_shim
from support.sink import Sink
from support.suite import Suite
from support.wait import until

MESSAGES = 60


def setUpModule():
    global shim
    shim = build_shim(unittest.addModuleCleanup, "failshim")


class FailingWrites(unittest.TestCase):
    def run_with(self, failure, seen, clients=3, **settings):
        """Messages to a mailbox, to another server and to one that defers at first; SEEN: the log must say so."""
        user = local_user()
        sink = Sink()
        self.addCleanup(sink.close)
        sink.reply("RCPT", ["450 4.2.0 not yet"] * 10)
        suite = Suite({"relayhost": sink.nexthop, "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
                       "queue_run_delay": "1s", "transport_retry_time": "1s", "service_throttle_time": "1s",
                       "smtpd_error_sleep_time": "0s", "mailbox_delivery_lock": "fcntl",
                       "import_environment": "MAIL_CONFIG TZ LANG=C LD_PRELOAD=%s FAIL=%s "
                                             "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0" % (shim, failure),
                       **settings})
        self.addCleanup(suite.close)
        suite.make_aliases("")
        suite.start()
        load = Load(suite, MESSAGES, [user + "@mail.example.test", "someone@far.test"], smtp_clients=clients, sendmails=1,
                    deadline=200).start()
        self.assertEqual(load.finish(), 0, "the clients gave up: %s\n%s" % (load.account.refused, suite.tail()))

        def arrived():
            suite.flush()
            return not [p for p in suite.queue_files() if os.path.exists(p)]
        until(arrived, 120, lambda: "empty queue; left: %s\n%s" % (suite.queue_files(), suite.tail()))
        copies = complete_copies(suite.mailbox(user) + "".join(m.text for m in sink.messages))
        self.assertEqual(set(load.account.accepted) - set(copies), set(), "accepted and lost")
        for answer in load.account.refused:
            self.assertRegex(answer, r"^4", "a failed write is not the client's fault")
        if seen == "refused":
            self.assertGreater(sum(load.account.refused.values()) + sum(load.account.unsure.values()), 0,
                               "nothing failed; this test tests nothing")
        else:
            suite.wait_for_log(seen)        # or nothing failed, and this test tests nothing

    def test_cleanup_fsync(self):
        self.run_with("cleanup:fsync:4:EIO", "refused")

    def test_cleanup_fsync_beside_syncfs(self):
        """With so many clients files are synced together, and some alone; those that fail are refused."""
        self.run_with("cleanup:fsync:4:EIO", "refused", clients=20)

    def test_cleanup_write(self):
        self.run_with("cleanup:write:5:EIO", "refused")

    def test_cleanup_write_enospc(self):
        self.run_with("cleanup:write:5:ENOSPC", "refused")

    def test_cleanup_rename(self):
        self.run_with("cleanup:rename:4:EIO", "refused")

    def test_mailbox_write(self):
        self.run_with("local:write:5:EIO", "status=deferred")

    def test_queue_manager_rename(self):
        self.run_with("qmgr:rename:5:EIO", "qmgr.*(rename|warning)")

    def test_marking_a_recipient_done(self):
        """Delivered, and it cannot be written down: it is delivered again."""
        self.run_with("smtp:write:5:EIO", "smtp.*(warning|error|status=deferred)")


if __name__ == "__main__":
    unittest.main()
