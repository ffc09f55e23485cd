"""docs/tasks/dkim.md and "Greylisting" of filters.md done word for word on two fresh Debian 12, example.org and example.net, that
know each other by DNS: signed mail arrives and is judged, forged mail is refused, strangers come back.

The second domain wants refused what fails (p=reject where the page has p=quarantine), and greylisting waits one second, no minute.
opendkim asks the DNS from the root on; here one server knows all, so it is told which (Nameservers).
"""
import re
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import wait
from support.pages import Page
from support.tutorial import Host, answers, serve_names

ZONE = """\
@     IN    NS       ns.example.org.
      IN    MX       10 mail
mail  IN    A        192.168.255.%d
"""
STRANGER = "192.168.255.9"      # one more address of the first host, which no domain sends from


class Dkim(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.org, cls.net = Host("mail.example.org"), Host("mail.example.net")
        for host in (cls.org, cls.net):
            cls.addClassCleanup(host.close)
        cls.org.page = Page("dkim.md")
        cls.net.page = Page("dkim.md", {"example.org": "example.net", "p=quarantine": "p=reject"})
        cls.org.link(cls.net, "192.168.255.1/24", "192.168.255.129/24")
        cls.org.run("ip address add %s/24 dev eth0" % STRANGER)
        with ThreadPoolExecutor() as pool:
            list(pool.map(cls.install, (cls.org, cls.net)))
            serve_names(cls.org, {
                "example.org": ZONE % 1 + "ns IN A 192.168.255.1\n" + cls.records(cls.org),
                "example.net": ZONE % 129 + cls.records(cls.net),
                "nobody.test": ZONE % 9,
                "255.168.192.in-addr.arpa": "@ IN NS ns.example.org.\n1 IN PTR mail.example.org.\n129 IN PTR mail.example.net.\n"})
            list(pool.map(cls.configure, (cls.org, cls.net)))

    @staticmethod
    def install(host):
        host.start_log()
        host.run("echo nameserver 192.168.255.1 >/etc/resolv.conf")
        host.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname=host.name[5:]))
        host.install("valija")
        host.apt("bsd-mailx", "swaks")
        host.user("anna")
        host.follow(host.page, "DKIM, SPF and DMARC", "Keys and places")

    @staticmethod
    def records(host):
        """What the page says of the DNS; the key as opendkim-genkey wrote it."""
        lines = host.page.code("The DNS", "text").splitlines(keepends=True)
        return "".join(line for line in lines if "DKIM1" not in line) + host.read("/etc/dkimkeys/mail.txt")

    @staticmethod
    def configure(host):
        host.follow(host.page, "opendkim", "opendmarc", "The server", "SPF")
        host.run("echo 'Nameservers 192.168.255.1' >>/etc/opendkim.conf")
        host.follow(host.page, "Test it")

    def swaks(self, sender, header_from, subject, address=STRANGER):
        """By hand from ADDRESS to the second host, beside the first's server; what was said."""
        return self.org.run("swaks --server 192.168.255.129 --local-interface %s --helo mail.example.org --from %s --to anna@example.net "
                            "--header 'From: %s' --header 'Subject: %s'" % (address, sender, header_from, subject), check=False)

    def test_1_key(self):
        said = self.org.run("opendkim-testkey -d example.org -s mail -vvv")
        self.assertIn("key OK", said)

    def test_2_signed_and_judged(self):
        self.org.run("su anna -c \"mail -s firmado anna@example.net\"", stdin="Hola.\n")
        got = self.net.arrived("anna", "Subject: firmado\n")
        self.assertRegex(got, r"(?m)^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example\.org;\s+s=mail;")
        self.assertRegex(got, r"(?m)^Received-SPF: Pass \(mailfrom\) .*client-ip=192\.168\.255\.1;")
        self.assertEqual(self.results(got), [
            "mail.example.net; dmarc=pass (p=quarantine dis=none) header.from=example.org",
            "mail.example.net; dkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org header.a=rsa-sha256 "
            "header.s=mail header.b=* dkim-atps=neutral"])
        # and the other way
        self.net.run("su anna -c \"mail -s respuesta anna@example.org\"", stdin="Hola.\n")
        self.assertIn("dmarc=pass (p=reject dis=none) header.from=example.net",
                      "\n".join(self.results(self.org.arrived("anna", "Subject: respuesta\n"))))

    @staticmethod
    def results(text):
        """The values of Authentication-Results, unfolded, without what differs with each message."""
        found = re.findall(r"(?m)^Authentication-Results: (.*(?:\n\s.*)*)", text)
        return [re.sub(r"header\.b=\S+", "header.b=*", re.sub(r"\s+", " ", value)) for value in found]

    def test_3_not_signed(self):
        """opendmarc goes by what policyd-spf found."""
        self.swaks("anna@example.org", "anna@example.org", "sin firma", "192.168.255.1")
        got = self.net.arrived("anna", "Subject: sin firma\n")
        self.assertIn("mail.example.net; dmarc=pass (p=quarantine dis=none) header.from=example.org", self.results(got))

    def test_4_forged(self):
        said = self.swaks("anna@example.org", "anna@example.org", "falso")
        self.assertRegex(said, r"<\*\* 550 5\.7\.23 <anna@example\.net>: Recipient address rejected: Message rejected due to: SPF fail")
        self.net.logged(r"NOQUEUE: reject: RCPT from unknown\[192\.168\.255\.9\]: 550 5\.7\.23 ")
        # a sender of whom SPF knows nothing, and a lie in the header
        said = self.swaks("x@nobody.test", "anna@example.net", "falso de verdad")
        self.assertIn("<** 550 5.7.1 rejected by DMARC policy for example.net\n", said)
        self.net.logged(r"milter-reject: END-OF-MESSAGE from unknown\[192\.168\.255\.9\]: 5\.7\.1 rejected by DMARC policy for "
                        r"example\.net; from=<x@nobody\.test>")
        # the first domain does not ask for as much
        self.swaks("x@nobody.test", "anna@example.org", "dudoso")
        self.assertIn("mail.example.net; dmarc=fail (p=quarantine dis=none) header.from=example.org",
                      self.results(self.net.arrived("anna", "Subject: dudoso\n")))

    def test_5_greylisting(self):
        self.net.follow(Page("filters.md", {"--delay=60": "--delay=1"}), "Greylisting")
        self.org.run("su anna -c \"mail -s gris anna@example.net\"", stdin="Hola.\n")
        self.org.logged(r"to=<anna@example\.net>, relay=mail\.example\.net\[192\.168\.255\.129\]:25, .*dsn=4\.2\.0, status=deferred "
                        r"\(host mail\.example\.net\[192\.168\.255\.129\] said: 450 4\.2\.0 <anna@example\.net>: Recipient address "
                        r"rejected: Greylisted, see https?://postgrey\.schweikert\.ch/help/example\.net\.html \(in reply to RCPT TO "
                        r"command\)\)")
        self.assertNotIn("Subject: gris\n", self.net.mailbox("anna"))
        wait.until(lambda: self.org.run("postqueue -f") or "Subject: gris\n" in self.net.mailbox("anna"), 60, self.org.log)
        self.assertRegex(self.net.arrived("anna", "Subject: gris\n"), r"(?m)^X-Greylist: delayed \d+ seconds by postgrey-\S+ at ")


if __name__ == "__main__":
    unittest.main()
