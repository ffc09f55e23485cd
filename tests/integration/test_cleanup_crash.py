"""cleanup(8) dies at each step of making a message durable: what it accepted is there, whole; what it did
not accept is never taken for mail unless it is whole."""
import os
import signal
import unittest

from support.cleanup import END, Cleanup, content, envelope, records
from support.product import staged
from support.shim import build_shim
from support.wait import until

MESSAGE = envelope() + content("Subject: x\n\nbody\n") + END
BIG = envelope() + content("Subject: x\n\n" + "y" * 70 + "\n" + ("z" * 70 + "\n") * 9000) + END


def setUpModule():
    global shim
    shim = build_shim(unittest.addModuleCleanup, "killshim")


def is_whole(data):
    found = records(data)
    size, offset = (int(word) for word in found[0][2].split()[:2])
    kinds = {at: kind for at, kind, _ in found}
    return found[0][1] == "C" and found[-1][1] == "E" and kinds.get(offset + size) == "X"


class Crash(unittest.TestCase):
    def start(self, kill_at=None):
        env = {}
        if kill_at:
            env = {"LD_PRELOAD": shim, "KILL_AT": kill_at,
                   "ASAN_OPTIONS": "verify_asan_link_order=0"}
        cleanup = Cleanup(staged().daemon("cleanup"), env=env)
        self.addCleanup(cleanup.stop)
        return cleanup.start()

    def complete(self, cleanup, queue="incoming"):
        """Files that qmgr would take for mail; each must be whole."""
        out = []
        for name in cleanup.files(queue):
            mode = os.stat(os.path.join(cleanup.queue, queue, name)).st_mode
            if mode & 0o100:
                self.assertTrue(is_whole(cleanup.file(name, queue)), name)
                out.append(name)
        return out

    def die(self, kill_at, message=MESSAGE, accepted_before=0, flags=None):
        cleanup = self.start(kill_at)
        accepted = []
        arguments = () if flags is None else (flags,)
        with self.assertRaises((EOFError, ConnectionError)):
            for _ in range(accepted_before + 1):
                queue_id, answer = cleanup.send(message, *arguments)
                self.assertEqual(answer["status"], 0, answer)
                accepted.append(queue_id)
        self.assertEqual(cleanup.process.wait(60), -signal.SIGKILL)
        self.assertEqual(len(accepted), accepted_before)
        return cleanup, accepted

    def test_death_at_each_step(self):
        for step, is_mail in (("rename:1:before", False), ("rename:1:after", False),
                              ("fchmod:1:before", False), ("fchmod:1:after", True),
                              ("fsync:1:before", True), ("fsync:1:after", True)):
            for message in (MESSAGE, BIG):
                with self.subTest(step=step, size=len(b"".join(message))):
                    cleanup, _ = self.die(step, message)
                    self.assertEqual(len(self.complete(cleanup)), int(is_mail))

    def test_death_in_hold(self):
        for step, where in (("rename:2:before", "incoming"), ("rename:2:after", "hold")):
            with self.subTest(step=step):
                cleanup, _ = self.die(step, flags=1 << 2)
                self.assertEqual(len(self.complete(cleanup, where)), 1)

    def test_what_was_accepted_survives(self):
        for step in ("rename:4:after", "fchmod:4:before", "fsync:4:before", "fsync:4:after"):
            with self.subTest(step=step):
                cleanup, accepted = self.die(step, accepted_before=3)
                self.assertLessEqual(set(accepted), set(self.complete(cleanup)))

    def test_failed_sync_is_refused_and_removed(self):
        cleanup = self.start("fsync:1:fail")
        _, answer = cleanup.send(MESSAGE)
        self.assertEqual((answer["smtp_code"], answer["reason"]),
                         (451, "4.3.0 Error: queue file write error"))
        self.assertEqual(cleanup.files(), [])
        _, answer = cleanup.send(MESSAGE)
        self.assertEqual(answer["status"], 0)
        self.assertEqual(len(self.complete(cleanup)), 1)

    def test_client_that_goes_leaves_nothing(self):
        cleanup = self.start()
        connection = cleanup.connect()
        connection.open()
        connection.send(0x103, b"".join(MESSAGE[:-1]))
        self.assertEqual(len(cleanup.files()), 1)
        connection.close()
        self.assertEqual(cleanup.send(MESSAGE)[1]["status"], 0)
        until(lambda: len(cleanup.files()) == 1, 30, lambda: "one file; there are %s" % cleanup.files())

    def test_full_disk(self):
        program = ["prlimit", "--fsize=4096"]
        cleanup = Cleanup(staged().daemon("cleanup"), prefix=program)
        self.addCleanup(cleanup.stop)
        cleanup.start()
        _, answer = cleanup.send(BIG)
        self.assertEqual(answer["smtp_code"], 451)
        self.assertEqual(cleanup.files(), [])
        self.assertEqual(cleanup.send(MESSAGE)[1]["status"], 0)


if __name__ == "__main__":
    unittest.main()
