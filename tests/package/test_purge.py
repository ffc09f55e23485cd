"""The name "postfix": purged, configured and upgraded while Valija has its place."""
import glob
import os
import unittest

from support import wait
from support.debian import Debian, changes

ANSWERS = """\
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string mail1.org
postfix postfix/destinations string mail1.org, localhost
"""
# lists of a program's own files, and scripts of Debian's package that only its own programs run
NOTES = ("/etc/postfix/postfix-files", "/etc/postfix/dynamicmaps.cf", "/etc/postfix/post-install",
         "/etc/postfix/postfix-script")


class Name(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        if not glob.glob(os.path.join(os.environ.get("MTA_ORACLE", "/nonexistent"), "deb", "postfix_*.deb")):
            self.skipTest("MTA_ORACLE has no package of Postfix")
        self.host = Debian()
        self.addCleanup(self.host.close)
        self.host.run("debconf-set-selections", stdin=ANSWERS)
        self.host.install("postfix")
        self.host.run("postconf -e 'relayhost = [192.0.2.1]' 'minimal_backoff_time = 1h' 'maximal_backoff_time = 1h'; "
                      "echo '# kept' >>/etc/postfix/master.cf; service postfix reload")

    def state(self, package):
        return self.host.run("dpkg-query -W -f '${db:Status-Status}' %s 2>/dev/null || echo none" % package).strip()

    def used(self):
        """All that a purge could take away."""
        found = {}
        for top in ("/etc", "/var/spool/postfix", "/var/lib/postfix"):
            found.update(self.host.tree(top, skip=NOTES + ("/etc/ld.so.cache", "/var/spool/postfix/pid")))
        return found

    def hold_mail(self):
        self.host.run("postconf -e defer_transports=smtp && postfix reload && "
                      "su usuario -c 'sendmail -f usuario@mail1.org somebody@elsewhere.test'", stdin="Subject: kept\n\ntext\n")
        wait.until(lambda: "somebody@elsewhere.test" in self.host.run("find /var/spool/postfix/deferred -type f -exec cat {} +"),
                   60, lambda: self.host.run("mailq"))
        self.host.run("postfix stop")

    def check_mail(self):
        self.host.run("service postfix start; postfix status")
        self.assertIn("somebody@elsewhere.test", self.host.run("mailq"))

    def test_debians_package_is_purged(self):
        self.host.install("valija")
        self.assertEqual(self.state("postfix"), "config-files")
        self.hold_mail()
        before = self.used()
        said = self.host.run("dpkg --purge postfix")
        self.assertNotIn("rror", said)
        self.assertEqual(changes(before, self.used()), [])
        self.assertIn(self.state("postfix"), ("none", "not-installed"))
        self.assertIn("uid=", self.host.run("id postfix"))
        self.check_mail()
        # the questions are still there for us
        self.host.run("debconf-set-selections && dpkg-reconfigure valija",
                      stdin="valija postfix/mailname string other.test\n")
        self.host.run("dpkg-reconfigure valija; apt-get install --reinstall -y -q /debs/valija_*.deb; postfix status")
        self.assertIn("somebody@elsewhere.test", self.host.run("mailq"))

    def test_purged_when_nobody_uses_it(self):
        """Its script is Debian's again once valija is gone."""
        self.host.install("valija")
        self.host.run("apt-get remove -y -q valija")
        self.host.run("dpkg --purge postfix")
        self.assertFalse(self.host.exists("/etc/postfix"))
        self.assertFalse(self.host.exists("/var/spool/postfix"))

    def test_package_of_that_name_in_an_upgrade(self):
        before = self.used()
        said = self.host.install("valija", "name-postfix")
        self.assertNotIn("rror", said)
        self.assertEqual([self.state("valija"), self.state("postfix")], ["installed"] * 2)
        self.host.run("postfix status && service postfix status")
        gone = [line for line in changes(before, self.used()) if "/etc/postfix/" in line]
        self.assertEqual(gone, [])
        self.assertIn("valija", self.host.run("readlink -f /proc/$(tr -d ' ' </var/spool/postfix/pid/master.pid)/exe "
                                              "| xargs dpkg -S"))
        self.reconfigured()
        # purged, it takes nothing along
        self.hold_mail()
        before = self.used()
        self.host.run("dpkg --purge postfix")
        self.assertEqual(changes(before, self.used()), [])
        self.check_mail()
        # and Debian's comes back as without it
        self.host.install("postfix")
        self.assertEqual(self.state("valija"), "config-files")
        self.check_mail()

    def reconfigured(self):
        """dpkg-reconfigure by the name that administrators know."""
        self.host.run("debconf-set-selections && dpkg-reconfigure postfix",
                      stdin="postfix postfix/main_mailer_type select Local only\n")
        self.assertIn("default_transport = error", self.host.run("postconf -n"))
        self.assertIn("inet_interfaces = loopback-only", self.host.run("postconf -n"))
        self.host.run("debconf-set-selections && dpkg-reconfigure postfix",
                      stdin="postfix postfix/main_mailer_type select Internet Site\n")
        self.assertNotIn("default_transport", self.host.run("postconf -n"))
        self.host.run("postfix status")

    def test_package_of_that_name_later_and_debians_in_its_place(self):
        self.host.install("valija")
        self.host.install("name-postfix")
        self.assertEqual(self.state("postfix"), "installed")
        self.hold_mail()
        self.host.run("apt-get install -y -q --allow-downgrades /debs/postfix_3*.deb")
        self.assertEqual([self.state("valija"), self.state("postfix")], ["config-files", "installed"])
        self.assertIn("3.7", self.host.run("postconf -dh mail_version"))
        self.check_mail()


if __name__ == "__main__":
    unittest.main()
