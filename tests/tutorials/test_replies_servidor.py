"""What a school's page on a Debian mail server prints: the session by telnet, the EHLO answers with AUTH, who may
send as whom, and the line of a message that went through a virus scanner.

The page was written with a Postfix of 2012 and the manual of an older one; where 3.11 says more, the test says so.
"""
import base64
import os
import shutil
import unittest

from support import dovecot
from support.auth_server import AuthServer
from support.demo import local_user
from support.ports import free_port
from support.renew import renew
from support.sink import Sink
from support.smtp import SmtpClient
from support.suite import SuiteTestCase


def plain(user, password):
    return "AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()


def said(client, line):
    return client.cmd(line).lines


class Telnet(SuiteTestCase):
    """main.cf as the page has it, on a Debian, whose banner says so."""
    main_cf = {"smtpd_banner": "$myhostname ESMTP $mail_name (Debian/GNU)", "myhostname": "servidor.pruebas.local",
               "mydomain": "pruebas.local", "inet_interfaces": "all",
               "mydestination": "servidor.pruebas.local, localhost.pruebas.local, pruebas.local, localhost",
               "mynetworks": "127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128", "smtpd_relay_restrictions":
               "permit_mynetworks permit_sasl_authenticated defer_unauth_destination"}

    @classmethod
    def configure(cls, suite):
        suite.make_aliases("postmaster: root\nantonio: %s\nroot: antonio\n" % local_user())
        suite.set(myorigin=suite.write("etc/mailname", "pruebas.local\n"))

    def test_session(self):
        client = SmtpClient(("127.0.0.1", self.suite.port))
        self.assertEqual(client.greeting().lines, ["220 servidor.pruebas.local ESMTP Postfix (Debian/GNU)"])
        self.assertEqual(said(client, "HELO root"), ["250 servidor.pruebas.local"])
        self.assertEqual(said(client, "MAIL FROM: root"), ["250 2.1.0 Ok"])
        self.assertEqual(said(client, "RCPT TO: antonio"), ["250 2.1.5 Ok"])
        self.assertEqual(said(client, "DATA"), ["354 End data with <CR><LF>.<CR><LF>"])
        client.send("SUBJECT: Saber que tal vas...\r\n\r\nHola Antonio, que tal va todo por ahi?\r\nSaludos.\r\n.\r\n")
        self.assertRegex(client.read_reply().lines[0], r"^250 2\.0\.0 Ok: queued as [0-9A-F]{10,11}$")
        self.assertEqual(said(client, "quit"), ["221 2.0.0 Bye"])
        self.assertTrue(client.at_eof())
        client.close()
        self.suite.wait_for_log(r"to=<%s@pruebas\.local>, orig_to=<antonio>, relay=local,.* status=sent" % local_user())

    def test_kinds_of_sasl(self):
        self.assertEqual(self.suite.run("postconf", "-a").stdout, "cyrus\ndovecot\n")

    def test_strangers_may_not_relay(self):
        """The page's 'relay access denied'; Debian's smtpd_relay_restrictions defer, as they are for trials."""
        with self.suite.smtp() as client:
            self.assertEqual(client.mail("antonio@pruebas.local").code, 250)
            self.assertEqual(client.rcpt("alguien@gmail.test").code, 250)       # from mynetworks
        self.suite.set(mynetworks="192.0.2.0/24")
        renew(self.suite)
        try:
            with self.suite.smtp() as client:
                client.mail("antonio@pruebas.local")
                self.assertEqual(client.rcpt("alguien@gmail.test").lines,
                                 ["454 4.7.1 <alguien@gmail.test>: Relay access denied"])
        finally:
            self.suite.set(mynetworks=self.main_cf["mynetworks"])
            renew(self.suite)


