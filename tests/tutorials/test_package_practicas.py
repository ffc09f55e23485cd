"""A manual of a mail service for school, with the package on a fresh Debian 12: records in the DNS, local mail at the command
line, a dialogue by telnet, the queue, reading with mail(1), aliases, .forward; Dovecot: POP3 by telnet, logins for sending
and what they may send; SpamAssassin and ClamAV.

The manual was written with Debian 6 and 7, before Dovecot 2: its mail(1) showed the sender at the name of the host, here
myorigin is the mail name; the socket for logins is configured as Dovecot 2 wants it; since Postfix 2.10 strangers get 454 from
smtpd_relay_restrictions; the service of SpamAssassin is called spamd. The domain ends in .test, and instead of a reboot the
services are started. The manual's webmail is no longer in Debian; test_package_webmail has another.
"""
import unittest

from support import wait
from support.terminal import Terminal
from support.tutorial import Host, answers, serve_names

ZONES = {
    "pruebas.test": "@ IN NS servidor\n@ IN MX 10 servidor\nservidor IN A 10.23.5.10\n"
                    "@ IN TXT \"v=spf1 a mx ip4:10.23.5.0/24 -all\"\n",
    "5.23.10.in-addr.arpa": "@ IN NS servidor.pruebas.test.\n10 IN PTR servidor.pruebas.test.\n",
}
DOVECOT = """
pop3_uidl_format = %08Xu%08Xv
mail_location = mbox:~/mail:INBOX=/var/mail/%u
mail_access_groups = mail
"""
AUTH = """
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
  inet_listener {
    address = 127.0.0.1
    port = 12345
  }
}
auth_mechanisms = plain login
"""
OWNERS = """\
# sender                owners (SASL login names)
antonio@pruebas.test    antonio
manuel@pruebas.test     manuel
soporte@pruebas.test    antonio, manuel
"""
# the pid file is where the service's script looks
SPAMD = """
ENABLED=1
SAHOME="/var/lib/spamassassin/"
OPTIONS="--create-prefs --max-children 5 --username spamd --helper-home-dir ${SAHOME} -s ${SAHOME}spamd.log"
PIDFILE="${SAHOME}spamd.pid"
"""
SPAMASSASSIN = """
rewrite_header Subject ***** SPAM  *****
report_safe 0
required_score 2.0

#   Use Bayesian classifier (default: 1)
use_bayes 1
bayes_auto_learn 1
"""
SPAM_SERVICES = """
smtp      inet  n       -       n       -       -       smtpd -o content_filter=spamassassin
spamassassin unix -     n       n       -       -       pipe user=spamd argv=/usr/bin/spamc -f -e
                                                 /usr/sbin/sendmail -oi -f ${sender} ${recipient}
"""
SCAN = """
content_filter = scan:127.0.0.1:10025
receive_override_options = no_address_mappings
"""
SCAN_SERVICES = """
# AV scan filter (used by content_filter)
scan      unix  -       -       n       -       16      smtp
        -o smtp_send_xforward_command=yes

# Para inyectar el correo una vez escaneado de nuevo a Postfix:
127.0.0.1:10026 inet  n -       n       -       16      smtpd
        -o content_filter=
        -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks
        -o smtpd_helo_restrictions=
        -o smtpd_client_restrictions=
        -o smtpd_sender_restrictions=
        -o smtpd_recipient_restrictions=permit_mynetworks,reject
        -o mynetworks_style=host
        -o smtpd_authorized_xforward_hosts=127.0.0.0/8
"""
EHLO = (r"250-servidor\.pruebas\.test", "250-PIPELINING", "250-SIZE 10240000")


