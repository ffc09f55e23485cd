"""postsuper(1) on a queue made by hand: operations on messages, and repair of the structure."""
import os
import stat
import time
import unittest

from support.queue_files import log_file, make_spool, put, queue_file
from support.suite import Suite


class Postsuper(unittest.TestCase):
    main_cf = {}

    def setUp(self):
        self.suite = Suite(self.main_cf)
        self.addCleanup(self.suite.close)
        self.queue = self.suite.queue_directory
        make_spool(self.queue)

    def put(self, path, mode=0o700):
        return put(self.queue, path, queue_file(), mode)

    def files(self):
        found = []
        for where, _, names in os.walk(self.queue):
            found += [os.path.relpath(os.path.join(where, n), self.queue) for n in names]
        return sorted(found)

    def run_it(self, *args, stdin=b"", status=0):
        done = self.suite.run("postsuper", *args, stdin=stdin, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return [line.replace("postsuper: ", "", 1) for line in done.stderr.splitlines()]


class Messages(Postsuper):
    def test_hold_release_expire(self):
        self.put("deferred/A/A00011")
        self.assertEqual(self.run_it("-h", "A00011"),
                         ["A00011: placed on hold", "Placed on hold: 1 message"])
        self.assertEqual(self.run_it("-h", "A00011"), ["Placed on hold: 0 messages"])
        self.assertEqual(self.files(), ["hold/A00011"])
        self.assertEqual(self.run_it("-e", "A00011"), ["A00011: expired", "Force-expired: 1 message"])
        mode = os.stat(os.path.join(self.queue, "hold/A00011")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o710)
        self.assertEqual(self.run_it("-f", "A00011"),
                         ["A00011: released from hold", "Force-expired: 0 messages",
                          "Released from hold: 1 message"])
        self.assertEqual(self.files(), ["deferred/A/A00011"])

    def test_release_keeps_the_time(self):
        path = self.put("hold/A00011")
        os.utime(path, (2000000000, 2000000000))
        self.run_it("-H", "A00011")
        self.assertEqual(os.stat(os.path.join(self.queue, "deferred/A/A00011")).st_mtime, 2000000000)

    def test_requeue_is_due_now(self):
        path = self.put("deferred/A/A00011")
        os.utime(path, (2000000000, 2000000000))
        self.assertEqual(self.run_it("-r", "A00011"), ["A00011: requeued", "Requeued: 1 message"])
        self.assertLess(os.stat(os.path.join(self.queue, "maildrop/A00011")).st_mtime, time.time() + 5)

    def test_delete_takes_the_logs(self):
        self.put("deferred/A/A00011")
        self.put("active/A00012")
        for name in ("defer/A/A00011", "bounce/A00011", "trace/A00011", "defer/A/A00012"):
            put(self.queue, name, log_file([{"recipient": "a@b"}]), 0o600)
        self.assertEqual(self.run_it("-d", "A00011"), ["A00011: removed", "Deleted: 1 message"])
        self.assertEqual(self.files(), ["active/A00012", "defer/A/A00012"])

    def test_stdin_and_several(self):
        for n in range(4):
            self.put("incoming/A0001%d" % n)
        self.assertEqual(self.run_it("-d", "-", "-h", "A00013", stdin="A00010\nno/id\nA00011\n"),
                         ["A00010: removed", "warning: invalid mail queue id: no/id",
                          "A00011: removed", "A00013: placed on hold", "Deleted: 2 messages",
                          "Placed on hold: 1 message"])
        self.assertEqual(self.files(), ["hold/A00013", "incoming/A00012"])

    def test_all_can_be_restricted(self):
        self.put("incoming/A00010")
        self.put("deferred/A/A00011")
        self.put("hold/A00012")
        self.assertEqual(self.run_it("-d", "ALL", "deferred"), ["Deleted: 1 message"])
        self.assertEqual(self.run_it("-d", "all"), ["Deleted: 0 messages"])
        self.assertEqual(self.run_it("-h", "ALL", "-d", "ALL"),
                         ["Deleted: 2 messages", "Placed on hold: 1 message"])
        self.assertEqual(self.files(), [])

    def test_links_are_not_followed(self):
        outside = self.suite.write("precious", "x")
        os.chmod(outside, 0o700)
        os.symlink(outside, os.path.join(self.queue, "hold/A00012"))
        lines = self.run_it("-d", "A00012", "-e", "A00012", "-H", "A00012", "-r", "ALL")
        self.assertTrue(any("hold/A00012" in line and "not a regular file" in line for line in lines))
        self.assertTrue(os.path.exists(outside))
        self.assertEqual(stat.S_IMODE(os.stat(outside).st_mode), 0o700)
        self.assertEqual(self.files(), ["hold/A00012"])

    def test_unfinished_is_left_alone(self):
        self.put("incoming/A00010", 0o600)
        self.assertEqual(self.run_it("-d", "A00010", "-r", "A00010"),
                         ["Requeued: 0 messages", "Deleted: 0 messages"])
        self.assertEqual(self.files(), ["incoming/A00010"])

    def test_errors(self):
        self.assertEqual(self.run_it("-d", "ALL", "nosuch", status=1),
                         ["fatal: invalid directory name: nosuch"])
        self.assertEqual(self.run_it("-c", "etc", "-s", status=1),
                         ["fatal: -c requires absolute pathname"])
        self.assertIn("fatal: usage: postsuper [-c config_dir]", self.run_it("-x", status=1)[-1])


class Structure(Postsuper):
    def right_id(self, path, usec="A0001"):
        return "%s%X" % (usec, os.stat(path).st_ino)

    def test_names_match_inodes(self):
        path = self.put("deferred/A/A000112345")
        put(self.queue, "defer/A/A000112345", log_file([{"recipient": "a@b"}]), 0o600)
        right = self.right_id(path)
        lines = self.run_it("-s")
        self.assertEqual(lines, ["Renamed to match inode number: 1 message",
                                 "warning: QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS"])
        self.assertEqual(self.files(), ["defer/A/" + right, "deferred/A/" + right])
        self.assertEqual(self.run_it(), [])

    def test_names_may_be_exchanged(self):
        """The right name of one is the name of the other: nothing is overwritten."""
        one, two = self.put("hold/A000111"), self.put("hold/A000122")
        right_one, right_two = self.right_id(one), self.right_id(two)
        os.rename(one, os.path.join(self.queue, "hold", right_two))
        os.rename(two, os.path.join(self.queue, "hold", right_one))
        self.run_it("-s")
        self.assertEqual(self.files(), sorted(["hold/" + right_one, "hold/" + right_two]))
        self.assertEqual(self.right_id(os.path.join(self.queue, "hold", right_one)), right_one)

    def test_goes_on_after_a_crash(self):
        path = self.put("hold/A000111")
        right = self.right_id(path)
        os.rename(path, os.path.join(self.queue, "hold", right + "#FIX"))
        self.run_it("-s")
        self.assertEqual(self.files(), ["hold/" + right])

    def test_hash_depth_changes(self):
        path = self.put("deferred/A/A000111")
        right = self.right_id(path)
        os.rename(path, os.path.join(self.queue, "deferred/A", right))
        self.suite.set(hash_queue_depth=2)
        self.run_it("-s")
        self.assertEqual(self.files(), ["deferred/A/0/" + right])
        self.suite.set(hash_queue_names="hold", hash_queue_depth=1)
        self.run_it("-s")
        self.assertEqual(self.files(), ["deferred/" + right])
        self.assertEqual(os.listdir(os.path.join(self.queue, "deferred")), [right])

    def test_long_names_become_short(self):
        path = self.put("hold/4jX4cb3Wx7z1dD8j")
        right = self.right_id(path, "796EB")
        self.suite.set(enable_long_queue_ids="yes")
        self.assertEqual(self.run_it("-s"), [])
        self.suite.set(enable_long_queue_ids="no")
        self.run_it("-s")
        self.assertEqual(self.files(), ["hold/" + right])

    def test_purge_only_old_unfinished_files(self):
        old = time.time() - 8 * 86400
        for name, mode, when in (("incoming/A00011", 0o600, old), ("incoming/A00012", 0o700, old),
                                 ("incoming/A00013", 0o600, time.time()), ("incoming/1.2", 0o600, old),
                                 ("hold/A00014", 0o400, old)):
            os.utime(self.put(name, mode), (when, when))
        put(self.queue, "bounce/A00012", b"x", 0o600)
        os.utime(os.path.join(self.queue, "bounce/A00012"), (old, old))
        self.assertEqual(self.run_it("-p"), [])
        self.assertEqual(self.files(), ["bounce/A00012", "hold/A00014", "incoming/A00012",
                                        "incoming/A00013"])

    def test_bogus_names_are_reported(self):
        self.put("incoming/TMPX")
        self.assertEqual(self.run_it("-s"), ["warning: bogus file name: incoming/TMPX"])
        self.assertEqual(self.files(), ["incoming/TMPX"])


if __name__ == "__main__":
    unittest.main()
