"""postqueue(1) and showq(8): listings of a queue made by hand, with the mail system down and up."""
import json
import os
import socket
import threading
import unittest

from support.queue_files import log_file, make_spool, put, queue_file
from support.suite import Suite

REASON = "connect to 127.0.0.1[127.0.0.1]:1: Connection refused"


class Listing(unittest.TestCase):
    def setUp(self):
        self.suite = Suite({"relay_domains": "relay.test"})
        self.addCleanup(self.suite.close)
        self.queue = self.suite.queue_directory
        make_spool(self.queue)

    def put(self, path, mode=0o700, **what):
        put(self.queue, path, queue_file(**what), mode)

    def log(self, queue_id, *entries, kind="defer"):
        where = "defer/%s/%s" % (queue_id[0], queue_id) if kind == "defer" else "bounce/" + queue_id
        put(self.queue, where, log_file(entries), 0o600)

    def messages(self):
        out = self.suite.run("postqueue", "-j").stdout
        return {m["queue_id"]: m for m in map(json.loads, out.splitlines())}

    def test_empty(self):
        self.assertEqual(self.suite.run("postqueue", "-p").stdout, "Mail queue is empty\n")
        self.assertEqual(self.suite.run("postqueue", "-j").stdout, "")

    def test_order_marks_and_reasons(self):
        self.put("maildrop/AAAAA1001", with_size=False, sender="root")
        self.put("incoming/BBBBB1001")
        self.put("incoming/BBBBB1002", 0o600)               # unfinished
        self.put("active/CCCCC1001", 0o710)
        self.put("deferred/D/D0001F001", recipients=("a@x.test", ("b@x.test", "ob@x.test"),
                                                     ("done@x.test", None, "D")), sender="")
        self.log("D0001F001", {"recipient": "a@x.test", "offset": 1, "reason": REASON})
        self.put("hold/EEEEE1001")
        self.put("corrupt/FFFFF1001")
        self.put("deferred/E/D0001F0BB")                    # in the wrong place
        done = self.suite.run("postqueue", "-p")
        self.assertIn("Mail system is down -- accessing queue directly", done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines[1:] if line[:1].isalnum()],
                         ["AAAAA1001", "CCCCC1001*#", "BBBBB1001", "D0001F001", "EEEEE1001!"])
        at = lines.index(" " * (76 - len(REASON)) + "(%s)" % REASON)
        self.assertTrue(lines[at - 1].endswith("MAILER-DAEMON"))
        self.assertEqual([line.strip() for line in lines[at + 1:at + 4]],
                         ["a@x.test", "(reason unavailable)", "b@x.test"])
        self.assertEqual(lines[-1], "-- 0 Kbytes in 5 Requests.")

    def test_json(self):
        self.put("deferred/D/D0001F001", recipients=("a@x.test", ("b@x.test", "ob@x.test")),
                 sender='we"ird\x01@x.test')
        self.log("D0001F001", {"recipient": "b@x.test", "original_recipient": "ob@x.test",
                               "reason": 'say "no"'})
        self.log("D0001F001", {"recipient": "c@x.test", "reason": "unknown user"}, kind="bounce")
        self.put("hold/EEEEE1001", 0o710, arrival=1700000000)
        got = self.messages()
        self.assertEqual(got["EEEEE1001"], {
            "queue_name": "hold", "queue_id": "EEEEE1001", "arrival_time": 1700000000,
            "message_size": 18, "forced_expire": True, "sender": "s@x.test",
            "recipients": [{"address": "r@y.test"}]})
        self.assertEqual(got["D0001F001"]["sender"], '"we\\"ird?"@x.test')
        self.assertEqual(got["D0001F001"]["recipients"], [
            {"address": "b@x.test", "orig_address": "ob@x.test", "delay_reason": 'say "no"'},
            {"address": "c@x.test", "bounce_reason": "unknown user"},
            {"address": "a@x.test"}])

    def test_many_recipients_come_in_pieces(self):
        names = ["user%d@x.test" % n for n in range(1733)]
        self.put("deferred/D/D0001F001", recipients=names)
        self.assertEqual([r["address"] for r in self.messages()["D0001F001"]["recipients"]], names)

    def test_bad_files_do_no_harm(self):
        whole = queue_file(recipients=["r%d@x.test" % n for n in range(20)])
        for n in range(0, len(whole), 7):
            put(self.queue, "deferred/D/D%04dF0" % n, whole[:n])
        put(self.queue, "deferred/D/D0001FFFF", b"no queue file at all\n" * 100)
        put(self.queue, "deferred/D/bad-name", whole)
        os.symlink("D0001FFFE", os.path.join(self.queue, "deferred/D/D0001FFF0"))
        os.mkfifo(os.path.join(self.queue, "deferred/D/D0001FFF1"), 0o700)
        self.put("deferred/D/D0001FFFE")
        got = self.messages()
        self.assertIn("D0001FFFE", got)
        self.assertNotIn("D0001FFFF", got)
        self.assertNotIn("D0001FFF0", got)
        self.assertNotIn("bad-name", got)

    def test_thousands_are_whole(self):
        for n in range(3000):
            self.put("deferred/A/A%07X" % n)
        self.assertEqual(len(self.messages()), 3000)
        # a reader that has enough is no error
        self.assertEqual(os.system("%s -c %s -p 2>/dev/null | head -1 >/dev/null"
                                   % (self.suite.product.command("postqueue"), self.suite.etc)), 0)

    def test_usage(self):
        for args in ((), ("-p", "-j"), ("-x",), ("-p", "foo"), ("-s", "a", "-s", "b")):
            with self.subTest(args=args):
                done = self.suite.run("postqueue", *args, check=False)
                self.assertEqual(done.returncode, 69)
                self.assertIn("fatal: usage: postqueue -f | postqueue -i queueid", done.stderr)

    def test_down(self):
        for args in (("-f",), ("-i", "AAAAA1"), ("-s", "relay.test")):
            with self.subTest(args=args):
                done = self.suite.run("postqueue", *args, check=False)
                self.assertEqual(done.returncode, 69)
                self.assertIn("fatal: Cannot flush mail queue - mail system is down", done.stderr)
        done = self.suite.run("postqueue", "-i", "../x", check=False)
        self.assertIn('fatal: Cannot flush queue ID - invalid name: "../x"', done.stderr)
        for site in ("127.0.0.1", "[1.2.3]", "bad_dom!", ""):
            done = self.suite.run("postqueue", "-s", site, check=False)
            self.assertIn('fatal: Cannot flush mail queue - invalid destination: "%s"' % site,
                          done.stderr)

    def test_flush_wakes_qmgr_and_pickup(self):
        heard = {}

        def listen(name):
            server = socket.socket(socket.AF_UNIX)
            server.bind(os.path.join(self.queue, "public", name))
            server.listen(1)
            self.addCleanup(server.close)

            def serve():
                with server.accept()[0] as client:
                    heard[name] = client.recv(100)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            return thread
        threads = [listen("qmgr"), listen("pickup")]
        self.suite.run("postqueue", "-f")
        for thread in threads:
            thread.join(60)
        self.assertEqual(heard, {"qmgr": b"FADI\0", "pickup": b"W\0"})


