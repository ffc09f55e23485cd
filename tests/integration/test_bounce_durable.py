"""What bounce(8) says it has written is on stable storage: the recipient is marked done next."""
import struct
import unittest

from support.cleanup import (BOUNCE_APPEND, BOUNCE_STATUS, INT, TEXT, Cleanup, field)
from support.product import staged
from support.shim import build_shim

LIST = 3
QUEUE_ID = "3E80E4AA81"


def setUpModule():
    global shim
    shim = build_shim(unittest.addModuleCleanup, "killshim")


def message(**values):
    return b"".join(field(name, INT, struct.pack("<q", value)) if isinstance(value, int) else
                    field(name, TEXT, value.encode()) for name, value in values.items())


def one(item):
    return struct.pack("<II", 1, len(item)) + item


APPEND = (message(queue_id=QUEUE_ID) +
          field("recipients", LIST, one(message(offset=20, address="u@x.test", orig_address="",
                                                dsn_orcpt="", dsn_notify=0))) +
          field("statuses", LIST, one(message(dsn="5.1.1", action="failed", reason="no", diag_type="",
                                              diag_text="", mta_type="", mta_name=""))))


class Durable(unittest.TestCase):
    def append(self, service, kill_at):
        """The answer, None when there was none, and how often the status is in the log."""
        env = {"LD_PRELOAD": shim, "KILL_AT": kill_at, "ASAN_OPTIONS": "verify_asan_link_order=0"}
        bounce = Cleanup(staged().daemon("bounce"), "hash_queue_names = incoming", env=env, service=service)
        self.addCleanup(bounce.stop)
        bounce.start()
        connection = bounce.connect()
        self.addCleanup(connection.close)
        connection.send(BOUNCE_APPEND, APPEND)
        try:
            kind, answer = connection.receive()
            self.assertEqual(kind, BOUNCE_STATUS)
        except (EOFError, ConnectionResetError):
            answer = None
        path = bounce.path("queue/%s/%s" % (service, QUEUE_ID))
        with open(path) as f:
            return answer, f.read().count("recipient=u@x.test\n")

    def test_ok_is_said_after_the_sync(self):
        self.assertEqual(self.append("bounce", "none:1:fail"), ({"ok": 1, "reason": ""}, 1))
        self.assertEqual(self.append("bounce", "fdatasync:1:before"), (None, 1))

    def test_a_failed_sync_is_a_failure(self):
        answer, _ = self.append("bounce", "fdatasync:1:fail")
        self.assertEqual(answer["ok"], 0)
        self.assertIn("sync file bounce/%s" % QUEUE_ID, answer["reason"])

    def test_logs_that_guard_nothing_do_not_wait(self):
        for service in ("defer", "trace"):
            self.assertEqual(self.append(service, "fdatasync:1:fail"), ({"ok": 1, "reason": ""}, 1))


if __name__ == "__main__":
    unittest.main()
