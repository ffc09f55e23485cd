"""What a course on mail servers prints of an SMTP server with Cyrus SASL and TLS on three ports: openssl s_client, the
EHLO answer, AUTH PLAIN and AUTH LOGIN, msmtp's accounts, and the refusals. The server is in its jail, saslauthd's socket in it.

Where 3.11 answers otherwise than the printed page, the test says so.
"""
import os
import shutil
import subprocess
import unittest

from support import certificates, cyrus
from support.dns import DnsServer
from support.ports import free_port
from support.sink import Sink
from support.suite import SuiteTestCase

PLAIN = "AUTH PLAIN dXN1YXJpbwB1c3VhcmlvAHBhc3N3b3Jk"
MAIN_CF = {
    # dpkg-reconfigure's
    "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated defer_unauth_destination",
    "myhostname": "m1.mail1.org", "mydomain": "mail1.org", "mydestination": "mail1.org, localhost", "mynetworks": "192.0.2.0/28",
    "mailbox_size_limit": "0", "recipient_delimiter": "+", "inet_interfaces": "all", "inet_protocols": "ipv4",
    # the course's
    "smtpd_tls_cert_file": "@etc@/server.crt", "smtpd_tls_key_file": "@etc@/server.key", "smtpd_tls_security_level": "may",
    "smtpd_tls_loglevel": "1", "smtpd_tls_received_header": "yes", "smtp_use_tls": "yes",
    "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_path": "smtpd", "smtpd_sasl_local_domain": "",
    "smtpd_sasl_security_options": "noanonymous", "broken_sasl_auth_clients": "yes",
    "smtpd_recipient_restrictions": "permit_mynetworks, permit_sasl_authenticated, reject",
    "port25_recipient_restrictions": "permit_mynetworks, reject_unauth_destination, reject_unknown_client_hostname, "
                                     "reject_rbl_client zen.spamhaus.org"}
EHLO = ["250-m1.mail1.org", "250-PIPELINING", "250-SIZE 10240000", "250-VRFY", "250-ETRN", "250-STARTTLS", "250-AUTH PLAIN LOGIN",
        "250-AUTH=PLAIN LOGIN", "250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250-DSN", "250-SMTPUTF8", "250 CHUNKING"]


