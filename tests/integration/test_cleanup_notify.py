"""qmgr hears of all new mail, also of what came while it could not listen."""
import os
import signal
import unittest

from support.queue_files import put, queue_file
from support.suite import SuiteTestCase


class Notices(SuiteTestCase):
    """Its own sweeps are as rare as they can be: what is delivered here was told of."""
    main_cf = {"mydestination": "here.test", "local_recipient_maps": "", "local_transport": "discard",
               "in_flow_delay": "0", "queue_run_delay": "1h"}
    master_cf = "qmgr unix n - n 3600 1 qmgr\n"
    messages, recipients = 120, 50          # more than the connection to it and cleanup's buffer hold

    def send(self, count):
        with self.suite.smtp() as client:
            for _ in range(count):
                client.message("a@far.test", ["%s%d@here.test" % ("x" * 60, i) for i in range(self.recipients)],
                               "Subject: x\n\nx\n")

    def test_qmgr_that_does_not_read(self):
        self.send(1)
        self.suite.wait_queue_empty()
        (pid,) = self.suite.processes()["qmgr"]
        os.kill(pid, signal.SIGSTOP)
        try:
            self.send(self.messages)
            self.assertEqual(len(self.suite.queue_files("incoming")), self.messages)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.suite.wait_queue_empty(60)

    def test_qmgr_that_cannot_be_reached(self):
        """Its socket is away when cleanup first wants to tell it of something; the service is the same all the time."""
        self.suite.stop()
        put(self.suite.queue_directory, "incoming/A00011", queue_file(recipients=["x@here.test"]))
        self.suite.start()
        self.suite.wait_queue_empty()       # qmgr has made its first sweep: it found that one
        socket = self.suite.path("queue/public/qmgr")
        os.rename(socket, socket + ".away")
        self.send(1)
        self.assertEqual(len(self.suite.queue_files("incoming")), 1)
        os.rename(socket + ".away", socket)
        self.suite.wait_queue_empty(60)


if __name__ == "__main__":
    unittest.main()