class Practicas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = Host("servidor.pruebas.test")
        cls.addClassCleanup(host.close)
        host.start_log()
        host.run("ip address add 10.23.5.10/24 dev lo && printf 'domain pruebas.test\nsearch pruebas.test\n"
                 "nameserver 10.23.5.10\n' >/etc/resolv.conf")
        serve_names(host, ZONES)
        host.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname="pruebas.test"))
        # apt-get install postfix libpq5 ssl-cert
        host.install("valija")
        host.apt("libpq5", "ssl-cert", "bsd-mailx", "inetutils-telnet", "swaks", "bind9-dnsutils", "dovecot-imapd", "dovecot-pop3d",
                 "spamassassin", "spamc", "clamav-daemon", "clamsmtp")
        host.run("postconf -e 'mydestination = servidor.pruebas.test, localhost.pruebas.test, pruebas.test, localhost'")
        host.run("service postfix restart")
        for name in ("antonio", "manuel", "laura"):
            host.user(name, "clave-de-" + name)

    def telnet(self, where="localhost 25"):
        at = Terminal(self.host.command("telnet " + where))
        self.addCleanup(at.__exit__)
        at.expect(r"^Connected to localhost\.$")
        at.expect(r"^Escape character is '\^\]'\.$")
        return at

    def test_00_names(self):
        for question, answer in (("pruebas.test mx", "10 servidor.pruebas.test."), ("servidor.pruebas.test", "10.23.5.10"),
                                 ("-x 10.23.5.10", "servidor.pruebas.test."),
                                 ("pruebas.test txt", '"v=spf1 a mx ip4:10.23.5.0/24 -all"')):
            self.assertEqual(self.host.run("dig +short " + question), answer + "\n")

    def test_00_settings(self):
        said = self.host.run("postconf myhostname alias_maps alias_database myorigin inet_interfaces")
        self.assertEqual(said, "myhostname = servidor.pruebas.test\nalias_maps = hash:/etc/aliases\n"
                         "alias_database = hash:/etc/aliases\nmyorigin = /etc/mailname\ninet_interfaces = all\n")
        self.assertEqual(self.host.run("postconf -a"), "cyrus\ndovecot\n")

    def test_01_mail_at_the_command_line(self):
        with Terminal(self.host.command("mail antonio")) as at:
            at.expect("^Subject: ")
            at.type("Saludos", "Hola que tal te va todo?", "Saludos", ".")
            at.expect("^Cc: ")
            at.type("")
            self.assertEqual(at.ends(), 0)
        got = self.host.arrived("antonio", "Subject: Saludos\n")
        self.assertIn("\nHola que tal te va todo?\nSaludos\n", got)

    def test_02_dialogue_by_telnet(self):
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

    def test_03_queue(self):
        self.assertEqual(self.host.run("mailq"), "Mail queue is empty\n")
        self.host.run("mail -s uno alguien@lejos.test", stdin="texto\n")   # the name server knows of no other domain
        self.host.logged(r"to=<alguien@lejos\.test>.*status=deferred \(Host or domain name not found")
        wait.until(lambda: self.host.run("find /var/spool/postfix/deferred -type f"), 60, "the message at rest")
        self.assertRegex(self.host.run("mailq"), r"(?m)^-- \d+ Kbytes in 1 Request\.$")
        self.assertIn("postsuper: Deleted: 1 message\n", self.host.run("postsuper -d ALL"))
        self.assertEqual(self.host.run("mailq"), "Mail queue is empty\n")

    def test_04_reading(self):
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

    def test_05_aliases(self):
        self.assertIn("postmaster:", self.host.read("/etc/aliases"))
        self.host.run("echo 'root: antonio, manuel, laura' >>/etc/aliases && newaliases && service postfix restart")
        self.assertTrue(self.host.exists("/etc/aliases.db"))
        self.host.run("mail -s 'para postmaster' postmaster@pruebas.test", stdin="a tres\n")
        for name in ("antonio", "manuel", "laura"):
            got = self.host.arrived(name, "Subject: para postmaster\n")
            self.assertIn("\nX-Original-To: postmaster@pruebas.test\n", got)

    def test_06_forward(self):
        self.host.run("su - laura -c 'echo antonio@pruebas.test, manuel@pruebas.test >.forward'")
        self.host.run("mail -s reenvio laura", stdin="a dos\n")
        for name in ("antonio", "manuel"):
            self.assertIn("\nDelivered-To: laura@pruebas.test\n", self.host.arrived(name, "Subject: reenvio\n"))
        self.assertNotIn("reenvio", self.host.mailbox("laura"))

    def test_07_pop3(self):
        host = self.host
        host.run("cat >>/etc/dovecot/dovecot.conf && service dovecot restart", stdin=DOVECOT)
        host.run("rm ~laura/.forward")
        for subject in ("uno por pop", "dos por pop"):
            host.run("mail -s '%s' laura" % subject, stdin="uno\n")
            host.arrived("laura", "Subject: %s\n" % subject)
        at = self.telnet("localhost 110")
        at.expect(r"^\+OK Dovecot \(Debian\) ready\.$")
        at.type("USER laura")
        at.expect(r"^\+OK$")
        at.type("PASS clave-de-laura")
        at.expect(r"^\+OK Logged in\.$")
        at.type("STAT")
        count, size = (int(n) for n in at.expect(r"^\+OK (\d+) (\d+)$").groups())
        self.assertEqual(count, host.mailbox("laura").count("\nX-Original-To: "))
        at.type("LIST")
        at.expect(r"^\+OK %d messages:$" % count)
        sizes = [int(at.expect(r"^%d (\d+)$" % number).group(1)) for number in range(1, count + 1)]
        self.assertEqual(sum(sizes), size)
        at.expect(r"^\.$")
        for words, reply in (("LIST %d" % count, r"\+OK %d %d" % (count, sizes[-1])), ("LIST %d" % (count + 1), r"-ERR .*"),
                             ("TOP %d 0" % count, r"Subject: dos por pop"), ("RETR %d" % count, r"Subject: dos por pop"),
                             ("DELE %d" % count, r"\+OK Marked to be deleted\."), ("RSET", r"\+OK"), ("NOOP", r"\+OK"),
                             ("UIDL %d" % count, r"\+OK %d [0-9a-f]{16}" % count),
                             ("DELE %d" % count, r"\+OK Marked to be deleted\."), ("QUIT", r"\+OK Logging out, messages deleted\."),
                             ("", r"Connection closed by foreign host\.")):
            if words:
                at.type(words)
            at.expect("^%s$" % reply)
        wait.until(lambda: "dos por pop" not in host.mailbox("laura"), 60, "the message is gone")
        self.assertIn("uno por pop", host.mailbox("laura"))

    def ehlo(self, *more):
        """What the server says of logins in the clear."""
        at = self.telnet()
        at.expect(r"^220 servidor\.pruebas\.test ESMTP Postfix \(Debian/GNU\)$")
        at.type("EHLO client.example.com")
        for line in EHLO + more:
            at.expect("^%s$" % line)
        at.type("QUIT")
        at.expect(r"^221 2\.0\.0 Bye$")
        return at.seen

    def in_tls(self):
        with Terminal(self.host.command("openssl s_client -connect localhost:25 -starttls smtp -quiet")) as at:
            at.expect("^250 CHUNKING$")
            at.type("EHLO client.example.com")
            at.expect("^250 REQUIRETLS$")
            return at.seen

    def test_08_logins(self):
        """After 7: the SMTP server asks Dovecot, at a socket in the queue directory or at a port."""
        host = self.host
        host.run("cat >>/etc/dovecot/dovecot.conf && service dovecot restart", stdin=AUTH)
        host.run("printf 'smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\nsmtpd_sasl_auth_enable = yes\n' "
                 ">>/etc/postfix/main.cf && service postfix restart")
        self.assertNotIn("AUTH=", self.ehlo("250-AUTH PLAIN LOGIN"))
        host.run("echo 'broken_sasl_auth_clients = yes' >>/etc/postfix/main.cf && service postfix restart")
        self.ehlo("250-AUTH PLAIN LOGIN", "250-AUTH=PLAIN LOGIN")
        self.assertIn("<~  235 2.7.0 Authentication successful\n", self.swaks("antonio@pruebas.test", "antonio"))
        host.run("postconf -e smtpd_sasl_path=inet:127.0.0.1:12345 && service postfix restart")
        self.assertIn("<~  235 2.7.0 Authentication successful\n", self.swaks("antonio@pruebas.test", "antonio"))
        self.assertIn("<~* 535 5.7.8 Error: authentication failed: ", self.swaks("antonio@pruebas.test", "antonio", "mala"))
        # passwords in the clear only over TLS: by what mechanisms do, or altogether
        host.run("postconf -e 'smtpd_sasl_security_options = noanonymous, noplaintext' "
                 "'smtpd_sasl_tls_security_options = noanonymous' && service postfix restart")
        self.assertNotIn("AUTH", self.ehlo("250-STARTTLS"))
        self.assertIn("\n250-AUTH PLAIN LOGIN\n", self.in_tls())
        host.run("postconf -e 'smtpd_sasl_security_options = noanonymous' "
                 "'smtpd_sasl_tls_security_options = $smtpd_sasl_security_options' smtpd_tls_auth_only=yes && service postfix restart")
        self.assertNotIn("AUTH", self.ehlo("250-STARTTLS"))
        self.assertIn("\n250-AUTH PLAIN LOGIN\n", self.in_tls())

    def swaks(self, sender, user=None, password=None):
        """From an address that is no trusted network."""
        login = "--auth LOGIN --auth-user %s --auth-password %s" % (user, password or "clave-de-" + user) if user else ""
        return self.host.run("swaks --server 10.23.5.10 -tls --ehlo cliente.test --quit-after RCPT --from %s "
                             "--to alguien@lejos.test %s" % (sender, login), check=False)

    def test_09_whose_sender(self):
        """After 8: who has a login may send to the world; names of senders belong to logins."""
        host = self.host
        self.assertIn("mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n", host.read("/etc/postfix/main.cf"))
        self.assertIn("454 4.7.1 <alguien@lejos.test>: Relay access denied", self.swaks("manuel@pruebas.test"))
        host.run("cat >>/etc/postfix/main.cf && service postfix restart", stdin="smtpd_recipient_restrictions =\n"
                 "        permit_mynetworks\n        permit_sasl_authenticated\n        reject_unauth_destination\n")
        self.assertIn("<~  250 2.1.5 Ok\n", self.swaks("manuel@pruebas.test", "antonio"))
        host.run("cat >/etc/postfix/controlled_envelope_senders", stdin=OWNERS)
        host.run("postconf -e smtpd_sender_login_maps=hash:/etc/postfix/controlled_envelope_senders 'smtpd_recipient_restrictions = "
                 "permit_mynetworks reject_sender_login_mismatch permit_sasl_authenticated reject_unauth_destination' && "
                 "postmap /etc/postfix/controlled_envelope_senders && service postfix restart")
        for user in ("antonio", "manuel"):
            for sender in (user, "soporte"):
                self.assertIn("<~  250 2.1.5 Ok\n", self.swaks(sender + "@pruebas.test", user))
        self.assertIn("553 5.7.1 <manuel@pruebas.test>: Sender address rejected: not owned by user antonio\n",
                      self.swaks("manuel@pruebas.test", "antonio"))
        self.assertIn("454 4.7.1 <alguien@lejos.test>: Relay access denied\n", self.swaks("otro@lejos.test"))

    def by_smtp(self, subject, *lines):
        """To antonio at port 25."""
        at = self.telnet()
        for words, code in (("HELO root", 250), ("MAIL FROM: root", 250), ("RCPT TO: antonio", 250), ("DATA", 354)):
            at.type(words)
            at.expect("^%d " % code)
        at.type("SUBJECT: " + subject, "", *lines, ".")
        number = at.expect(r"^250 2\.0\.0 Ok: queued as ([0-9A-F]+)$").group(1)
        at.type("QUIT")
        return number

    def listens(self, port):
        wait.until(lambda: self.host.run("ss -Hltn sport = :%d" % port), 60, "a server at port %d" % port)

    def test_10_spamassassin(self):
        host = self.host
        host.run("groupadd -g 5001 spamd && useradd -u 5001 -g spamd -s /sbin/nologin -d /var/lib/spamassassin spamd")
        host.run("mkdir /var/lib/spamassassin; chown spamd:spamd /var/lib/spamassassin")
        host.run("cat >>/etc/default/spamd", stdin=SPAMD)
        host.run("cat >>/etc/spamassassin/local.cf && service spamd restart", stdin=SPAMASSASSIN)
        self.listens(783)
        self.assertEqual(host.run("which spamc; which sendmail"), "/usr/bin/spamc\n/usr/sbin/sendmail\n")
        host.run("sed -i '/^smtp  *inet/d' /etc/postfix/master.cf && cat >>/etc/postfix/master.cf && service postfix restart",
                 stdin=SPAM_SERVICES)
        sent = self.by_smtp("normal", "Hola Antonio, nos vemos en el claustro de las cinco.", "Saludos.")
        host.logged(r"%s: to=<antonio@pruebas\.test>, orig_to=<antonio>, relay=spamassassin, delay=[\d.]+, delays=[\d./]+, "
                    r"dsn=2\.0\.0, status=sent \(delivered via spamassassin service\)" % sent)
        self.assertRegex(host.arrived("antonio", "SUBJECT: normal\n"),
                         r"(?m)^X-Spam-Checker-Version: SpamAssassin")
        self.by_smtp("GTUBE", "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X")
        got = host.arrived("antonio", "***** SPAM  ***** GTUBE\n")
        self.assertRegex(got, r"(?m)^X-Spam-Flag: YES$")
        self.assertRegex(got, r"(?m)^X-Spam-Status: Yes, score=\d{3,}\.\d required=2\.0 ")

    def test_11_clamav(self):
        """After 10: SpamAssassin, and then ClamAV. No signatures can be fetched here: one of our own for the test string."""
        host = self.host
        classic = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
        host.run("cat >/var/lib/clamav/prueba.ndb", stdin="Eicar-Test-Signature:0:*:%s\n" % classic.encode().hex())
        host.run("sed -i -e 's/^OutAddress:.*/OutAddress: 10026/' -e 's/^Listen:.*/Listen: 127.0.0.1:10025/' /etc/clamsmtpd.conf")
        host.run("cat >>/etc/postfix/main.cf", stdin=SCAN)
        host.run("cat >>/etc/postfix/master.cf", stdin=SCAN_SERVICES)
        # the service's script wants the signatures that freshclam fetches
        host.run("mkdir -p /run/clamav && chown clamav /run/clamav && clamd && service clamsmtp restart && service postfix restart")
        self.listens(10025)
        host.run("mail -s 'sin virus' antonio", stdin="nada\n")
        got = host.arrived("antonio", "Subject: sin virus\n")
        self.assertRegex(got, r"(?m)^Received: from servidor\.pruebas\.test \(localhost \[127\.0\.0\.1\]\)$")
        self.by_smtp("con virus", classic)
        host.logged(r"postfix/smtp\[\d+\]: \w+: to=<antonio@pruebas\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:10025, delay=[\d.]+, "
                    r"delays=[\d./]+, (tls=\S+, )?dsn=2\.0\.0, status=sent \(250 Virus Detected; Discarded Email\)")
        host.logged(r"clamsmtpd: \w+: from=root@pruebas\.test, to=antonio@pruebas\.test, status=VIRUS:Eicar-Test-Signature")
        host.logged(r"postfix/qmgr\[\d+\]: \w+: removed")
        self.by_smtp("despues del virus", "nada")
        self.assertIn("X-Spam-Checker-Version", host.arrived("antonio", "despues del virus\n"))
        self.assertNotIn("con virus", host.mailbox("antonio"))


if __name__ == "__main__":
    unittest.main()
