"""STARTTLS and TLS from the first byte on: replies, log lines and Received: headers against Postfix's."""
import os
import re
import ssl
import unittest

from support import certificates, oracle
from support.compare import ComparisonTestCase, run_session, transcript
from support.mask import mask_lines
from support.smtp import SmtpClient

TLS12 = {"highest": ssl.TLSVersion.TLSv1_2}
MAIL = ["EHLO x", "MAIL FROM:<a@far.test>", "RCPT TO:<postmaster@mail.example.test>", "DATA",
        b"From: a@far.test\r\nSubject: x\r\nMessage-Id: <m@far.test>\r\n\r\nx\r\n.\r\n", "QUIT"]
ABOUT_TLS = re.compile(r"TLS|SSL|chain file|lost connection|disconnect|certificate")
# files and lines of OpenSSL, and what only one of the two says about a file that cannot be used
LINES = [(re.compile(r"error:(0\w+:[\w ]+::[\w ]+):.*"), r"error:\1"),
         (re.compile(r"(warning: )(key at index 1 in .* does not match next certificate"
                     r"|.*: private key and certificate do not match)$"), r"\1NO MATCH"),
         (re.compile(r"TLS library problem: error:(8|1)000.*|error loading private keys and certificates from: .*"),
          "(more about files)")]


class TlsTestCase(ComparisonTestCase):
    maxDiff = None
    settings = {}
    certificates = {"server": ("rsa", "/CN=server"), "client": ("ec", "/CN=client cert/O=Org"),
                    "other": ("ed", "/CN=some\u00f6ne else")}

    @classmethod
    def configure(cls, suite):
        for name, (kind, subject) in cls.certificates.items():
            certificates.make(suite.etc, name, kind, subject)
        suite.set(**dict({"smtpd_tls_chain_files": "@etc@/server.pem", "smtpd_tls_loglevel": "1",
                          "smtpd_tls_received_header": "yes", "smtpd_tls_CAfile": "@etc@/client.crt",
                          "header_checks": "static:HOLD"}, **cls.settings))

    def start(self, suite, certificate=None, **options):
        path = os.path.join(suite.etc, certificate + ".pem") if certificate else None

        def start_tls(client):
            return client.start_tls(certificates.client(path, **options))
        return start_tls

    def log(self, suite, mark):
        suite.wait_for_log(r"disconnect from ", since=mark)
        lines = [line for line in suite.log_lines(mark) if ABOUT_TLS.search(line) and "cleanup" not in line]
        for pattern, word in LINES:
            lines = [pattern.sub(word, line) for line in lines]
        return mask_lines([line for line in lines if "(more about files)" not in line], suite)

    def held(self, suite):
        """Headers of what is on hold, which is then gone."""
        out = []
        for path in suite.queue_files("hold"):
            shown = suite.run("postcat", "-h", path).stdout.splitlines()
            out += mask_lines(shown[:shown.index("Subject: x") + 1] if "Subject: x" in shown else shown, suite)
            os.unlink(path)
        return out

    def both(self, name, steps_for, since=None):
        """The session that STEPS_FOR(suite) makes, its log and the message that it leaves."""
        got = []
        for suite in (self.ours, self.theirs):
            mark, steps = suite.log_mark() if since is None else since, steps_for(suite)
            lines = transcript(steps, run_session(suite, steps))
            got.append(lines + self.log(suite, mark) + self.held(suite))
        self.assert_same(got[0], got[1], name)


