"""postscreen: what clients see, and what is logged, against Postfix's.

All dialogues of a class run at the same time, each from an address of its own.
"""
import re
import time

from support import certificates, gate, oracle
from support.compare import ComparisonTestCase, whole_log
from support.dns import DnsServer
from support.gate import greeting

MAIL = ["EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "QUIT"]


def early(text):
    """Talk before the greeting is complete: at once, as on a busy machine the wait for it is over soon."""
    def speak(client):
        client.send(text)
        client.read_line()
        return None
    speak.__name__ = "early"
    return speak


def reset(client):
    client.read_line()
    client.reset()


def closed(client):
    """The server has nothing to add."""
    client.sock.settimeout(10)
    data = client.pending + client.sock.recv(1000)
    if data:
        raise AssertionError("more: %r" % data)


class Gate(ComparisonTestCase):
    maxDiff = None
    dns = None
    mask = "127.0.7.%d"
    quiet = "2s"
    settings = {}
    dialogues = {}

    @classmethod
    def setUpClass(cls):
        cls.main_cf = dict({"postscreen_greet_wait": cls.quiet, "postscreen_access_list": "", "respectful_logging": "yes",
                            "smtpd_peername_lookup": "no", "smtpd_forbid_unauth_pipelining": "no",
                            "smtpd_recipient_restrictions": "check_recipient_access static:{550 5.7.9 met smtpd}",
                            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
                            "compatibility_level": "3.6"}, **cls.settings)
        super().setUpClass()

    @classmethod
    def configure(cls, suite):
        suite.gate_port = gate.new_port()
        suite.master_cf = gate.services(suite.gate_port)
        if cls.dns:
            suite.resolver = cls.dns.address
        suite.write_config()

    def talk(self, suite, dialogues):
        """All of them at once; {name: what was seen and logged}."""
        names = sorted(dialogues)
        mark = suite.log_mark()
        sources = {name: self.mask % (i + 2) for i, name in enumerate(names)}
        said = gate.all_at_once([lambda name=name: gate.converse(suite.gate_port, sources[name], dialogues[name])
                                 for name in names])
        whole_log(suite, mark)          # who has begun with a client has said so by now
        return {name: [gate.hide(line, suite) for line in lines] + gate.log_of(suite, sources[name], mark)
                for name, lines in zip(names, said)}

    def compare(self, dialogues):
        ours, theirs = gate.all_at_once([lambda s=s: self.talk(s, dialogues) for s in (self.ours, self.theirs)])
        for name in sorted(dialogues):
            with self.subTest(name):
                self.assert_same(ours[name], theirs[name], name)

    def cache(self, suite):
        """Records, with times as hours from now."""
        suite.stop()
        now = time.time()

        def hours(found):
            stamp = int(found[0])
            return "%d" % stamp if stamp < 2 else "+%dh" % round((stamp - now) / 3600)
        lines = suite.run("postmap", "-s", "btree:%s/data/postscreen_cache" % suite.dir).stdout.splitlines()
        suite.start()
        return sorted(re.sub(r"\b\d+(?=;|$)", hours, line) for line in lines if not line.startswith("_"))


@oracle.needed
class Ignore(Gate):
    """Nothing is refused; the SMTP server gets them all."""

    def test(self):
        self.compare({
            "patient": [greeting, "QUIT"], "early": [early("NOOP\r\n"), greeting, greeting, "QUIT"],
            "reset": [reset], "hang up": [lambda client: client.read_line() and None],
        })
        self.compare({"patient": [greeting, "QUIT"], "new": [greeting, "QUIT"]})   # "patient" is known by now
        self.assert_same(self.cache(self.ours), self.cache(self.theirs), "cache")


@oracle.needed
class Enforce(Gate):
    settings = {"postscreen_greet_action": "enforce", "postscreen_command_count_limit": "30"}

    def test(self):
        lines = {
            "mail": ["MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "RCPT TO:<e@d.test>", "DATA"],
            "arguments": ["HELO", "HELO y", "EHLO", "EHLO z a", "MAIL", "MAIL FROM", "MAIL FROM:",
                          "MAIL FROM:<a@b.test> BODY=8BITMIME", "MAIL FROM:<x>", "RCPT", "RCPT TO:",
                          "RCPT TO:<a> NOTIFY=NEVER", "QUIT x"],
            "others": ["HELO a", "MAIL FROM:a", "RCPT TO:b", "RSET a", "NOOP a", "VRFY", "VRFY a b", "ETRN a", "ETRN",
                       "STARTTLS", "DATA a"],
            "addresses": ["MAIL FROM:<a@b> SIZE=3", "RCPT TO:<b>", "EHLO y", "RCPT TO:<b>", "", " NOOP", "noop",
                          "Mail From:<\"a b\"@c>", "RCPT TO:<>", "RCPT TO:<@a:b@c>", "RCPT FROM:<b>", "RCPT TO: <b>",
                          "RCPT  TO:<\"a b\"@c>", "RCPT TO:<b", "RCPT TO:b c", "STARTTLS x", "QUIT"],
            "not there": ["AUTH PLAIN", "XCLIENT a=b", "XFORWARD a", "HELP", "EXPN", "WHAT", "quit"],
            "blanks": ["  EHLO   x  ", "MAIL   FROM:<a>", "  RCPT\tTO:<b>", "QUIT  "],
            "bdat": ["BDAT 3"], "bdat, mail": ["MAIL FROM:<a>", "BDAT 3 LAST"], "data": ["DATA"],
            "count": ["NOOP"] * 31,
        }
        self.compare({name: [early("EHLO x\r\n"), greeting] + steps for name, steps in lines.items()})
        self.compare({"long": [early(b"EHLO " + b"x" * 3000 + b"\r\n"), greeting],
                      "partial": [early(b"EHLO x\r\nQU"), greeting, (b"IT\r\n", 1)],
                      "no early word": [greeting, "QUIT"]})


@oracle.needed
class Drop(Gate):
    settings = {"postscreen_greet_action": "drop", "soft_bounce": "yes",
                "postscreen_access_list": "cidr:{{127.0.7.2 reject}}", "postscreen_denylist_action": "drop"}

    def test(self):
        self.compare({"a: denied": [greeting], "early": [early("EHLO x\r\n"), greeting], "patient": [greeting, "QUIT"]})


@oracle.needed
class AccessList(Gate):
    settings = {"postscreen_denylist_action": "enforce", "mynetworks": "127.0.7.3", "postscreen_access_list":
                "cidr:{{127.0.7.2 reject}, {127.0.7.4 permit}, {127.0.7.5 dunno}, {127.0.7.6 foo}}, permit_mynetworks",
                "postscreen_allowlist_interfaces": "!127.0.0.1 static:all"}

    def test(self):
        self.compare({"a": [greeting] + MAIL, "b": [greeting] + MAIL, "c": [greeting] + MAIL, "d": [greeting] + MAIL,
                      "e": [greeting] + MAIL})


@oracle.needed
class OldWords(AccessList):
    settings = dict(AccessList.settings, respectful_logging="no", postscreen_denylist_action="ignore")


DEEP = {"pass": MAIL, "hang up": MAIL[:3], "no RCPT": ["EHLO x", "MAIL FROM:<a>", "QUIT"], "RCPT alone": ["RCPT TO:<a>", "QUIT"],
        "hang up early": ["EHLO x"], "nothing": [],
        "pipelined": ["EHLO x", (b"MAIL FROM:<a@b>\r\nRCPT TO:<b>\r\nNOOP\r\n", 3), "RCPT TO:<c>", "QUIT"],
        "pipelined DATA": ["EHLO x", "MAIL FROM:<a>", (b"DATA\r\nfoo: bar\r\nxx", 1)],
        "pipelined QUIT": ["EHLO x", (b"QUIT\r\nNOOP\r\n", 1)], "pipelined EHLO": [(b"EHLO x\r\nNOOP\r\nQUIT\r\n", 3)],
        "bare newline": [(b"EHLO x\n", 1), "MAIL FROM:<a@b>", (b"RCPT TO:<b>\n", 1), "RCPT TO:<b>", "QUIT"],
        "GET": ["EHLO x", "GET / HTTP/1.0", "MAIL FROM:<a>", "RCPT TO:<b>", "CONNECT", "QUIT"],
        "header": ["EHLO x", "Subject: foo", "MAIL FROM:<a>", "RCPT TO:<b>", "QUIT"],
        "header of two words": ["EHLO x", "Sub ject : foo", ":x", "QUIT"],
        "after RCPT": MAIL[:3] + [(b"RCPT TO:<c>\r\nNOOP\r\n", 2), "RCPT TO:<c>", (b"NOOP\n", 1), "QUIT"],
        "all": [(b"EHLO x\nGET / HTTP\nMAIL FROM:<a>\nRCPT TO:<b>\n", 4), "QUIT"]}


@oracle.needed
class Deep(Gate):
    settings = {"postscreen_pipelining_enable": "yes", "postscreen_bare_newline_enable": "yes",
                "postscreen_non_smtp_command_enable": "yes", "postscreen_forbidden_commands": "CONNECT GET POST",
                "smtpd_helo_required": "no"}

    def test(self):
        self.compare({name: [greeting] + steps for name, steps in DEEP.items()})
        self.assert_same(self.cache(self.ours), self.cache(self.theirs), "cache")
        self.compare({name: [greeting] + MAIL for name in DEEP})     # who has to take them again?
        self.assert_same(self.cache(self.ours), self.cache(self.theirs), "cache")


@oracle.needed
class DeepEnforced(Deep):
    settings = dict(Deep.settings, postscreen_pipelining_action="ignore", postscreen_bare_newline_action="enforce",
                    postscreen_non_smtp_command_action="enforce")


@oracle.needed
class DeepDropped(Deep):
    settings = dict(Deep.settings, postscreen_pipelining_action="drop", postscreen_bare_newline_action="drop",
                    postscreen_non_smtp_command_action="ignore")


@oracle.needed
class Settings(Gate):
    settings = {"postscreen_greet_action": "enforce", "postscreen_helo_required": "yes",
                "postscreen_disable_vrfy_command": "yes", "postscreen_command_filter": "inline:{{FOO=RSET}, {BAR= NOOP x}}",
                "postscreen_reject_footer": "\\c; $server_name $client_address $client_port end\\nline two",
                "postscreen_discard_ehlo_keywords": "dsn,size", "line_length_limit": "512",
                "postscreen_discard_ehlo_keyword_address_maps": "inline:{{127.0.7.2=chunking 8bitmime}}"}

    def test(self):
        self.compare({
            "a: keywords": [early("EHLO x\r\n"), greeting, "MAIL FROM:<a>", "BDAT 3"],
            "filter": [early("HELO x\r\n"), greeting, "EHLO x", "FOO", "BAR", "QQ", "VRFY", "VRFY x", "ETRN x", "QUIT"],
            "helo": [early("NOOP\r\n"), greeting, "MAIL FROM:<a>", "ETRN x", "RCPT TO:<b>", "EHLO x"] + MAIL[1:],
            "long": [early("EHLO x\r\n"), greeting, "A" * 511, (b"A" * 512 + b"\r\n", 1)],
            "long, no end": [early("EHLO x\r\n"), greeting, (b"A" * 600, 1)],
        })


@oracle.needed
class Time(Gate):
    settings = {"postscreen_greet_action": "enforce", "postscreen_command_time_limit": "3s"}

    def test(self):
        self.compare({"silent": [early("EHLO x\r\n"), greeting, greeting, closed],
                      "half a line": [early("EHLO x\r\n"), greeting, (b"NOO", 1), closed]})


def zone(*listings):
    records = {("up.a.test", "A"): ["127.0.0.2"]}
    for number, domain, values in listings:
        records[("%d.7.0.127.%s.test" % (number, domain), "A")] = values
    return records


class Dns(Gate):
    """Clients are named by the number their address gets: a 127.0.7.2, b 127.0.7.3 and so on.

    Answers count until the wait before the greeting is over, and first some fifty dnsblog processes have to begin.
    """
    quiet = "8s"
    records = zone((2, "a", ["127.0.0.2"]), (3, "a", ["127.0.0.2"]), (3, "b", ["127.0.0.4"]), (4, "b", ["127.0.0.9"]),
                   (5, "w", ["127.0.0.2"]), (6, "w", ["127.0.0.2"]), (6, "a", ["127.0.0.2"]), (7, "c", ["127.0.0.10"]),
                   (8, "c", ["127.0.0.55"]), (9, "b", ["127.0.0.4", "127.0.0.5"]), (10, "a", DnsServer.SERVFAIL))

    @classmethod
    def setUpClass(cls):
        cls.dns = DnsServer(cls.records)
        try:
            super().setUpClass()
        except BaseException:
            cls.dns.close()
            raise

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.dns.close()

    def talk(self, suite, dialogues):
        """Of failures the one says more than the other about why."""
        seen = super().talk(suite, dialogues)
        return {name: [re.sub(r"(lookup error for DNS query \S+:).*", r"\1", line) for line in lines]
                for name, lines in seen.items()}


DNS_SETTINGS = {"postscreen_dnsbl_sites": "a.test*2, b.test=127.0.0.[4;9], w.test*-3 c.test=127.0.0.[5..12]*4",
                "postscreen_dnsbl_threshold": "2"}


@oracle.needed
class DnsEnforced(Dns):
    settings = dict(DNS_SETTINGS, postscreen_dnsbl_action="enforce", postscreen_greet_action="enforce")

    def test(self):
        self.compare({name: [greeting] + MAIL for name in "abcdefghi"})
        self.compare({"a": [early("EHLO x\r\n"), greeting] + MAIL[1:], "b": [greeting] + MAIL, "c": [greeting] + MAIL})


@oracle.needed
class DnsDropped(Dns):
    settings = dict(DNS_SETTINGS, postscreen_dnsbl_action="drop", postscreen_dnsbl_allowlist_threshold="-1",
                    postscreen_pipelining_enable="yes", postscreen_dnsbl_reply_map="inline:{{a.test=public.example}}")

    def test(self):
        self.compare({name: [greeting] + MAIL for name in "abcd"})
        self.assert_same(self.cache(self.ours), self.cache(self.theirs), "cache")


@oracle.needed
class DnsOnly(Dns):
    settings = dict(DNS_SETTINGS, postscreen_greet_banner="", postscreen_greet_wait="10s")

    def test(self):
        self.compare({name: [greeting, "QUIT"] for name in "abcde"})
        self.assert_same(self.cache(self.ours), self.cache(self.theirs), "cache")


def start_tls(client):
    return client.start_tls(certificates.client())


@oracle.needed
class Tls(Gate):
    settings = {"postscreen_greet_action": "enforce", "postscreen_pipelining_enable": "yes", "smtpd_tls_security_level": "may",
                "smtpd_tls_loglevel": "1", "smtpd_tls_chain_files": "@etc@/server.pem"}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=server")
        super().configure(suite)

    def test(self):
        self.compare({
            "mail": [greeting, "EHLO x", start_tls] + MAIL, "HELO": [greeting, "HELO x", start_tls, "QUIT"],
            "state": [greeting, "EHLO x", "MAIL FROM:<a>", start_tls, "RCPT TO:<x>", "EHLO y", "STARTTLS", "NOOP", "QUIT"],
            "pipelined inside": [greeting, "EHLO x", start_tls, (b"EHLO x\r\nNOOP\r\n", 2), "QUIT"],
            "no TLS": [greeting] + MAIL,
        })


@oracle.needed
class TlsDemanded(Tls):
    settings = dict(Tls.settings, postscreen_tls_security_level="encrypt")

    def test(self):
        self.compare({"commands": [greeting, "EHLO x", "NOOP", "MAIL FROM:<a>", "RCPT TO:<a>", "VRFY x", "ETRN x", "RSET",
                                   "DATA", "BDAT 4 LAST", "FOO", "QUIT"],
                      "mail": [greeting, "EHLO x", start_tls] + MAIL})
