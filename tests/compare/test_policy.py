"""Policy services: what is asked, and what becomes of every kind of answer, against Debian's Postfix."""
import os
import re

from support import certificates, oracle
from support.compare import ComparisonTestCase, run_session
from support.mask import mask, mask_lines
from support.policy import CLOSE, PolicyServer

BODY = b"Subject: hello\r\n\r\ntext\r\n..dots\r\n.\r\n"
FROM = ["EHLO client.test", "MAIL FROM:<sender@far.test> SIZE=100"]
TO = FROM + ["RCPT TO:<root@mail.example.test>"]
LATER = ("compatibility_level", "mail_version")     # attributes younger than Debian's version
FINGERPRINT = re.compile(r"(fingerprint=)(?:[0-9A-F]{2}:)+[0-9A-F]{2}$", re.M)     # each has its own certificates
# instances number messages; what is before the number differs from run to run
INSTANCE = re.compile(r"^instance=[0-9a-f]+\.[0-9a-f]+\.[0-9a-f]+\.", re.M)
PORT = re.compile(r"^(client_port|server_port)=\d+$", re.M)


def masked_requests(suite):
    """The requests as they came, masked, the connections numbered."""
    out = []
    for request in suite.policy.requests:
        text = request["_raw"].decode("utf-8", "surrogateescape")
        lines = [line for line in text.split("\n") if line.partition("=")[0] not in LATER]
        text = INSTANCE.sub("instance=I.", PORT.sub(r"\1=PORT", "\n".join(lines)))
        text = FINGERPRINT.sub(r"\1AB:CD", text)
        text = re.sub(r"^queue_id=.+$", "queue_id=QID", text, flags=re.M)
        out += ["connection %d" % request["_connection"]] + mask(text, suite).split("\n")
    return out


class PolicyTestCase(ComparisonTestCase):
    maxDiff = None
    aliases = "postmaster: root\nroot: /dev/null\n"
    rule = "check_policy_service %s"
    answer = staticmethod(lambda request: "DUNNO")

    @classmethod
    def configure(cls, suite):
        suite.policy = PolicyServer(answer=cls.answer)
        suite.set(**{name: value.replace("POLICY", suite.policy.spec)
                     for name, value in suite.main_cf.items() if "POLICY" in value})

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.ours.policy.close()
            cls.theirs.policy.close()

    def both(self, name, steps, log=True):
        """STEPS: a list, or a function of the suite that makes one."""
        got = []
        for suite in (self.ours, self.theirs):
            suite.policy.requests.clear()
            suite.policy.connections = 0
            suite.policy.hang_up()
            mark = suite.log_mark()
            said = steps(suite) if callable(steps) else steps
            replies = run_session(suite, said)
            suite.wait_for_log(r"disconnect from", since=mark)
            requests = masked_requests(suite)
            lines = [re.sub(r"smtpd\[\d+\]", "smtpd[PID]", line) for line in
                     mask_lines(suite.log_lines(mark), suite) if "/smtpd[" in line]
            lines = [line.replace(suite.policy.spec[5:], "POLICY") for line in lines]
            got.append(replies + requests + (lines if log else []))
        self.assert_same(got[0], got[1], name)