@oracle.needed
class May(TlsTestCase):
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_ask_ccert": "yes",
                "smtpd_forbid_unauth_pipelining": "no"}     # newer than the other Postfix

    def test_mail(self):
        for name, options in {
            "TLSv1.3": {}, "P-256": {"curve": "prime256v1"}, "TLSv1.2": TLS12,
            "DHE": dict(TLS12, ciphers="DHE-RSA-AES128-GCM-SHA256"), "RSA": dict(TLS12, ciphers="AES128-SHA"),
            "trusted": {"certificate": "client"}, "untrusted": {"certificate": "other"},
            "trusted, TLSv1.2": dict(TLS12, certificate="client"),
        }.items():
            with self.subTest(name):
                self.both(name, lambda suite: ["EHLO x", self.start(suite, **options)] + MAIL)

    def test_resumed_session(self):
        """With the ticket that the first session was given; the log does not call it resumed."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                got = []
                for suite in (self.ours, self.theirs):
                    context, session = certificates.client(highest=version), None
                    for _ in range(2):
                        mark = suite.log_mark()
                        with SmtpClient(("127.0.0.1", suite.port)) as client:
                            client.greeting()
                            client.ehlo()
                            client.start_tls(context, session)
                            client.ehlo()
                            session = client.sock.session
                        lines = self.log(suite, mark)
                    got.append(lines)
                self.assert_same(got[0], got[1], "resumed")

    def test_dialogue(self):
        for name, steps in {
            "nothing": lambda suite: [],
            "offer": lambda suite: ["EHLO x", "STARTTLS now", "QUIT"],
            "plain": lambda suite: MAIL,
            "no EHLO": lambda suite: [self.start(suite), "QUIT"],
            "twice": lambda suite: ["EHLO x", self.start(suite), "EHLO y", "STARTTLS", "QUIT"],
            "state is lost": lambda suite: ["EHLO x", "MAIL FROM:<a@far.test>", self.start(suite),
                                            "RCPT TO:<postmaster>", "QUIT"],
            "SMTP": lambda suite: ["HELO x", self.start(suite), "HELO y"] + MAIL[1:],
            "commands instead": lambda suite: ["EHLO x", "STARTTLS", (b"EHLO y\r\nQUIT\r\n", 0),
                                               lambda client: client.read_reply()],
            "sent ahead": lambda suite: ["EHLO x", (b"STARTTLS\r\nMAIL FROM:<a@far.test>\r\n", 1), "QUIT"],
            "goes away": lambda suite: ["EHLO x", "STARTTLS", lambda client: client.close()],
            "too old": lambda suite: ["EHLO x", self.start(suite, ciphers="NULL-SHA256", **TLS12), "QUIT"],
        }.items():
            with self.subTest(name):
                self.both(name, steps)


@oracle.needed
class Encrypt(TlsTestCase):
    settings = {"smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes"}

    def test_demanded(self):
        commands = ["NOOP", "RSET", "VRFY x", "ETRN x", "HELO x", "MAIL FROM:<a>", "EHLO x", "RCPT TO:<a>",
                    "AUTH PLAIN", "XCLIENT a", "DATA", "FOO", "BDAT 1", "QUIT"]
        self.both("plain", lambda suite: commands)

    def test_certificates(self):
        for name in (None, "other", "client"):
            with self.subTest(name):
                self.both(name, lambda suite: ["EHLO x", self.start(suite, certificate=name)] + MAIL)


@oracle.needed
class Wrapped(TlsTestCase):
    settings = {"smtpd_tls_wrappermode": "yes"}

    def test_mail(self):
        got = []
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            client = SmtpClient(("127.0.0.1", suite.port))
            client.wrap(certificates.client())
            lines = client.greeting().lines
            for step in MAIL:
                client.send(step if isinstance(step, bytes) else step + "\r\n")
                lines += client.read_reply().lines
            client.close()
            got.append(mask_lines(lines, suite) + self.log(suite, mark) + self.held(suite))
        self.assert_same(got[0], got[1], "wrapped")

    def test_plain_client(self):
        got = []
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            client = SmtpClient(("127.0.0.1", suite.port))
            client.send("EHLO x\r\nQUIT\r\n")
            try:
                while client.sock.recv(1000):
                    pass
            except ConnectionResetError:
                pass
            client.close()
            got.append(self.log(suite, mark))
        self.assert_same(got[0], got[1], "plain client")


@oracle.needed
class Limited(TlsTestCase):
    """Two kinds of keys, in files of their own, and fewer protocols and ciphers."""
    certificates = dict(TlsTestCase.certificates, ecserver=("ec", "/CN=server"))
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": "", "smtpd_tls_cert_file": "@etc@/server.crt",
                "smtpd_tls_key_file": "@etc@/server.key", "smtpd_tls_eccert_file": "@etc@/ecserver.pem",
                "smtpd_tls_protocols": "!TLSv1, !TLSv1.1, !TLSv1.3", "smtpd_tls_ciphers": "high",
                "smtpd_tls_exclude_ciphers": "AES256, kRSA"}

    def test_choice(self):
        for name, options in {"ECDSA": {"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"},
                              "RSA": {"ciphers": "ECDHE-RSA-AES128-GCM-SHA256"},
                              "excluded": {"ciphers": "ECDHE-RSA-AES256-GCM-SHA384", "highest": ssl.TLSVersion.TLSv1_2},
                              "no common version": {"lowest": ssl.TLSVersion.TLSv1_3}}.items():
            with self.subTest(name):
                self.both(name, lambda suite: ["EHLO x", self.start(suite, **options)] + MAIL)


class BrokenTestCase(TlsTestCase):
    """Certificates that cannot be had: the mail must go on, without TLS where it may."""

    def test_dialogue(self):
        self.both("broken", lambda suite: ["EHLO x", "STARTTLS"] + MAIL, since=0)
        for suite in (self.ours, self.theirs):
            self.assertTrue(suite.count_log(r"smtpd\[\d+\]: warning: "))


@oracle.needed
class NoMatch(BrokenTestCase):
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": "@etc@/client.key, @etc@/server.crt"}


@oracle.needed
class NoFile(BrokenTestCase):
    settings = {"smtpd_tls_security_level": "encrypt", "smtpd_tls_chain_files": "", "smtpd_tls_cert_file": "@etc@/no.crt"}


@oracle.needed
class NoCertificate(BrokenTestCase):
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": ""}


@oracle.needed
class NoProtocol(BrokenTestCase):
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_protocols": "TLSv7"}


@oracle.needed
class NoCertificateWrapped(TlsTestCase):
    settings = {"smtpd_tls_wrappermode": "yes", "smtpd_tls_chain_files": ""}

    def test_dialogue(self):
        self.both("broken", lambda suite: [])


del BrokenTestCase
del TlsTestCase

if __name__ == "__main__":
    unittest.main()
