"""Rubbish in the queue directories: put aside and logged, and no other message waits for it."""
import contextlib
import os
import shutil
import unittest

from support.queue_files import put, queue_file
from support.suite import SuiteTestCase
from support.wait import until

GOOD = queue_file(sender="a@far.test", recipients=("good@far.test",))


def damaged():
    """{name: bytes}: queue files that are none."""
    size = GOOD[:97]
    return {
        "empty": b"",
        "text": b"this is not a queue file\n" * 10,
        "zeros": b"\0" * 5000,
        "cut in the envelope": GOOD[:len(size) + 30],
        "length beyond the end": size + b"T\xff\xff\x7f",
        "length that never ends": size + b"T" + b"\xff" * 200,
        "no sender": queue_file(sender="", recipients=()).replace(b"S\0", b""),
        "content elsewhere": GOOD[:18] + b"%15d" % 999999 + GOOD[33:],
    }


class Rubbish(SuiteTestCase):
    main_cf = {"default_transport": "discard:", "queue_run_delay": "1s", "minimal_backoff_time": "1s",
               "maximal_backoff_time": "2s", "in_flow_delay": "0s"}

    def put(self, queue, name, data, mode=0o700):
        suite = self.suite
        path = os.path.join(queue, name[0], name) if queue == "deferred" else os.path.join(queue, name)
        return put(suite.queue_directory, path, data, mode, age=10)

    def send(self):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("a@far.test", ["fresh@far.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<fresh@far.test>.*status=sent", since=mark)

    def submit(self):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-f", "a@far.test", "fresh@far.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<fresh@far.test>.*status=sent", since=mark)

    def corrupt(self):
        return set(os.listdir(self.suite.path("queue/corrupt")))

    def check(self, queue):
        names = {}
        for at, (what, data) in enumerate(sorted(damaged().items())):
            name = "%05X%X" % (0xB0000 + at * 16, 0xABC000 + ord(queue[0]))
            names[name] = what
            self.put(queue, name, data)
        good = "ABCDE%X" % ord(queue[0])
        self.put(queue, good, GOOD)
        self.suite.flush()
        self.suite.wait_for_log(good + r": to=<good@far.test>.*status=sent")
        self.send()

        def aside():
            self.suite.flush()
            return set(names) <= self.corrupt() | self.gone(queue, names)
        until(aside, 30, lambda: "put aside; still there: %s\n%s" % (
            {names[n] for n in set(names) - self.corrupt()}, self.suite.tail()))
        self.assertGreaterEqual(len(self.corrupt() & set(names)), len(names) - 1)
        for name in self.corrupt() & set(names):
            with self.subTest(file=names[name]):
                self.suite.wait_for_log(r"warning: .*%s" % name)
        self.send()
        self.suite.wait_queue_empty()

    def gone(self, queue, names):
        """An empty file is nothing to keep: it may be removed."""
        path = self.suite.queue_files("incoming", "active", "deferred", "corrupt")
        left = {os.path.basename(p) for p in path}
        return {n for n, what in names.items() if what == "empty" and n not in left}

    def test_incoming(self):
        self.check("incoming")

    def test_deferred(self):
        self.check("deferred")

    def test_unfinished_is_left_alone(self):
        """Mode 0600: somebody is still writing it."""
        path = self.put("incoming", "C0FFEE", GOOD[:100], mode=0o600)
        self.suite.flush()
        self.send()
        self.assertTrue(os.path.exists(path))
        os.unlink(path)

    def test_maildrop_file_that_grows(self):
        """... and pickup may not even open it."""
        mark = self.suite.log_mark()
        path = self.put("maildrop", "C0FFEE", GOOD[:100], mode=0o600)
        if os.geteuid() == 0:
            shutil.chown(path, "nobody")
        self.submit()
        self.assertEqual(self.suite.count_log("maildrop/C0FFEE", since=mark), 0)
        os.unlink(path)

    def test_maildrop(self):
        for at, (what, data) in enumerate(damaged().items()):
            self.put("maildrop", "D%04XABC" % at, data, mode=0o744)
        self.submit()
        self.send()
        for path in self.suite.queue_files("maildrop"):
            with contextlib.suppress(FileNotFoundError):        # pickup takes them meanwhile
                os.unlink(path)
        self.suite.wait_queue_empty()

    def test_things_that_are_no_files(self):
        made = []
        for queue in ("incoming", "maildrop", "deferred"):
            top = self.suite.path("queue", queue)
            os.mkfifo(top + "/FIF0AAAA", 0o700)
            os.symlink("/etc/passwd", top + "/5BEEFAAA")
            os.mkdir(top + "/DDDDAAAA", 0o700)
            open(top + "/not a queue id!", "w").close()
            open(top + "/.hidden", "w").close()
            made += [os.path.join(top, n) for n in
                     ("FIF0AAAA", "5BEEFAAA", "DDDDAAAA", "not a queue id!", ".hidden")]
        if os.geteuid() == 0:
            for path in made:
                shutil.chown(path, "postfix") if not os.path.islink(path) else None
        self.suite.flush()
        self.submit()
        self.send()
        self.assertEqual(open("/etc/passwd").read(5), "root:")
        for path in made:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def test_rubbish_before_the_start(self):
        """A start with rubbish in every queue."""
        self.suite.stop()
        for at, queue in enumerate(("incoming", "active", "deferred")):
            self.put(queue, "E0000%X" % at, b"rubbish" * 100)
        self.put("incoming", "E1111A", GOOD)
        self.suite.start()
        self.suite.wait_for_log(r"E1111\w*: to=<good@far.test>.*status=sent")
        self.send()
        until(lambda: sum(n.startswith("E0000") for n in self.corrupt()) == 3 or self.suite.flush(), 30,
              lambda: "three corrupt files: %s\n%s" % (self.corrupt(), self.suite.tail()))

    def test_rubbish_defer_log(self):
        name = "AAAAA123"
        self.put("deferred", name, GOOD)
        os.makedirs(self.suite.path("queue/defer/A"), exist_ok=True)
        put(self.suite.queue_directory, "defer/A/" + name, b"\xff\0=\n<\n\n\nreason\n" * 1000, 0o600)
        self.suite.postqueue()
        self.suite.flush()
        self.suite.wait_for_log(name + r": to=<good@far.test>.*status=sent")
        self.suite.wait_queue_empty()


if __name__ == "__main__":
    unittest.main()
