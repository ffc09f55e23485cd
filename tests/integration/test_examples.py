"""examples/: each configuration is read without complaint, and mail goes the way it promises."""
import json
import os
import pwd
import re
import smtplib
import subprocess
import unittest

from support import certificates
from support.auth_server import AuthServer
from support.milter import Milter, add_header
from support.ports import free_port
from support.sink import Sink
from support.product import staged
from support.suite import SuiteTestCase
from support.wait import until

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
EXAMPLES = os.path.join(SOURCE, "examples")
NAMES = sorted(n for n in os.listdir(EXAMPLES) if os.path.isdir(os.path.join(EXAMPLES, n)))
TEXT = "From: a@far.test\nTo: b@far.test\nSubject: %s\n\nfor you\n"
POLICY = r"""#!/bin/sh
while read -r line; do
    [ -n "$line" ] || printf 'action=PREPEND X-Policy: seen\n\n'
done
"""
OWNER = pwd.getpwnam("games") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
USER = OWNER.pw_name
NEEDED = "pickup", "cleanup", "qmgr", "rewrite", "bounce", "defer", "trace", "local", "smtp", "error", "retry"


def read(*names):
    with open(os.path.join(EXAMPLES, *names), encoding="utf-8") as file:
        return file.read()


def settings(name):
    """main.cf of an example as a dict."""
    text = re.sub(r"(?m)^#.*\n", "", read(name, "main.cf"))
    text = re.sub(r"\n[ \t]+", " ", text)
    return dict(re.split(r" *= *", line, maxsplit=1) for line in text.splitlines() if line)


