"""AUTH: replies, log lines, Received: headers and queue file records against Postfix's, with a server of
Dovecot's protocol (a fake, which says what it is told to) and with Cyrus SASL and its sasldb."""
import base64
import hashlib
import hmac
import os
import re
import ssl
import unittest

from support import certificates, cyrus, oracle
from support.auth_server import AuthServer
from support.compare import ComparisonTestCase, run_session, transcript
from support.mask import mask_lines

LIMITS = {"smtpd_soft_error_limit": "100", "smtpd_hard_error_limit": "100",
          "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
          "smtpd_forbid_unauth_pipelining": "no"}
ABOUT = re.compile(r"postfix/smtpd\[\d+\]: .*(SASL|client=|lost connection|disconnect|limit|request longer|Dovecot"
                   r"|reject|mechanisms)")


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(user="user", password="secret", authorize=""):
    return "AUTH PLAIN " + b64("%s\0%s\0%s" % (authorize, user, password))


def login(user="user", password="secret"):
    return ["AUTH LOGIN", b64(user), b64(password)]


def cram_md5(client, user="user", password="secret"):
    """A whole exchange; the last reply."""
    challenge = base64.b64decode(client.cmd("AUTH CRAM-MD5").text)
    return client.cmd(b64(user + " " + hmac.new(password.encode(), challenge, hashlib.md5).hexdigest()))


def silent(line):
    """A step whose reply differs each time: a challenge."""
    def step(client):
        if client.cmd(line).code != 334:
            raise AssertionError("no challenge to " + line)
    return step


def say(*fields):
    """A login that tells the fake server what to answer."""
    return plain("say:" + " ".join(fields))


SEND = ["MAIL FROM:<a@far.test>", "RCPT TO:<b@elsewhere.test>"]


class SaslTestCase(ComparisonTestCase):
    maxDiff = None
    settings = {}

    @classmethod
    def configure(cls, suite):
        suite.set(**dict(LIMITS, smtpd_sasl_auth_enable="yes", **cls.settings))

    def log(self, suite, mark):
        suite.wait_for_log(r"disconnect from ", since=mark)
        lines = [re.sub(r"\w+: (client=)", r"QID: \1", line) for line in suite.log_lines(mark) if ABOUT.search(line)]
        return mask_lines(lines, suite)

    def both(self, name, steps):
        """STEPS: a list, or a function that makes one for a suite."""
        with self.subTest(name):
            got = []
            for suite in (self.ours, self.theirs):
                mark, wanted = suite.log_mark(), steps(suite) if callable(steps) else steps
                got.append(transcript(wanted, run_session(suite, wanted)) + self.log(suite, mark))
            self.assert_same(got[0], got[1], name)

    def all(self, sessions):
        for name, steps in sessions.items():
            self.both(name, steps + ["QUIT"])


class DovecotTestCase(SaslTestCase):
    mechs = None

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.auth = AuthServer(**({"mechs": cls.mechs} if cls.mechs else {}))
        suite.set(smtpd_sasl_type="dovecot", smtpd_sasl_path=suite.auth.spec)

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.ours.auth.close()
            cls.theirs.auth.close()


