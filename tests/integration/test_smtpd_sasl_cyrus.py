"""AUTH with Cyrus SASL: saslauthd in and out of the jail, one that hangs, settings beside main.cf."""
import base64
import os
import re
import socket
import unittest

from support import certificates, cyrus
from support.suite import Suite, SuiteTestCase
from support.wait import until

MAIN_CF = {"smtpd_sasl_auth_enable": "yes", "mynetworks": "192.0.2.0/24", "smtpd_hard_error_limit": "100",
           "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
           "transport_maps": "inline:{elsewhere.test=discard:}"}
TEXT = "From: a@far.test\nSubject: x\n\nx\n"


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(user="user", password="secret"):
    return "AUTH PLAIN " + b64("\0%s\0%s" % (user, password))


@cyrus.needed
class Saslauthd(SuiteTestCase):
    """smtpd.conf in sasl/ beside main.cf, as Debian has it."""
    main_cf = MAIN_CF

    @classmethod
    def configure(cls, suite):
        cls.saslauthd = cyrus.Saslauthd(suite.path("saslauthd"), {"user": "secret"})
        cls.addClassCleanup(cls.saslauthd.close)
        suite.write("etc/sasl/smtpd.conf", "pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\nsaslauthd_path: %s/mux\n"
                    % cls.saslauthd.folder)

    def test_logins(self):
        with self.suite.smtp() as c:
            self.assertEqual(set(c.keywords["AUTH"].split()), {"PLAIN", "LOGIN"})
            self.assert_reply(c.cmd(plain(password="wrong")), 535, "5.7.8", "authentication failed")
            self.assert_reply(c.cmd("AUTH CRAM-MD5"), 535)
            self.assert_reply(c.cmd(plain()), 235, "2.7.0", "Authentication successful")
            self.assert_reply(c.message("a@far.test", ["b@elsewhere.test"], TEXT), 250)
        self.suite.wait_for_log(r"client=localhost\[127\.0\.0\.1\], sasl_method=PLAIN, sasl_username=user$")

    def test_restarts(self):
        with self.suite.smtp() as c:
            self.saslauthd.stop()
            self.assert_reply(c.cmd(plain()), 454, "4.7.0", "Temporary authentication failure: generic failure")
            self.saslauthd.start()
            self.assert_reply(c.cmd(plain()), 235)
        self.suite.wait_for_log("SASL authentication failure: cannot connect to saslauthd server")


class Mute:
    """A saslauthd that takes what it is asked and says nothing."""

    def __init__(self, path):
        self.taken = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(50)
        self.listener.settimeout(30)

    def take(self):
        client, _ = self.listener.accept()
        self.taken.append(client)
        return client

    def close(self):
        for client in self.taken:
            client.close()
        self.listener.close()


@cyrus.needed
class Hanging(SuiteTestCase):
    main_cf = MAIN_CF

    @classmethod
    def configure(cls, suite):
        cls.mute = Mute(suite.path("mux"))
        cls.addClassCleanup(cls.mute.close)
        suite.write("etc/sasl/smtpd.conf", "pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\nsaslauthd_path: %s\n"
                    % suite.path("mux"))

    def test_other_sessions_go_on(self):
        waiting = [self.suite.smtp() for _ in range(3)]
        for c in waiting:
            c.send(plain() + "\r\n")
        asked = [self.mute.take() for _ in waiting]
        with self.suite.smtp() as c:
            self.assertIn("AUTH", c.keywords)
            self.assert_reply(c.message("a@far.test", ["postmaster@mail.example.test"], TEXT), 250)
        waiting.pop().abort()           # its question stays with a thread
        for sock in asked:
            until(lambda s=sock: len(s.recv(1000)) > 0, 30, "the question")
            sock.sendall(b"\0\x02OK")
            sock.close()
        for c in waiting:
            self.assert_reply(c.read_reply(), 235)
            c.close()


@cyrus.needed
@unittest.skipUnless(os.geteuid() == 0, "needs root: chroot(2)")
class Tutorial(SuiteTestCase):
    """The server in its jail, saslauthd's socket below the queue directory at its usual place, TLS, old clients."""
    main_cf = dict(MAIN_CF, smtpd_sasl_path="smtpd", smtpd_sasl_local_domain="", myhostname="smtp.mail1.test",
                   smtpd_sasl_security_options="noanonymous", broken_sasl_auth_clients="yes",
                   smtpd_tls_security_level="may", smtpd_tls_chain_files="@etc@/server.pem")

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=server")
        cls.saslauthd = cyrus.Saslauthd(suite.path("queue/var/run/saslauthd"), {"usuario": "password"})
        cls.addClassCleanup(cls.saslauthd.close)
        suite.write("etc/sasl/smtpd.conf", "pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n")
        suite.master_cf = "127.0.0.1:%d inet n - y - - smtpd\n" % suite.port
        suite.write_config()

    def secure(self):
        c = self.suite.smtp()
        c.start_tls(certificates.client())
        return c, c.ehlo("soy.yo")

    def test_exchanges(self):
        c, offer = self.secure()
        with c:
            lines = [line[4:] for line in offer.lines]
            self.assertEqual(lines[0], "smtp.mail1.test")
            at = lines.index("ETRN")
            self.assertEqual([sorted(re.split("[ =]", line)) for line in lines[at + 1:at + 3]],
                             [["AUTH", "LOGIN", "PLAIN"]] * 2)
            self.assertEqual([line[:5] for line in lines[at + 1:at + 3]], ["AUTH ", "AUTH="])
            self.assertEqual(c.cmd("AUTH PLAIN dXN1YXJpbwB1c3VhcmlvAHBhc3N3b3Jk").lines,
                             ["235 2.7.0 Authentication successful"])
            self.assertEqual(c.quit().lines, ["221 2.0.0 Bye"])
        c, _ = self.secure()
        with c:
            said = [c.cmd(line).lines for line in ("AUTH LOGIN", "dXN1YXJpbw==", "cGFzc3dvcmQ=")]
            self.assertEqual(said, [["334 VXNlcm5hbWU6"], ["334 UGFzc3dvcmQ6"], ["235 2.7.0 Authentication successful"]])
            self.assert_reply(c.message("a@far.test", ["b@elsewhere.test"], TEXT), 250)
        self.suite.wait_for_log("sasl_method=LOGIN, sasl_username=usuario$")


@cyrus.needed
class Start(SuiteTestCase):
    def test_settings_that_cannot_be_read(self):
        """The library says why, and the log has it."""
        with Suite(dict(MAIN_CF, cyrus_sasl_config_path="@etc@/sasl")) as suite:
            suite.write("etc/sasl/smtpd.conf", "this is no setting\n")
            with socket.create_connection(("127.0.0.1", suite.port)):
                suite.wait_for_log("smtpd.*: fatal: SASL per-process initialization failed: ")
