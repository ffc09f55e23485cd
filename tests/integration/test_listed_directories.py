"""Commands with more rights than their caller take his directory when the main.cf in /etc/postfix lists it."""
import os
import shutil
import tempfile
import unittest

from support.namespace import private_etc
from support.suite import Suite

MAIL = "Subject: listed\n\nx\n"


class ListedDirectories(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.mkdtemp(prefix="mta-etc-")
        cls.addClassCleanup(os.rmdir, holder)
        private_etc(holder)
        cls.addClassCleanup(os.system, "umount -l /etc; umount -l " + holder)
        os.makedirs("/etc/postfix", exist_ok=True)
        cls.suite = Suite({"default_transport": "discard:"})
        with open(cls.suite.product.command("postqueue"), "rb") as f:
            if b"__asan_init" in f.read():
                raise unittest.SkipTest("the leak check fails in a process with more rights than its caller")
        cls.addClassCleanup(cls.suite.close)
        cls.suite.start()

    def list_in(self, parameter, *directories):
        with open("/etc/postfix/main.cf", "w") as f:
            f.write("compatibility_level = 3.6\n%s = %s\n" % (parameter, ", ".join(directories)))

    def as_nobody(self, *command, stdin=""):
        return self.suite.run(*command, stdin=stdin, check=False, user="nobody")

    def assert_refused(self, done):
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unauthorized configuration directory name: " + self.suite.etc, done.stderr)

    def test_listed(self):
        for parameter in ("alternate_config_directories", "multi_instance_directories"):
            with self.subTest(parameter=parameter):
                self.list_in(parameter, "/nowhere", self.suite.etc)
                done = self.as_nobody("postqueue", "-c", self.suite.etc, "-p")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(done.stdout, "Mail queue is empty\n")
                mark = self.suite.log_mark()
                done = self.as_nobody("sendmail", "-C", self.suite.etc, "-f", "me@x.test", "you@y.test", stdin=MAIL)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.suite.wait_for_log(r"to=<you@y.test>.*status=sent", since=mark)
                self.suite.wait_queue_empty()

    def test_not_listed(self):
        near = self.suite.etc + "/", os.path.dirname(self.suite.etc), self.suite.etc + "x", self.suite.etc.upper()
        for directories in ((), near):
            with self.subTest(listed=directories):
                self.list_in("alternate_config_directories", *directories)
                self.assert_refused(self.as_nobody("postqueue", "-c", self.suite.etc, "-p"))
                self.assert_refused(self.as_nobody("sendmail", "-C", self.suite.etc, "you@y.test", stdin=MAIL))

    def test_by_environment(self):
        """MAIL_CONFIG (which the suite sets) asks for a directory as -c does."""
        self.list_in("alternate_config_directories", self.suite.etc)
        self.assertEqual(self.as_nobody("postqueue", "-p").stdout, "Mail queue is empty\n")
        self.list_in("alternate_config_directories")
        self.assert_refused(self.as_nobody("postqueue", "-p"))

    def test_without_a_standard_configuration(self):
        shutil.rmtree("/etc/postfix")
        os.mkdir("/etc/postfix")
        done = self.as_nobody("postqueue", "-c", self.suite.etc, "-p")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/etc/postfix/main.cf", done.stderr)


if __name__ == "__main__":
    unittest.main()