@dovecot.needed
class EhloWithAuth(SuiteTestCase):
    """smtpd_sasl_type = dovecot, its service at private/auth with three mechanisms."""
    main_cf = {"myhostname": "server.example.com", "smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "private/auth",
               "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_security_options": "noanonymous"}
    printed = ["250-server.example.com", "250-PIPELINING", "250-SIZE 10240000"]

    @classmethod
    def configure(cls, suite):
        cls.named = free_port()
        suite.master_cf = ("127.0.0.1:%d inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=vrfy,etrn\n"
                           "  -o broken_sasl_auth_clients=yes\n" % cls.named)
        suite.write_config()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dovecot = dovecot.Dovecot({"john": "secret"}, socket=cls.suite.path("queue/private/auth"),
                                      mechanisms="digest-md5 plain cram-md5")
        cls.addClassCleanup(cls.dovecot.close)

    def test_as_printed(self):
        """The page shows the head of the answer. SIZE was followed by AUTH there; today VRFY and ETRN come between, and
        the mechanisms come in Dovecot's order."""
        with self.suite.smtp(ehlo=None) as client:
            self.assertEqual(client.banner.lines, ["220 server.example.com ESMTP Postfix"])
            lines = client.ehlo("client.example.com").lines
        self.assertEqual(lines[:5], self.printed + ["250-VRFY", "250-ETRN"])
        self.assertEqual(lines[6:], ["250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250-DSN", "250-SMTPUTF8", "250 CHUNKING"])
        self.assertEqual((lines[5][:9], sorted(lines[5][9:].split())), ("250-AUTH ", ["CRAM-MD5", "DIGEST-MD5", "PLAIN"]))

    def test_for_old_clients(self):
        """broken_sasl_auth_clients = yes: the offer twice, the second with '='. Without VRFY and ETRN the answer begins as
        the page has it."""
        with self.suite.smtp(ehlo=None, port=self.named) as client:
            lines = client.ehlo("client.example.com").lines
        self.assertEqual(lines[:3], self.printed)
        self.assertRegex(lines[3], r"^250-AUTH [A-Z5 -]+$")
        self.assertEqual(lines[4], lines[3].replace("AUTH ", "AUTH="))
        self.assertEqual(lines[5], "250-ENHANCEDSTATUSCODES")

    def test_logins(self):
        with self.suite.smtp() as client:
            self.assertEqual(said(client, plain("john", "wrong"))[0][:9], "535 5.7.8")
            self.assertEqual(said(client, plain("john", "secret")), ["235 2.7.0 Authentication successful"])

    def test_without_plain_text(self):
        """noanonymous, noplaintext: PLAIN is not offered and not taken."""
        self.suite.set(smtpd_sasl_security_options="noanonymous, noplaintext")
        renew(self.suite)
        try:
            with self.suite.smtp() as client:
                self.assertEqual(sorted(client.keywords["AUTH"].split()), ["CRAM-MD5", "DIGEST-MD5"])
                self.assertEqual(said(client, plain("john", "secret")),
                                 ["535 5.7.8 Error: authentication failed: Invalid authentication mechanism"])
        finally:
            self.suite.set(smtpd_sasl_security_options="noanonymous")
            renew(self.suite)


