"""The questions: the same answers give the main.cf that Debian's Postfix gives."""
import glob
import os
import re
import subprocess
import unittest

from support.debian import Debian, needed

CASES = {
    "internet": {"main_mailer_type": "Internet Site", "mailname": "mail1.org", "root_address": "usuario"},
    "tutorial": {"main_mailer_type": "Internet Site", "mailname": "mail1.org", "root_address": "usuario",
                 "destinations": "mail1.org, localhost", "mynetworks": "127.0.0.0/8", "protocols": "ipv4"},
    "smarthost": {"main_mailer_type": "Internet with smarthost", "mailname": "mail1.org", "relayhost": "[192.0.2.1]:587",
                  "mailbox_limit": "51200000", "recipient_delim": "-"},
    "satellite": {"main_mailer_type": "Satellite system", "mailname": "mail1.org", "relayhost": "smtp.isp.test"},
    "local": {"main_mailer_type": "Local only", "mailname": "host.example.test"},
    "none": {"main_mailer_type": "No configuration"},
}


def settings(host):
    """main.cf by name; the order of destinations says nothing (Debian's changes from run to run)."""
    if not host.exists("/etc/postfix/main.cf"):
        return None
    found = {}
    for line in host.read("/etc/postfix/main.cf").splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = (word.strip() for word in line.split("=", 1))
            found[name] = sorted(set(re.split(r"[,\s]+", value))) if name == "mydestination" else value
    return found


def aliases(host):
    lines = host.read("/etc/aliases").splitlines() if host.exists("/etc/aliases") else []
    return {line.split(":")[0]: line.split(":")[1].strip() for line in lines if ":" in line and line[0] != "#"}


def configured(package, answers):
    """What a fresh host has when PACKAGE is installed with these answers."""
    with Debian() as host:
        host.run("echo 'exit 101' >>/usr/sbin/policy-rc.d; sed -i '/exit 0/d' /usr/sbin/policy-rc.d")
        host.run("debconf-set-selections",
                 stdin="".join("postfix postfix/%s string %s\n" % item for item in answers.items()))
        host.install(package)
        mailname = host.read("/etc/mailname") if host.exists("/etc/mailname") else None
        return settings(host), aliases(host), mailname


class Questions(unittest.TestCase):
    maxDiff = None

    def compare(self, case):
        ours, our_aliases, our_mailname = configured("valija", CASES[case])
        if not glob.glob(os.path.join(os.environ.get("MTA_ORACLE", "/nonexistent"), "deb", "postfix_*.deb")):
            self.skipTest("MTA_ORACLE has no package to compare with")
        theirs, their_aliases, their_mailname = configured("postfix", CASES[case])
        self.assertEqual(ours, theirs)
        self.assertEqual(our_mailname, their_mailname)
        if ours is not None:
            self.assertEqual(our_aliases, their_aliases)

    def test_internet(self):
        self.compare("internet")

    def test_tutorial(self):
        """What dpkg-reconfigure writes after the answers of a tutorial; Debian's preseeding passes over destinations."""
        ours, our_aliases, our_mailname = configured("valija", CASES["tutorial"])
        wanted = {"myhostname": "host.example.test", "alias_maps": "hash:/etc/aliases",
                  "alias_database": "hash:/etc/aliases", "myorigin": "/etc/mailname",
                  "mydestination": ["localhost", "mail1.org"], "relayhost": "", "mynetworks": "127.0.0.0/8",
                  "mailbox_size_limit": "0", "recipient_delimiter": "+", "inet_interfaces": "all", "inet_protocols": "ipv4",
                  "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated defer_unauth_destination"}
        self.assertEqual({name: ours.get(name) for name in wanted}, wanted)
        self.assertEqual(our_aliases, {"postmaster": "root", "root": "usuario"})
        self.assertEqual(our_mailname, "mail1.org\n")

    def test_smarthost(self):
        self.compare("smarthost")

    def test_satellite(self):
        self.compare("satellite")

    def test_local(self):
        self.compare("local")

    def test_none(self):
        self.compare("none")

    def test_every_text_is_there_in_spanish(self):
        needed()
        texts = []
        for package in ("valija", "postfix"):
            deb, = glob.glob(os.path.join(os.environ["MTA_PACKAGES"], package + "_*.deb"))
            texts.append(subprocess.run(["dpkg", "-I", deb, "templates"], check=True, stdout=subprocess.PIPE, text=True).stdout)
        text = texts[0]
        self.assertEqual(text, texts[1])
        for template in text.strip().split("\n\n"):
            self.assertRegex(template, r"(?m)^Description-es\.UTF-8: \S")
            self.assertEqual("\nChoices:" in template, "\nChoices-es.UTF-8:" in template)
