"""qmqpd(8): many clients, much mail, processes that die."""
import contextlib
import os
import signal
import socket
import threading
import unittest

from support import qmqp
from support.ports import free_port
from support.suite import SuiteTestCase

TEXT = b"Subject: x\n\nhello\n"
GOOD = qmqp.request(TEXT, "s@x.test", "r@y.test")


class Qmqpd(SuiteTestCase):
    main_cf = {"qmqpd_authorized_clients": "127.0.0.1", "qmqpd_error_delay": "0", "default_transport": "discard:"}

    @classmethod
    def configure(cls, suite):
        cls.port, cls.closed = free_port(), free_port()
        suite.master_cf = ("127.0.0.1:%d inet n - n - - qmqpd\n127.0.0.1:%d inet n - n - - qmqpd -o qmqpd_authorized_clients=\n"
                           % (cls.port, cls.closed))
        suite.write_config()

    def send(self, data, port=None):
        return qmqp.send(port or self.port, data)

    def test_nobody_is_served_by_default(self):
        self.assertRegex(self.send(b"", self.closed), rb"^DError: \S+\[127.0.0.1\] is not authorized to use this service$")

    def test_many_recipients_and_much_content(self):
        recipients = ["r%d@y.test" % i for i in range(3000)]
        answer = self.send(qmqp.request(b"Subject: x\n\n" + b"0123456789\n" * 400000, "s@x.test", *recipients))
        self.assertRegex(answer, rb"^KOk: queued as \w+$")
        self.suite.wait_for_log(r"from=<s@x.test>, size=48\d{5}, nrcpt=3000")
        self.suite.wait_queue_empty()

    def test_bytes_one_by_one(self):
        with socket.create_connection(("127.0.0.1", self.port), 30) as conn:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in GOOD:
                conn.sendall(bytes([byte]))
            self.assertRegex(conn.recv(100), rb"^\d+:KOk: queued as \w+,$")

    def test_clients_do_not_wait_for_each_other(self):
        idle = [socket.create_connection(("127.0.0.1", self.port), 30) for _ in range(30)]
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.send(GOOD))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([a[:1] for a in answers], [b"K"] * 10)
        for conn in idle:
            conn.close()

    def test_death_in_the_middle_leaves_nothing(self):
        """No answer, no mail: the client has it still."""
        self.suite.wait_queue_empty()
        mark = self.suite.log_mark()
        with socket.create_connection(("127.0.0.1", self.port), 30) as conn:
            conn.sendall(GOOD[:-1])
            self.suite.wait_for_log(r"qmqpd\[\d+\]: \w+: client=", since=mark)
            for pid in self.suite.processes()["qmqpd"]:
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ConnectionResetError):     # it had not read all
                self.assertEqual(conn.recv(100), b"")
        self.suite.wait_queue_empty()
        self.assertRegex(self.send(GOOD), rb"^KOk")

    def test_hostile_bytes(self):
        for data in (b"\0" * 1000, bytes(range(256)) * 100, b"9" * 100000, b"5:" + b"1:" * 10000, b"10:2:hi," + b"," * 1000):
            self.assertEqual(self.send(data)[:1], b"D")
        self.assertEqual(self.suite.sanitizer_reports(), "")


if __name__ == "__main__":
    unittest.main()
