"""AUTH with Dovecot: the real service, and a fake that hangs, dies and lies."""
import base64
import os
import socket

from support import dovecot
from support.auth_server import AuthServer
from support.cyrus import scram_sha1
from support.suite import Suite, SuiteTestCase
from support.wait import until

MAIN_CF = {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot", "mynetworks": "192.0.2.0/24",
           "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
           "transport_maps": "inline:{elsewhere.test=discard:}", "smtpd_hard_error_limit": "100",
           "smtpd_soft_error_limit": "100"}
TEXT = "From: a@far.test\nSubject: x\n\nx\n"


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(user="user", password="secret"):
    return "AUTH PLAIN " + b64("\0%s\0%s" % (user, password))


class Away(SuiteTestCase):
    """A server that is not there costs those who log in a 454, and others nothing."""
    main_cf = dict(MAIN_CF, smtpd_sasl_path="private/auth")

    def setUp(self):
        self.path = self.suite.path("queue/private/auth")
        self.server = None

    def tearDown(self):
        if self.server:
            self.server.close()

    def serve(self, **options):
        self.server = AuthServer(self.path, **options)
        return self.server

    def until_offered(self):
        """A server that did not answer is left alone for a second."""
        def is_offered():
            with self.suite.smtp() as c:
                return "AUTH" in c.keywords
        until(is_offered, 30, "AUTH in EHLO")

    def assert_without(self, reason):
        """EHLO does without AUTH, AUTH is refused for now, mail for this host is taken."""
        mark = self.suite.log_mark()
        with self.suite.smtp() as c:
            self.assertNotIn("AUTH", c.keywords)
            self.suite.wait_for_log(r"smtpd\[\d+\]: warning: " + reason, since=mark)
            self.assert_reply(c.cmd(plain()), 454, "4.7.0",
                              "Temporary authentication failure: Connection lost to authentication server")
            self.assert_reply(c.message("a@far.test", ["postmaster@mail.example.test"], TEXT), 250)
        self.suite.wait_for_log(r"SASL PLAIN authentication failed: Connection lost to authentication server, "
                                r"sasl_username=\(unavailable\)", since=mark)

    def test_no_socket_then_there_is_one(self):
        self.assert_without("SASL: Connect to Dovecot auth socket 'private/auth' failed: No such file or directory")
        self.serve()
        with self.suite.smtp() as c:
            self.assertEqual(c.keywords["AUTH"], "PLAIN LOGIN CRAM-MD5")
            self.assert_reply(c.cmd(plain()), 235, "2.7.0", "Authentication successful")

    def test_nobody_listens(self):
        self.serve().stop()
        open(self.path, "w").close()
        os.chmod(self.path, 0o666)
        self.assert_without("SASL: Connect to Dovecot auth socket 'private/auth' failed: Connection refused")

    def test_lies(self):
        for greeting, reason in (
                (b"VERSION\t2\t0\nDONE\n", r"SASL: Protocol version mismatch \(2 vs\. 1\)"),
                (b"MECH\tPLAIN\nDONE\n", "SASL: Protocol version error"),
                (b"VERSION\t1\t1\nSPID\t\n", "SASL: Connected to wrong auth socket"),
                (b"x" * 70000, "SASL: too long a line from the authentication server"),
                (b"220 mail.test ESMTP\r\n\0\xff\nVERSION\n", "SASL: Protocol version error")):
            with self.subTest(greeting[:30]):
                self.serve(handshake=greeting)
                self.assert_without(reason)
                self.server.close()

    def test_no_mechanisms(self):
        self.serve(mechs=["MECH\tTHIS IS NONE", "MECH\tANONYMOUS\tanonymous"])
        mark = self.suite.log_mark()
        with self.suite.smtp() as c:
            self.assertNotIn("AUTH", c.keywords)
        self.suite.wait_for_log("no SASL authentication mechanisms", since=mark)

    def test_restarts_between_sessions_and_within_one(self):
        self.serve()
        with self.suite.smtp() as c:
            self.assert_reply(c.cmd(plain(password="x")), 535)
            self.server.stop()
            self.server.start()
            self.assert_reply(c.cmd(plain()), 235)
        self.server.stop()
        self.server.start()
        with self.suite.smtp() as c:
            self.assert_reply(c.cmd(plain()), 235)
        self.assertEqual(self.server.connections, 3)

    def test_dies_in_an_exchange(self):
        self.serve()
        with self.suite.smtp() as c:
            self.assert_reply(c.cmd("AUTH LOGIN"), 334)
            self.server.drop()                  # while the client thinks
            self.assert_reply(c.cmd(b64("user")), 454, "4.7.0")
            self.server.hang_up = True          # instead of an answer
            self.assert_reply(c.cmd(plain()), 454, "4.7.0")
            self.server.hang_up = False
            self.assert_reply(c.cmd(plain()), 235)

    def test_bad_answers(self):
        self.serve()
        with self.suite.smtp() as c:
            for raw, code, text in (
                    (b"CONT\t%s\tab cd\n", 535, "Authentication backend error"),
                    (b"CONT\t%s\tab\rcd\n", 535, "Authentication backend error"),
                    (b"OK\t%s\tuser=\n", 535, "Authentication backend error"),
                    (b"OK\t%s\tuser=" + b"u" * 2000 + b"\n", 535, "Authentication backend error"),
                    (b"FAIL\t%s\treason=" + b"r" * 9000 + b"\n", 535, "r" * 400),
                    (b"FAIL\t%s\ttemp\treason=later\n", 454, "Temporary authentication failure: later"),
                    (b"FAIL\t%s\tcode=temp_fail\n", 454, "(reason unavailable)"),
                    (b"FAIL\t%s\tcode=user_disabled\n", 535, "(reason unavailable)"),
                    (b"OK\t99999999999\tuser=x\nOK\t4294967295\tuser=x\nFAIL\t%s\n", 535, "(reason unavailable)"),
                    (b"y" * 100000, 454, "Connection lost")):
                self.server.raw = raw
                reply = c.cmd(plain())
                self.assert_reply(reply, code, None, text)
                self.assertLess(len(reply.lines[0]), 500)
            self.server.raw = None
            self.assert_reply(c.cmd(plain()), 235)
        self.suite.wait_for_log("warning: SASL authentication failure: user_disabled")

    def test_sessions_share_a_connection_and_do_not_wait_for_each_other(self):
        self.serve()
        clients = [self.suite.smtp() for _ in range(4)]
        for c in clients:
            self.assert_reply(c.cmd("AUTH LOGIN"), 334)
        for c in reversed(clients):
            self.assert_reply(c.cmd(b64("user")), 334)
        for i, c in enumerate(clients):
            self.assert_reply(c.cmd(b64("secret" if i % 2 else "wrong")), 235 if i % 2 else 535)
        for c in clients:
            c.close()
        pids = {fields[1] for fields in self.server.lines if fields[0] == "CPID"}
        self.assertEqual(self.server.connections, len(pids))    # one a process

    def test_hangs(self):
        """It takes the question and never answers: others go on, and the client gets its 454."""
        self.serve()
        self.until_offered()
        self.server.silent = True
        with self.suite.smtp() as waiting, self.suite.smtp() as other:
            waiting.send(plain() + "\r\n")
            until(lambda: self.server.asked(), 30, "the question")
            self.assert_reply(other.message("a@far.test", ["postmaster@mail.example.test"], TEXT), 250)
            self.assert_reply(waiting.read_reply(), 454, "4.7.0")
            self.server.silent = False
            until(lambda: waiting.cmd(plain()).code == 235, 30, "a login")

    def test_greeting_hangs(self):
        self.serve(handshake=b"VERSION\t1\t2\n")
        self.assert_without("SASL: no greeting from the authentication server")

    def test_client_goes_while_the_server_thinks(self):
        self.serve()
        self.until_offered()
        self.server.silent = True
        c = self.suite.smtp()
        c.send(plain() + "\r\n")
        until(lambda: self.server.asked(), 30, "the question")
        c.abort()
        self.server.silent = False
        with self.suite.smtp() as other:
            self.assert_reply(other.cmd(plain()), 235)


