"""The same mail filter beside Debian's Postfix and beside us: what it hears, what it brings about."""
import re
import socket
import struct
import unittest

from support import milter, oracle
from support.compare import ComparisonTestCase, run_session, transcript, wait_at_rest, whole_log
from support.mask import mask, mask_lines
from support.milter import (ACCEPT, CONN_FAIL, CONTINUE, DISCARD, PROGRESS, REJECT, SHUTDOWN, SKIP, TEMPFAIL, Milter,
                            reply_code)
from support.ports import free_port
from support.wait import until

CONTENT = (b"A: 1\r\nFrom: a@far.test\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n folded\r\nA: 2\r\nReceived: from z\r\n"
           b"Subject:  s\r\nEmpty:\r\n\r\nline1\r\n..dot\r\n.\r\n")
SESSION = ["EHLO cl.test", "FOO x", "MAIL FROM:<a@far.test> SIZE=100 BODY=8BITMIME", "RCPT TO:<b@here.test> NOTIFY=NEVER",
           "RCPT TO:<c@far.test>", "DATA", CONTENT, "MAIL FROM:<q@far.test>", "QUIT"]
ENVELOPE = SESSION[:5] + ["QUIT"]
MAIN = {"mydestination": "here.test", "local_recipient_maps": "", "local_transport": "discard:x",
        "default_transport": "discard:y", "smtpd_authorized_xclient_hosts": "127.0.0.1", "compatibility_level": "3.6",
        "milter_default_action": "tempfail"}
IMPATIENT = {"milter_connect_timeout": "3s", "milter_command_timeout": "3s", "milter_content_timeout": "3s"}
VARIES = re.compile(r"(\{(?:client|daemon)_port\}\|)[0-9]+|(?<=\|4)..(?=[0-9.]+\|$)|(?<=Date\|).*|(?<=v\|Postfix )[0-9.]+", re.S)


def heard(suite):
    """All a filter heard on connections that are over, masked."""
    filters = suite.milter
    until(lambda: filters.letters().count("closed") == filters.connections, 30, "the filter's connections to end")
    lines = []
    with filters.lock:
        for _, letter, data in filters.events:
            if letter == "C":       # a port in the middle
                data = re.sub(rb"(\x004)..", rb"\1PP", data, flags=re.S)
            text = data.decode("utf-8", "backslashreplace").replace("\0", "|")
            lines.append(mask(letter + " " + VARIES.sub("", text), suite))
        filters.events.clear()
        filters.connections = 0
    return lines


class MilterComparison(ComparisonTestCase):
    non_smtpd = False

    @classmethod
    def configure(cls, suite):
        suite.milter = Milter()
        suite.milter.__enter__()
        suite.set(**{"non_smtpd_milters" if cls.non_smtpd else "smtpd_milters": suite.milter.address})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for suite in (cls.ours, cls.theirs):
            suite.milter.__exit__()

    def prepare(self, **settings):
        for suite in (self.ours, self.theirs):
            for name, value in {"replies": {}, "edits": [], "protocol": 0, **settings}.items():
                setattr(suite.milter, name, value)

    def compare_heard(self, name):
        ours, theirs = heard(self.ours), heard(self.theirs)
        self.assert_same(ours, theirs, "what the filter hears: " + name)
        return ours

    def compare_actions(self, marks, name):
        """Log lines about filters."""
        def look(suite, mark):
            lines = [line for line in mask_lines(whole_log(suite, mark), suite) if "milter" in line]
            return [re.sub(r"inet:\[?127\.0\.0\.1\]?:\S+?: ", "FILTER: ", line) for line in lines]
        got = [look(suite, mark) for suite, mark in zip((self.ours, self.theirs), marks)]
        self.assert_same(got[0], got[1], "log of " + name)

    def compare_case(self, name, steps):
        marks = [suite.log_mark() for suite in (self.ours, self.theirs)]
        with self.subTest(name):
            self.compare_session(name, steps)
            for suite, mark in zip((self.ours, self.theirs), marks):
                suite.wait_for_log(r"disconnect from ", since=mark)
            self.compare_heard(name)
            self.compare_actions(marks, name)


