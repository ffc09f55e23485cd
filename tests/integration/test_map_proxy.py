"""proxymap and proxywrite: shared connections, approved tables only, updates that stay."""
import os
import signal
import struct
import unittest

from support.cleanup import INT, TEXT, Connection, field, frame
from support.suite import Suite
from support.table_servers import TcpTable
from support.wait import until

FIND, ANSWER, PUT, REMOVE, FIRST, NEXT = range(0x801, 0x807)
FOUND, NOT_FOUND, FAILED = 0, 1, 2


class Asker(Connection):
    """A service's side of the connection to proxymap or proxywrite."""

    def __init__(self, suite, service):
        super().__init__(os.path.join(suite.queue_directory, "private", service))

    def question(self, kind, table, key="", value=""):
        self.send(kind, field("table", TEXT, table.encode()) + field("flags", INT, struct.pack("<q", 0)) +
                  field("key", TEXT, key.encode()) + field("value", TEXT, value.encode()))

    def answer(self):
        _, got = self.receive()
        return got["status"], got["key"], got["value"], got["reason"]

    def ask(self, *question):
        self.question(*question)
        return self.answer()


class Shared(unittest.TestCase):
    """A table of a server, used by all through one proxymap."""

    def setUp(self):
        self.server = TcpTable({"known@v.test": "root@far.test"})
        self.addCleanup(self.server.close)
        self.suite = Suite({"virtual_alias_domains": "v.test", "remote_table_timeout": "1s",
                            "virtual_alias_maps": "proxy:" + self.server.spec})
        self.addCleanup(self.suite.close)
        self.suite.make_aliases("")

    def rcpt(self, address):
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            return c.rcpt(address).code

    def test_connections_are_few(self):
        self.suite.start()
        for _ in range(10):
            self.assertEqual(self.rcpt("known@v.test"), 250, self.suite.tail())
            self.assertEqual(self.rcpt("none@v.test"), 550)
        self.assertEqual(len(self.server.open), len(self.suite.processes()["proxymap"]))

    def test_loss_is_temporary(self):
        self.suite.start()
        self.assertEqual(self.rcpt("known@v.test"), 250)
        self.server.stop()
        self.assertEqual(self.rcpt("known@v.test"), 451)
        self.assertEqual(self.rcpt("none@v.test"), 451)
        self.server.start()
        until(lambda: self.rcpt("known@v.test") == 250, 60, self.suite.tail)
        for pid in self.suite.processes()["proxymap"]:
            os.kill(pid, signal.SIGKILL)
        until(lambda: self.rcpt("known@v.test") == 250, 60, self.suite.tail)

    def test_unapproved_table(self):
        self.suite.set(proxy_read_maps="proxy:hash:/elsewhere")
        self.suite.start()
        self.assertEqual(self.rcpt("known@v.test"), 451)
        self.suite.wait_for_log('warning: request for unapproved table: "%s"' % self.server.spec)
        self.assertEqual(self.server.asked, [])

    def test_one_slow_table_does_not_delay_another(self):
        other = TcpTable({"k": "v"})
        self.addCleanup(other.close)
        self.suite.set(remote_table_timeout="100s", proxy_read_maps="proxy:%s proxy:%s" % (self.server.spec, other.spec))
        self.suite.start()
        self.server.freeze()
        waiting, quick = Asker(self.suite, "proxymap"), Asker(self.suite, "proxymap")
        try:
            waiting.question(FIND, self.server.spec, "known@v.test")
            until(lambda: self.server.asked, 30, "the question at the slow server")
            self.assertEqual(quick.ask(FIND, other.spec, "k")[:3], (FOUND, "", "v"))
            waiting.sock.setblocking(False)
            self.assertRaises(BlockingIOError, waiting.sock.recv, 1)     # still waiting
        finally:
            waiting.close()
            quick.close()
            self.server.stop()

    def test_readers_cannot_write(self):
        self.suite.start()
        asker = Asker(self.suite, "proxymap")
        self.addCleanup(asker.close)
        asker.question(PUT, self.server.spec, "k", "v")
        self.assertRaises((EOFError, ConnectionError), asker.answer)


class Writing(unittest.TestCase):
    def setUp(self):
        self.suite = Suite({"proxy_write_maps": "proxy:btree:@dir@/data/cache"})
        self.addCleanup(self.suite.close)
        self.suite.make_aliases("")
        self.table = "btree:" + self.suite.path("data/cache")
        self.suite.start()

    def asker(self):
        asker = Asker(self.suite, "proxywrite")
        self.addCleanup(asker.close)
        return asker

    def on_disk(self):
        out = self.suite.run("postmap", "-s", self.table).stdout
        return dict(line.split("\t") for line in out.splitlines())

    def test_update_delete_list(self):
        one, two = self.asker(), self.asker()
        self.assertEqual(one.ask(FIND, self.table, "a")[0], NOT_FOUND)
        self.assertEqual(one.ask(PUT, self.table, "a", "1")[0], FOUND)
        self.assertEqual(two.ask(PUT, self.table, "b", "2")[0], FOUND)
        self.assertEqual(two.ask(PUT, self.table, "a", "0")[0], FOUND)
        self.assertEqual(one.ask(PUT, self.table, "a", "1")[0], FOUND)      # replaces it
        self.assertEqual(two.ask(FIND, self.table, "a"), (FOUND, "", "1", ""))
        self.assertEqual(self.on_disk(), {"a": "1", "b": "2"})
        self.assertEqual(one.ask(FIRST, self.table)[:3], (FOUND, "a", "1"))
        self.assertEqual(one.ask(NEXT, self.table)[:3], (FOUND, "b", "2"))
        self.assertEqual(one.ask(NEXT, self.table)[0], NOT_FOUND)
        self.assertEqual(two.ask(REMOVE, self.table, "a")[0], FOUND)
        self.assertEqual(two.ask(REMOVE, self.table, "a")[0], NOT_FOUND)
        self.assertEqual(len(self.suite.processes()["proxymap"]), 1)
        self.suite.run("postmap", "-d", "b", "proxy:" + self.table)
        self.assertEqual(self.on_disk(), {})

    def test_what_was_answered_survives_a_kill(self):
        for turn in range(5):
            asker = self.asker()
            self.assertEqual(asker.ask(PUT, self.table, "k%d" % turn, "v")[0], FOUND)
            for pid in self.suite.processes()["proxymap"]:
                os.kill(pid, signal.SIGKILL)
            self.assertEqual(len(self.on_disk()), turn + 1)

    def test_unapproved_table(self):
        asker = self.asker()
        status, _, _, reason = asker.ask(PUT, "btree:" + self.suite.path("data/other"), "a", "1")
        self.assertEqual(status, FAILED)
        self.assertIn("proxywrite service is not configured for table", reason)
        self.suite.wait_for_log('request for unapproved table: "btree:.*to approve it, list .* in proxy_write_maps')
        self.assertFalse(os.path.exists(self.suite.path("data/other.db")))

    def test_nonsense_is_refused(self):
        for data in (b"garbage\n" * 10, frame(PUT, b"\xff" * 20), frame(0x899), frame(ANSWER)):
            asker = self.asker()
            asker.sock.sendall(data)
            self.assertRaises((EOFError, ConnectionError), asker.answer)
        self.assertEqual(self.asker().ask(FIND, self.table, "a")[0], NOT_FOUND)


if __name__ == "__main__":
    unittest.main()