@dovecot.needed
class RealDovecot(SuiteTestCase):
    """The service itself, over both kinds of socket."""
    main_cf = dict(MAIN_CF, smtpd_sasl_path="private/auth")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dovecot = dovecot.Dovecot({"user": "secret", "o.brien@here.test": "pass word"},
                                      cls.suite.path("queue/private/auth"))
        cls.addClassCleanup(cls.dovecot.close)

    def check(self):
        with self.suite.smtp() as c:
            self.assertEqual(c.keywords["AUTH"], "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256")
            self.assert_reply(c.cmd(plain(password="wrong")), 535, "5.7.8")
            self.assert_reply(c.cmd(plain("nobody")), 535, "5.7.8")
            self.assert_reply(c.cmd("AUTH LOGIN"), 334)
            self.assert_reply(c.cmd(b64("user")), 334)
            self.assert_reply(c.cmd(b64("secret")), 235, "2.7.0", "Authentication successful")
            self.assert_reply(c.message("a@far.test", ["b@elsewhere.test"], TEXT), 250)
        self.suite.wait_for_log(r"client=localhost\[127\.0\.0\.1\], sasl_method=LOGIN, sasl_username=user$")
        with self.suite.smtp() as c:
            self.assert_reply(c.cmd(plain("o.brien@here.test", "pass word")), 235)
        with self.suite.smtp() as c:
            self.assert_reply(scram_sha1(c, password="wrong"), 535)
            self.assert_reply(scram_sha1(c), 235)

    def test_unix(self):
        self.check()

    def test_inet(self):
        for name in ("127.0.0.1", "localhost"):
            self.suite.set(smtpd_sasl_path="inet:%s:%d" % (name, self.dovecot.port))
            self.suite.reload()
            self.check()
        self.suite.set(smtpd_sasl_path="private/auth")
        self.suite.reload()

    def test_it_restarts(self):
        with self.suite.smtp() as c:
            self.assert_reply(c.cmd(plain(password="x")), 535)
            self.dovecot.stop()
            self.dovecot.start()
            self.assert_reply(c.cmd(plain()), 235)


class Settings(SuiteTestCase):
    """What a process refuses to start with, as a mistake in main.cf that costs logins should be seen."""
    main_cf = MAIN_CF

    def test_mistakes(self):
        for settings, reason in (
                ({"smtpd_sasl_type": "gsasl"}, "unsupported SASL server implementation: gsasl"),
                ({"smtpd_sasl_path": "inet:localhost"}, 'need host:port instead of "localhost"'),
                ({"smtpd_sasl_path": "unix:"}, 'need inet:host:port or unix:pathname instead of "unix:"'),
                ({"smtpd_sasl_security_options": "noplain"},
                 r'unknown SASL security options value "noplain" in "noplain"'),
                ({"smtpd_sasl_type": "cyrus", "smtpd_sasl_security_options": "forward_secrecy"},
                 'unknown SASL security options value "forward_secrecy"')):
            with self.subTest(settings), Suite(dict(MAIN_CF, **settings)) as suite:
                with socket.create_connection(("127.0.0.1", suite.port)):
                    suite.wait_for_log("smtpd.*: fatal: " + reason)
