"""Thousands of SMTP clients at once: each gets its greeting, is served again after a rest, and costs little memory.

MTA_SESSIONS changes the number.
"""
import os
import sys
import time
import unittest

from support.memory import is_sanitized, pss, want_descriptors
from support.product import staged
from support.smtp import SmtpClient
from support.suite import Suite

SESSIONS = int(os.environ.get("MTA_SESSIONS", "5000"))
EACH = 1200000 // 20            # bytes; a process for each session takes 1.2 million


class IdleSessions(unittest.TestCase):
    def setUp(self):
        if not want_descriptors(SESSIONS * 2 + 1000):
            self.skipTest("the limit of open files is too low")
        self.suite = Suite({"default_transport": "discard:", "smtpd_timeout": "300s",
                            "smtpd_client_connection_count_limit": "0"})
        self.suite.master_cf = "127.0.0.1:%d inet n - n - %d smtpd\n" % (self.suite.port, SESSIONS + 100)
        self.suite.write_config()
        self.addCleanup(self.suite.close)
        self.suite.start()

    def smtpd_memory(self):
        return sum(pss(pid) for pid in self.suite.processes().get("smtpd", []))

    def send_one(self):
        begun = time.monotonic()
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("a@far.test", ["b@far.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<b@far.test>.*status=sent", since=mark)
        return time.monotonic() - begun

    def test_many_at_once(self):
        first = self.send_one()
        before, clients = self.smtpd_memory(), []
        begun = time.monotonic()
        for _ in range(SESSIONS):
            client = SmtpClient(("127.0.0.1", self.suite.port), 60)
            self.addCleanup(client.close)
            clients.append(client)
        for client in clients:
            self.assertEqual(client.greeting().code, 220)
        for client in clients:
            client.send("EHLO client.test\r\n")
        for client in clients:
            self.assertEqual(client.read_reply().code, 250)
        for client in clients[::2]:
            self.assertEqual(client.mail("a@far.test").code, 250)
        taken = time.monotonic() - begun
        each = (self.smtpd_memory() - before) / SESSIONS
        processes = len(self.suite.processes().get("smtpd", []))
        during = self.send_one()
        print("%d sessions in %.1f s, %d smtpd processes, %d bytes a session; a message takes %.3f s alone and "
              "%.3f s among them" % (SESSIONS, taken, processes, each, first, during), file=sys.stderr)
        for client in clients:
            client.send("NOOP\r\n")
        for client in clients:
            self.assertEqual(client.read_reply().code, 250)
        if not is_sanitized(staged().daemon("smtpd")):
            self.assertLessEqual(each, EACH)

    def test_more_than_the_limit_wait(self):
        """One more client than the service may have: served as soon as another one leaves."""
        self.suite.master_cf = "127.0.0.1:%d inet n - n - 4 smtpd\n" % self.suite.port
        self.suite.write_config()
        self.suite.restart()
        clients = [self.suite.smtp() for _ in range(4)]
        late = SmtpClient(("127.0.0.1", self.suite.port), 1)
        for client in clients + [late]:
            self.addCleanup(client.close)
        try:
            with self.assertRaises(TimeoutError):
                late.greeting()
        finally:
            clients[0].close()
        late.sock.settimeout(30)
        self.assertEqual(late.greeting().code, 220)


if __name__ == "__main__":
    unittest.main()
