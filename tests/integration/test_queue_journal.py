"""Many messages at a time become durable through a journal: after a loss of power every accepted one is there."""
import glob
import os
import signal
import struct
import unittest
import zlib

from support.disk import directory_on_disk
from support.load import Load, complete_copies
from support.namespace import CrashDisk, need_private_mounts
from support.shim import build_shim
from support.sink import Sink
from support.suite import Suite
from support.wait import until

CLIENTS = 20
MESSAGES = 1000
DESTINATIONS = ["someone@far.test", "kept@far.test", "someone@far.test"]
RESTORED = r"postsuper\[\d+\]: Restored from the journal: (\d+) message"


class Crash(unittest.TestCase):
    def make_suite(self, **settings):
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.suite = Suite({"relayhost": self.sink.nexthop, "smtpd_error_sleep_time": "0s", "in_flow_delay": "0s",
                            "smtpd_recipient_restrictions": "check_recipient_access inline:{{kept@far.test = HOLD}}",
                            "smtpd_client_connection_count_limit": "0", "queue_run_delay": "1s",
                            "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "transport_retry_time": "1s",
                            "service_throttle_time": "1s", "notify_classes": "", **settings},
                           place=directory_on_disk())
        self.addCleanup(self.suite.close)

    def start_load(self, count=MESSAGES):
        """Clients under way; returns when the journal is in use."""
        self.suite.start()
        load = Load(self.suite, count, DESTINATIONS, smtp_clients=CLIENTS, sendmails=0, deadline=240).start()
        until(lambda: glob.glob(self.suite.queue_directory + "/journal/[0-9]*") and len(load.account.accepted) > 150,
              100, lambda: "150 messages and a journal: %s\n%s" % (load.account.refused, self.suite.tail()))
        return load

    def everything_is_there(self, load):
        """The rest of the load, and what was held; then each accepted message has arrived."""
        self.assertEqual(load.finish(), 0, "%s\n%s" % (load.account.refused, self.suite.tail()))

        def is_empty():
            self.suite.run("postsuper", "-H", "ALL", check=False)
            self.suite.flush()
            return not self.messages()
        until(is_empty, 120, lambda: "an empty queue: %s\n%s" % (self.messages()[:9], self.suite.tail()))
        copies = complete_copies("".join(m.text for m in self.sink.messages))
        self.assertEqual(set(load.account.accepted) - set(copies), set(), "accepted and lost\n" + self.suite.tail())
        return copies

    def messages(self):
        """Complete ones: a killed process leaves others."""
        return [p for p in self.suite.queue_files() if os.access(p, os.X_OK)]

    def restored(self):
        return sum(int(line.split("journal: ")[1].split()[0]) for line in self.suite.log_lines()
                   if "Restored from the journal" in line)


class PowerLoss(Crash):
    def lose_power(self, has_journal):
        need_private_mounts()
        self.make_suite()
        self.disk = CrashDisk(self.suite.path("image"), self.suite.queue_directory, has_journal)
        self.addCleanup(self.disk.close)
        self.addCleanup(self.suite.stop)
        load = self.start_load()
        # Nobody answers a client any more when the disk has lost its power: ext4 tells some who are just
        # waiting for it that all went well (blocks whose place on the disk was to be recorded by its end).
        for pid in self.suite.pids() + self.suite.pids():
            os.kill(pid, signal.SIGSTOP)
        self.disk.lose_power()
        self.suite.kill()
        self.disk.come_back()
        self.suite.start()
        self.everything_is_there(load)
        self.assertGreater(self.restored(), 0, "nothing was missing; this test tests nothing")

    def test_journaled_file_system(self):
        self.lose_power(True)

    def test_file_system_without_journal(self):
        self.lose_power(False)