@oracle.needed
class Events(MilterComparison):
    main_cf = {**MAIN, "milter_unknown_command_macros": "i {client_addr} {client_name} {client_port} {client_ptr} {daemon_port}",
               "milter_end_of_header_macros": "i j {mail_addr} {rcpt_addr} _", "milter_end_of_data_macros": "i v {x} {client_addr}",
               "milter_macro_defaults": "x=default, { {cert_issuer} = nobody }",
               "smtpd_recipient_restrictions": "check_recipient_access inline:{refused@here.test=REJECT}, permit_mynetworks, reject"}

    def test_everything(self):
        self.prepare()
        self.compare_case("all events", SESSION)

    def test_bits(self):
        for name, protocol in (("no answers", 0x1fffff & ~(1 << 10) & ~0x7f & ~0x300), ("no events", 0x37f),
                               ("no headers", 0x20), ("no body", 0x10), ("leading space", 1 << 20)):
            self.prepare(protocol=protocol)
            self.compare_case(name, SESSION)

    def test_refused_recipients(self):
        for protocol in (0, 1 << 11):
            self.prepare(protocol=protocol)
            self.compare_case("refused recipient", ["EHLO cl.test", "MAIL FROM:<a@far.test>", "RCPT TO:<refused@here.test>",
                                                    "RCPT TO:<bad@@>", "RCPT TO:<b@here.test>", "QUIT"])

    def test_beginnings(self):
        self.prepare()
        self.compare_case("greetings", ["HELO x", "EHLO y", "MAIL FROM:<a@b.test>", "EHLO z", "RSET", "MAIL FROM:<>",
                                        "RCPT TO:<b@here.test>", "RSET", "NOOP", "QUIT"])
        self.compare_case("another client", ["HELO x", "XCLIENT NAME=x.test ADDR=10.1.1.1 REVERSE_NAME=r.test", "EHLO q",
                                             "MAIL FROM:<a@b.test>", "QUIT"])

    def test_chunks(self):
        self.prepare()
        chunk = b"Subject: s\r\n\r\n" + (b"x" * 98 + b"\r\n") * 3000 + b"end\r\n"
        self.compare_case("BDAT", ["EHLO cl.test", "MAIL FROM:<a@far.test>", "RCPT TO:<b@here.test>",
                                   b"BDAT %d LAST\r\n%s" % (len(chunk), chunk), "QUIT"])

    def test_macro_lists_of_the_filter(self):
        self.prepare(macros={0: "j {client_name}", 1: "", 2: "{mail_addr}", 3: "{rcpt_addr}", 4: "i", 5: "i j", 6: "v"})
        self.compare_case("lists", SESSION)
        self.prepare(macros={})


ANSWERS = {"accept": ACCEPT, "reject": REJECT, "tempfail": TEMPFAIL, "discard": DISCARD, "skip": SKIP,
           "554": reply_code("554 5.1.2 go away"), "421": reply_code("421 4.7.5 bye"),
           "lines": reply_code("550-5.7.1 one\r\n550 5.7.1 two"), "no refusal": reply_code("299 hey"),
           "percent": reply_code("550 5.7.1 100%% bad"), "other class": reply_code("550 4.7.1 x"), "conn-fail": CONN_FAIL,
           "progress": [[PROGRESS, PROGRESS, CONTINUE]], "unknown": (b"Z", b""), "died": Milter.DIE}


@oracle.needed
class Answers(MilterComparison):
    main_cf = MAIN

    def compare_stage(self, letters, without=(), more=None):
        for letter in letters:
            for name, answer in {**ANSWERS, **(more or {})}.items():
                if name in without:
                    continue
                self.prepare(replies={letter: answer})
                steps = SESSION if letter not in "CHM" else ENVELOPE
                self.compare_case("%s to %s" % (name, letter), steps)

    def test_connection(self):
        self.compare_stage("CH", more={"shutdown": SHUTDOWN})

    def test_envelope(self):
        self.compare_stage("MRT", without=("421",), more={"shutdown": SHUTDOWN})

    def test_content(self):
        """Postfix accepts and loses the message when a filter says shutdown here; we do not."""
        self.compare_stage("LNBE")

    def test_unknown_command(self):
        """Postfix's server panics over some answers to this."""
        self.compare_stage("U", without=("accept", "discard", "reject"))


@oracle.needed
class Silence(MilterComparison):
    main_cf = {**MAIN, **IMPATIENT}

    def test_hang(self):
        for letter in "MRE":
            self.prepare(replies={letter: Milter.HANG})
            self.compare_case("hanging at " + letter, SESSION if letter == "E" else ENVELOPE)


