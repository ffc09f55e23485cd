"""docs/tasks/lists.md done word for word on a fresh Debian 12: a list of mlmmj, who may write to it, and who joins by mail.

Debian 12 has no Mailman 2, which the master.cf of tutorials delivers to; what its service would get is in
integration/test_partner_commands.py.
"""
import re
import unittest

from support import wait
from support.pages import Page
from support.tutorial import Host, answers


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = Host("mail.example.org")
        cls.addClassCleanup(host.close)
        host.start_log()
        host.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname="example.org"))
        host.install("valija")
        host.apt("bsd-mailx", "swaks")
        for name in ("anna", "pepe", "luis"):
            host.user(name)
        page = Page("lists.md")
        host.follow(page, "Mailing lists", "The service")
        host.write("/etc/postfix/lists", page.code("The service", "text"))
        host.follow(page, "A list", "Test it")

    def mail(self, user, to, subject):
        self.host.run("su %s -c \"mail -s '%s' %s\"" % (user, subject, to), stdin="Hola.\n")

    def members(self):
        return sorted(self.host.run("runuser -u mlmmj -- /usr/bin/mlmmj-list -L /var/spool/mlmmj/club").split())

    def test_1_to_all(self):
        self.assertEqual(self.members(), ["anna@example.org", "pepe@example.org"])
        self.mail("anna", "club@lists.example.org", "a todos")
        self.host.logged(r"to=<club@lists\.example\.org>, relay=mlmmj, .*dsn=2\.0\.0, status=sent \(delivered via mlmmj service\)")
        for user in self.members():
            name = user.split("@")[0]
            got = self.host.arrived(name, "Subject: [club] a todos\n")
            self.assertRegex(got, r"\AFrom club\+bounces-\d+\S*@lists\.example\.org ")
            self.assertIn("\nFrom: anna@example.org\n", got)
            self.assertIn("\nList-Unsubscribe: <mailto:club+unsubscribe@lists.example.org>\n", got)
            self.assertIn("\nHola.\n", got)

    def test_2_joining_by_mail(self):
        self.mail("luis", "club@lists.example.org", "de fuera")
        self.assertIn("\nFrom: club+owner@lists.example.org\n", self.host.arrived("luis", "To: luis@example.org\n"))
        self.assertNotIn("de fuera\n", self.host.mailbox("pepe"))
        self.mail("luis", "club+subscribe@lists.example.org", "quiero entrar")
        asked = self.host.arrived("luis", "club+confsub")
        self.mail("luis", re.search(r"club\+confsub\S+@lists\.example\.org", asked).group(), "si")
        wait.until(lambda: len(self.members()) == 3, 60, self.host.log)
        self.mail("luis", "club@lists.example.org", "ya dentro")
        for name in ("anna", "pepe", "luis"):
            self.host.arrived(name, "Subject: [club] ya dentro\n")

    def test_3_no_such_list(self):
        said = self.host.run("swaks --server 127.0.0.1 --quit-after RCPT --from x@far.test --to otra@lists.example.org", check=False)
        self.assertIn("<** 550 5.1.1 <otra@lists.example.org>: Recipient address rejected: No such list\n", said)
        self.mail("anna", "otra@lists.example.org", "a nadie")
        self.host.logged(r"to=<otra@lists\.example\.org>, relay=none, .*dsn=5\.1\.1, status=bounced \(No such list\)")


if __name__ == "__main__":
    unittest.main()
