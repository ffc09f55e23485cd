"""The life of the package on a fresh Debian: installed, used, installed again, configured anew,
removed, purged. Nothing is left behind."""
import time
import unittest

from support import wait
from support.debian import Debian, changes

ANSWERS = """\
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string mail1.org
postfix postfix/root_address string usuario
"""


class Life(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Debian()
        cls.addClassCleanup(cls.host.close)
        cls.fresh = cls.host.tree()
        cls.host.run("debconf-set-selections", stdin=ANSWERS)
        start = time.monotonic()
        cls.said = cls.host.install("valija")
        cls.took = time.monotonic() - start

    def mailbox(self):
        return self.host.read("/var/mail/usuario") if self.host.exists("/var/mail/usuario") else ""

    def test_1_runs_when_installed(self):
        print("installed and started in %.1f s" % self.took, flush=True)
        self.host.run("postfix status && service postfix status && postfix check")
        self.assertIn("uid=", self.host.run("id postfix"))
        for program in ("postdrop", "postqueue"):
            self.assertEqual(self.host.run("stat -c '%A %U %G' /usr/sbin/" + program).strip(),
                             "-rwxr-sr-x root postdrop")

    def test_2_mail_for_root_reaches_the_recipient_that_was_named(self):
        self.host.run("su usuario -c 'sendmail postmaster'", stdin="Subject: for postmaster\n\ntext\n")
        wait.until(lambda: "Subject: for postmaster" in self.mailbox(), 60, "a message for usuario")
        self.assertIn("root:\tusuario", self.host.read("/etc/aliases"))
        self.assertEqual(self.host.read("/etc/mailname"), "mail1.org\n")

    def test_3_programs_that_checkers_look_at(self):
        clients = ("smtp",) if "cyrus" in self.host.run("postconf -A") else ()
        for program in ("smtpd",) + clients:
            self.assertIn("libsasl2", self.host.run("ldd /usr/lib/postfix/sbin/" + program))
        self.host.run("echo 'a b' >/tmp/t && postmap hash:/tmp/t")
        with open(self.host.path("/tmp/t.db"), "rb") as f:
            header = f.read(16)
        self.assertEqual(header[12:16], (0x061561).to_bytes(4, "little"))  # Berkeley DB, hash

    def test_3_the_jail_has_what_names_and_certificates_need(self):
        for name in ("resolv.conf", "services", "hosts", "nsswitch.conf"):
            self.assertTrue(self.host.exists("/var/spool/postfix/etc/" + name), name)
        hashed = self.host.run("cd /etc/ssl/certs && ls *.0 | head -n 1").strip()
        self.host.run("cmp /etc/ssl/certs/%s /var/spool/postfix/etc/ssl/certs/%s" % (hashed, hashed))

    def test_3_hooks_of_the_network(self):
        self.host.run("echo 'nameserver 192.0.2.53' >/etc/resolv.conf && /etc/resolvconf/update-libc.d/postfix")
        self.assertEqual(self.host.read("/var/spool/postfix/etc/resolv.conf"), "nameserver 192.0.2.53\n")
        self.host.run(": >/etc/resolv.conf; IFACE=eth0 ADDRFAM=inet /etc/network/if-up.d/postfix")
        self.assertEqual(self.host.read("/var/spool/postfix/etc/resolv.conf"), "")
        for hook in ("ppp/ip-up.d", "ppp/ip-down.d", "network/if-down.d"):
            self.host.run("IFACE=eth0 /etc/%s/postfix" % hook)
        self.host.run("postfix status")

    def test_3_the_service(self):
        self.host.run("service postfix stop")
        self.assertFalse(self.host.ok("postfix status"))
        self.assertFalse(self.host.ok("service postfix status"))
        self.host.run("IFACE=eth0 /etc/network/if-up.d/postfix")     # quiet while nothing runs
        self.host.run("echo 'chroot_extra_files=\"/etc/debian_version\"' >/etc/default/postfix")
        self.host.run("service postfix start && service postfix reload && service postfix restart")
        self.host.run("cmp /etc/debian_version /var/spool/postfix/etc/debian_version; rm /etc/default/postfix")
        self.assertFalse(self.host.ok("service postfix wash"))

    def test_3_rmail(self):
        self.host.run("rmail usuario", stdin="From anna Thu Jan  1 00:00:00 1970 remote from inner\n"
                      ">From anna Thu Jan  1 00:00:00 1970 remote from outer\n\nby uucp\n")
        wait.until(lambda: "by uucp" in self.mailbox(), 60, "a message by UUCP")
        self.assertRegex(self.mailbox(), r"(?m)^Return-Path: <outer!anna@inner>")   # as swap_bangpath has it

    def test_3_services_added_by_command(self):
        master = self.host.read("/etc/postfix/master.cf")
        self.assertIn("usage", self.host.run("postfix-add-filter; postfix-add-policy"))
        self.host.run("postfix-add-filter amavis 10025 && postfix-add-policy greylist nobody /bin/cat -u")
        services = self.host.run("postconf -M")
        self.assertRegex(services, r"(?m)^amavis +unix +- .* smtp\b")
        self.assertRegex(services, r"(?m)^127\.0\.0\.1:10025 +inet +n .* smtpd\b")
        self.assertRegex(services, r"(?m)^greylist +unix +- +n +n .* spawn user=nobody argv=/bin/cat -u$")
        for again in ("postfix-add-filter amavis 10026", "postfix-add-filter other 10025",
                      "postfix-add-policy greylist nobody /bin/cat"):
            self.assertIn("already", self.host.run(again))
        self.assertEqual(self.host.run("postconf -M"), services)
        self.assertFalse(self.host.ok("postfix-add-policy x nobody 'cat'"))
        self.assertFalse(self.host.ok("postfix-add-filter 'a b' 10027"))
        self.host.run("postfix check && postfix reload && rm /etc/postfix/master.cf.[0-9]*")
        with open(self.host.path("/etc/postfix/master.cf"), "w") as f:
            f.write(master)

    def test_3_log_by_session(self):
        lines = {name: "Nov 22 09:00:00 host postfix/%s\n" % text for name, text in {
            "connect": "smtpd[7]: connect from a.test[192.0.2.1]", "other": "pickup[5]: AAAAA1: uid=0 from=<root>",
            "client": "smtpd[7]: BBBBB2: client=a.test[192.0.2.1]", "master": "master[1]: daemon started",
            "id": "cleanup[6]: BBBBB2: message-id=<2@x>", "end": "smtpd[7]: disconnect from a.test[192.0.2.1]",
            "removed": "qmgr[8]: BBBBB2: removed"}.items()}
        got = self.host.run("postfix-collate", stdin="".join(lines.values()))
        self.assertEqual(got.split("\n\n"), ["".join(lines[n] for n in ("connect", "client", "id", "end", "removed")).strip(),
                                             lines["other"].strip(), ""])

    def test_4_installed_again(self):
        before = self.host.tree("/etc", skip=("/etc/ld.so.cache",))
        self.host.run("apt-get install --reinstall -y -q /debs/valija_*.deb")
        self.assertEqual(changes(before, self.host.tree("/etc", skip=("/etc/ld.so.cache",))), [])
        self.host.run("postfix status")

    def test_5_configured_anew(self):
        self.host.run("postconf -e 'smtpd_helo_required = yes' 'relayhost = [192.0.2.1]'")
        before = self.host.read("/etc/postfix/main.cf")
        self.host.run("dpkg-reconfigure valija")
        self.assertEqual(self.host.read("/etc/postfix/main.cf"), before)
        self.host.run("debconf-set-selections && dpkg-reconfigure valija",
                      stdin="valija postfix/main_mailer_type select Local only\n")
        self.assertIn("default_transport = error", self.host.run("postconf -n"))
        self.assertIn("inet_interfaces = loopback-only", self.host.run("postconf -n"))
        self.host.run("debconf-set-selections && dpkg-reconfigure valija",
                      stdin="valija postfix/main_mailer_type select Internet Site\n")
        self.assertEqual(self.host.read("/etc/postfix/main.cf"), before)
        self.host.run("postfix status")

    def test_6_removed_and_installed_again(self):
        before = self.host.read("/etc/postfix/main.cf")
        self.host.run("apt-get remove -y -q valija")
        self.assertEqual(self.host.read("/etc/postfix/main.cf"), before)
        self.assertEqual(self.host.run("pgrep -x -r D,R,S master || true"), "")
        self.host.install("valija")
        self.assertEqual(self.host.read("/etc/postfix/main.cf"), before)
        self.host.run("postfix status")

    def test_7_purged(self):
        self.host.install("valija", "valija-lmdb", "valija-cdb", "valija-sqlite", "valija-ldap", "valija-mongodb",
                          "valija-mysql", "valija-pgsql", "valija-redis", "valija-doc")
        self.host.run("echo 'a b' >/tmp/t && postmap lmdb:/tmp/t && postmap cdb:/tmp/t")
        self.assertEqual(self.host.run("postmap -q a lmdb:/tmp/t; postmap -q a cdb:/tmp/t"), "b\nb\n")
        self.host.run("rm -f /var/mail/usuario; apt-get purge -y -q 'valija*'")
        self.assertEqual(changes(self.fresh, self.host.tree()), [])
