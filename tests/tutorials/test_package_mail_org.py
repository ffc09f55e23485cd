"""A course on mail servers, with the package on two fresh Debian 12, mail1.org and mail2.org, that know each other by DNS,
and the teacher's host on the other network of the first: dpkg-reconfigure, a certificate, logins of Cyrus SASL and of
Dovecot, mail by sendmail and msmtp, three ports, and the refusals.

The package's name is valija where the course says dpkg-reconfigure postfix. The course's zone has a slip (imap is an alias
of itself); its EHLO answer shows STARTTLS within TLS, where no server offers it, and is older than CHUNKING and REQUIRETLS.
"""
import unittest
from concurrent.futures import ThreadPoolExecutor

from support.terminal import Terminal
from support.tutorial import Host, answers, serve_names

ZONE = """\
@     IN    NS       ns
      IN    MX       1 mail
ns    IN    A        192.168.255.1
mail  IN    A        192.168.255.%s
smtp  IN    CNAME    mail
imap  IN    CNAME    mail
"""
ELSEWHERE = "@ IN NS ns.mail1.org.\n"
ZONES = {
    "mail1.org": ZONE % 1, "mail2.org": ZONE % 129 + "spam IN A 192.168.255.130\n",
    "255.168.192.in-addr.arpa": ELSEWHERE + "1 IN PTR mail.mail1.org.\n129 IN PTR mail.mail2.org.\n130 IN PTR spam.mail2.org.\n",
    "0.0.10.in-addr.arpa": ELSEWHERE,
    "zen.spamhaus.org": ELSEWHERE + "130.255.168.192 IN A 127.0.0.2\n",
}
MAIN_CF = """\
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = m1.mail1.org
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
myorigin = /etc/mailname
mydestination = mail1.org, localhost
relayhost =
mynetworks = 127.0.0.0/8
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = ipv4
"""
TLS = """
# TLS
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtp_use_tls = yes
"""
SASL = """
# Autenticación con SASL
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain =
smtpd_sasl_security_options = noanonymous
broken_sasl_auth_clients = yes
"""
POLICY = """
# Políticas de recepción de mensajes
smtpd_recipient_restrictions = permit_mynetworks,
                               permit_sasl_authenticated,
                               reject_unauth_destination,
                               reject_unknown_client_hostname,
                               reject_rbl_client zen.spamhaus.org
"""
POLICY_OF_PORTS = """
smtpd_recipient_restrictions = permit_mynetworks,
                               permit_sasl_authenticated,
                               reject

port25_recipient_restrictions = permit_mynetworks,
                                reject_unauth_destination,
                                reject_unknown_client_hostname,
                                reject_rbl_client zen.spamhaus.org
"""
PORTS = """\
smtp      inet  n       -       y       -       -       smtpd
   -o smtpd_sasl_auth_enable=no
   -o smtpd_recipient_restrictions=$port25_recipient_restrictions
urd       inet  n       -       y       -       -       smtpd
   -o smtpd_tls_wrappermode=yes
submission inet n       -       y       -       -       smtpd
"""
# the address is the course's own advice for a host that does not ask this DNS
MSMTPRC = """\
# Valores comunes a todas las cuentas.
defaults
   logfile ~/.msmtp.log
   syslog on
   tls on
   # Como es autofirmado, deshabilitamos la comprobación del certificado
   tls_certcheck off
   from usuario@mail1.org
   host 10.0.0.1
   user usuario
   # No la indicamos y nos la pedirá interactivamente
   #password usuario
   maildomain mail1.org
"""
VM25 = """
# Acceso por el puerto 25 (el único por ahora)
account vm25
   # Habilitamos autenticación con contraseña
   auth plain
   # Cifrada, pero con negociación
   tls_starttls on

account default: vm25
"""
VM_PORTS = """
account vm25
   # Por el 25, hemos deshabilitado la autenticación
   auth off
   tls_starttls on

account vm465
   port 465
   auth on
   tls_starttls off

account vm587
   port 587
   auth on
   tls_starttls on
"""
DOVECOT = """\
mail_location = mbox:~/mail:INBOX=/var/mail/%u
mail_privileged_group = mail
auth_mechanisms = plain login
auth_username_format = %Ln
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
"""
PLAIN = "dXN1YXJpbwB1c3VhcmlvAHBhc3N3b3Jk"