class SendersAndOwners(SuiteTestCase):
    """smtpd_sender_login_maps = hash:.../controlled_envelope_senders, reject_sender_login_mismatch."""
    main_cf = {"mynetworks": "192.0.2.0/24", "mydestination": "", "transport_maps": "inline:{far.test=discard:}",
               "smtpd_sasl_type": "dovecot", "smtpd_sasl_path": "private/auth", "smtpd_sasl_auth_enable": "yes",
               "smtpd_sender_login_maps": "hash:@etc@/controlled_envelope_senders", "smtpd_relay_restrictions": "",
               "smtpd_recipient_restrictions": "permit_mynetworks reject_sender_login_mismatch permit_sasl_authenticated "
                                               "reject_unauth_destination"}
    maps = {"controlled_envelope_senders": "# sender                owners (SASL login names)\n"
                                           "john@example.com        john\nmary@example.com        mary\n"
                                           "support@example.com     john, mary\n"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.auth = AuthServer(cls.suite.path("queue/private/auth"), users={"john": "j", "mary": "m"})
        cls.addClassCleanup(cls.auth.close)

    def answer(self, login, sender):
        with self.suite.smtp() as client:
            if login:
                self.assertEqual(client.cmd(plain(login, login[0])).code, 235)
            client.mail(sender)
            return said(client, "RCPT TO:<b@far.test>")[0]

    def test_table(self):
        ok = "250 2.1.5 Ok"
        for login, sender, reply in (
                ("john", "john@example.com", ok), ("john", "support@example.com", ok), ("mary", "support@example.com", ok),
                ("mary", "mary@example.com", ok),
                ("john", "mary@example.com", "553 5.7.1 <mary@example.com>: Sender address rejected: not owned by user john"),
                ("mary", "other@example.com", "553 5.7.1 <other@example.com>: Sender address rejected: not owned by user mary"),
                (None, "john@example.com", "553 5.7.1 <john@example.com>: Sender address rejected: not logged in"),
                (None, "other@example.com", "554 5.7.1 <b@far.test>: Relay access denied")):
            with self.subTest((login, sender)):
                self.assertEqual(self.answer(login, sender), reply)


class VirusScanner(SuiteTestCase):
    """content_filter = scan:127.0.0.1:10025 with the two entries of master.cf: what the scanner answers is in the log."""

    @classmethod
    def configure(cls, suite):
        cls.scanner = Sink()
        cls.addClassCleanup(cls.scanner.close)
        cls.scanner.keywords.append("XFORWARD NAME ADDR PROTO HELO")
        cls.scanner.reply("XFORWARD", "250 2.0.0 Ok")
        cls.scanner.reply(".", lambda session, line: "250 Virus Detected; Discarded Email")
        cls.back = free_port()
        suite.master_cf = (
            "scan      unix  -       -       n       -       16      smtp\n"
            "        -o smtp_send_xforward_command=yes\n"
            "127.0.0.1:%d inet  n -       n       -       16      smtpd\n"
            "        -o content_filter=\n"
            "        -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks\n"
            "        -o smtpd_helo_restrictions=\n"
            "        -o smtpd_client_restrictions=\n"
            "        -o smtpd_sender_restrictions=\n"
            "        -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
            "        -o mynetworks_style=host\n"
            "        -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n" % cls.back)
        suite.set(content_filter="scan:127.0.0.1:%d" % cls.scanner.port, receive_override_options="no_address_mappings",
                  mydestination="pruebas.local", local_recipient_maps="", local_transport="discard")

    def test_line(self):
        with self.suite.smtp() as client:
            client.message("manuela@pruebas.local", ["manuela@pruebas.local"], "Subject: eicar\n\nx\n")
        self.suite.wait_for_log(
            r"postfix/(scan/)?smtp\[\d+\]: [0-9A-F]+: to=<manuela@pruebas\.local>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:%d, "
            r"delay=[\d.]+, delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, tls=none, dsn=2\.0\.0, "
            r"status=sent \(250 Virus Detected; Discarded Email\)$"
            % self.scanner.port)
        self.suite.wait_for_log(r"postfix/qmgr\[\d+\]: [0-9A-F]+: removed$")
        self.assertTrue([c for c in self.scanner.commands if c.startswith("XFORWARD NAME=localhost ADDR=127.0.0.1")])

    def test_the_way_back(self):
        """What the scanner lets pass comes in by the other port, which knows XFORWARD and filters nothing."""
        with self.suite.smtp(port=self.back) as client:
            self.assertIn("XFORWARD", client.keywords)
            self.assertEqual(said(client, "XFORWARD NAME=spike.example.test ADDR=192.0.2.7 PROTO=ESMTP HELO=spike"),
                             ["250 2.0.0 Ok"])
            client.message("manuela@pruebas.local", ["manuela@pruebas.local"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"client=spike\.example\.test\[192\.0\.2\.7\]")
        self.suite.wait_for_log(r"postfix/discard\[\d+\]: \w+: to=<manuela@pruebas\.local>.*status=sent")


@unittest.skipUnless(os.geteuid() == 0, "needs root: pipe(8) becomes another user")
@unittest.skipUnless(shutil.which("msmtp"), "not installed: msmtp")
class SpamFilter(SuiteTestCase):
    """smtpd -o content_filter=spamassassin, and an entry of pipe(8) that runs spamc, which runs sendmail: here msmtp's,
    as ours lets no other user name a main.cf that is not the system's."""

    @classmethod
    def configure(cls, suite):
        back = free_port()
        # what "spamc -f -e COMMAND" does: the message, with a header of its own, into the command
        spamc = suite.write("spamc", "#!/bin/sh\nshift 2\n{ echo 'X-Spam-Status: No'; cat; } | \"$@\"\n")
        os.chmod(spamc, 0o755)
        suite.master_cf = (
            "127.0.0.1:%d      inet  n       -       n       -       -       smtpd -o content_filter=spamassassin\n"
            "spamassassin unix -     n       n       -       -       pipe user=nobody argv=%s -f -e\n"
            "             %s --host=127.0.0.1 --port=%d --tls=off --auth=off --file=/dev/null -oi -f ${sender} ${recipient}\n"
            "127.0.0.1:%d inet n - n - - smtpd\n" % (suite.port, spamc, shutil.which("msmtp"), back, back))
        suite.set(mydestination="pruebas.local", local_recipient_maps="", smtpd_error_sleep_time="0")
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.set(local_transport="smtp:" + cls.sink.nexthop)

    def test_line(self):
        with self.suite.smtp() as client:
            client.message("antonio@pruebas.local", ["manuela@pruebas.local"], "Subject: hola\n\n.\nque tal\n")
        self.suite.wait_for_log(r"postfix/pipe\[\d+\]: \w+: to=<manuela@pruebas\.local>, relay=spamassassin, delay=[\d.]+, "
                                r"delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, dsn=2\.0\.0, status=sent "
                                r"\(delivered via spamassassin service\)$")
        message = self.sink.wait_for(1)[0]
        self.assertEqual(message.text.count("X-Spam-Status: No"), 1)
        self.assertTrue(message.text.endswith("\n\n.\nque tal\n"), message.text)


if __name__ == "__main__":
    unittest.main()
