"""The services submission and submissions of the master.cf that is installed, used by real clients."""
import base64
import os
import re
import shutil
import smtplib
import ssl
import subprocess
import unittest

from support import certificates, dovecot
from support.auth_server import AuthServer
from support.ports import free_port
from support.sink import Sink
from support.suite import SuiteTestCase

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
TEXT = "From: user@here.test\nTo: b@far.test\nSubject: %s\n\nsent by %s\n"


def entry(name, port):
    """The entry NAME of conf/master.cf without its comment signs, at PORT of 127.0.0.1."""
    with open(os.path.join(SOURCE, "conf/master.cf"), encoding="utf-8") as conf:
        text = conf.read()
    found = re.search(r"(?m)^#%s +(inet .*\n(?:#  -o .*\n)+)" % name, text)
    lines = ("127.0.0.1:%d %s" % (port, found.group(1))).replace("\n#", "\n").splitlines()
    fields = lines[0].split()
    if os.geteuid() != 0:
        fields[4] = "n"         # the jail needs root
    return "\n".join([" ".join(fields)] + lines[1:]) + "\n"


class Submission(SuiteTestCase):
    main_cf = {"smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "private/auth", "mynetworks": "192.0.2.0/24",
               "smtpd_tls_chain_files": "@etc@/server.pem", "smtpd_recipient_restrictions": "$port25_recipient_restrictions",
               "port25_recipient_restrictions": "reject_unauth_destination",
               "mua_sender_restrictions": "check_sender_access inline:{{bad@here.test = REJECT not, today}}",
               "smtpd_relay_restrictions": ""}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=server")
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.submission, cls.submissions, cls.own = free_port(), free_port(), free_port()
        suite.master_cf = (
            entry("submission", cls.submission) + entry("submissions", cls.submissions) +
            "127.0.0.1:%d inet n - n - - smtpd\n" % cls.own +
            "  -o smtpd_sasl_auth_enable=yes -o syslog_name=postfix/own\n"
            "  -o { smtpd_sender_restrictions = $mua_sender_restrictions }\n"
            "  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n")
        suite.set(relayhost=cls.sink.nexthop)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = AuthServer(cls.suite.path("queue/private/auth"))
        cls.addClassCleanup(cls.server.close)

    def expect(self, subject, syslog_name):
        """It has come to the next host, from who is logged in, over TLS."""
        message = self.sink.wait_for(1)[-1]
        del self.sink.messages[:]
        self.assertIn("Subject: " + subject, message.text)
        self.assertEqual(message.recipients, ["b@far.test"])
        self.suite.wait_for_log(r"postfix/%s/smtpd\[\d+\]: \w+: client=localhost\[127\.0\.0\.1\], sasl_method=\S+, "
                                r"sasl_username=user$" % syslog_name)
        self.assertNotIn("localhost [127.0.0.1]", message.text)     # smtpd_hide_client_session

    def test_smtplib(self):
        context = certificates.client()
        with smtplib.SMTP("127.0.0.1", self.submission, timeout=30) as c:
            c.ehlo()
            self.assertNotIn("auth", c.esmtp_features)
            with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
                c.sendmail("user@here.test", ["b@far.test"], TEXT % ("a", "b"))
            self.assertEqual(refused.exception.smtp_code, 530)
            c.starttls(context=context)
            c.login("user", "secret")
            c.sendmail("user@here.test", ["b@far.test"], TEXT % ("starttls", "smtplib"))
        self.expect("starttls", "submission")
        with smtplib.SMTP_SSL("127.0.0.1", self.submissions, timeout=30, context=context) as c:
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                c.login("user", "wrong")
            c.login("user", "secret")
            c.sendmail("user@here.test", ["b@far.test"], TEXT % ("wrapped", "smtplib"))
        self.expect("wrapped", "submissions")

    def test_strangers(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.submissions, timeout=30, context=certificates.client()) as c:
            c.ehlo()
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("postmaster@mail.example.test")[0], 554)

    def test_port_25_knows_no_auth(self):
        with self.suite.smtp() as c:
            self.assertNotIn("AUTH", c.keywords)
            self.assert_reply(c.cmd("AUTH PLAIN " + base64.b64encode(b"\0user\0secret").decode()), 503, "5.5.1",
                              "Error: authentication not enabled")
            c.mail("a@far.test")
            self.assert_reply(c.rcpt("postmaster@mail.example.test"), 250)
            self.assert_reply(c.rcpt("b@far.test"), 554, "5.7.1", "<b@far.test>: Relay access denied")

    def test_restrictions_of_ones_own(self):
        with self.suite.smtp(port=self.own) as c:
            self.assert_reply(c.cmd("AUTH PLAIN " + base64.b64encode(b"\0user\0secret").decode()), 235)
            c.mail("bad@here.test")
            self.assert_reply(c.rcpt("b@far.test"), 554, "5.7.1", "not, today")

    @unittest.skipUnless(shutil.which("swaks"), "not installed: swaks")
    def test_swaks(self):
        for port, how in ((self.submission, "-tls"), (self.submissions, "-tlsc")):
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
                with self.subTest((how, mechanism)):
                    done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(port), how, "--auth", mechanism,
                                           "--auth-user", "user", "--auth-password", "secret", "--from", "user@here.test",
                                           "--to", "b@far.test", "--header", "Subject: by swaks"], capture_output=True,
                                          text=True, timeout=60)
                    if "NOT FOUND" in done.stdout + done.stderr or "not available" in done.stdout + done.stderr:
                        self.skipTest("swaks lacks a module: " + done.stderr)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    self.expect("by swaks", "submissions?")

    @unittest.skipUnless(shutil.which("msmtp"), "not installed: msmtp")
    def test_msmtp(self):
        for port, starttls in ((self.submission, "on"), (self.submissions, "off")):
            with self.subTest(port):
                done = subprocess.run(
                    ["msmtp", "--host=127.0.0.1", "--port=%d" % port, "--tls=on", "--tls-starttls=" + starttls,
                     "--tls-certcheck=off", "--auth=plain", "--user=user", "--passwordeval=echo secret",
                     "--from=user@here.test", "--file=/dev/null", "b@far.test"],
                    input=TEXT % ("by msmtp", "msmtp"), capture_output=True, text=True, timeout=60,
                    env={"HOME": self.suite.dir, "PATH": os.environ["PATH"]})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.expect("by msmtp", "submissions?")
