"""Mailboxes that cannot be written, by local(8) and virtual(8) beside Postfix: what waits and what is returned."""
import os
import re
import shutil
import unittest

from support import oracle
from support.compare import ComparisonTestCase, log_of_message
from support.mask import mask_lines

# name: mailbox below the directory `boxes`
BOXES = {"closed-mbox": "closed/mbox", "closed-maildir": "closed/maildir/", "closed-new": "halfway/",
         "missing-mbox": "missing/mbox", "missing-maildir": "missing/maildir/", "dir-mbox": "dir",
         "fifo": "fifo", "foreign": "foreign", "linked": "linked", "symlink": "symlink",
         "file-maildir": "foreign/", "read-only": "readonly", "full": "full", "good": "good/mbox", "good-maildir": "good/maildir/"}


def make_boxes(base):
    os.makedirs(base)
    for name in ("closed", "good", "dir", "halfway"):
        os.mkdir(os.path.join(base, name))
    for name in ("good", "halfway"):
        shutil.chown(os.path.join(base, name), "nobody")
    for name in ("tmp", "new", "cur"):
        path = os.path.join(base, "halfway", name)
        os.mkdir(path)
        if name == "tmp":
            shutil.chown(path, "nobody")
    os.mkfifo(os.path.join(base, "fifo"))
    for name in ("foreign", "linked", "readonly", "full"):
        with open(os.path.join(base, name), "w", encoding="ascii") as f:
            f.write("x\n" * 2990 if name == "full" else "")
    for name in ("linked", "readonly", "full"):
        shutil.chown(os.path.join(base, name), "nobody")
    os.chmod(os.path.join(base, "readonly"), 0o400)
    os.link(os.path.join(base, "linked"), os.path.join(base, "linked2"))
    os.symlink("good/mbox", os.path.join(base, "symlink"))
    os.chmod(base, 0o755)


@oracle.needed
@unittest.skipUnless(os.geteuid() == 0, "only root makes mailboxes of others")
class MailboxesThatCannotBeWritten(ComparisonTestCase):
    main_cf = {"virtual_mailbox_domains": "virtual.test", "virtual_mailbox_base": "@dir@/boxes", "mydestination": "local.test",
               "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534", "default_privs": "nobody",
               "virtual_mailbox_maps": "inline:{%s}" % ", ".join("%s@virtual.test=%s" % item for item in BOXES.items()),
               "virtual_mailbox_limit": "6000", "mailbox_size_limit": "6000", "message_size_limit": "5000",
               "local_recipient_maps": "", "mailbox_delivery_lock": "fcntl", "virtual_mailbox_lock": "fcntl"}
    aliases = ""

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        os.chmod(suite.dir, 0o755)
        make_boxes(suite.path("boxes"))

    def results(self, suite, address):
        mark = suite.log_mark()
        suite.sendmail(["-i", "-f", "nobody@far.test", "-N", "never", address], "Subject: s\n\ntext\n")
        queue_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)
        lines = [line for line in log_of_message(suite, queue_id, mark) if queue_id + ": to=" in line]
        self.assertTrue(lines, suite.tail())
        found = mask_lines([re.sub(r"^.*?: \w+: |delays?=[^ ]+ ", "", line) for line in lines], suite)
        return [re.sub(r"\w+\.[VP][^ ]*|/tmp/\d[^ :]*", "/NAME", line) for line in found]

    def test_virtual(self):
        for name in BOXES:
            with self.subTest(name):
                self.assert_same(*(self.results(s, name + "@virtual.test") for s in (self.ours, self.theirs)), name)

    def test_local(self):
        for suite in (self.ours, self.theirs):
            suite.make_aliases("".join("%s: %s/%s\n" % (name, suite.path("boxes"), box) for name, box in BOXES.items()))
            suite.restart()
        for name in BOXES:
            with self.subTest(name):
                self.assert_same(*(self.results(s, name + "@local.test") for s in (self.ours, self.theirs)), name)


if __name__ == "__main__":
    unittest.main()
