"""In the place of Debian's Postfix and back: same configuration, same queue, nothing lost."""
import glob
import os
import unittest

from support import wait
from support.debian import Debian, changes

MESSAGES = int(os.environ.get("MTA_SWAP_MESSAGES", "1000"))
ANSWERS = """\
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string mail1.org
postfix postfix/destinations string mail1.org, localhost
"""


class Swap(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not glob.glob(os.path.join(os.environ.get("MTA_ORACLE", "/nonexistent"), "deb", "postfix_*.deb")):
            raise unittest.SkipTest("MTA_ORACLE has no package of Postfix")
        cls.host = Debian()
        cls.addClassCleanup(cls.host.close)
        cls.host.run("debconf-set-selections", stdin=ANSWERS)

    def deferred(self):
        queue = self.host.path("/var/spool/postfix/deferred")
        return sum(len(files) for _, _, files in os.walk(queue))

    def etc(self):
        """/etc/postfix but for the list of the program's own files, and of tables, which those packages keep."""
        return self.host.tree("/etc/postfix", skip=("/etc/postfix/postfix-files", "/etc/postfix/dynamicmaps.cf"))

    def fill(self, sender):
        """MESSAGES that wait for an address nobody listens on."""
        self.host.run("smtp-source -c -s 4 -m %d -f %s@mail1.org -t somebody@elsewhere.test 127.0.0.1:25"
                      % (MESSAGES, sender))
        wait.until(lambda: self.deferred() == MESSAGES, 300, lambda: "%d of %d deferred" % (self.deferred(), MESSAGES))

    def deliver(self, sender):
        """They come out, each once, when somebody listens."""
        self.host.run("rm -rf /tmp/got && mkdir -m 777 /tmp/got && cd /tmp/got && "
                      "(smtp-sink -u usuario -d '%m.' 127.0.0.1:2525 100 >/dev/null 2>&1 & echo $! >/tmp/sink.pid)")
        wait.until(lambda: self.host.run("ss -Hltn sport = :2525"), 60, "the sink listens")
        self.host.run("postqueue -f")
        wait.until(lambda: "empty" in self.host.run("mailq"), 300, lambda: self.host.run("mailq | tail -n 5"))
        self.host.run("kill $(cat /tmp/sink.pid)")
        count = self.host.run("cat /tmp/got/* | grep -c '^X-Mail-Args: <%s@mail1.org>\\|^X-Mail-Args:.*%s@' || true"
                              % (sender, sender))
        self.assertEqual(int(count), MESSAGES)

    def shape(self, sender):
        """Both programs of the name qshape see the same in the queue."""
        self.host.run("cd /tmp && dpkg-deb -x /debs/postfix_3*.deb theirs && dpkg-deb -x /debs/valija_0*.deb ours")
        def look(options):
            return [self.host.run("perl /tmp/%s/usr/sbin/qshape %s" % (where, options)).splitlines()
                    for where in ("ours", "theirs")]
        for options in ("deferred", "-s deferred", "-p -m 1 -l -b 4 deferred"):
            ours, theirs = look(options)
            if sorted(ours) != sorted(theirs):      # a message may have come of age between the two
                ours, theirs = look(options)
            self.assertEqual(sorted(ours), sorted(theirs))
            self.assertRegex(ours[1], r"TOTAL +%d " % MESSAGES)
            self.assertIn("mail1.org" if "-s" in options else "elsewhere.test", "\n".join(ours))

    def swap(self, old, new, sender, *drivers):
        self.fill(sender)
        before = self.etc()
        removed = self.host.install(new, *drivers)
        self.assertIn("Removing %s " % old, removed)
        self.assertNotIn("rror", removed)
        self.assertEqual(changes(before, self.etc()), [])
        self.assertEqual(self.deferred(), MESSAGES)
        self.assertTrue(os.access(self.host.path("/etc/init.d/postfix"), os.X_OK))
        self.host.run("postfix status && service postfix status")
        self.shape(sender)
        self.deliver(sender)

    def test_swap(self):
        self.host.install("postfix", "postfix-pcre")
        self.host.run("postconf -e 'relayhost = [127.0.0.1]:2525' 'virtual_alias_maps = pcre:/etc/postfix/virtual' "
                      "'minimal_backoff_time = 1h'; echo '/^nobody@here$/ usuario' >/etc/postfix/virtual; postfix reload")
        # ours over theirs, and theirs over ours
        self.swap("postfix", "valija", "first")
        self.swap("valija", "postfix", "second", "postfix-pcre")
        # ours is purged while theirs runs
        before = self.etc()
        self.host.run("dpkg --purge valija")
        self.assertEqual(changes(before, self.etc()), [])
        self.host.run("postfix status")
        # theirs was removed before ours comes
        self.host.run("apt-get remove -y -q postfix")
        self.host.install("valija")
        self.assertTrue(os.access(self.host.path("/etc/init.d/postfix"), os.X_OK))
        self.host.run("service postfix status")
        self.assertEqual(changes(before, self.etc()), [])