class Running(unittest.TestCase):
    def test_through_the_service(self):
        with Suite({}) as suite:
            self.assertEqual(suite.run("postqueue", "-p").stderr, "")
            put(suite.queue_directory, "hold/EEEEE1001", queue_file())
            done = suite.run("postqueue", "-p")
            self.assertIn("\nEEEEE1001!", done.stdout)
            put(suite.queue_directory, "hold/EEEEE1002", queue_file()[:120])
            suite.run("postqueue", "-p")
            suite.wait_for_log(r"showq\[\d+\]: warning: hold/EEEEE1002: ")

    def test_reader_that_goes_away(self):
        """In the middle of a listing, with threads at work for it: the next one is whole, from the same process."""
        recipients = ["r%d@a-domain-with-a-long-name.test" % i for i in range(400)]
        with Suite({}) as suite:
            for i in range(300):
                put(suite.queue_directory, "hold/EEEEE%04d" % (1000 + i), queue_file(recipients=recipients))
            suite.run("postqueue", "-p", timeout=120)
            pids = suite.processes()["showq"]
            for _ in range(3):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(os.path.join(suite.queue_directory, "public", "showq"))
                    self.assertTrue(client.recv(1000))
            messages = [json.loads(line) for line in suite.postqueue("-j").splitlines()]
            self.assertEqual(len({m["queue_id"] for m in messages}), 300)
            self.assertEqual({len(m["recipients"]) for m in messages}, {400})
            self.assertEqual(suite.processes()["showq"], pids)


if __name__ == "__main__":
    unittest.main()
