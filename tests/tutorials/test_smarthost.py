"""Mail for the rest of the world through a provider that wants a login over TLS, as tutorials tell it of Gmail: relayhost at
port 587, a table of passwords that only root reads, an authority to trust. The provider is a second instance, with the
submission service of the master.cf that is installed, and Dovecot."""
import os
import re
import stat
import unittest

from integration.test_submission import entry
from support import certificates, dovecot
from support.dns import DnsServer
from support.ports import free_port
from support.renew import renew
from support.sink import Sink
from support.suite import Suite, SuiteTestCase
from support.wait import until

PROVIDER, USER = "smtp.ejemplo.test", "cliente"


@dovecot.needed
class Smarthost(SuiteTestCase):
    main_cf = {"myhostname": "avatar.pruebas.test", "smtp_dns_support_level": "enabled", "default_process_limit": "10"}

    @classmethod
    def configure(cls, suite):
        cls.dns = DnsServer({(PROVIDER, "A"): ["127.0.0.1"]}, "127.0.0.1", free_port())
        cls.addClassCleanup(cls.dns.close)
        suite.set(valija_dns_servers="127.0.0.1:%d" % cls.dns.port)
        if os.geteuid() == 0:       # as packages have it
            suite.master_cf = "smtp unix - - y - - smtp\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = Sink()
        cls.addClassCleanup(cls.world.close)
        cls.provider = Suite({"myhostname": PROVIDER, "mynetworks": "192.0.2.0/24", "smtpd_sasl_type": "dovecot",
                              "smtpd_tls_chain_files": "@etc@/good.pem", "smtpd_tls_loglevel": "1",
                              "relayhost": cls.world.nexthop})
        cls.addClassCleanup(cls.provider.close)
        certificates.make(cls.provider.etc, "cacert", "rsa", "/CN=Autoridad")
        certificates.sign(cls.provider.etc, "good", "cacert", "/CN=" + PROVIDER, "DNS:" + PROVIDER)
        cls.auth = dovecot.Dovecot({USER: "secreta"})
        cls.addClassCleanup(cls.auth.close)
        cls.port = free_port()
        cls.provider.set(smtpd_sasl_path=cls.auth.inet)
        cls.provider.master_cf = entry("submission", cls.port)
        cls.provider.write_config()
        cls.provider.start()
        cls.relayhost = "[%s]:%d" % (PROVIDER, cls.port)

    def password(self, text):
        """/etc/postfix/sasl/passwd and its .db, for root alone."""
        path = self.suite.write("etc/sasl/passwd", "%s %s:%s\n" % (self.relayhost, USER, text))
        os.chmod(path, 0o600)
        self.suite.run("postmap", "hash:" + path)
        self.assertEqual(stat.S_IMODE(os.stat(path + ".db").st_mode), 0o600)

    def edit(self, *settings):
        self.suite.run("postconf", "-e", *[s.replace("@etc@", self.suite.etc) for s in settings])
        renew(self.suite)

    def follow_the_steps(self):
        self.password("secreta")
        self.edit("relayhost = " + self.relayhost, "smtp_sasl_auth_enable = yes",
                  "smtp_sasl_password_maps = hash:@etc@/sasl/passwd", "smtp_sasl_security_options = noanonymous",
                  "smtp_tls_CAfile = %s/cacert.crt" % self.provider.etc,
                  "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache", "smtp_use_tls = yes",
                  "smtp_tls_loglevel = 1")

    def send(self, subject):
        """The queue id."""
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "-f", "ana@pruebas.test", "alguien@far.test"], "Subject: %s\n\nx\n" % subject)
        return self.suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)

    def flush(self, queue_id):
        """postqueue -f until the message has left: the first may come before the second of a process that looks at tables."""
        def is_sent():
            self.suite.run("postqueue", "-f")
            return self.suite.count_log(queue_id + ": to=.* status=sent")
        until(is_sent, 60, lambda: "mail to leave\n" + self.suite.tail())

    def arrived(self, subject):
        return [m for m in self.world.messages if "Subject: %s\n" % subject in m.text]

    def test_mail_leaves_by_the_provider(self):
        self.follow_the_steps()
        queue_id = self.send("fuera")
        self.suite.wait_for_log(r"%s: to=<alguien@far\.test>, relay=%s\[127\.0\.0\.1\]:%d, .* dsn=2\.0\.0, status=sent "
                                r"\(250 2\.0\.0 Ok: queued as \w+\)" % (queue_id, re.escape(PROVIDER), self.port))
        self.suite.wait_for_log(r"Trusted TLS connection established to %s\[127\.0\.0\.1\]" % re.escape(PROVIDER))
        self.provider.wait_for_log(r"client=.*\[127\.0\.0\.1\], sasl_method=[\w-]+, sasl_username=%s$" % USER)
        self.provider.wait_queue_empty()
        message = self.arrived("fuera")[0]
        self.assertEqual(message.sender, "ana@pruebas.test")
        self.assertTrue(message.text.startswith("Received: by %s (Postfix) id " % PROVIDER), message.text)

    def test_password_put_right(self):
        """The mail waits for it, and nothing has to be told that the table is another: a process looks once a second."""
        self.follow_the_steps()
        self.password("equivocada")
        queue_id = self.send("espera")
        self.suite.wait_for_log(r"%s: to=.* dsn=4\.7\.8, status=deferred \(SASL authentication failed; server %s\[127\.0\.0\.1\] "
                                r"said: 535 5\.7\.8 Error: authentication failed" % (queue_id, re.escape(PROVIDER)))
        self.assertIn("SASL authentication failed", self.suite.run("mailq").stdout)
        self.password("secreta")
        self.flush(queue_id)
        self.provider.wait_queue_empty()
        self.assertEqual(len(self.arrived("espera")), 1)

    def test_not_without_tls(self):
        """The password is not shown to anybody in the clear: the provider does not even ask."""
        self.follow_the_steps()
        self.edit("smtp_use_tls = no")
        queue_id = self.send("en claro")
        self.suite.wait_for_log(queue_id + r": to=.* status=bounced \(host .* said: 530 5\.7\.0 Must issue a STARTTLS command first")
        self.assertFalse(self.arrived("en claro"))

    def test_the_default_options_want_no_plain_passwords(self):
        """noplaintext is in the default: with PLAIN alone the mail waits, until the option is what the tutorial says."""
        self.follow_the_steps()
        self.edit("smtp_sasl_security_options = noplaintext, noanonymous", "smtp_sasl_mechanism_filter = plain, login")
        queue_id = self.send("sin mecanismo")
        self.suite.wait_for_log(queue_id + r": to=.* dsn=4\.7\.0, status=deferred \(SASL authentication failed; cannot "
                                r"authenticate to server .*: no mechanism available")
        self.edit("smtp_sasl_security_options = noanonymous")
        self.flush(queue_id)
        self.edit("smtp_sasl_mechanism_filter =")

    def test_verified(self):
        """As it should be: the provider has to be who it says it is."""
        self.follow_the_steps()
        self.edit("smtp_use_tls = no", "smtp_tls_security_level = secure")
        self.suite.wait_for_log(self.send("seguro") + ": to=.* status=sent")
        self.suite.wait_for_log("Verified TLS connection established to " + PROVIDER)
        self.edit("smtp_tls_security_level =")


if __name__ == "__main__":
    unittest.main()
