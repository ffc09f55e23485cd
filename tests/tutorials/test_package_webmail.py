"""docs/tasks/submission.md with Dovecot and Roundcube, done word for word on a fresh Debian 12: users log in at the webmail, write to
each other, and read what arrived. PHP's own server shows it; php8.2-cgi spares Apache, which comes along otherwise.

The page's swaks asks for a password; here it has it from the command line, and its mail stays on the host. A manual of the
tutorials has Squirrelmail in Roundcube's place, which Debian no longer has.
"""
import os
import shutil
import tempfile
import unittest
import urllib.error

from support import certificates, network, wait
from support.pages import Page
from support.tutorial import Host, answers
from support.webmail import Browser

NAME = "mail.example.org"


class Webmail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = Host(NAME)
        cls.addClassCleanup(host.close)
        host.start_log()
        host.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname="example.org"))
        host.install("valija")
        host.apt("swaks")
        for name in ("anna", "pepe"):
            host.user(name, "clave-de-" + name)
        cls.certificate()
        page = Page("submission.md", {"--auth-user anna": "--auth-user anna --auth-password clave-de-anna",
                                      "pepe@example.com": "pepe@example.org"})
        host.follow(page, "The two services", "With Dovecot")
        host.write("/etc/postfix/senders", page.code("Who may use which sender", "text"))
        host.run("postmap /etc/postfix/senders && service dovecot restart && postfix check && postfix reload")
        host.follow(page, "Test it")
        web, serve = page.blocks("Webmail")[0], page.blocks("Webmail")[-1]
        host.apt("php8.2-cgi")
        host.run(web[1])
        host.run("cat >>/etc/roundcube/config.inc.php", stdin=page.code("Webmail", "php"))
        host.run(serve[1].strip() + " >/tmp/php.log 2>&1 &")
        cls.net = network.HostOfProcess(host.pid)
        cls.addClassCleanup(cls.net.close)

    @classmethod
    def certificate(cls):
        """The server's, by an authority that this host trusts."""
        folder = tempfile.mkdtemp(prefix="mta-ca-")
        cls.addClassCleanup(shutil.rmtree, folder)
        certificates.make(folder, "ca", "ec", "/CN=Autoridad")
        certificates.sign(folder, "server", "ca", "/CN=" + NAME, "DNS:" + NAME)
        shutil.copy(os.path.join(folder, "server.pem"), cls.host.path("/etc/postfix/server.pem"))
        shutil.copy(os.path.join(folder, "ca.crt"), cls.host.path("/usr/local/share/ca-certificates/prueba.crt"))
        cls.host.run("update-ca-certificates")

    def browser(self, user, password=None):
        with self.net:
            return Browser("http://127.0.0.1:8080/", user, password or "clave-de-" + user)

    def test_1_the_page_of_the_login(self):
        wait.until(lambda: self.host.ok("ss -Hltn sport = 8080 | grep -q 8080"), 60, lambda: self.host.read("/tmp/php.log"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.browser("anna", "mala")
        self.assertEqual(refused.exception.code, 401)

    def test_2_from_user_to_user(self):
        anna, pepe = self.browser("anna"), self.browser("pepe")
        with self.net:
            said = anna.send("pepe@example.org", "Desde la web: ñandú", "Hola Pepe,\n¿qué tal?")
            self.assertIn("sent_successfully", said)
            self.host.logged(r"postfix/submission/smtpd\[\d+\]: \w+: client=\S+, sasl_method=\w+, sasl_username=anna")
            self.host.logged(r"from=<anna@example\.org>")
            got = wait.until(lambda: pepe.inbox().get("Desde la web: ñandú"), 60, self.host.log)
            shown = pepe.show(got)
        self.assertIn("Hola Pepe,", shown)
        self.assertIn("¿qué tal?", shown)
        self.assertIn("anna@example.org", shown)


if __name__ == "__main__":
    unittest.main()