@oracle.needed
class Dovecot(DovecotTestCase):
    settings = {"smtpd_sasl_authenticated_header": "yes", "header_checks": "static:HOLD"}

    def test_success(self):
        self.all({
            "EHLO again": ["EHLO x", plain(), plain(), "EHLO x"],
            "no EHLO": [plain()],
            "HELO": ["HELO x", plain()] + SEND,
            "small letters": ["EHLO x", plain().replace("AUTH PLAIN", "auth plain")] + SEND,
            "PLAIN in two lines": ["EHLO x", "AUTH PLAIN", b64("\0user\0secret")],
            "LOGIN": ["EHLO x"] + login() + SEND,
            "CRAM-MD5": ["EHLO x", cram_md5] + SEND,
            "HELO after it": ["EHLO x", plain(), "HELO x"] + SEND,
            "pipelined": ["EHLO x", ((plain() + "\r\nNOOP\r\n").encode(), 2)],
            "exchange pipelined": ["EHLO x", (("\r\n".join(login()) + "\r\nNOOP\r\n").encode(), 4)],
            "LF alone": ["EHLO x", "AUTH LOGIN", (b64("user") + "\n").encode(), (b64("secret") + "\n").encode()],
            "RSET": ["EHLO x", plain(), "RSET", "AUTH LOGIN", "MAIL FROM:<a@far.test>", "AUTH LOGIN", "RSET"] + SEND,
        })

    def test_failure(self):
        self.all({
            "syntax": ["EHLO x", "AUTH", "AUTH PLAIN a b", "AUTH FOO", "AUTH " + "X" * 200, "AUTH LOGIN:"],
            "no base64": ["EHLO x", "AUTH PLAIN !", "AUTH LOGIN", "!!!", "AUTH LOGIN", "YQ== ", "AUTH LOGIN", " "],
            "hyphen": ["EHLO x", "AUTH PLAIN -", "AUTH PLAIN *", "AUTH CRAM-MD5", "\xff"],
            "wrong password": ["EHLO x"] + login(password="x") + [plain("nobody"), "NOOP"],
            "wrong digest": ["EHLO x", lambda c: cram_md5(c, password="x")] + SEND,
            "given up": ["EHLO x", "AUTH LOGIN", "*"] + login()[:2] + ["*", "NOOP"],
            "empty answer": ["EHLO x", "AUTH LOGIN", b"\r\n", b64("x")],
            "in a transaction": ["EHLO x", "MAIL FROM:<a@far.test>", "AUTH LOGIN", "AUTH"],
            "is a command": ["EHLO x", "AUTH LOGIN", "NOOP", "AUTH=", "NOOP"],
        })
        for name, steps in {"goes away": ["EHLO x", "AUTH LOGIN", lambda c: c.close()],
                            "is not a command": ["EHLO x", "*", "QUIT"]}.items():
            self.both(name, steps)

    def test_words_of_the_server(self):
        for fields in (["FAIL", "reason=no_way"], ["FAIL", "authz"], ["FAIL", "user=bob", "reason=bad", "authz"],
                       ["FAIL", "user=bob", "reason="], ["OK"], ["OK", "user=foo@bar.test", "x=y"],
                       ["OK", "nologin", "user=x", "proxy"], ["CONT"], ["OK", "user=a<b>,c=d"]):
            self.both(" ".join(fields), ["EHLO x", say(*fields)] + SEND + ["QUIT"])

    def test_bytes_of_the_server(self):
        try:
            for raw in (b"FAIL\t999\nOK\t998\tuser=x\nFAIL\t%s\n", b"FAIL\t%s\treason=a\x02\xffb\x1b[m\tuser=b\x02\n",
                        b"\n\nNOISE\nOK\t%s\tuser=x\n", b"OK\t%s\tuser=a\xff\x02\n"):
                self.ours.auth.raw = self.theirs.auth.raw = raw
                self.both(repr(raw), ["EHLO x", plain()] + SEND + ["QUIT"])
        finally:
            self.ours.auth.raw = self.theirs.auth.raw = None

    def test_long_lines(self):
        self.all({
            "response": ["EHLO x", "AUTH LOGIN", "A" * 12287, "AA", "NOOP"],
            "too long a response": ["EHLO x", "AUTH LOGIN", "A" * 12288, "NOOP", "AUTH LOGIN", "A" * 30000, "NOOP"],
            "two": ["EHLO x", "AUTH LOGIN", "A" * 12288, "A" * 3000],
            "command": ["EHLO x", "AUTH LOGIN " + "A" * 3000, "AA"],
        })

    def test_sender(self):
        for value in ("<>", "foo", "foo+40bar.test", "foo+ZZ", "+3C+3E", "a+0Ab", "a@b+c"):
            self.all({value: ["EHLO x", plain(), "MAIL FROM:<a@far.test> AUTH=" + value, SEND[1]],
                      "nobody's " + value: ["EHLO x", "MAIL FROM:<a@far.test> AUTH=" + value, "RSET"]})
        self.all({"two": ["EHLO x", plain(), "MAIL FROM:<a@far.test> AUTH=a b", "MAIL FROM:<a@far.test> AUTH"]})

    def test_queue_file(self):
        for user in ("user@here.test", "we(ir)d", "a)b", "a(b(c)d", "quo\\te", "x\"y"):
            with self.subTest(user):
                got = []
                for suite in (self.ours, self.theirs):
                    mark = suite.log_mark()
                    run_session(suite, ["EHLO x", say("OK", "user=" + user), "MAIL FROM:<a@far.test> AUTH=b+40c",
                                        SEND[1], "DATA", b"From: a\r\nSubject: x\r\nMessage-Id: <m@far.test>\r\n\r\nx\r\n.\r\n",
                                        "QUIT"])
                    suite.wait_for_log("disconnect from ", since=mark)      # which is not for the next session to find
                    shown = []
                    for path in suite.queue_files("hold"):
                        shown += suite.run("postcat", path).stdout.splitlines()
                        os.unlink(path)
                    shown = [re.sub(r"(log_client_port|client_port|server_port)=\d+", r"\1=N", line) for line in shown]
                    got.append(mask_lines([line for line in shown if "size: " not in line], suite))
                self.assertTrue(any("sasl_sender=b+40c" in line for line in got[1]), got[1])
                self.assert_same(got[0], got[1], "queue file")

    def test_requests(self):
        """What the server is asked: the same, but for ports, which we tell."""
        got = []
        for suite in (self.ours, self.theirs):
            del suite.auth.lines[:]
            for steps in ([plain()], login(), ["AUTH CRAM-MD5", "*"]):
                mark = suite.log_mark()
                run_session(suite, ["EHLO x"] + steps + ["QUIT"])
                suite.wait_for_log("disconnect from ", since=mark)
            got.append([[f for f in fields[2:] if not f.startswith(("lport=", "rport="))]
                        for fields in suite.auth.asked()])
        self.assertEqual(got[0], got[1])
        self.assertEqual(len(got[0]), 5)


