"""A lesson about mail servers, with the package on a fresh Debian 12 and a second host in the place of the Internet: mail
among the users of a machine, mail to the Internet through a relay and without one, mail from the Internet.

Where the lesson has journalctl, /var/log/mail.log is read: nothing here is a systemd. Its mail(1) was opened a second time
("1 unread", ">U"); a first look says "1 new", ">N".
"""
import unittest

from support.terminal import Terminal
from support.tutorial import Host, answers, serve_names

DOMAIN, SCHOOL = "dominio.test", "instituto.test"
ZONES = {
    DOMAIN: "@ IN NS ns.%s.\n@ IN MX 10 maquina\nmaquina IN A 172.200.0.2\n@ IN TXT \"v=spf1 mx -all\"\n" % SCHOOL,
    SCHOOL: "@ IN NS ns\n@ IN MX 10 macacovpn\nns IN A 172.200.0.1\nmacacovpn IN A 172.200.0.1\n"
            "mail IN CNAME macacovpn.%s.\n" % SCHOOL,
}


class Servidor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world, cls.host = Host("macacovpn." + SCHOOL), Host("maquina." + DOMAIN)
        for host in (cls.world, cls.host):
            cls.addClassCleanup(host.close)
        cls.world.link(cls.host, "172.200.0.1/24", "172.200.0.2/24")
        serve_names(cls.world, ZONES)
        for host, domain in ((cls.world, SCHOOL), (cls.host, DOMAIN)):
            host.start_log()
            host.run("echo nameserver 172.200.0.1 >/etc/resolv.conf")
            # apt install postfix: Internet Site, mail name DOMINIO
            host.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname=domain))
            host.install("valija")
            host.apt("bsd-mailx", "bind9-host", "bind9-dnsutils", "inetutils-telnet")
        # the school's server takes mail of the classroom
        cls.world.run("postconf -e 'mynetworks = 127.0.0.0/8 172.200.0.0/24'")
        cls.world.reload()
        cls.host.user("debian")
        cls.host.user("ana")

    def mail(self, user, to, subject, text):
        """mail TO, at a terminal."""
        with Terminal(self.host.command("su - %s -c 'mail %s'" % (user, to))) as at:
            at.expect("^Subject: ")
            at.type(subject, text, ".")
            at.expect("^Cc: ")
            at.type("")
            self.assertEqual(at.ends(), 0)

    def test_0_what_the_answers_gave(self):
        self.assertEqual(self.host.read("/etc/mailname"), DOMAIN + "\n")
        settings = self.host.run("postconf mydestination relay_domains mynetworks myorigin")
        self.assertRegex(settings, r"(?m)^mydestination = .*\bdominio\.test\b.*\blocalhost\b")
        self.assertRegex(settings, r"(?m)^mynetworks = 127\.0\.0\.0/8 ")
        self.assertRegex(settings, r"(?m)^myorigin = /etc/mailname$")
        self.assertRegex(settings, r"(?m)^relay_domains =")

    def test_1_among_users_of_the_machine(self):
        self.mail("debian", "root@localhost", "hola", "que tal todo")
        self.host.logged(r"to=<root@localhost>, relay=local, .*status=sent \(delivered to mailbox\)")
        self.assertIn("\nFrom: debian@dominio.test\n", self.host.arrived("root", "Subject: hola\n"))
        with Terminal(self.host.command("mail")) as at:
            at.expect(r"^Mail version 8\.1\.2 01/15/2001\.  Type \? for help\.$")
            at.expect(r'^"/var/mail/root": 1 message 1 new$')
            at.expect(r"^>N +1 debian@dominio\.te +\w{3} \w{3} .* +hola$")
            at.expect("^& ")
            at.type("1")
            at.expect("^que tal todo$")
            at.type("x")
            at.ends()
        # left with x it was looked at, and nothing more: as the lesson shows it
        with Terminal(self.host.command("mail")) as at:
            at.expect(r'^"/var/mail/root": 1 message')
            at.expect(r"^>[NU] +1 debian@dominio\.te +\w{3} \w{3} .* +hola$")
            at.type("d 1", "q")
            at.ends()

    def test_2_to_the_internet_by_the_relay_of_the_school(self):
        said = self.host.run("dig mail.instituto.test")
        self.assertRegex(said, r"(?m)^mail\.instituto\.test\.\s+86400\s+IN\s+CNAME\s+macacovpn\.instituto\.test\.$")
        self.assertRegex(said, r"(?m)^macacovpn\.instituto\.test\.\s+86400\s+IN\s+A\s+172\.200\.0\.1$")
        self.host.run("postconf -e 'relayhost = mail.instituto.test'")
        self.host.reload()
        self.mail("debian", "root@instituto.test", "por el relay", "texto")
        # a name for relayhost is looked up for MX first; mail. is an alias and has none
        self.host.logged(r"to=<root@instituto\.test>, relay=\S*\[172\.200\.0\.1\]:25, .*dsn=2\.0\.0, status=sent \(250 2\.0\.0 "
                         r"Ok: queued as \w+\)")
        got = self.world.arrived("root", "Subject: por el relay\n")
        self.assertRegex(got, r"(?m)^Received: from maquina\.dominio\.test \(\S+ \[172\.200\.0\.2\]\)$")
        self.assertTrue(got.startswith("From debian@dominio.test "))
        self.host.run("postconf -X relayhost")
        self.host.reload()

    def test_3_to_the_internet_without_a_relay(self):
        self.mail("debian", "root@instituto.test", "sin relay", "texto")
        self.host.logged(r"to=<root@instituto\.test>, relay=macacovpn\.instituto\.test\[172\.200\.0\.1\]:25, .*status=sent")
        self.world.arrived("root", "Subject: sin relay\n")

    def test_4_from_the_internet(self):
        self.assertIn("dominio.test mail is handled by 10 maquina.dominio.test.", self.world.run("host dominio.test"))
        self.world.run("mail -s 'desde fuera' ana@dominio.test", stdin="hola ana\n")
        self.world.logged(r"to=<ana@dominio\.test>, relay=maquina\.dominio\.test\[172\.200\.0\.2\]:25, .*status=sent")
        self.host.arrived("ana", "Subject: desde fuera\n")
        # nobody of that name: the sender gets it back
        self.world.run("mail -s 'a nadie' nadie@dominio.test", stdin="hola\n")
        self.world.logged(r"to=<nadie@dominio\.test>.* dsn=5\.1\.1, status=bounced \(host maquina\.dominio\.test"
                          r"\[172\.200\.0\.2\] said: 550 5\.1\.1 <nadie@dominio\.test>: Recipient address rejected: "
                          r"User unknown in local recipient table")
        self.assertIn("Undelivered Mail Returned to Sender", self.world.arrived("root", "Subject: Undelivered"))

    def test_5_aliases_redirections_virtual_users(self):
        host = self.host
        # programs at work see a new table within a second; a restart makes sure
        host.run("echo 'profesor: ana' >>/etc/aliases && newaliases && service postfix restart")
        self.world.run("mail -s 'alias' profesor@dominio.test", stdin="uno\n")
        self.assertIn("\nX-Original-To: profesor@dominio.test\n", host.arrived("ana", "Subject: alias\n"))
        # to an account outside
        host.run("su - debian -c 'echo root@instituto.test >.forward'")
        self.world.run("mail -s 'redireccion' debian@dominio.test", stdin="dos\n")
        got = self.world.arrived("root", "Subject: redireccion\n")
        self.assertIn("\nDelivered-To: debian@dominio.test\n", got)
        # names that are no users of the system
        host.run("echo 'ventas@dominio.test ana' >/etc/postfix/virtual && postmap /etc/postfix/virtual && "
                 "postconf -e 'virtual_alias_maps = hash:/etc/postfix/virtual' && service postfix restart")
        self.world.run("mail -s 'virtual' ventas@dominio.test", stdin="tres\n")
        self.assertIn("\nX-Original-To: ventas@dominio.test\n", host.arrived("ana", "Subject: virtual\n"))

    def test_6_nobody_else_relays_here(self):
        """smtpd_relay_restrictions as installed: strangers reach this domain and no other."""
        with Terminal(self.world.command("telnet 172.200.0.2 25")) as at:
            at.expect(r"^220 maquina\.dominio\.test ESMTP Postfix \(Debian/GNU\)$")
            at.type("EHLO fuera.test")
            at.expect(r"^250 ")
            at.type("MAIL FROM:<x@instituto.test>")
            at.expect(r"^250 2\.1\.0 Ok$")
            at.type("RCPT TO:<otro@instituto.test>")
            at.expect(r"^454 4\.7\.1 <otro@instituto\.test>: Relay access denied$")
            at.type("RCPT TO:<ana@dominio.test>")
            at.expect(r"^250 2\.1\.5 Ok$")
            at.type("QUIT")
            at.expect(r"^221 2\.0\.0 Bye$")
            at.expect(r"^Connection closed by foreign host\.$")
            at.ends()


if __name__ == "__main__":
    unittest.main()