@cyrus.needed
@unittest.skipUnless(os.geteuid() == 0, "needs root: chroot(2), users of the system")
class Course(SuiteTestCase):
    main_cf = MAIN_CF
    aliases = "postmaster: root\nroot: usuario\n"
    saslauthd_kind = "pam"

    @classmethod
    def setUpClass(cls):
        cls.dns = DnsServer({("25.100.51.198.in-addr.arpa", "PTR"): ["mail.mail2.org"], ("mail.mail2.org", "A"): ["198.51.100.25"],
                             ("66.100.51.198.in-addr.arpa", "PTR"): ["spam.mail2.org"], ("spam.mail2.org", "A"): ["198.51.100.66"],
                             ("66.100.51.198.zen.spamhaus.org", "A"): ["127.0.0.2"]})
        cls.addClassCleanup(cls.dns.close)
        cls.resolver = cls.dns.address
        super().setUpClass()

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=mail.mail1.org")
        cls.saslauthd = cyrus.Saslauthd(suite.path("queue/var/run/saslauthd"), {"usuario": "password"}, cls.saslauthd_kind)
        cls.addClassCleanup(cls.saslauthd.close)
        suite.write("etc/sasl/smtpd.conf", "pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n")
        cls.mail2 = Sink()
        cls.addClassCleanup(cls.mail2.close)
        cls.urd, cls.submission = free_port(), free_port()
        suite.master_cf = ("127.0.0.1:%d      inet  n       -       y       -       -       smtpd\n"
                           "   -o smtpd_sasl_auth_enable=no -o smtpd_authorized_xclient_hosts=127.0.0.1\n"
                           "   -o smtpd_recipient_restrictions=$port25_recipient_restrictions\n"
                           "127.0.0.1:%d       inet  n       -       y       -       -       smtpd\n"
                           "   -o smtpd_tls_wrappermode=yes\n"
                           "127.0.0.1:%d inet n       -       y       -       -       smtpd\n"
                           % (suite.port, cls.urd, cls.submission))
        suite.set(myorigin=suite.write("etc/mailname", "mail1.org\n"), local_recipient_maps="inline:{usuario=x, root=x} $alias_maps",
                  virtual_mailbox_domains="dominio-virtual.org", virtual_mailbox_base="/nonexistent", local_transport="discard",
                  virtual_mailbox_maps="inline:{alguien@dominio-virtual.org=x}", transport_maps="inline:{mail2.org=smtp:%s}"
                  % cls.mail2.nexthop)

    # by hand

    def s_client(self, lines, *how):
        """The replies that openssl s_client -quiet prints; it hears each of LINES once the one before is answered. Some
        releases print the last line of the answer to their own EHLO first."""
        args = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % how[0], *how[1:], "-quiet", "-ign_eof"]
        with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as openssl:
            said = [] if "-starttls" in how else [self.read_reply(openssl.stdout)]
            for line in lines:
                openssl.stdin.write(line + "\r\n")
                openssl.stdin.flush()
                said.append(self.read_reply(openssl.stdout))
                if said == [["250 CHUNKING"]]:
                    said = [self.read_reply(openssl.stdout)]
            openssl.stdin.close()
            openssl.wait(30)
        return said

    @staticmethod
    def read_reply(stream):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            got = stream.readline()
            if not got:
                raise AssertionError("s_client ended after %r" % lines)
            lines.append(got.rstrip("\r\n"))
        return lines

    def expected_ehlo(self, tls):
        """Within TLS, REQUIRETLS of 3.11 comes last."""
        if not tls:
            return EHLO
        return [line for line in EHLO[:-1] if line != "250-STARTTLS"] + [EHLO[-1].replace(" ", "-", 1), "250 REQUIRETLS"]

    def test_openssl_s_client(self):
        """The page shows STARTTLS in the answer given within TLS, where no Postfix offers it again."""
        said = self.s_client(["EHLO soy.yo", PLAIN, "QUIT"], self.submission, "-starttls", "smtp")
        self.assertEqual(said, [self.expected_ehlo(True), ["235 2.7.0 Authentication successful"], ["221 2.0.0 Bye"]])

    def test_ehlo_in_the_clear(self):
        """The whole list as printed, and CHUNKING, which the page's Postfix did not have."""
        with self.suite.smtp(ehlo=None, port=self.submission) as client:
            self.assertEqual(client.banner.lines, ["220 m1.mail1.org ESMTP Postfix"])
            self.assertEqual(client.ehlo("soy.yo").lines, EHLO)

    def test_auth_login(self):
        said = self.s_client(["EHLO soy.yo", "AUTH LOGIN", "dXN1YXJpbw==", "cGFzc3dvcmQ=", "QUIT"], self.urd)
        self.assertEqual(said, [["220 m1.mail1.org ESMTP Postfix"], self.expected_ehlo(True), ["334 VXNlcm5hbWU6"],
                                ["334 UGFzc3dvcmQ6"], ["235 2.7.0 Authentication successful"], ["221 2.0.0 Bye"]])

    def test_wrong_password(self):
        with self.suite.smtp(port=self.submission) as client:
            self.assertEqual(client.cmd("AUTH PLAIN AHVzdWFyaW8Ad3Jvbmc=").lines,
                             ["535 5.7.8 Error: authentication failed: authentication failure"])
            self.assertEqual(client.cmd(PLAIN).lines, ["235 2.7.0 Authentication successful"])
        self.suite.wait_for_log(r"warning: \S+\[127\.0\.0\.1\]: SASL PLAIN authentication failed: authentication failure, sasl_username=usuario$")

    # port 25

    def from_outside(self, address, recipient):
        with self.suite.smtp(ehlo=None) as client:
            name = {"198.51.100.9": "[UNAVAILABLE]", "198.51.100.66": "spam.mail2.org"}.get(address, "mail.mail2.org")
            self.assertEqual(client.cmd("XCLIENT NAME=%s ADDR=%s" % (name, address)).code, 220)
            client.ehlo("mail.mail2.org")
            self.assertNotIn("AUTH", client.keywords)
            client.mail("usuario@mail2.org")
            return client.cmd("RCPT TO:<%s>" % recipient).lines

    def test_port_25(self):
        for address, recipient, reply in (
                ("198.51.100.25", "usuario@mail1.org", "250 2.1.5 Ok"), ("198.51.100.25", "usuario+lista@mail1.org", "250 2.1.5 Ok"),
                # the page: 550 5.1.1 <noexiste@dominio_local> User doesn't exist
                ("198.51.100.25", "noexiste@mail1.org",
                 "550 5.1.1 <noexiste@mail1.org>: Recipient address rejected: User unknown in local recipient table"),
                ("198.51.100.25", "noexiste@dominio-virtual.org",
                 "550 5.1.1 <noexiste@dominio-virtual.org>: Recipient address rejected: User unknown in virtual mailbox table"),
                # smtpd_relay_restrictions comes first, and defers
                ("198.51.100.25", "usuario@mail2.org", "454 4.7.1 <usuario@mail2.org>: Relay access denied"),
                ("198.51.100.9", "postmaster@mail1.org", "450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.9]"),
                ("198.51.100.66", "usuario@mail1.org", "554 5.7.1 Service unavailable; Client host [198.51.100.66] blocked using "
                                                       "zen.spamhaus.org")):
            with self.subTest((address, recipient)):
                self.assertEqual(self.from_outside(address, recipient), [reply])

    def test_auth_is_off_at_port_25(self):
        with self.suite.smtp() as client:
            self.assertEqual(client.cmd(PLAIN).lines, ["503 5.5.1 Error: authentication not enabled"])

    # programs

    @unittest.skipUnless(shutil.which("msmtp"), "not installed: msmtp")
    def test_msmtp(self):
        """The accounts of ~/.msmtprc: 465 and 587 send; 25 refuses who is not from here."""
        rc = self.suite.write("msmtprc", (
            "defaults\n   tls on\n   tls_certcheck off\n   from usuario@mail1.org\n   host 127.0.0.1\n   user usuario\n"
            "   password password\n   domain mail1.org\n   logfile {dir}/msmtp.log\n"
            "account vm25\n   port {a}\n   auth off\n   tls_starttls on\n"
            "account vm465\n   port {b}\n   auth on\n   tls_starttls off\n"
            "account vm587\n   port {c}\n   auth on\n   tls_starttls on\n").format(
                dir=self.suite.dir, a=self.suite.port, b=self.urd, c=self.submission))
        os.chmod(rc, 0o600)

        def msmtp(*args, text=""):
            return subprocess.run(["msmtp", "-C", rc, *args], input=text, capture_output=True, text=True, timeout=60)
        text = "From: usuario@mail1.org\nTo: usuario@mail2.org\nSubject: Prueba de envio de mail1 a mail2\n\ns/t\n"
        for account in ("vm465", "vm587"):
            with self.subTest(account):
                shown = msmtp("-a", account, "-S")
                self.assertIn("SIZE 10240000", shown.stdout + shown.stderr)
                self.assertIn("10240000 bytes", shown.stdout)
                self.assertRegex(shown.stdout, r"Supported authentication methods:\s+PLAIN LOGIN")
                done = msmtp("-a", account, "-t", text=text)
                self.assertEqual(done.returncode, 0, done.stderr)
                message = self.mail2.wait_for(1)[0]
                del self.mail2.messages[:]
                self.assertEqual((message.sender, message.recipients), ("usuario@mail1.org", ["usuario@mail2.org"]))
                self.assertRegex(message.text, r"\n\t\(using TLSv1\.3 with cipher \S+ \(\d+/\d+ bits\)\n")
        refused = msmtp("-a", "vm25", "-t", text=text)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("454 4.7.1 <usuario@mail2.org>: Relay access denied", refused.stderr)

    def test_sendmail(self):
        """/usr/sbin/sendmail -t at the server itself; the other server takes it."""
        self.suite.sendmail(["-t"], "From: usuario@mail1.org\nTo: usuario@mail2.org\nSubject: Prueba de envio...\n\ns/t\n")
        message = self.mail2.wait_for(1)[0]
        del self.mail2.messages[:]
        self.assertEqual(message.recipients, ["usuario@mail2.org"])
        self.suite.wait_for_log(r"to=<usuario@mail2\.org>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .*status=sent \(250 2\.0\.0 Ok: ")


class CourseWithSasldb(Course):
    """The same with saslauthd -a sasldb."""
    saslauthd_kind = "sasldb"


if __name__ == "__main__":
    unittest.main()