class DeathOfProcesses(Crash):
    def test_every_process_at_once(self):
        """The files are in the kernel's memory: nothing is missing, and nothing that was delivered comes back."""
        self.make_suite()
        load = self.start_load()
        self.suite.kill()
        self.suite.start()
        copies = self.everything_is_there(load)
        if self.knows_its_memory():
            self.assertEqual(self.restored(), 0)
            twice = sum(n - 1 for n in copies.values())
            self.assertLessEqual(twice, sum(load.account.unsure.values()) + CLIENTS)
        self.suite.stop()
        self.assert_forgotten()

    def dies_at(self, moment):
        """Each cleanup process dies there, one after the other."""
        shim = build_shim(self.addCleanup, "killshim")
        self.make_suite(import_environment="MAIL_CONFIG TZ LANG=C LD_PRELOAD=%s KILL_AT=%s "
                        "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0" % (shim, moment))
        deaths = r"process .*cleanup pid \d+ killed by signal 9"
        self.suite.start()
        load = Load(self.suite, 200, DESTINATIONS, smtp_clients=CLIENTS, sendmails=0, deadline=240,
                    enough=lambda: self.suite.count_log(deaths) > 1).start()
        self.everything_is_there(load)
        until(lambda: self.suite.count_log(deaths) > 1, 30, "two deaths")

    def test_death_before_the_journal_is_written(self):
        self.dies_at("fdatasync:5:before")

    def test_death_after_the_journal_is_written(self):
        self.dies_at("fdatasync:5:after")

    def knows_its_memory(self):
        """Linux 6.8: mounts have numbers that do not come again."""
        return tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 8)

    def assert_forgotten(self):
        """No journal has an entry after an orderly end."""
        for path in glob.glob(self.suite.queue_directory + "/journal/*"):
            with open(path, "rb") as f:
                header = f.read(16)
                if not header:
                    continue
                magic, _, first_live = struct.unpack("=4sIQ", header)
                self.assertEqual(magic, b"VLJ1")
                for half in (4096, 4096 + (16 << 20)):
                    f.seek(half)
                    entry = f.read(16)
                    if entry[:4] == b"ELJ1":
                        self.assertLess(struct.unpack("=Q", entry[8:])[0], first_live, path)

    def test_another_memory(self):
        """The spool after a crash of which nothing is known: what is missing or damaged is put back, once."""
        self.make_suite()
        self.suite.set(defer_transports="smtp")
        load = self.start_load(600)
        self.suite.kill()       # entries are younger than five seconds: not yet forgotten
        in_journal = set()
        for path in glob.glob(self.suite.queue_directory + "/journal/*"):
            in_journal |= self.make_foreign(path)
        paths = sorted(p for p in self.messages() if os.path.basename(p) in in_journal)
        self.assertGreater(len(paths), 20, "hardly anything went through the journal")
        damaged = paths[:len(paths) * 2 // 3]
        for path in damaged[::2]:
            os.unlink(path)
        for path in damaged[1::2]:
            os.truncate(path, os.path.getsize(path) // 2)
        self.suite.set(defer_transports="")
        self.suite.start()
        self.assertEqual(self.restored(), len(damaged))
        self.suite.restart()
        self.assertEqual(self.restored(), len(damaged))
        self.everything_is_there(load)

    @staticmethod
    def make_foreign(path):
        """Another origin in the header; the names of the entries that count."""
        with open(path, "r+b") as f:
            head = bytearray(f.read(96))
            if not head:
                return set()
            first_live = struct.unpack("=Q", head[8:16])[0]
            head[16:96] = b"another memory".ljust(80, b"\0")
            head[4:8] = struct.pack("=I", zlib.crc32(head[8:]))
            f.seek(0)
            f.write(head)
            names = set()
            for half in (4096, 4096 + (16 << 20)):
                f.seek(half)
                while True:
                    entry = f.read(24)
                    if entry[:4] != b"ELJ1":
                        break
                    generation, size, queue, name = struct.unpack("=QIHH", entry[8:])
                    queue_id = f.read(queue + name)[queue:].decode()
                    if generation >= first_live:
                        names.add(queue_id)
                    f.seek(size, os.SEEK_CUR)
            return names


if __name__ == "__main__":
    unittest.main()
