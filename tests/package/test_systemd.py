"""The units, with systemd as the first process."""
import re
import time
import unittest

from support import wait
from support.systemd import Booted

ANSWERS = """\
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string mail1.org
"""


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Booted()
        cls.addClassCleanup(cls.host.close)
        cls.host.run("debconf-set-selections", stdin=ANSWERS)
        start = time.monotonic()
        cls.said = cls.host.install("valija")
        print("installed and started by systemd in %.1f s" % (time.monotonic() - start), flush=True)

    def state(self, unit):
        return self.host.run("systemctl is-active " + unit, check=False).strip()

    def test_1_verified(self):
        self.assertEqual(self.host.run("systemd-analyze verify --man=no postfix.service postfix@-.service "
                                       "postfix-resolvconf.path postfix-resolvconf.service"), "")

    def test_1_started_when_installed(self):
        self.assertEqual([self.state("postfix"), self.state("postfix@-")], ["active", "active"])
        self.host.run("postfix status")
        self.assertEqual(self.host.run("systemctl is-enabled postfix").strip(), "enabled")
        self.assertNotIn("warning", self.host.run("journalctl -u postfix@- --no-pager"))
        self.assertEqual(self.host.run("systemctl list-units --failed --plain --no-legend 'postfix*'"), "")

    def test_2_mail(self):
        self.host.run("su usuario -c 'sendmail usuario'", stdin="Subject: by systemd\n\ntext\n")
        # the mailbox is there before the message is in it
        wait.until(lambda: self.host.exists("/var/mail/usuario") and "by systemd" in self.host.read("/var/mail/usuario"), 60,
                   "a message")

    def test_3_orders(self):
        def master():
            name = "/var/spool/postfix/pid/master.pid"
            return self.host.read(name).strip() if self.host.exists(name) else ""
        before = master()
        self.host.run("systemctl reload postfix")
        self.assertEqual(master(), before)
        self.host.run("systemctl restart postfix")
        # "active" may be the one of before
        wait.until(lambda: self.state("postfix@-") == "active" and master() not in ("", before), 60, "the instance runs again")
        self.host.run("postfix status && systemctl stop postfix")
        wait.until(lambda: self.state("postfix@-") == "inactive", 60, "the instance stops with the unit it is part of")
        self.assertFalse(self.host.ok("postfix status"))
        self.host.run("service postfix start")
        wait.until(lambda: self.state("postfix@-") == "active", 60, "the instance starts")
        self.host.run("postfix status && postfix stop && ! postfix status")
        wait.until(lambda: self.state("postfix@-") != "active", 60, "systemd sees the end")
        self.host.run("systemctl start postfix@- && postfix status")

    def test_4_another_instance(self):
        self.host.run("postmulti -e init && postmulti -I postfix-two -e create && "
                      "postconf -c /etc/postfix-two -e master_service_disable= inet_interfaces=127.0.0.9 && "
                      "postconf -c /etc/postfix-two -MX smtp/inet; postmulti -i postfix-two -e enable")
        self.host.run("systemctl daemon-reload && systemctl restart postfix")
        wait.until(lambda: [self.state("postfix@-"), self.state("postfix@postfix-two")] == ["active", "active"], 60, "both run")
        self.host.run("postmulti -i postfix-two -p status")
        self.host.run("systemctl stop postfix@postfix-two && postmulti -i - -p status && ! postmulti -i postfix-two -p status")
        self.host.run("postmulti -i postfix-two -e disable && postmulti -i postfix-two -e destroy")

    def test_5_resolv_conf_is_followed(self):
        self.host.run("systemctl start postfix postfix-resolvconf.path && echo 'nameserver 192.0.2.77' >/etc/resolv.conf")
        wait.until(lambda: "192.0.2.77" in self.host.read("/var/spool/postfix/etc/resolv.conf"), 60, "the copy")
        self.host.run("systemctl stop postfix-resolvconf.path; : >/etc/resolv.conf")

    def test_6_configured_anew(self):
        self.host.run("systemctl start postfix && dpkg-reconfigure valija && postfix status")
        wait.until(lambda: self.state("postfix@-") == "active", 60, "the instance runs")

    def test_7_removed_and_purged(self):
        self.host.run("apt-get purge -y -q valija")
        wait.until(lambda: self.state("postfix@-") == "inactive", 60, "the instance has stopped")
        listed = self.host.run("systemctl list-unit-files --no-legend 'postfix*'; ls /etc/systemd/system/*/ | grep postfix",
                               check=False)
        self.assertEqual(re.findall("postfix.*", listed), [])


if __name__ == "__main__":
    unittest.main()