@oracle.needed
class Offer(DovecotTestCase):
    """EHLO with other settings; the tests change main.cf."""
    mechs = ["MECH\tPLAIN\tplaintext", "MECH\tCRAM-MD5\tdictionary\tactive", "MECH\tEXTERNAL",
             "MECH\tANONYMOUS\tanonymous", "MECH\tSRP\tforward-secrecy\tmutual-auth", "MECH\tOAUTHBEARER\tmutual-auth",
             "MECH\tHIDDEN\tprivate"]

    def configured(self, name, settings, steps):
        before = {key: self.ours.main_cf.get(key) for key in settings}
        for suite in (self.ours, self.theirs):
            suite.set(**settings)
            suite.reload()
        try:
            self.both(name, steps + ["QUIT"])
        finally:
            for suite in (self.ours, self.theirs):
                suite.set(**before)

    def test_settings(self):
        for settings, steps in (
                ({}, ["EHLO x"]),
                ({"smtpd_sasl_security_options": "noplaintext, noanonymous"}, ["EHLO x", plain()]),
                ({"smtpd_sasl_security_options": "noactive"}, ["EHLO x", "AUTH CRAM-MD5"]),
                ({"smtpd_sasl_security_options": "nodictionary"}, ["EHLO x"]),
                ({"smtpd_sasl_security_options": "mutual_auth"}, ["EHLO x"]),
                ({"smtpd_sasl_security_options": "forward_secrecy mutual_auth"}, ["EHLO x"]),
                ({"smtpd_sasl_security_options": ""}, ["EHLO x"]),
                ({"smtpd_sasl_mechanism_filter": "PLAIN"}, ["EHLO x", "AUTH CRAM-MD5", "*"]),
                ({"smtpd_sasl_mechanism_filter": "!plain static:rest"}, ["EHLO x", plain()]),
                ({"broken_sasl_auth_clients": "yes"}, ["EHLO x"]),
                ({"smtpd_sasl_exceptions_networks": "127.0.0.0/8"}, ["EHLO x", plain()]),
                ({"smtpd_sasl_exceptions_networks": "!127.0.0.1, 127.0.0.0/8"}, ["EHLO x"]),
                ({"smtpd_discard_ehlo_keywords": "auth"}, ["EHLO x", plain(), "MAIL FROM:<a@far.test> AUTH=x"] + SEND[1:]),
                ({"smtpd_helo_required": "yes"}, [plain(), "AUTH", "EHLO x", plain()]),
                ({"smtpd_tls_auth_only": "yes"}, ["EHLO x", plain(), "AUTH", "MAIL FROM:<a@far.test> AUTH=x"]),
                ({"smtpd_sasl_auth_enable": "no"}, ["EHLO x", plain(), "AUTH", "MAIL FROM:<a@far.test> AUTH=x"] + SEND[1:]),
                ({"smtpd_sasl_service": "other\tone", "smtpd_sasl_local_domain": "here.test"}, ["EHLO x", plain()] + SEND),
                ({"smtpd_client_auth_rate_limit": "2", "smtpd_client_event_limit_exceptions": ""},
                 ["EHLO x", "AUTH", "AUTH a b", "AUTH FOO", plain(password="x"), "AUTH", plain(), "EHLO x"]),
                ({"local_header_rewrite_clients": "permit_sasl_authenticated"}, ["EHLO x", plain()] + SEND)):
            self.configured(str(settings), settings, steps)