@oracle.needed
class Attributes(PolicyTestCase):
    """Every list asks; each request is compared byte for byte."""
    main_cf = {"smtpd_delay_reject": "no", "smtpd_authorized_xclient_hosts": "127.0.0.1",
               "smtpd_client_restrictions": "check_policy_service POLICY",
               "smtpd_helo_restrictions": "check_policy_service POLICY",
               "smtpd_sender_restrictions": "check_policy_service POLICY",
               "smtpd_recipient_restrictions":
                   "check_policy_service { POLICY, {policy_context = some text} }",
               "smtpd_relay_restrictions": "permit_mynetworks, reject",
               "smtpd_data_restrictions": "check_policy_service POLICY",
               "smtpd_end_of_data_restrictions": "check_policy_service POLICY",
               "smtpd_etrn_restrictions": "check_policy_service POLICY",
               "relay_domains": "etrn.test", "fast_flush_domains": "etrn.test",
               "smtpd_forbid_unauth_pipelining": "no"}

    def test_stages(self):
        sessions = {
            "message": TO + ["DATA", BODY, "QUIT"],
            "two recipients": TO + ["RCPT TO:<postmaster@mail.example.test>", "DATA", BODY, "QUIT"],
            "two messages": TO + ["DATA", BODY, "MAIL FROM:<>", "RCPT TO:<root@localhost>", "DATA", BODY, "QUIT"],
            "abandoned messages": ["HELO client.test"] + (["MAIL FROM:<a@far.test>", "RCPT TO:<root@localhost>",
                                                          "RSET"] * 12) + ["QUIT"],
            "vrfy": FROM[:1] + ["VRFY root", "QUIT"],
            "vrfy in a message": TO + ["VRFY root", "DATA", BODY, "QUIT"],
            "etrn": FROM[:1] + ["ETRN etrn.test", "QUIT"],
            "bdat": TO + [b"BDAT 10\r\nSubject: x", b"BDAT 11 LAST\r\n\r\n\r\ntext\r\n\r", "QUIT"],
            "helo after ehlo": ["EHLO client.test", "HELO client.test", "MAIL FROM:<a@far.test>", "EHLO client.test",
                                "QUIT"],
            "odd names": ["EHLO foo+bar=baz", 'MAIL FROM:<"a b=c"@far.test>', "RCPT TO:<root+ext@localhost>", "QUIT"],
            "xclient": ["EHLO client.test",
                        "XCLIENT NAME=spike.far.test ADDR=192.0.2.7 PORT=999 REVERSE_NAME=other.far.test "
                        "DESTADDR=192.0.2.1 DESTPORT=1025 PROTO=ESMTP HELO=given.test LOGIN=someone",
                        "EHLO again.test", "MAIL FROM:<a@far.test>", "RCPT TO:<root@localhost>", "QUIT"],
        }
        for name, steps in sessions.items():
            with self.subTest(session=name):
                self.both(name, steps, log=False)

    def test_later_attributes(self):
        """What Debian's version does not send yet comes last, in the order of 3.8."""
        self.ours.policy.requests.clear()
        run_session(self.ours, ["QUIT"])
        raw = self.ours.policy.wait_for(1)[0]["_raw"].decode()
        version = self.ours.run("postconf", "-h", "mail_version").stdout.strip()
        level = self.ours.run("postconf", "-h", "compatibility_level").stdout.strip()
        self.assertTrue(raw.endswith("policy_context=\ncompatibility_level=%s\nmail_version=%s\n\n"
                                     % (level, version)), raw)


@oracle.needed
class DelayedAttributes(PolicyTestCase):
    """smtpd_delay_reject = yes: all lists ask at RCPT."""
    main_cf = {"smtpd_client_restrictions": "check_policy_service POLICY",
               "smtpd_recipient_restrictions": "check_policy_service POLICY"}

    def test_stages(self):
        self.both("message", TO + ["DATA", BODY, "QUIT"], log=False)
        self.both("vrfy", FROM[:1] + ["VRFY root", "QUIT"], log=False)


