"""smtpd with a before-queue filter: the suite against Debian's Postfix, with a filter that says what it is told to."""
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase, run_session, transcript
from support.mask import mask, mask_lines
from support.sink import Sink

OFFER = "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"
HELLO = ["EHLO client.test"]
FROM = HELLO + ["MAIL FROM:<sender@far.test> SIZE=100 BODY=8BITMIME RET=HDRS"]
TO = FROM + ["RCPT TO:<root@mail.example.test> NOTIFY=NEVER ORCPT=rfc822;x@y"]
BODY = b"Subject: hello\r\n\r\n..text\r\n.\r\n"
MESSAGE = TO + ["DATA", BODY, "QUIT"]

GOOD = {
    "one": MESSAGE,
    "two recipients, two messages": TO + ["RCPT TO:<postmaster>", "DATA", BODY, "MAIL FROM:<>", "RCPT TO:<root>", "DATA",
                                          BODY, "QUIT"],
    "helo": ["HELO c", "MAIL FROM:<a@b.test>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "no hello": ["MAIL FROM:<a@b.test>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "as the client writes it": ["ehlo x", "mail from: <a@b.test>   size=10", "rcpt to: <root>", "DATA", BODY, "QUIT"],
    "reset": TO + ["RSET", "MAIL FROM:<q@w.test>", "RCPT TO:<root>", "QUIT"],
    "chunks": TO + [b"BDAT 16\r\nSubject: c\r\n\r\na\n", b"BDAT 3 LAST\r\n.b\n", "QUIT"],
    "vrfy": FROM + ["VRFY root", "RCPT TO:<root>", "VRFY root", "DATA", BODY, "QUIT"],
    "refused here": FROM + ["RCPT TO:<x@bad.test>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "unicode": HELLO + ["MAIL FROM:<é@b.test> SMTPUTF8".encode() + b"\r\n", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "xclient": ["XCLIENT NAME=[UNAVAILABLE] ADDR=1.2.3.4 PORT=[UNAVAILABLE]"] + MESSAGE,
    "xclient, IPv6": ["XCLIENT NAME=[TEMPUNAVAIL] ADDR=IPV6:2001:db8::1 PORT=12", "EHLO a+b"] + MESSAGE[1:],
    "xforward": ["XFORWARD NAME=n.test ADDR=9.8.7.6 PORT=5 HELO=h.test IDENT=QQQ PROTO=SMTP SOURCE=REMOTE"] + MESSAGE,
    "long hello": ["EHLO " + "h" * 600] + MESSAGE[1:],
    "reject at the end": HELLO + ["MAIL FROM:<no@far.test>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "hold": HELLO + ["MAIL FROM:<hold@far.test>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "prepend": HELLO + ["MAIL FROM:<pre@far.test>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
}

# what the filter says, and the session
ODD = {
    "MAIL": ({"MAIL": "550 5.7.1 no mail from you"}, TO + ["RCPT TO:<root>", "DATA", "QUIT"]),
    "one RCPT": ({"RCPT": ["550 5.1.1 not him"]}, TO + ["RCPT TO:<root>", "DATA", BODY, "QUIT"]),
    "each RCPT": ({"RCPT": "450-4.1.1 not\n450 4.1.1 him"}, TO + ["RCPT TO:<root>", "DATA", "QUIT"]),
    "own words": ({"MAIL": "250 mine", "RCPT": "250 mine", "DATA": "354 mine"}, MESSAGE),
    "DATA": ({"DATA": "451 4.3.0 no data"}, TO + ["DATA", "QUIT"]),
    "BDAT": ({"DATA": "451 4.3.0 no data"}, TO + [b"BDAT 16\r\nSubject: c\r\n\r\na\n", "QUIT"]),
    "end": ({".": "550-5.7.1 spam\n550 5.7.1 go away"}, MESSAGE),
    "end, for now": ({".": "450 4.7.1 later"}, MESSAGE),
    "end, without codes": ({".": "550 no"}, MESSAGE),
    "end, 421": ({".": "421 4.7.1 later"}, TO + ["DATA", BODY, "NOOP"]),
    "end, two lines": ({".": "250-2.0.0 one\n250 2.0.0 two"}, MESSAGE),
    "greeting": ({"CONNECT": "554 no"}, TO + ["QUIT"]),
    "greeting, 421": ({"CONNECT": "421 no"}, TO + ["QUIT"]),
    "greeting, gone": ({"CONNECT": Sink.DROP}, TO + ["RCPT TO:<root>", "QUIT"]),
    "EHLO": ({"EHLO": "502 no"}, TO + ["QUIT"]),
    "XFORWARD": ({"XFORWARD": "550 no"}, TO + ["QUIT"]),
    "MAIL, gone": ({"MAIL": Sink.DROP}, TO + ["QUIT"]),
    "RCPT, gone": ({"RCPT": [Sink.DROP]}, TO + ["RCPT TO:<root>", "RSET", "MAIL FROM:<>", "RCPT TO:<root>", "QUIT"]),
    "DATA, gone": ({"DATA": Sink.DROP}, TO + ["DATA", "QUIT"]),
    "content, gone": ({"BODY": Sink.DROP}, MESSAGE),
    "end, gone": ({".": Sink.DROP}, MESSAGE),
    "RCPT, 354": ({"RCPT": "354 odd"}, TO + ["QUIT"]),
    "DATA, 250": ({"DATA": "250 odd"}, TO + ["DATA", "QUIT"]),
    "MAIL, silence": ({"MAIL": Sink.HANG}, TO + ["QUIT"]),
    "end, silence": ({".": Sink.HANG}, MESSAGE),
}

WHEN_LATE = [name for name, (script, steps) in ODD.items() if steps[-2:-1] == [BODY]]


class Proxy(ComparisonTestCase):
    maxDiff = None
    offer = OFFER
    main_cf = {"smtpd_error_sleep_time": "0", "smtpd_proxy_timeout": "2", "inet_protocols": "all", "local_recipient_maps": "",
               "smtpd_forbid_unauth_pipelining": "no", "smtpd_authorized_xclient_hosts": "127.0.0.1",
               "smtpd_authorized_xforward_hosts": "127.0.0.1",
               "smtpd_recipient_restrictions": "check_recipient_access inline:{x@bad.test=REJECT}",
               "smtpd_relay_restrictions": "",
               "smtpd_sender_restrictions": "check_sender_access inline:{{hold@far.test = HOLD}, {pre@far.test = PREPEND X-A: b}}",
               "smtpd_end_of_data_restrictions": "check_sender_access inline:{{no@far.test = REJECT}}"}

    @classmethod
    def configure(cls, suite):
        suite.filter = Sink(keywords=["PIPELINING", "SIZE 0", "8BITMIME", "DSN", cls.offer])
        suite.set(smtpd_proxy_filter="127.0.0.1:%d" % suite.filter.port, smtpd_recipient_restrictions=
                  cls.main_cf["smtpd_recipient_restrictions"] + ", permit_mynetworks, reject_unauth_destination")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.ours.filter.close()
        cls.theirs.filter.close()

    def through(self, suite, steps, script):
        """Replies, what the filter saw, and the log of a session."""
        f = suite.filter
        commands, messages, mark = len(f.commands), len(f.messages), suite.log_mark()
        for verb, what in {"XFORWARD": "250 Ok", **script}.items():
            f.reply(verb, what)
        lines = transcript(steps, run_session(suite, steps))
        suite.wait_for_log("disconnect from ", since=mark)
        f.settle()
        for verb in script:
            f.reply(verb, [])
        saw = [c for c in f.commands[commands:] if c != "QUIT"]     # which may come late
        text = [m.text for m in f.messages[messages:]]
        log = [line for line in mask_lines(suite.log_lines(mark), suite) if "postfix/smtpd" in line]
        told = "\n".join(saw + text + log).replace(":%d" % f.port, ":FILTER")
        return lines + re.sub(r"\bPORT=\d{4,}", "PORT=N", mask(told, suite)).split("\n")

    def check(self, table):
        for name, (script, steps) in table.items():
            with self.subTest(session=name):
                ours, theirs = (self.through(s, steps, script) for s in (self.ours, self.theirs))
                self.assert_same(ours, theirs, name)

    def good(self):
        return {name: ({}, steps) for name, steps in GOOD.items()}


@oracle.needed
class ProxyFilter(Proxy):
    def test_good_sessions(self):
        self.check(self.good())

    def test_odd_filters(self):
        self.check(ODD)

    def test_no_filter(self):
        for suite in (self.ours, self.theirs):
            suite.filter.close()
        try:
            self.check({"down": ({}, TO + ["RCPT TO:<root>", "QUIT"])})
        finally:
            for suite in (self.ours, self.theirs):
                port = suite.filter.port
                suite.filter = Sink(keywords=suite.filter.keywords, port=port)


@oracle.needed
class LateProxyFilter(Proxy):
    main_cf = {**Proxy.main_cf, "smtpd_proxy_options": "speed_adjust"}

    def test_good_sessions(self):
        self.check(self.good())

    def test_odd_filters(self):
        self.check({name: ODD[name] for name in WHEN_LATE})


@oracle.needed
class EarlyProxyFilter(Proxy):
    """The filter is asked at MAIL already, and knows two attributes of XFORWARD only."""
    offer = "XFORWARD NAME FOO SOURCE"
    main_cf = {**Proxy.main_cf, "smtpd_delay_open_until_valid_rcpt": "no"}

    def test_good_sessions(self):
        self.check({name: ({}, GOOD[name]) for name in ("one", "reset", "refused here")})

    def test_odd_filters(self):
        self.check({name: ODD[name] for name in ("MAIL", "greeting", "MAIL, gone", "MAIL, silence", "one RCPT")})


del Proxy

if __name__ == "__main__":
    unittest.main()