DEFAULT_ACTIONS = ("accept", "reject", "tempfail", "quarantine", "bogus")
SERVICE = ("127.0.0.1:%d inet n - n - - smtpd -o milter_default_action=%s -o smtpd_milters=%s\n")
LIES = {"version 9": (milter.NEGOTIATE, struct.pack(">III", 9, 0, 0)), "version 1": (milter.NEGOTIATE, struct.pack(">III", 1, 0, 0)),
        "version 0": (milter.NEGOTIATE, bytes(12)), "version 2": (milter.NEGOTIATE, struct.pack(">III", 2, 0, 0)), "strange actions": (milter.NEGOTIATE, struct.pack(">III", 6, 0x7fff0000, 0)),
        "strange events": (milter.NEGOTIATE, struct.pack(">III", 6, 0, 0x7f000000)),
        "macros of stage 77": (milter.NEGOTIATE, struct.pack(">IIII", 6, 0, 0, 77) + b"i j\0"),
        "another word": CONTINUE, "a strange word": (b"\x01", b"xx")}


@oracle.needed
class DefaultActions(MilterComparison):
    """A service for each default action with a filter that fails when told, and one with a filter that is not there."""
    main_cf = {**MAIN, **IMPATIENT}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.closed = socket.socket()      # bound, but nobody listens
        suite.closed.bind(("127.0.0.1", 0))
        gone = "inet:127.0.0.1:%d" % suite.closed.getsockname()[1]
        suite.ports = {}
        for action in DEFAULT_ACTIONS:
            for where in (suite.milter.address, gone):
                suite.ports[action, where == gone] = free_port()
                suite.master_cf += SERVICE % (suite.ports[action, where == gone], action, where)
        suite.write_config()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for suite in (cls.ours, cls.theirs):
            suite.closed.close()

    def compare_failure(self, action, name, steps, is_gone=False):
        self.port = (action, is_gone)
        self.compare_case("%s: %s" % (action, name), steps)

    def compare_session(self, name, steps):
        got = [transcript(steps, run_session(s, steps, s.ports[self.port])) for s in (self.ours, self.theirs)]
        self.assert_same(got[0], got[1], "session '%s'" % name)

    def test_not_there(self):
        for action in DEFAULT_ACTIONS:
            self.prepare()
            self.compare_failure(action, "not there", SESSION, is_gone=True)

    def test_negotiation(self):
        for action in DEFAULT_ACTIONS:
            for name, answer in (("dies", Milter.DIE), ("hangs", Milter.HANG)):
                self.prepare(replies={"O": answer})
                self.compare_failure(action, name + " when it negotiates", SESSION)
        for name, terms in LIES.items():
            for action in ("tempfail", "bogus"):
                self.prepare(replies={"O": [terms]})
                self.compare_failure(action, "negotiates " + name, SESSION)

    def test_died(self):
        for action in DEFAULT_ACTIONS:
            for letter in "CHMRTU" if action == "bogus" else "CHMRTULNBE":
                self.prepare(replies={letter: Milter.DIE})
                self.compare_failure(action, "died at " + letter, SESSION)


