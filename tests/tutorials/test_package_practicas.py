"""A manual of a mail service for school, with the package on a fresh Debian 12: local mail at the command line, a dialogue by
telnet, the queue, reading with mail(1), aliases, .forward.

The manual was written with Debian 6: its mail(1) showed the sender at the name of the host, here myorigin is the mail name.
"""
import unittest

from support.terminal import Terminal
from support.tutorial import Host, answers


class Practicas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = Host("servidor.pruebas.test")
        cls.addClassCleanup(host.close)
        host.start_log()
        host.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname="pruebas.test"))
        # apt-get install postfix libpq5 ssl-cert
        host.install("valija")
        host.apt("libpq5", "ssl-cert", "bsd-mailx", "inetutils-telnet")
        host.run("postconf -e 'mydestination = servidor.pruebas.test, localhost.pruebas.test, pruebas.test, localhost'")
        host.run("service postfix restart")
        for name in ("antonio", "manuel", "laura"):
            host.user(name, "clave-de-" + name)

    def telnet(self, port=25):
        at = Terminal(self.host.command("telnet localhost %d" % port))
        self.addCleanup(at.__exit__)
        at.expect(r"^Connected to localhost\.$")
        at.expect(r"^Escape character is '\^\]'\.$")
        return at

    def test_0_settings(self):
        said = self.host.run("postconf myhostname alias_maps alias_database myorigin inet_interfaces")
        self.assertEqual(said, "myhostname = servidor.pruebas.test\nalias_maps = hash:/etc/aliases\n"
                         "alias_database = hash:/etc/aliases\nmyorigin = /etc/mailname\ninet_interfaces = all\n")
        self.assertEqual(self.host.run("postconf -a"), "cyrus\ndovecot\n")

    def test_1_mail_at_the_command_line(self):
        with Terminal(self.host.command("mail antonio")) as at:
            at.expect("^Subject: ")
            at.type("Saludos", "Hola que tal te va todo?", "Saludos", ".")
            at.expect("^Cc: ")
            at.type("")
            self.assertEqual(at.ends(), 0)
        got = self.host.arrived("antonio", "Subject: Saludos\n")
        self.assertIn("\nHola que tal te va todo?\nSaludos\n", got)

    def test_2_dialogue_by_telnet(self):
        at = self.telnet()
        for words, reply in (
                (None, r"220 servidor\.pruebas\.test ESMTP Postfix \(Debian/GNU\)"),
                ("HELO root", r"250 servidor\.pruebas\.test"), ("MAIL FROM: root", r"250 2\.1\.0 Ok"),
                ("RCPT TO: antonio", r"250 2\.1\.5 Ok"), ("DATA", r"354 End data with <CR><LF>\.<CR><LF>")):
            if words:
                at.type(words)
            at.expect("^%s$" % reply)
        at.type("SUBJECT: Saber que tal vas...", "", "Hola Antonio, qué tal va todo por ahí?", "Saludos.", ".")
        at.expect(r"^250 2\.0\.0 Ok: queued as [0-9A-F]+$")
        at.type("quit")
        at.expect(r"^221 2\.0\.0 Bye$")
        at.expect(r"^Connection closed by foreign host\.$")
        got = self.host.arrived("antonio", "Saber que tal vas...\n")
        self.assertIn("\nHola Antonio, qué tal va todo por ahí?\nSaludos.\n", got)

    def test_3_queue(self):
        self.assertEqual(self.host.run("mailq"), "Mail queue is empty\n")
        self.host.run("mail -s uno alguien@lejos.test", stdin="texto\n")   # no name server answers
        self.host.logged(r"to=<alguien@lejos\.test>.*status=deferred \(Host or domain name not found")
        self.assertRegex(self.host.run("mailq"), r"(?m)^-- \d+ Kbytes in 1 Request\.$")
        self.assertIn("postsuper: Deleted: 1 message\n", self.host.run("postsuper -d ALL"))
        self.assertEqual(self.host.run("mailq"), "Mail queue is empty\n")

    def test_4_reading(self):
        for subject in ("hola", "Saludos", "Tercer correo de prueba"):
            self.host.run("mail -s '%s' manuel" % subject, stdin="que tal todo\n")
            self.host.arrived("manuel", "Subject: %s\n" % subject)
        with Terminal(self.host.command("su - manuel -c mail")) as at:
            at.expect(r"^Mail version 8\.1\.2 01/15/2001\.  Type \? for help\.$")
            at.expect(r'^"/var/mail/manuel": 3 messages 3 new$')
            at.expect(r"^>N +1 root@pruebas\.test +\w{3} \w{3} [ \d]\d \d\d:\d\d +\d+/\d+ +hola$")
            at.expect(r"^ N +2 root@pruebas\.test .* Saludos$")
            at.expect(r"^ N +3 root@pruebas\.test .* Tercer correo de prueba$")
            at.expect("^& ")
            at.type("1")
            at.expect(r"^Message 1:$")
            at.expect(r"^From root@pruebas\.test .*$")
            at.expect(r"^X-Original-To: manuel$")
            at.expect(r"^que tal todo$")
            at.expect("^& ")
            at.type("d*", "q")
            at.ends()
        self.assertEqual(self.host.mailbox("manuel"), "")

    def test_5_aliases(self):
        self.assertIn("postmaster:", self.host.read("/etc/aliases"))
        self.host.run("echo 'root: antonio, manuel, laura' >>/etc/aliases && newaliases && service postfix restart")
        self.assertTrue(self.host.exists("/etc/aliases.db"))
        self.host.run("mail -s 'para postmaster' postmaster@pruebas.test", stdin="a tres\n")
        for name in ("antonio", "manuel", "laura"):
            got = self.host.arrived(name, "Subject: para postmaster\n")
            self.assertIn("\nX-Original-To: postmaster@pruebas.test\n", got)

    def test_6_forward(self):
        self.host.run("su - laura -c 'echo antonio@pruebas.test, manuel@pruebas.test >.forward'")
        self.host.run("mail -s reenvio laura", stdin="a dos\n")
        for name in ("antonio", "manuel"):
            self.assertIn("\nDelivered-To: laura@pruebas.test\n", self.host.arrived(name, "Subject: reenvio\n"))
        self.assertNotIn("reenvio", self.host.mailbox("laura"))


if __name__ == "__main__":
    unittest.main()