@oracle.needed
class Xclient(DovecotTestCase):
    settings = {"smtpd_authorized_xclient_hosts": "127.0.0.1"}

    def test_login(self):
        self.all({
            "told": ["EHLO x", "XCLIENT LOGIN=bob", "EHLO x", plain(), "MAIL FROM:<a@far.test> AUTH=q", SEND[1]],
            "logged in before": ["EHLO x", plain(), "XCLIENT NAME=foo.test", "EHLO x", plain()] + SEND,
            "forgotten": ["EHLO x", plain(), "XCLIENT LOGIN=[UNAVAILABLE]", "EHLO x"] + SEND,
            "address": ["EHLO x", "XCLIENT ADDR=192.0.2.1 PORT=77", "EHLO x", plain()] + SEND,
            "no address": ["EHLO x", "XCLIENT ADDR=[UNAVAILABLE]", "EHLO x", plain()],
        })


@oracle.needed
class Tls(DovecotTestCase):
    settings = {"smtpd_tls_security_level": "may", "smtpd_sasl_security_options": "noplaintext",
                "smtpd_sasl_tls_security_options": "noanonymous", "smtpd_tls_chain_files": "@etc@/server.pem"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        certificates.make(suite.etc, "server", "rsa", "/CN=server")

    @staticmethod
    def start(client):
        return client.start_tls(certificates.client())

    def test_policies(self):
        self.all({"TLS": ["EHLO x", plain(), self.start, "EHLO x", plain()] + SEND,
                  "login is lost": ["EHLO x", cram_md5, self.start, "EHLO x"] + SEND + ["RSET", plain()]})
        for suite in (self.ours, self.theirs):
            said = [fields for fields in suite.auth.asked() if fields[2] == "PLAIN"]
            self.assertTrue(said and all("secured" in fields for fields in said), said)

    def test_required(self):
        for settings in ({"smtpd_tls_auth_only": "yes"}, {"smtpd_tls_security_level": "encrypt"}):
            for suite in (self.ours, self.theirs):
                suite.set(**settings)
                suite.reload()
            self.all({str(settings): ["EHLO x", "AUTH CRAM-MD5", "MAIL FROM:<a@far.test> AUTH=x", "RSET", self.start,
                                      "EHLO x", plain()] + SEND})


@oracle.needed
class External(DovecotTestCase):
    """A certificate of the client's and bindings to the TLS channel: nothing of them goes to the server of logins."""
    mechs = ["MECH\tPLAIN\tplaintext", "MECH\tEXTERNAL", "MECH\tSCRAM-SHA-256", "MECH\tSCRAM-SHA-256-PLUS\tchannel-binding"]
    settings = {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": "@etc@/server.pem", "smtpd_tls_ask_ccert": "yes",
                "smtpd_tls_CAfile": "@etc@/client.crt", "smtpd_sasl_mechanism_filter": "static:all"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        for name in ("server", "client"):
            certificates.make(suite.etc, name, "ec", "/CN=" + name)

    def test_requests(self):
        got = []
        steps = ["EHLO x", "AUTH EXTERNAL " + b64("user"), "AUTH EXTERNAL",
                 "AUTH SCRAM-SHA-256-PLUS " + b64("p=tls-exporter,,n=user,r=abc"), "AUTH SCRAM-SHA-256 " + b64("y,,n=user,r=abc")]
        for suite in (self.ours, self.theirs):
            def start(client, suite=suite):
                return client.start_tls(certificates.client(os.path.join(suite.etc, "client.pem")))
            wanted = [*steps, start, *steps, "QUIT"]
            said = transcript(wanted, run_session(suite, wanted))
            asked = [[f for f in fields[2:] if not f.startswith(("lport=", "rport="))] for fields in suite.auth.asked()]
            got.append(said + [str(fields) for fields in asked])
        self.assert_same(got[0], got[1], "requests")
        self.assertTrue(any("'EXTERNAL'" in line and "'secured'" in line for line in got[0]), got[0])


class CyrusTestCase(SaslTestCase):
    conf = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(cyrus_sasl_config_path=suite.path("etc/sasl"))
        database = cyrus.make_sasldb(suite.etc, [("user", "mail.example.test", "secret"),
                                                 ("user", "other.test", "third")])
        suite.write("etc/sasl/smtpd.conf", cls.conf + "sasldb_path: %s\n" % database)


@oracle.needed
@cyrus.needed
class Cyrus(CyrusTestCase):
    def test_success(self):
        self.all({
            "PLAIN": ["EHLO x", plain(), plain(), "MAIL FROM:<a@far.test> AUTH=q", SEND[1]],
            "no EHLO": [plain()],
            "realm": ["EHLO x", plain("user@other.test", "third")] + SEND,
            "small letters": ["EHLO x", plain().replace("AUTH PLAIN", "auth plain")] + SEND,
            "LOGIN": ["EHLO x"] + login() + SEND,
            "LOGIN, user first": ["EHLO x", "AUTH LOGIN " + b64("user"), b64("secret")],
            "two lines": ["EHLO x", "AUTH PLAIN", b64("\0user\0secret")],
            "CRAM-MD5": ["EHLO x", cram_md5] + SEND,
            "SCRAM": ["EHLO x", cyrus.scram_sha1] + SEND,
        })

    def test_failure(self):
        self.all({
            "authorization": ["EHLO x", plain(authorize="bob")] + SEND,
            "LOGIN": ["EHLO x"] + login(password="x") + login(user="nobody") + login("", ""),
            "PLAIN": ["EHLO x", plain(password="x"), plain("nobody"), plain("", ""), "AUTH PLAIN " + b64("xx")],
            "no base64": ["EHLO x", "AUTH PLAIN *", "AUTH PLAIN !", "AUTH PLAIN YQ", "AUTH PLAIN YQ==x", "AUTH PLAIN",
                          "=", "AUTH LOGIN", "!!", "AUTH LOGIN", "YQ==x"],
            "empty": ["EHLO x", "AUTH PLAIN", b"\r\n"],
            "mechanism": ["EHLO x", "AUTH FOO", "AUTH " + "X" * 100, "AUTH a/b", "AUTH ANONYMOUS " + b64("x")],
            "given up": ["EHLO x", "AUTH LOGIN", "*", "AUTH LOGIN", b64("user"), "*", silent("AUTH DIGEST-MD5"), "*"],
            "CRAM-MD5": ["EHLO x", lambda c: cram_md5(c, password="x"), silent("AUTH CRAM-MD5"), "*"],
            "SCRAM": ["EHLO x", lambda c: cyrus.scram_sha1(c, password="x"), "AUTH SCRAM-SHA-1 " + b64("foo")],
            "long": ["EHLO x", "AUTH LOGIN", "A" * 12284, "AUTH LOGIN", b64("u" * 3000), "NOOP"],
        })

    def test_sender_of_nobody(self):
        for suite in (self.ours, self.theirs):
            suite.set(smtpd_relay_restrictions="permit_mynetworks, reject")
            suite.reload()
        self.all({v: ["EHLO x", "MAIL FROM:<a@far.test> AUTH=" + v, SEND[1]] for v in ("<>", "", "foo")})
        for suite in (self.ours, self.theirs):
            suite.set(smtpd_relay_restrictions=LIMITS["smtpd_relay_restrictions"])

    def test_settings(self):
        for settings, steps in (
                ({"smtpd_sasl_security_options": "noplaintext"}, ["EHLO x", plain()]),
                ({"smtpd_sasl_security_options": "noactive"}, ["EHLO x", plain()]),
                ({"smtpd_sasl_security_options": "mutual_auth"}, ["EHLO x"]),
                ({"smtpd_sasl_security_options": ""}, ["EHLO x"]),
                ({"smtpd_sasl_local_domain": "other.test"}, ["EHLO x", plain(), plain(password="third")] + SEND),
                ({"smtpd_sasl_mechanism_filter": "static:all"},
                 ["EHLO x", "AUTH EXTERNAL " + b64("user"), silent("AUTH SCRAM-SHA-256-PLUS " + b64("p=tls-exporter,,n=user,r=abc"))]),
                ({"smtpd_sasl_mechanism_filter": "plain, login"}, ["EHLO x", cram_md5])):
            for suite in (self.ours, self.theirs):
                suite.set(**settings)
                suite.reload()
            self.both(str(settings), steps + ["QUIT"])
            for suite in (self.ours, self.theirs):
                suite.set(**{key: None for key in settings})


@oracle.needed
@cyrus.needed
class CyrusMechList(CyrusTestCase):
    conf = CyrusTestCase.conf + "mech_list: PLAIN LOGIN\n"

    def test_list(self):
        self.all({"list": ["EHLO x", "AUTH CRAM-MD5", plain()]})


@oracle.needed
@cyrus.needed
class SaslauthdAway(CyrusTestCase):
    conf = "pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\nsaslauthd_path: /nonexistent/mux\n"

    def test_away(self):
        self.all({"away": ["EHLO x", plain()] + login() + SEND})
