"""flush(8): lists of deferred mail by site, and requests to deliver it now."""
import os
import socket
import stat
import struct
import time
import unittest

from support.cleanup import TEXT, Connection, field
from support.queue_files import put, queue_file
from support.suite import SuiteTestCase
from support.wait import until

ADD, SEND_SITE, SEND_FILE, REFRESH, PURGE, STATUS = range(0x701, 0x707)
OK, FAILED, BAD, INELIGIBLE = range(4)


class Flush(SuiteTestCase):
    main_cf = {"relay_domains": "relay.test", "fast_flush_domains": "$relay_domains, a-b.test"}
    # no queue manager takes the messages away
    master_cf = "qmgr unix n - n - 0 showq\npickup unix n - n - 0 showq\n"

    def setUp(self):
        self.connection = Connection(os.path.join(self.suite.queue_directory, "public/flush"))
        self.addCleanup(self.connection.close)

    def ask(self, kind, site="", queue_id=""):
        body = b"" if kind in (REFRESH, PURGE) else (
            field("site", TEXT, site.encode()) + field("queue_id", TEXT, queue_id.encode()))
        self.connection.send(kind, body)
        answer, fields = self.connection.receive()
        self.assertEqual(answer, STATUS)
        return fields["result"]

    def path(self, name):
        return os.path.join(self.suite.queue_directory, name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def defer(self, queue_id):
        name = "deferred/%s/%s" % (queue_id[0], queue_id)
        put(self.suite.queue_directory, name, queue_file(recipients=["u@relay.test"]))
        os.utime(self.path(name), (2000000000, 2000000000))

    def assert_due(self, queue_id):
        until(lambda: os.path.exists(self.path("incoming/" + queue_id)), 30, queue_id + " in incoming")
        status = os.stat(self.path("incoming/" + queue_id))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o740)
        self.assertLess(status.st_mtime, time.time() + 5)
        os.unlink(self.path("incoming/" + queue_id))

    def test_site(self):
        for queue_id in ("A00011", "A00012"):
            self.defer(queue_id)
            self.assertEqual(self.ask(ADD, "Relay.test", queue_id), OK)
        self.ask(ADD, "relay.test", "B00013")               # gone meanwhile
        self.assertEqual(self.read("flush/relay_test"), "A00011\nA00012\nB00013\n")
        self.suite.run("postqueue", "-s", "relay.test")
        until(lambda: self.read("flush/relay_test") == "", 30, "an empty list")
        self.assert_due("A00011")
        self.assert_due("A00012")

    def test_file(self):
        self.defer("A00021")
        self.suite.run("postqueue", "-i", "A00021")
        self.assert_due("A00021")
        self.assertEqual(self.ask(SEND_FILE, queue_id="A00021"), OK)    # not there: nothing to do

    def test_who_may(self):
        self.assertEqual(self.ask(ADD, "other.test", "A00011"), INELIGIBLE)
        self.assertEqual(self.ask(SEND_SITE, "sub.relay.test"), OK)
        self.assertEqual(self.ask(ADD, "../../etc", "A00011"), BAD)
        self.assertEqual(self.ask(ADD, "relay.test", "../A00011"), BAD)
        done = self.suite.run("postqueue", "-s", "other.test", check=False)
        self.assertEqual(done.returncode, 69)
        self.assertIn('Flush service is not configured for destination "other.test"', done.stderr)

    def test_purge_works_all_lists_off(self):
        self.defer("A00031")
        self.assertEqual(self.ask(ADD, "a-b.test", "A00031"), OK)
        self.assertEqual(self.ask(REFRESH), OK)
        self.assertEqual(self.read("flush/a_b_test"), "A00031\n")       # it is new
        self.assertEqual(self.ask(PURGE), OK)
        until(lambda: self.read("flush/a_b_test") == "", 30, "an empty list")
        self.assert_due("A00031")

    def test_garbage_ends_the_connection(self):
        self.connection.sock.sendall(b"\xa7\x01" + struct.pack("<HI", 0x7ff, 0))
        self.assertEqual(self.connection.sock.recv(1), b"")
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(self.path("public/flush"))
            other.sendall(b"W")                             # a wake-up does no harm
        self.connection.close()
        self.connection = Connection(self.path("public/flush"))
        self.addCleanup(self.connection.close)
        self.assertEqual(self.ask(REFRESH), OK)


if __name__ == "__main__":
    unittest.main()