@oracle.needed
class TlsAttributes(PolicyTestCase):
    main_cf = {"smtpd_tls_security_level": "may", "smtpd_tls_ask_ccert": "yes",
               "smtpd_tls_cert_file": "@etc@/server.crt", "smtpd_tls_key_file": "@etc@/server.key",
               "smtpd_tls_CAfile": "@etc@/client.crt",
               "smtpd_recipient_restrictions": "check_policy_service POLICY"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        for name, kind, subject in (("server", "rsa", "/CN=server"), ("other", "ec", "/CN=other"),
                                    ("client", "ec", "/CN=a client + more=x/O=Org")):
            certificates.make(suite.etc, name, kind, subject)
            os.chmod(suite.path("etc", name + ".key"), 0o644)

    def test_tls(self):
        def start(certificate):
            def steps(suite):
                def start_tls(client):
                    path = suite.path("etc", certificate + ".pem") if certificate else None
                    return client.start_tls(certificates.client(path))
                return ["EHLO client.test", start_tls] + TO + ["QUIT"]
            return steps
        for certificate in (None, "client", "other"):
            with self.subTest(certificate=certificate):
                self.both("TLS", start(certificate), log=False)


ANSWERS = {
    "dunno": "DUNNO", "ok": "OK", "permit": "permit", "digits": "12345", "empty": b"action=\n\n",
    "reject": "REJECT", "reject with text": "reject no thanks", "code": "550 5.7.8 some text",
    "code without enhanced one": "450 text", "bye": "421 4.7.0 bye", "defer": "DEFER",
    "defer_if_permit": "defer_if_permit Greylisted", "defer_if_reject": "defer_if_reject",
    "list": "permit_mynetworks, reject", "class": "later", "unknown word": "foo bar",
    "warn": "WARN look", "info": "INFO look", "hold": "HOLD kept", "discard": "DISCARD gone",
    "prepend": "PREPEND X-Policy: yes", "redirect": "REDIRECT root@localhost", "filter": "FILTER smtp:[127.0.0.1]:1",
    "several lines": b"foo=bar\naction=REJECT this\nx=y\n\n", "two actions": b"action=REJECT first\naction=DUNNO\n\n",
    "two replies": b"action=REJECT one\n\naction=DUNNO\n\n", "nul": b"action=REJECT a\0b\n\n",
    "eight bits": "REJECT gr\u00fc\u00dfe".encode("utf-8").join((b"action=", b"\n\n")),
    "control": b"action=REJECT a\x01b\tc\n\n", "long": b"action=REJECT " + b"x" * 500 + b"\n\n",
}
BROKEN = {
    "no action": b"x=y\n\n", "no attribute": b"hello\n\n", "nothing": b"\n", "blank around =": b"action = REJECT\n\n",
    "other case": b"Action=REJECT\n\n",
    "closed": CLOSE, "closed after a part": (b"action=REJ", CLOSE), "silent": None, "half": b"action=REJECT x\n",
}


class AnswersTestCase(PolicyTestCase):
    main_cf = {"smtpd_restriction_classes": "later", "later": "reject",
               "smtpd_delay_reject": "no", "smtpd_error_sleep_time": "0", "smtpd_forbid_unauth_pipelining": "no",
               "smtpd_sender_restrictions": "check_policy_service POLICY",
               "smtpd_relay_restrictions": "permit_mynetworks, reject"}

    def answer_both(self, name, answer, steps=None):
        for suite in (self.ours, self.theirs):
            suite.policy.answer = answer
        self.both(name, steps or TO + ["RSET", "QUIT"])


@oracle.needed
class Answers(AnswersTestCase):
    def test_after_xclient(self):
        for suite in (self.ours, self.theirs):
            suite.set(smtpd_client_restrictions="check_client_access inline:{{192.0.2.9=REJECT}}",
                      smtpd_authorized_xclient_hosts="127.0.0.1")
            suite.reload()
        self.answer_both("refused", "DUNNO", ["EHLO x", "XCLIENT ADDR=192.0.2.9 NAME=far.test", "QUIT"])

    def test_answers(self):
        for name, answer in ANSWERS.items():
            with self.subTest(answer=name):
                self.answer_both(name, answer)

    def test_lists(self):
        """The words of a refusal depend on the list."""
        for name in ("client", "helo", "sender", "recipient", "data", "end_of_data"):
            with self.subTest(list=name):
                for suite in (self.ours, self.theirs):
                    suite.set(**{"smtpd_%s_restrictions" % n: None for n in
                                 ("client", "helo", "sender", "recipient", "data", "end_of_data")})
                    suite.set(**{"smtpd_%s_restrictions" % name: "check_policy_service " + suite.policy.spec})
                    suite.reload()
                content = [] if name == "client" else ["DATA", BODY]    # refused before: it would be commands
                self.answer_both(name, "REJECT by policy", TO + content + ["QUIT"])


@oracle.needed
class Trouble(AnswersTestCase):
    main_cf = dict(AnswersTestCase.main_cf, smtpd_sender_restrictions=
                   "check_policy_service { POLICY, timeout=2s, retry_delay=1s }")

    def test_broken_answers(self):
        for name, answer in BROKEN.items():
            with self.subTest(answer=name):
                self.answer_both(name, answer, FROM + ["QUIT"])

    def test_default_action(self):
        for action in ("DUNNO", "450 4.5.6 come again", "REJECT", "defer_if_permit", "nonsense"):
            with self.subTest(action=action):
                for suite in (self.ours, self.theirs):
                    suite.set(smtpd_sender_restrictions=
                              "check_policy_service { %s, try_limit=1, {default_action = %s} }"
                              % (suite.policy.spec, action))
                    suite.reload()
                self.answer_both(action, CLOSE)

    def test_nobody_listens(self):
        for spec in ("unix:private/nothing", "local:private/nothing", "inet:127.0.0.1:1"):
            with self.subTest(service=spec):
                for suite in (self.ours, self.theirs):
                    suite.set(smtpd_sender_restrictions="check_policy_service " + spec)
                    suite.reload()
                self.both(spec, FROM + ["QUIT"])