def as_installed(name):
    """Lines for which a host would have to be what it is not here."""
    lines = [line for line in read(name, "master.cf").splitlines() if not line.startswith("#")]
    if os.geteuid() != 0:                       # the jail needs root
        lines = [re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y", r"\1n", line) for line in lines]
    return "\n".join(lines) + "\n"


class Reading(unittest.TestCase):
    def test_every_name_is_known(self):
        tool = staged().command("postconf")
        for name in NAMES:
            with self.subTest(name):
                for option in ("-n", "-M", "-P"):
                    done = subprocess.run([tool, "-c", os.path.join(EXAMPLES, name), option],
                                          capture_output=True, text=True, timeout=60)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertTrue(done.stdout or option == "-P")

    def test_all_are_in_the_list(self):
        self.assertEqual(sorted(re.findall(r"(?m)^    ([a-z-]+)  ", read("README"))), NAMES)

    def test_nothing_is_missing(self):
        for name in NAMES:
            with self.subTest(name):
                services = {line.split()[0] for line in as_installed(name).splitlines() if line[0] not in " \t"}
                self.assertLessEqual(set(NEEDED), services)


class Example(SuiteTestCase):
    """An instance with the example's files; /etc/postfix and /etc are the instance's etc/."""
    name = None
    change = {}             # settings of this host instead of the example's
    ports = {}              # services of master.cf and the ports they get here

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=mail.example.org")
        cls.ports = {port: free_port() for port in cls.ports}
        given = {key: value.replace("/etc/postfix/", "@etc@/").replace("hash:/etc/aliases", "hash:@etc@/aliases")
                 for key, value in settings(cls.name).items()}
        given.update(cls.change)
        given.update({"inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4"})
        suite.main_cf = given
        services = re.sub(r"(?m)^(smtp +inet)", "127.0.0.1:%d inet" % suite.port, as_installed(cls.name))
        for port, here in cls.ports.items():
            services = re.sub(r"(?m)^(?:127\.0\.0\.1:)?%s +inet" % port, "127.0.0.1:%d inet" % here, services)
        suite.master_cf = re.sub(r"(?m)^(127\S+) inet +inet", r"\1 inet", services)
        cls.prepare(suite)
        suite.write_config()
        for name in os.listdir(os.path.join(EXAMPLES, cls.name)):
            if name not in ("main.cf", "master.cf"):
                suite.write("etc/" + name, cls.table(name, read(cls.name, name)))
        suite.run("newaliases")
        for table in sorted(set(re.findall(r"hash:@etc@/(\w+)", " ".join(map(str, suite.main_cf.values()))))):
            if table != "aliases":
                suite.run("postmap", "hash:%s/%s" % (suite.etc, table))

    @classmethod
    def prepare(cls, suite):
        """What the example needs beside it."""

    @classmethod
    def table(cls, name, text):
        return re.sub(r"(?m)^root: anna$", "root: " + USER, text) if name == "aliases" else text

    def test_check(self):
        self.assertEqual(self.suite.postfix("check", check=False), 0)
        done = self.suite.run(self.suite.product.daemon("postlint"), "-j", "-c", self.suite.etc, check=False)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([f for f in findings if f["severity"] != "note"], [])

    def deliver(self, recipient, subject, box=USER, sender="a@example.org"):
        with self.suite.smtp() as c:
            c.message(sender, [recipient], TEXT % subject)
        until(lambda: "Subject: " + subject in self.suite.mailbox(box), 30, self.suite.tail)


class LocalOnly(Example):
    name = "local-only"

    def test_to_a_user_and_through_aliases(self):
        self.deliver("postmaster", "by alias")
        self.suite.sendmail([USER], TEXT % "by sendmail")
        until(lambda: "by sendmail" in self.suite.mailbox(USER), 30, self.suite.tail)

    def test_the_session_of_the_page(self):
        with open(os.path.join(SOURCE, "docs/tasks/local-mail.md"), encoding="utf-8") as page:
            session = re.search(r"(?ms)^```text\n\$ telnet localhost 25\n(.*?)^```$", page.read()).group(1)
        with self.suite.smtp(ehlo=None) as c:
            lines = re.sub("<(anna|pepe)@", "<%s@" % USER, session).splitlines()
            self.assertEqual(c.banner.lines, lines[:1])
            for line in lines[1:]:
                if re.match(r"\d{3}[ -]", line):
                    self.assertEqual(re.sub("queued as .*", "", c.read_line()), re.sub("queued as .*", "", line))
                else:
                    c.send(line + "\r\n")

    def test_not_to_others(self):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-f", USER, "b@far.test"], TEXT % "outside")
        self.suite.wait_for_log(r"to=<b@far\.test>.*dsn=5\.7\.1, status=bounced \(this host sends no mail", since=mark)


class InternetSite(Example):
    name = "internet-site"

    def test_receives(self):
        self.deliver(USER + "@example.org", "came in")

    def test_offers_tls(self):
        with smtplib.SMTP("127.0.0.1", self.suite.port, timeout=30) as c:
            c.starttls(context=certificates.client())
            self.assertEqual(c.ehlo("client.test")[0], 250)

    def test_turns_away(self):
        with self.suite.smtp(ehlo=None) as c:
            self.assert_reply(c.cmd("MAIL FROM:<a@example.org>"), 503, "5.5.1")
            c.ehlo("client.test")
            self.assert_reply(c.cmd("VRFY " + USER), 502, "5.5.1")
            c.mail("a@example.org")
            self.assert_reply(c.rcpt("nobody-here@example.org"), 550, "5.1.1")
            self.assert_reply(c.rcpt("not-whole"), 504, "5.5.2")


class Smarthost(Example):
    name = "smarthost"
    change = {"smtp_host_lookup": "native"}

    @classmethod
    def prepare(cls, suite):
        certificates.make(suite.etc, "ca", "ec", "/CN=ca")
        certificates.sign(suite.etc, "provider", "ca", "/CN=localhost", "DNS:localhost")
        cls.sink = Sink(tls=certificates.server(suite.path("etc/provider.pem")))
        cls.addClassCleanup(cls.sink.close)
        cls.sink.keywords.append("AUTH PLAIN LOGIN")
        cls.sink.passwords["anna@example.net"] = "secret"
        cls.there = "[localhost]:%d" % cls.sink.port
        suite.main_cf.update(relayhost=cls.there, smtp_tls_CAfile="@etc@/ca.crt")

    @classmethod
    def table(cls, name, text):
        return super().table(name, text).replace("[smtp.example.net]:587", cls.there)

    def test_goes_to_the_provider(self):
        self.suite.sendmail(["-f", "anna@host.example.org", "b@far.test"], TEXT % "out")
        message = self.sink.wait_for(1)[-1]
        self.assertTrue(message.tls)
        self.assertEqual((message.user, message.sender, message.recipients),
                         ("anna@example.net", "anna@example.net", ["b@far.test"]))


class Submission(Example):
    name = "submission"
    ports = {"submission": 0, "submissions": 0}

    @classmethod
    def prepare(cls, suite):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.main_cf["relayhost"] = cls.sink.nexthop

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = AuthServer(cls.suite.path("queue/private/auth"), users={"anna": "secret", "pepe": "secret"})
        cls.addClassCleanup(cls.server.close)

    def sends(self, client, subject):
        client.login("anna", "secret")
        count = len(self.sink.messages)
        client.sendmail("info@example.org", ["b@far.test"], TEXT % subject)
        self.assertIn("Subject: " + subject, self.sink.wait_for(count + 1)[-1].text)
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("pepe@example.org", ["b@far.test"], TEXT % "not mine")
        self.assertEqual(refused.exception.recipients["b@far.test"][0], 553)

    def test_587(self):
        with smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=30) as c:
            c.ehlo()
            self.assertNotIn("auth", c.esmtp_features)
            c.starttls(context=certificates.client())
            self.sends(c, "on 587")

    def test_465(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.ports["submissions"], timeout=30, context=certificates.client()) as c:
            self.sends(c, "on 465")

    def test_strangers(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.ports["submissions"], timeout=30, context=certificates.client()) as c:
            c.ehlo()
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("b@far.test")[0], 554)