EDITS = {
    "none": [],
    "insert": [milter.insert_header(0, "I0", "v"), milter.insert_header(1, "I1", " v"), milter.insert_header(99, "I99", "v")],
    "insert in between": [milter.insert_header(1, "I1", "v"), milter.insert_header(1, "I2", "v"),
                          milter.insert_header(3, "I3", "v"), milter.add_header("Z1", "z"), milter.add_header("Z2", "z\n\tq")],
    "change": [milter.change_header(1, "A", "new"), milter.change_header(2, "a", "new2"), milter.change_header(3, "A", "third"),
               milter.change_header(1, "X-Long", "b"), milter.change_header(1, "Subject", "b" * 5000 + "\n two")],
    "change twice": [milter.change_header(1, "Subject", "x"), milter.change_header(1, "Subject", "y\n z"),
                     milter.change_header(0, "Subject", "w")],
    "delete": [milter.change_header(1, "A", ""), milter.change_header(1, "A", "x"), milter.change_header(9, "A", ""),
               milter.change_header(1, "Empty", "")],
    "received": [milter.change_header(1, "Received", "edited"), milter.change_header(2, "Received", "another")],
    "recipients": [milter.add_recipient("n@far.test"), milter.delete_recipient("b@here.test"), (b"+", b"plain@far.test\0"),
                   milter.delete_recipient("nobody@far.test"), (b"-", b"c@far.test\0"), milter.add_recipient("c@far.test")],
    "null recipient": [milter.add_recipient("")],
    "recipient arguments": [milter.add_recipient_args("n@far.test", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;q@z"),
                            milter.add_recipient_args("m@far.test", "NOTIFY=BOGUS")],
    "sender": [milter.change_sender("new@far.test"), milter.change_sender("newer@far.test")],
    "null sender": [milter.change_sender("")],
    "sender arguments": [milter.change_sender("x@far.test", "AUTH=<> BAD=1")],
    "body": [milter.replace_body(b"x\r\ny\r\n")],
    "body in pieces": [milter.replace_body(b"pa"), milter.replace_body(b"rt\r"), milter.replace_body(b"\nl\nast")],
    "empty body": [milter.replace_body(b"")],
    "long body": [milter.replace_body((b"z" * 3000 + b"\r\n") * 20), milter.replace_body(b"end\r\n")],
    "all": [milter.insert_header(0, "X-First", "1"), milter.change_sender("o@far.test"), milter.add_recipient("n@far.test"),
            milter.delete_recipient("b@here.test"), milter.replace_body(b"n\r\n"), milter.change_header(1, "From", "zz")],
}


@oracle.needed
class Edits(MilterComparison):
    main_cf = {**MAIN, "smtpd_recipient_restrictions": "check_sender_access static:HOLD",
               "virtual_alias_maps": "inline:{n@far.test=n1@far.test}",
               "milter_header_checks": "regexp:{{/^Z1:/ WARN told}, {/^I3:/ REPLACE R3: r}}"}

    def held(self, suite):
        (name,) = suite.queue_files("hold")
        queue_id = name.rpartition("/")[2]
        text = suite.run("postcat", "-q", queue_id).stdout
        suite.run("postsuper", "-d", queue_id)
        # where records stand is not part of what the message says
        lines = [re.sub(r"^(message_size: +\S+ +)\S+ (.*)", r"\1AT \2", line) for line in mask_lines(text.splitlines(), suite)]
        return [line for line in lines if not re.match(r"pointer_record|padding|.*(client|server)_port=|named_attribute: create_time"
                                                       r"|message_arrival_time", line)]

    def test_queue_files(self):
        for name, edits in EDITS.items():
            self.prepare(edits=edits)
            marks = [suite.log_mark() for suite in (self.ours, self.theirs)]
            with self.subTest(name):
                self.compare_session(name, SESSION[:7] + ["QUIT"])
                files = [self.held(suite) for suite in (self.ours, self.theirs)]
                if name in ("long body", "body in pieces"):     # lines are cut into records elsewhere
                    files = [[line for line in lines if not line.startswith(("z", "message_size"))] for lines in files]
                self.assert_same(files[0], files[1], "queue file of '%s'" % name)
                self.compare_heard(name)
                self.compare_actions(marks, name)


@oracle.needed
class Submitted(MilterComparison):
    non_smtpd = True
    main_cf = {**MAIN, "milter_connect_macros": "j {daemon_name} {daemon_addr} v _ {client_addr} {client_name} {client_port} "
                                                "{client_ptr} {client_connections} {daemon_port}",
               "milter_end_of_header_macros": "i j", "milter_end_of_data_macros": "i {mail_addr} {rcpt_addr} _",
               "virtual_alias_maps": "inline:{q@here.test=n1@far.test}"}

    def submit(self, name, *args, pattern):
        marks = [suite.log_mark() for suite in (self.ours, self.theirs)]
        with self.subTest(name):
            for suite, mark in zip((self.ours, self.theirs), marks):
                suite.sendmail(list(args), "Subject: x\nTo: t@far.test\n\nbody\n")
                suite.wait_for_log(pattern, since=mark)
                wait_at_rest(suite)
            self.compare_heard(name)
            self.compare_actions(marks, name)

    def test_events(self):
        self.prepare()
        self.submit("plain", "-f", "me@far.test", "a@far.test", "q@here.test", pattern="removed")
        self.submit("from the header", "-f", "<>", "-t", pattern="removed")

    def test_verdicts(self):
        for letter, answer, pattern in (("E", ACCEPT, "removed"), ("C", ACCEPT, "removed"), ("E", DISCARD, "milter-discard"),
                                        ("R", DISCARD, "milter-discard"), ("E", REJECT, "status=bounced"),
                                        ("N", reply_code("554 5.7.9 no"), "status=bounced")):
            self.prepare(replies={letter: answer})
            self.submit("%r to %s" % (answer, letter), "-f", "me@far.test", "a@far.test", "q@here.test", pattern=pattern)


if __name__ == "__main__":
    unittest.main()
