"""An exercise about a smarthost, with the package on a fresh Debian 12: mail for the world goes through Gmail, with a login over
TLS; saslfinger looks at the set-up. A second host, that only this network knows, plays Gmail; its certificate is signed by an
authority of its own.

The exercise shows saslfinger's report from Debian 5: modules are elsewhere since, more parameters are on (all that Debian's
main.cf sets), and programs of two services (mailman 2, ifmail) are no longer in Debian. UUCP is: mail is queued for it.
"""
import os
import shutil
import tempfile
import unittest

from support import certificates, wait
from support.tutorial import Host, answers, serve_names

RELAYHOST = "[smtp.gmail.com]:587"
SETTINGS = """
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl/passwd
smtp_sasl_security_options = noanonymous
smtp_tls_CAfile = /etc/postfix/cacert.pem
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
smtp_use_tls = yes
"""
SUBMISSION = """
submission inet n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_chain_files=/etc/ssl/private/gmail.pem
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""
DOVECOT = """
auth_mechanisms = plain login
auth_username_format = %Ln
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
"""
# with single blanks
SERVICES = """\
cleanup unix n - y - 0 cleanup
tlsmgr unix - - y 1000? 1 tlsmgr
rewrite unix - - y - - trivial-rewrite
bounce unix - - y - 0 bounce
defer unix - - y - 0 bounce
trace unix - - y - 0 bounce
verify unix - - y - 1 verify
flush unix n - y 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - y - - smtp
relay unix - - y - - smtp
showq unix n - y - - showq
error unix - - y - - error
retry unix - - y - - error
discard unix - - y - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - y - - lmtp
anvil unix - - y - 1 anvil
scache unix - - y - 1 scache
maildrop unix - n n - - pipe
flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
uucp unix - n n - - pipe
flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)
ifmail unix - n n - - pipe
flags=F user=ftn argv=/usr/lib/ifmail/ifmail -r $nexthop ($recipient)
bsmtp unix - n n - - pipe
flags=Fq. user=bsmtp argv=/usr/lib/bsmtp/bsmtp -t$nexthop -f$sender $recipient
scalemail-backend unix - n n - 2 pipe
flags=R user=scalemail argv=/usr/lib/scalemail/bin/scalemail-store ${nexthop} ${user} ${extension}
mailman unix - n n - - pipe
flags=FRX user=list argv=/usr/lib/mailman/bin/postfix-to-mailman.py ${nexthop} ${user}
"""


class Smarthost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmail, cls.avatar = Host("smtp.gmail.com"), Host("avatar.pruebas.test")
        for host in (cls.gmail, cls.avatar):
            cls.addClassCleanup(host.close)
        cls.gmail.link(cls.avatar, "192.168.7.1/24", "192.168.7.2/24")
        serve_names(cls.gmail, {"gmail.com": "@ IN NS smtp\n@ IN MX 5 smtp\nsmtp IN A 192.168.7.1\n"})
        for host in (cls.gmail, cls.avatar):
            host.start_log()
            host.run("echo nameserver 192.168.7.1 >/etc/resolv.conf")
        cls.build_gmail()
        cls.avatar.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet with smarthost",
                                                               mailname="pruebas.test", relayhost=RELAYHOST))
        cls.avatar.install("valija")
        cls.avatar.apt("openssl", "libsasl2-modules", "sasl2-bin", "uucp", "inetutils-telnet")

    @classmethod
    def build_gmail(cls):
        gmail, folder = cls.gmail, tempfile.mkdtemp(prefix="mta-ca-")
        cls.addClassCleanup(shutil.rmtree, folder)
        certificates.make(folder, "cacert", "rsa", "/CN=Autoridad")
        certificates.sign(folder, "gmail", "cacert", "/CN=smtp.gmail.com", "DNS:smtp.gmail.com")
        shutil.copy(os.path.join(folder, "gmail.pem"), gmail.path("/etc/ssl/private/gmail.pem"))
        with open(os.path.join(folder, "cacert.crt")) as f:
            cls.cacert = f.read()
        gmail.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname="gmail.com"))
        gmail.install("valija")
        gmail.user("cliente", "secreta")
        gmail.user("amiga")
        gmail.run("cat >/etc/dovecot/local.conf && service dovecot restart", stdin=DOVECOT)
        gmail.run("cat >>/etc/postfix/master.cf && postconf -e smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth && "
                  "service postfix restart", stdin=SUBMISSION)

    def send(self, subject, to="amiga@gmail.com"):
        self.avatar.run("su usuario -c '/usr/sbin/sendmail -t'", stdin="To: %s\nSubject: %s\n\nhola\n" % (to, subject))

    def password(self, word):
        self.avatar.run("cat >/etc/postfix/sasl/passwd && chmod 600 /etc/postfix/sasl/passwd && postmap /etc/postfix/sasl/passwd",
                        stdin="%s cliente@gmail.com:%s\n" % (RELAYHOST, word))

    def test_0_before(self):
        """The provider takes nothing without a login."""
        self.assertEqual(self.avatar.run("postconf -h relayhost"), RELAYHOST + "\n")
        self.assertRegex(self.avatar.run("dpkg -l openssl libsasl2-modules"), r"(?s)\nii  libsasl2-modules.*\nii  openssl ")
        self.send("sin login")
        self.avatar.logged(r"to=<amiga@gmail\.com>, relay=smtp\.gmail\.com\[192\.168\.7\.1\]:587, .*dsn=5\.7\.1, status=bounced "
                           r"\(host smtp\.gmail\.com\[192\.168\.7\.1\] said: 554 5\.7\.1 <amiga@gmail\.com>: Recipient address "
                           r"rejected: Access denied \(in reply to RCPT TO command\)\)")

    def test_1_through_gmail(self):
        avatar = self.avatar
        avatar.run("cat >/etc/postfix/cacert.pem", stdin=self.cacert)
        avatar.run("cat >>/etc/postfix/main.cf", stdin=SETTINGS)
        avatar.run("postconf -e smtp_tls_loglevel=1")
        self.password("equivocada")
        avatar.run("service postfix restart")
        self.send("con otra palabra")
        avatar.logged(r"to=<amiga@gmail\.com>, relay=smtp\.gmail\.com\[192\.168\.7\.1\]:587, .*status=deferred \(SASL authentication "
                      r"failed; server smtp\.gmail\.com\[192\.168\.7\.1\] said: 535 5\.7\.8 Error: authentication failed: ")
        self.password("secreta")
        avatar.run("service postfix restart && postqueue -f")
        got = self.gmail.arrived("amiga", "Subject: con otra palabra\n")
        self.assertRegex(got, r"by smtp\.gmail\.com \(Postfix\) with ESMTPSA id ")
        self.gmail.logged(r"client=\S*\[192\.168\.7\.2\], sasl_method=PLAIN, sasl_username=cliente\n")
        avatar.logged(r"Trusted TLS connection established to smtp\.gmail\.com\[192\.168\.7\.1\]:587: TLSv1\.3 with cipher ")
        self.send("directo")
        self.gmail.arrived("amiga", "Subject: directo\n")
        # to users of this host it does not go that way
        self.send("aqui", "usuario@pruebas.test")
        avatar.arrived("usuario", "Subject: aqui\n")
        avatar.logged(r"to=<usuario@pruebas\.test>, relay=local, .*status=sent \(delivered to mailbox\)")

    def test_2_saslfinger(self):
        """After 1."""
        said = self.avatar.run("saslfinger -c 2>&1")
        self.assertRegex(said, r"(?m)^saslfinger - postfix Cyrus sasl configuration ")
        for line in ("mode: client-side SMTP AUTH", "-- basics --", "Postfix: 3.11.0", r"System: Debian GNU/Linux 12 \n \l",
                     "-- smtp is linked to --", "-- active SMTP AUTH and TLS parameters for smtp --", "relayhost = " + RELAYHOST,
                     "smtp_sasl_auth_enable = yes", "smtp_sasl_password_maps = hash:/etc/postfix/sasl/passwd",
                     "smtp_sasl_security_options = noanonymous", "smtp_tls_CAfile = /etc/postfix/cacert.pem",
                     "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache", "smtp_use_tls = yes",
                     "-- permissions for /etc/postfix/sasl/passwd --", "-- permissions for /etc/postfix/sasl/passwd.db --",
                     "/etc/postfix/sasl/passwd.db is up to date.", "-- active services in /etc/postfix/master.cf --",
                     "-- mechanisms on %s --" % RELAYHOST, "-- end of saslfinger output --"):
            self.assertIn("\n" + line + "\n", said)
        self.assertRegex(said, r"(?m)^\s*libsasl2\.so\.2 => \S+/libsasl2\.so\.2 \(0x[0-9a-f]+\)$")
        self.assertRegex(said, r"(?m)^-rw-------[ .]1 root root +\d+ .* /etc/postfix/sasl/passwd$")
        squeezed = "\n" + "\n".join(" ".join(line.split()) for line in said.splitlines()) + "\n"
        for line in SERVICES.splitlines():
            self.assertIn("\n" + line + "\n", squeezed)

    def test_3_uucp(self):
        avatar = self.avatar
        avatar.run("printf 'system vecino\\ntime any\\n' >>/etc/uucp/sys")
        avatar.run("postconf -e 'transport_maps = inline:{vecino.test=uucp:vecino}' && service postfix restart")
        self.send("por uucp", "pepe@vecino.test")
        avatar.logged(r"to=<pepe@vecino\.test>, relay=uucp, .*status=sent \(delivered via uucp service\)")
        wait.until(lambda: "rmail pepe@vecino.test" in avatar.run("uustat -a"), 60, lambda: avatar.run("uustat -a"))
        data = avatar.run("grep -rl 'Subject: por uucp' /var/spool/uucp").split()
        self.assertEqual(len(data), 1)
        self.assertRegex(avatar.read(data[0]), r"^From usuario@pruebas\.test .*\nReceived: ")


if __name__ == "__main__":
    unittest.main()