class MailOrg(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.m1, cls.m2 = Host("m1.mail1.org"), Host("m2.mail2.org")
        cls.teacher = Host("anfitrion.aula.test")
        for host in (cls.m1, cls.m2, cls.teacher):
            cls.addClassCleanup(host.close)
        cls.m1.link(cls.m2, "192.168.255.1/24", "192.168.255.129/24")
        cls.m1.link(cls.teacher, "10.0.0.1/24", "10.0.0.2/24", "eth1")
        cls.m2.run("ip address add 192.168.255.130/24 dev eth0")
        serve_names(cls.m1, ZONES)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda build: build(), (cls.build_m1, cls.build_m2, cls.build_teacher)))

    @classmethod
    def build_m1(cls):
        m1 = cls.m1
        m1.start_log()
        m1.run("echo nameserver 192.168.255.1 >/etc/resolv.conf && echo usuario:password | chpasswd")
        # apt-get install postfix: not configured at first
        m1.run("debconf-set-selections", stdin=answers(main_mailer_type="No configuration"))
        m1.install("valija")
        m1.apt("sasl2-bin", "libsasl2-modules")
        m1.user("manolo")

    @classmethod
    def build_m2(cls):
        m2 = cls.m2
        m2.start_log()
        m2.run("echo nameserver 192.168.255.1 >/etc/resolv.conf && echo usuario:password | chpasswd")
        m2.run("debconf-set-selections", stdin=answers(main_mailer_type="Internet Site", mailname="mail2.org", protocols="ipv4",
                                                       destinations="mail2.org, localhost"))
        m2.install("valija")
        m2.apt("bind9-host", "dovecot-imapd", "dovecot-lmtpd", "swaks")

    @classmethod
    def build_teacher(cls):
        cls.teacher.apt("msmtp")

    def test_00_names(self):
        for domain, address in (("mail1.org", 1), ("mail2.org", 129)):
            self.assertIn("%s mail is handled by 1 mail.%s.\n" % (domain, domain), self.m2.run("host " + domain))
            for name in ("smtp", "imap"):
                said = self.m1.run("host %s.%s" % (name, domain))
                self.assertIn("%s.%s is an alias for mail.%s.\nmail.%s has address 192.168.255.%d\n" % (
                    name, domain, domain, domain, address), said)
        self.assertEqual(self.m1.run("hostname -d"), "mail1.org\n")
        self.assertEqual(self.m2.run("hostname -d"), "mail2.org\n")

    def test_01_dpkg_reconfigure(self):
        m1 = self.m1
        self.assertFalse(m1.exists("/etc/postfix/main.cf"))
        m1.run("rm -f /etc/aliases")
        with Terminal(m1.command("dpkg-reconfigure valija", frontend="readline")) as at:
            for question, answer in (
                    ("Mail configuration of this host: ", "2"), ("Mail name of this system: ", "mail1.org"),
                    ("Recipient for root and postmaster mail: ", "usuario"),
                    ("Domains that this host is the destination of: ", "mail1.org, localhost"),
                    (r"Force synchronous updates of the mail queue\? \[yes/no\] ", "no"), ("Local networks: ", "127.0.0.0/8"),
                    (r"Mailbox size limit \(bytes\): ", "0"), ("Local address extension character: ", "+"),
                    ("Internet protocols to use: ", "3")):
                at.expect("^" + question)
                at.type(answer)
            self.assertEqual(at.ends(), 0, at.seen)
        written = [line.rstrip() for line in m1.read("/etc/postfix/main.cf").splitlines()]
        for line in MAIN_CF.splitlines():
            self.assertIn(line, written)
        self.assertEqual(m1.read("/etc/mailname"), "mail1.org\n")
        self.assertRegex(m1.read("/etc/aliases"), r"(?m)^postmaster: +root\nroot:\s+usuario$")
        m1.run("echo 'mailadmin:    root' >> /etc/aliases && newaliases")
        m1.run("postconf -e 'myhostname = smtp.mail1.org'")
        m1.reload("invoke-rc.d postfix reload")
        with Terminal(m1.command("openssl s_client -connect localhost:smtp -starttls smtp")) as at:
            at.expect("^250 CHUNKING$")
            at.type("HELO soy.yo")
            at.expect(r"^250 smtp\.mail1\.org$")
            at.type("QUIT")
        # what follows is printed with the name as it was
        m1.run("postconf -e 'myhostname = m1.mail1.org'")
        m1.reload("invoke-rc.d postfix reload")

    def test_02_certificate(self):
        m1 = self.m1
        self.assertEqual(m1.run("egrep '(cert|key)_file' /etc/postfix/main.cf 2>/dev/null"),
                         "smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem\n"
                         "smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key\n")
        with Terminal(m1.command("/usr/sbin/make-ssl-cert /usr/share/ssl-cert/ssleay.cnf keycert.pem", frontend="readline")) as at:
            at.expect("^Host ?[nN]ame: ")
            at.type("*.mail1.org")
            at.expect("^Alternative name.*: ")
            at.type("")
            self.assertEqual(at.ends(), 0, at.seen)
        m1.run("sed '1,/-END PRIVATE KEY-/d' keycert.pem > /etc/ssl/certs/ssl-cert-snakeoil.pem")
        m1.run("sed '/-END PRIVATE KEY-/q' keycert.pem > /etc/ssl/private/ssl-cert-snakeoil.key")
        m1.run("cat >>/etc/postfix/main.cf", stdin=TLS)
        self.assertNotIn("warning", m1.run("postfix check"))

    def test_03_cyrus_sasl(self):
        m1 = self.m1
        self.assertEqual(m1.run("postconf -a"), "cyrus\ndovecot\n")
        self.assertEqual(m1.run("postconf -d smtpd_sasl_type"), "smtpd_sasl_type = cyrus\n")
        m1.run("sed -i -e '/^START=/d' -e '/^OPTIONS=/d' /etc/default/saslauthd && cat >>/etc/default/saslauthd",
               stdin='START=yes\nOPTIONS="-c -m /var/spool/postfix/var/run/saslauthd"\n')
        m1.run("cat > /etc/postfix/sasl/smtpd.conf", stdin="pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n")
        m1.run("cat >>/etc/postfix/main.cf", stdin=SASL + POLICY)
        m1.run("adduser postfix sasl && invoke-rc.d postfix restart && invoke-rc.d saslauthd restart")

    def s_client(self):
        at = Terminal(self.m1.command("openssl s_client -connect localhost:smtp -starttls smtp -quiet"))
        self.addCleanup(at.__exit__)
        at.expect(r"^depth=0 CN = \*\.mail1\.org$")
        at.expect("^verify error:num=18:self-signed certificate$")
        at.expect("^verify return:1$")
        at.expect("^250 CHUNKING$")
        at.type("EHLO soy.yo")
        for line in (r"250-m1\.mail1\.org", "250-PIPELINING", "250-SIZE 10240000", "250-VRFY", "250-ETRN", "250-AUTH PLAIN LOGIN",
                     "250-AUTH=PLAIN LOGIN", "250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250-DSN", "250-SMTPUTF8",
                     "250-CHUNKING", "250 REQUIRETLS"):
            at.expect("^%s$" % line)
        return at

    def test_04_login_by_hand(self):
        self.assertEqual(self.m1.run(r"printf 'usuario\0usuario\0password' | base64"), PLAIN + "\n")
        for dialogue in ((("AUTH PLAIN " + PLAIN, "235 2.7.0 Authentication successful"),),
                         (("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("dXN1YXJpbw==", "334 UGFzc3dvcmQ6"),
                          ("cGFzc3dvcmQ=", "235 2.7.0 Authentication successful"))):
            at = self.s_client()
            for words, reply in dialogue + (("QUIT", "221 2.0.0 Bye"),):
                at.type(words)
                at.expect("^%s$" % reply)
            at.ends()

    def test_05_sendmail_to_the_other_server(self):
        with Terminal(self.m1.command("su usuario -c '/usr/sbin/sendmail -t'")) as at:
            at.type("From: usuario@mail1.org", "To: usuario@mail2.org", "Subject: Prueba de envio...", "", "s/t", ".")
            self.assertEqual(at.ends(), 0)
        got = self.m2.arrived("usuario", "Subject: Prueba de envio...\n")
        self.assertIn("\ns/t\n", got)
        self.assertRegex(got, r"(?m)^Received: from m1\.mail1\.org \(mail\.mail1\.org \[192\.168\.255\.1\]\)$")
        for host, relay in ((self.m1, r"mail\.mail2\.org\[192\.168\.255\.129\]:25"), (self.m2, "local")):
            host.logged(r"to=<usuario@mail2\.org>, relay=%s, .*dsn=2\.0\.0, status=sent \(" % relay)

    def test_06_aliases_and_extensions(self):
        m1 = self.m1
        for to, user in (("postmaster", "usuario"), ("mailadmin", "usuario"), ("manolo+esto.no.sirve", "manolo")):
            m1.run("/usr/sbin/sendmail %s@mail1.org" % to, stdin="Subject: para %s\n\ns/t\n" % to)
            self.assertIn("\nX-Original-To: %s@mail1.org\n" % to, m1.arrived(user, "Subject: para %s\n" % to))

    def send(self, account, to, subject, password=True):
        """msmtp -t at a terminal of the teacher's host; its exit status and what it said."""
        # -c would take the terminal away, that the password is typed at
        with Terminal(self.teacher.command("su - usuario --session-command 'msmtp -a %s -t'" % account)) as at:
            at.type("From: usuario@mail1.org", "To: " + to, "Subject: " + subject, "")
            if password:
                at.expect(r"^password for usuario at 10\.0\.0\.1: ")
                at.secret("password")
            at.type("s/t", "\x04")
            return at.ends(), at.seen

    def msmtprc(self, text):
        self.teacher.run("cat >~usuario/.msmtprc && chown usuario: ~usuario/.msmtprc", stdin=text)

    def test_07_msmtp(self):
        self.msmtprc(MSMTPRC + VM25)
        said = self.teacher.run("su - usuario -c 'msmtp -a vm25 -S'")
        for line in ("SMTP server at 10.0.0.1 ([10.0.0.1]), port 25:", "    m1.mail1.org ESMTP Postfix (Debian/GNU)",
                     "    SIZE 10240000:", "    PIPELINING:", "    DSN:", "    AUTH:", "        PLAIN LOGIN "):
            self.assertIn("\n" + line, "\n" + said)
        status, said = self.send("vm25", "usuario@mail2.org", "Prueba de envio de mail1 a mail2")
        self.assertEqual(status, 0, said)
        got = self.m2.arrived("usuario", "Subject: Prueba de envio de mail1 a mail2\n")
        self.assertRegex(got, r"(?s)\(using TLSv1\.3 with cipher \S+ \(256/256 bits\).*by m1\.mail1\.org \(Postfix\) with ESMTPSA id ")
        self.m1.logged(r"client=unknown\[10\.0\.0\.2\], sasl_method=PLAIN, sasl_username=usuario")

    def test_08_ports(self):
        m1 = self.m1
        m1.run("postconf -X smtpd_recipient_restrictions && cat >>/etc/postfix/main.cf", stdin=POLICY_OF_PORTS)
        m1.run("sed -i '/^smtp  *inet/d' /etc/postfix/master.cf && cat >>/etc/postfix/master.cf", stdin=PORTS)
        m1.run("invoke-rc.d postfix restart")
        self.msmtprc(MSMTPRC + VM_PORTS)
        # at 25 nobody can log in, and so from here nothing goes elsewhere, nor comes in without a name for the address
        status, said = self.send("vm25 --auth=plain", "usuario@mail2.org", "autenticado", password=False)
        self.assertNotEqual(status, 0)
        self.assertIn("the server does not support authentication", said)
        for to, reply in (("usuario@mail2.org", "454 4.7.1 <usuario@mail2.org>: Relay access denied"),
                          ("postmaster@mail1.org", "450 4.7.25 Client host rejected: cannot find your hostname, [10.0.0.2]")):
            status, said = self.send("vm25", to, "sin autenticar", password=False)
            self.assertNotEqual(status, 0)
            self.assertIn("msmtp: server message: %s\n" % reply, said)
        for account in ("vm465", "vm587"):
            status, said = self.send(account, "usuario@mail2.org", "por " + account)
            self.assertEqual(status, 0, said)
            self.m2.arrived("usuario", "Subject: por %s\n" % account)
        # without a login these two take nothing
        for account in ("vm465", "vm587"):
            status, said = self.send(account + " --auth=off", "usuario@mail1.org", "nadie", password=False)
            self.assertNotEqual(status, 0)
            self.assertIn("554 5.7.1 <usuario@mail1.org>: Recipient address rejected: Access denied\n", said)

    def test_09_from_the_other_server(self):
        """After 8. The second server has a name; one of its addresses has a bad one. Users there are, users there are not."""
        m1, m2 = self.m1, self.m2
        m1.run("postconf -e virtual_mailbox_domains=dominio-virtual.org virtual_mailbox_base=/var/mail "
               "virtual_mailbox_maps=inline:{alguien@dominio-virtual.org=alguien}")
        m1.reload("invoke-rc.d postfix reload")
        m2.run("su usuario -c '/usr/sbin/sendmail -t'", stdin="From: usuario@mail2.org\nTo: usuario@mail1.org\nSubject: de vuelta\n\ns/t\n")
        got = m1.arrived("usuario", "Subject: de vuelta\n")
        self.assertRegex(got, r"(?m)^Received: from m2\.mail2\.org \(mail\.mail2\.org \[192\.168\.255\.129\]\)$")
        m2.logged(r"to=<usuario@mail1\.org>, relay=mail\.mail1\.org\[192\.168\.255\.1\]:25, .*status=sent \(250 2\.0\.0 Ok: queued as ")

        def rcpt(to, address="192.168.255.129"):
            return m2.run("swaks --server 192.168.255.1 --local-interface %s --helo m2.mail2.org --quit-after RCPT "
                          "--from usuario@mail2.org --to %s" % (address, to), check=False)
        self.assertIn("<** 550 5.1.1 <noexiste@mail1.org>: Recipient address rejected: User unknown in local recipient table\n",
                      rcpt("noexiste@mail1.org"))
        self.assertIn("<** 550 5.1.1 <noexiste@dominio-virtual.org>: Recipient address rejected: User unknown in virtual "
                      "mailbox table\n", rcpt("noexiste@dominio-virtual.org"))
        self.assertIn("<** 554 5.7.1 Service unavailable; Client host [192.168.255.130] blocked using zen.spamhaus.org\n",
                      rcpt("usuario@mail1.org", "192.168.255.130"))

    def test_10_postconf(self):
        m1 = self.m1
        # since Postfix 3.9 it has a word to say about the course's smtp_use_tls
        warning = 'main.cf: support for parameter "smtp_use_tls" will be removed; instead, specify "smtp_tls_security_level"'
        self.assertRegex(m1.run("postconf -n 2>&1 >/dev/null"), warning)
        m1.run("postconf -# smtp_use_tls")
        self.assertIn("\nmydestination = mail1.org, localhost\n", m1.run("postconf -n"))
        self.assertEqual(m1.run("postconf myhostname"), "myhostname = m1.mail1.org\n")
        # by default it is what hostname(1) says, which is short here
        self.assertEqual(m1.run("postconf -d myhostname"), "myhostname = m1.localdomain\n")
        self.assertEqual(m1.run("postconf -f smtpd_recipient_restrictions"),
                         "smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated,\n    reject\n")
        m1.run("postconf -e 'message_size_limit = 20480000' home_mailbox=Maildir/")
        self.assertIn("message_size_limit = 20480000\n", m1.run("postconf message_size_limit mail_name"))
        m1.run("postconf -# home_mailbox")
        self.assertIn("\n#home_mailbox = Maildir/\n", m1.read("/etc/postfix/main.cf"))
        m1.run("postconf -X message_size_limit")
        self.assertEqual(m1.run("postconf message_size_limit"), "message_size_limit = 10240000\n")

    def test_11_dovecot(self):
        """The second server: Dovecot for logins, for the delivery, and to read by IMAP."""
        m2 = self.m2
        m2.run("cat >/etc/dovecot/local.conf && service dovecot restart", stdin=DOVECOT)
        m2.run("postconf -e smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth smtpd_sasl_auth_enable=yes "
               "mailbox_transport=lmtp:unix:private/dovecot-lmtp && invoke-rc.d postfix restart")
        said = self.m2.run("swaks --server smtp.mail2.org -tls --auth PLAIN --auth-user usuario --auth-password password "
                           "--from usuario@mail2.org --to usuario@mail2.org --header 'Subject: por LMTP'")
        self.assertIn("<~  235 2.7.0 Authentication successful\n", said)
        m2.logged(r"to=<usuario@mail2\.org>, relay=m2\.mail2\.org\[private/dovecot-lmtp\], .*status=sent \(250 2\.0\.0 "
                  r"<usuario@mail2\.org> \S+ Saved\)")
        with Terminal(self.m1.command("openssl s_client -connect imap.mail2.org:993 -quiet")) as at:
            at.expect(r"^\* OK .* Dovecot \(Debian\) ready\.$")
            at.type("a LOGIN usuario password")
            at.expect("^a OK ")
            at.type("b SELECT INBOX")
            at.expect(r"^\* \d+ EXISTS$")
            at.expect("^b OK ")
            at.type("c SEARCH SUBJECT LMTP")
            number = at.expect(r"^\* SEARCH (\d+)$").group(1)
            at.type("d FETCH %s BODY[HEADER.FIELDS (SUBJECT)]" % number)
            at.expect(r"^Subject: por LMTP$")
            at.type("e LOGOUT")
            at.expect("^e OK ")


if __name__ == "__main__":
    unittest.main()
