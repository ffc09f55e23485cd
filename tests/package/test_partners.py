"""Programs that read the log of Postfix read ours: pflogsumm, logwatch, fail2ban, mailgraph, as Debian has them. They, a package that
asks for Postfix of some release, and what else is installed beside a mail server are content with ours."""
import datetime
import re
import unittest

from support import wait
from support.debian import Debian

ANSWERS = """\
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string mail1.org
postfix postfix/destinations string mail1.org, localhost
"""
WANTS_POSTFIX = """\
Package: wants-postfix
Version: 1
Architecture: all
Maintainer: tests <tests@host.example.test>
Depends: postfix (>= 3.7), mail-transport-agent
Description: a package that asks for Postfix
"""
# what people have beside a mail server; the first ones bring one where there is none
BRINGING = ("postfix-policyd-spf-python", "mlmmj", "mailman3", "postgrey")
COMPANIONS = BRINGING + ("opendkim", "opendmarc", "roundcube")
MAIL_SERVER = r"(?m)^Inst (postfix|exim4\S*|sendmail\S*|msmtp-mta|nullmailer) "


class Partners(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = Debian()
        cls.addClassCleanup(host.close)
        host.run("debconf-set-selections", stdin=ANSWERS)
        host.run("mkdir -p /tmp/wants/DEBIAN && cat >/tmp/wants/DEBIAN/control", stdin=WANTS_POSTFIX)
        host.run("dpkg-deb --build /tmp/wants /debs/wants-postfix_1_all.deb")
        host.run(": >/var/log/auth.log")     # without it fail2ban does not start
        host.install("valija", "wants-postfix", "pflogsumm", "logwatch", "fail2ban")
        host.run("postconf -e maillog_file=/var/log/mail.log mynetworks=192.0.2.0/24 smtpd_sasl_auth_enable=yes && "
                 "service postfix restart")
        host.run("smtp-source -f anna@x.test -t usuario@mail1.org 127.0.0.1:25")
        host.run("smtp-source -f anna@x.test -t somebody@elsewhere.test 127.0.0.1:25", check=False)
        host.run("smtp-source -f anna@x.test -t nobody-here@mail1.org 127.0.0.1:25", check=False)
        wait.until(lambda: " removed" in cls.log() and cls.log().count("NOQUEUE: reject") == 2, 60, cls.log)

    @classmethod
    def log(cls):
        return cls.host.read("/var/log/mail.log") if cls.host.exists("/var/log/mail.log") else ""

    def test_packages_that_ask_for_postfix(self):
        self.assertIn("install ok installed", self.host.run("dpkg -s wants-postfix"))
        self.host.run("apt-get check")

    def test_no_other_mail_server_comes_along(self):
        """With all that they recommend."""
        simulate = "apt-get install -s -o APT::Install-Recommends=true "
        said = self.host.run(simulate + " ".join(COMPANIONS))
        for name in COMPANIONS:
            self.assertIn("\nInst %s " % name, said)
        self.assertNotIn("\nRemv ", said)
        self.assertNotRegex(said, MAIL_SERVER)
        with Debian() as fresh:
            for name in BRINGING:
                with self.subTest(name):
                    self.assertRegex(fresh.run(simulate + name), MAIL_SERVER)

    def test_pflogsumm(self):
        said = self.host.run("pflogsumm /var/log/mail.log")
        self.assertRegex(said, r"(?m)^ +1 +received$")
        self.assertRegex(said, r"(?m)^ +1 +delivered$")
        self.assertRegex(said, r"(?m)^ +2 +rejected ")
        self.assertIn("Relay access denied", said)
        self.assertRegex(said, r"usuario@mail1\.org")

    def test_logwatch(self):
        said = self.host.run("logwatch --service postfix --range all --detail 10 --output stdout")
        self.assertRegex(said, r"1 +Accepted")
        self.assertRegex(said, r"1 +5xx Reject unknown user")
        self.assertRegex(said, r"1 +4xx Reject relay denied")
        self.assertRegex(said, r"1 +Delivered")
        self.assertNotIn("Unmatched", said)

    def test_fail2ban(self):
        said = self.host.run("fail2ban-regex --print-all-matched /var/log/mail.log 'postfix[mode=more]'")
        self.assertRegex(said, r"\b2 matched")
        self.assertIn("Relay access denied", said)

    def test_mailgraph(self):
        self.host.run("apt-get install -y -q mailgraph && service mailgraph stop")
        log = self.log()
        client = re.search(r"(?m)^(\w+ +\d+ [\d:]+)( .* client=.*\n)", log)
        # a minute is counted when something happens in a later one
        later = datetime.datetime.strptime("2000 " + client[1], "%Y %b %d %H:%M:%S") + datetime.timedelta(minutes=5)
        self.host.run("cat >/tmp/mail.log", stdin=log + later.strftime("%b %d %H:%M:%S") + client[2])
        said = self.host.run("mailgraph --cat --verbose --logfile=/tmp/mail.log --daemon-rrd=/tmp --no-virus-rrd --no-greylist-rrd")
        minutes = re.findall(r"(?m)^update \d+:(\d+):(\d+):(\d+):(\d+)", said)
        sent, received, bounced, rejected = (sum(map(int, column)) for column in zip(*minutes))
        self.assertEqual((sent, received, bounced, rejected), (0, 1, 0, 2), said)   # what local delivers does not count as sent