class VirtualUsers(Example):
    name = "virtual-users"
    change = {"virtual_mailbox_base": "@dir@/vhosts", "virtual_minimum_uid": "1",
              "virtual_uid_maps": "static:%d" % OWNER.pw_uid, "virtual_gid_maps": "static:%d" % OWNER.pw_gid}

    @classmethod
    def prepare(cls, suite):
        for folder in ("vhosts", "vhosts/example.org", "vhosts/example.net"):
            os.mkdir(suite.path(folder))
            os.chown(suite.path(folder), OWNER.pw_uid, OWNER.pw_gid)

    def files(self, box):
        folder = self.suite.path("vhosts", box, "new")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def test_mailboxes(self):
        with self.suite.smtp() as c:
            c.message("a@far.test", ["all@example.org", "info@example.net"], TEXT % "hello")
        for box in ("example.org/anna", "example.org/pepe", "example.net/info"):
            until(lambda b=box: len(self.files(b)) == 1, 30, self.suite.tail)

    def test_nobody_else(self):
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            self.assert_reply(c.rcpt("other@example.org"), 550, "5.1.1")


class VirtualDovecot(Example):
    """The same with the lines of the page that give mail to Dovecot."""
    name = "virtual-users"
    change = {"virtual_transport": "lmtp:unix:private/dovecot-lmtp"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.suite.path("queue/private/dovecot-lmtp")
        cls.sink = Sink(lmtp=True, path=path)
        os.chmod(path, 0o666)
        cls.addClassCleanup(cls.sink.close)

    def test_lmtp(self):
        with self.suite.smtp() as c:
            c.message("a@far.test", ["anna@example.org"], TEXT % "hello")
        self.assertEqual(self.sink.wait_for(1)[-1].recipients, ["anna@example.org"])


class Filters(Example):
    name = "filters"
    ports = {"10026": 0}
    # the DNS list cannot be asked here
    change = {"postscreen_dnsbl_sites": "", "postscreen_dnsbl_action": "ignore", "postscreen_dnsbl_threshold": "1"}

    @classmethod
    def prepare(cls, suite):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.main_cf["content_filter"] = "scan:" + cls.sink.nexthop

    def test_through_the_filter(self):
        self.suite.sendmail(["-f", "a@example.org", USER], "X-Mailer: gone\n" + TEXT % "filtered")
        message = self.sink.wait_for(1)[-1]
        self.assertNotIn("X-Mailer", message.text)
        with self.suite.smtp(port=self.ports["10026"]) as c:
            c.message(message.sender, message.recipients, message.text)
        until(lambda: "Subject: filtered" in self.suite.mailbox(USER), 30, self.suite.tail)
        self.assertEqual(len(self.sink.messages), 1)

    def test_checks(self):
        for text in (TEXT % "Make money fast", TEXT % "x" + "Click here to win\n",
                     "Content-Type: application/octet-stream; name=\"x.exe\"\n" + TEXT % "x"):
            with self.suite.smtp() as c:
                c.mail("a@example.org")
                c.rcpt(USER + "@example.org")
                self.assert_reply(c.data(text), 550, "5.7.1")


class Dkim(Example):
    name = "dkim"
    change = {"mynetworks": "192.0.2.0/24"}     # the policy server is for strangers

    @classmethod
    def prepare(cls, suite):
        program = suite.write("etc/policy", POLICY)         # policyd-spf wants a DNS that answers
        os.chmod(program, 0o755)
        suite.master_cf = re.sub("user=policyd-spf argv=.*", "user=%s argv=%s" % (OWNER.pw_name, program), suite.master_cf)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.filters = {}
        for name in ("opendkim", "opendmarc"):
            folder = cls.suite.path("queue", name)
            os.mkdir(folder)
            path = os.path.join(folder, name + ".sock")
            cls.filters[name] = Milter(edits=[add_header("X-" + name, "seen")], address=path)
            os.chmod(path, 0o666)
            cls.addClassCleanup(cls.filters[name].__exit__)

    def test_both_see_mail_of_clients(self):
        self.deliver(USER + "@example.org", "judged")
        for name in self.filters:
            self.assertIn("X-%s: seen" % name, self.suite.mailbox(USER))
        self.assertIn("X-Policy: seen", self.suite.mailbox(USER))
        # what SPF has found and what opendkim has added is there for opendmarc to read
        self.assertIn(b"X-Policy\0seen\0", self.filters["opendmarc"].heard("L"))
        self.assertIn(b"X-opendkim\0seen\0", self.filters["opendmarc"].heard("L"))

    def test_one_signs_mail_of_the_host(self):
        mark = len(self.suite.mailbox(USER))
        self.suite.sendmail([USER], TEXT % "signed")
        until(lambda: "Subject: signed" in self.suite.mailbox(USER)[mark:], 30, self.suite.tail)


del Example             # a base alone is no test


if __name__ == "__main__":
    unittest.main()
