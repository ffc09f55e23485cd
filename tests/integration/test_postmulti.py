"""postmulti(1): what must not be lost when an instance is removed. The rest is in the comparison."""
import os
import unittest

from support import product
from support.instances import Etc


@unittest.skipIf(os.geteuid() != 0, "the default configuration directory is root's")
class Destroy(unittest.TestCase):
    def make(self, etc):
        for args in (("-e", "init"), ("-I", "postfix-a", "-e", "create")):
            self.assertEqual(etc.postmulti(*args), (0, []))

    def test_mail_in_the_queue(self):
        for queue in ("maildrop", "incoming", "active", "deferred", "hold", "corrupt"):
            with self.subTest(queue), Etc(product.staged()) as etc:
                self.make(etc)
                mail = etc.path("spool/postfix-a", queue, "A")
                os.makedirs(os.path.dirname(mail), exist_ok=True)
                open(mail, "w").close()
                status, lines = etc.postmulti("-e", "destroy", "-i", "postfix-a")
                self.assertEqual((status, lines), (1, ["postmulti: fatal: Cannot remove instance /etc/postfix-a: there is mail"
                                                       " in @dir@/spool/postfix-a/" + queue]))
                self.assertTrue(os.path.exists(mail))
                self.assertEqual(etc.postmulti("-l", "-i", "postfix-a")[1][0].split()[0], "postfix-a")

    def test_files_of_others_stay(self):
        with Etc(product.staged()) as etc:
            self.make(etc)
            kept = [etc.path("etc/postfix-a/virtual"), etc.path("spool/postfix-a/etc/hosts"), etc.path("lib/postfix-a/mine")]
            for path in kept:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                open(path, "w").close()
            status, lines = etc.postmulti("-e", "destroy", "-i", "postfix-a")
            self.assertEqual(status, 0, lines)
            self.assertEqual(sorted(lines), ["postmulti: warning: %s: please verify contents and remove by hand" % d
                                             for d in ("/etc/postfix-a", "@dir@/lib/postfix-a", "@dir@/spool/postfix-a")])
            self.assertTrue(all(os.path.exists(path) for path in kept))
            self.assertFalse(os.path.exists(etc.path("etc/postfix-a/main.cf")))
            self.assertEqual(len(etc.postmulti("-l")[1]), 1)

    def test_links_in_the_queue_are_not_followed(self):
        with Etc(product.staged()) as etc:
            self.make(etc)
            os.mkdir(etc.path("victim"))
            open(etc.path("victim/file"), "w").close()
            os.rmdir(etc.path("spool/postfix-a/private"))
            os.symlink(etc.path("victim"), etc.path("spool/postfix-a/private"))
            etc.postmulti("-e", "destroy", "-i", "postfix-a")
            self.assertTrue(os.path.exists(etc.path("victim/file")))


if __name__ == "__main__":
    unittest.main()
