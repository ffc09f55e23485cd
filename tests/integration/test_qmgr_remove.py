"""The queue file of a delivered message is removed in a thread of qmgr: what happens when qmgr ends meanwhile."""
import os
import signal
import unittest

from support.shim import build_shim
from support.suite import Suite
from support.wait import until


def setUpModule():
    global shim
    shim = build_shim(unittest.addModuleCleanup, "failshim")


class Remove(unittest.TestCase):
    def setUp(self):
        """A message delivered, its queue file still there: unlink waits for the file queue/wait to go."""
        self.suite = Suite({"default_transport": "discard:", "service_throttle_time": "1s",
                            "import_environment": "MAIL_CONFIG TZ LANG=C LD_PRELOAD=%s FAIL=qmgr:unlink:1:WAIT "
                                                  "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0" % shim})
        self.addCleanup(self.suite.close)
        self.suite.start()
        self.suite.write("queue/wait", "")
        self.addCleanup(self.let_go)
        with self.suite.smtp() as client:
            client.message("a@far.test", ["b@far.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<b@far.test>.* status=sent")
        self.pid = until(lambda: self.suite.processes().get("qmgr"), 30, "qmgr")[0]
        self.assertEqual(len(self.suite.queue_files("active")), 1)

    def let_go(self):
        if os.path.exists(self.suite.path("queue", "wait")):
            os.unlink(self.suite.path("queue", "wait"))

    def removed(self):
        found = self.suite.wait_for_log(r"qmgr\[(\d+)\]: \w+: removed")
        self.suite.wait_queue_empty()
        self.suite.sync_log()
        self.suite.wait_for_count(r": removed", 1)
        self.suite.wait_for_count(r" status=sent", 1)
        return int(found[1])

    def test_other_mail_goes_meanwhile(self):
        with self.suite.smtp() as client:
            client.message("a@far.test", ["c@far.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<c@far.test>.* status=sent")

    def test_reload_waits_for_it(self):
        self.suite.reload()
        self.suite.wait_for_log(r"reload")
        self.let_go()
        self.assertEqual(self.removed(), self.pid)

    def test_death_before_it(self):
        os.kill(self.pid, signal.SIGKILL)
        self.let_go()
        self.suite.flush()              # wakes a new qmgr
        self.assertNotEqual(self.removed(), self.pid)


if __name__ == "__main__":
    unittest.main()
