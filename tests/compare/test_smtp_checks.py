"""smtp_header_checks and its kin: what the server receives, and what is logged on the way."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask, mask_lines
from support.sink import KEYWORDS

SENDER = "s@mail.example.test"

HEADER = r"""
/^X-Warn:/ WARN be careful
/^X-Info:/ INFO
/^X-Info-Text:/ info some text
/^X-Prepend:/ PREPEND X-New: one
/^X-Prepend-Bad:/ PREPEND not a header
/^X-Prepend-Empty:/ PREPEND
/^X-Replace:/ REPLACE X-Replaced: two
/^X-Replace-Bad:/ REPLACE not a header
/^X-Replace-Empty:/ REPLACE
/^X-Ignore:/ IGNORE
/^X-Ignore-Text:/ IGNORE text
/^X-Strip:/ STRIP why not
/^X-Dunno:/ DUNNO
/^X-Ok:/ OK
/^X-Reject:/ REJECT no
/^X-Hold:/ HOLD
/^X-Discard:/ DISCARD x
/^X-Filter:/ FILTER a:b
/^X-Redirect:/ REDIRECT a@b.test
/^X-Bcc:/ BCC a@b.test
/^X-Pass:/ PASS
/^X-Bogus:/ BOGUS what
/^X-Fold: / WARN fold
/^X-Long:/ WARN long
/^Content-/ WARN MIME header among the others
/^From: a@/ REPLACE From: b@mail.example.test
/^From: gen/ WARN checked after it was rewritten
/^Cc: / PREPEND Reply-To: a@mail.example.test
/^(Return-Path|Delivered-To|X-Original-To)/ WARN added here
"""
MIME = r"""
/^(Content-[a-z]+: .*)$/ WARN mime $1
/^MIME-Version/ WARN version
/^X-Drop/ IGNORE
/./ INFO any mime
"""
NESTED = r"""
/^Subject:/ REPLACE Subject: nested
/./ INFO any nested
"""
BODY = r"""
/^warn/ WARN b
/^info/ INFO
/^replace/ REPLACE replaced line
/^prepend/ PREPEND prepended: line
/^dot/ REPLACE .dot
/^ignore/ IGNORE
/^strip/ STRIP gone
/^reject/ REJECT
/^bogus/ BOGUS
/^zzz/ INFO chunk
/^yyyya/ REPLACE first
/^yyyyb/ IGNORE
/^yyyy/ STRIP
/^xx/ PREPEND pre
/^--/ INFO boundary
/^this is no/ INFO no header
/^$/ INFO empty
/^late/ WARN beyond body_checks_size_limit
"""
GENERIC = "/^a@mail.example.test/ a@out.test\n/^b@mail.example.test/ b@out.test\n"

ACTIONS = "".join("X-%s: value\n" % name for name in (
    "Warn", "Info", "Info-Text", "Prepend", "Prepend-Bad", "Prepend-Empty", "Replace", "Replace-Bad", "Replace-Empty",
    "Ignore", "Ignore-Text", "Strip", "Dunno", "Ok", "Reject", "Hold", "Discard", "Filter", "Redirect", "Bcc", "Pass",
    "Bogus"))
HEADERS = "From: x@y.test\nTo: q@q.test\n"
PARTS = """From: a@mail.example.test
Cc: q@q.test
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary=b
Subject: outer

preamble
--b
Content-Type: text/plain
X-Drop: from a part
X-Other: kept

warn x

--b
Content-Type: message/rfc822

Subject: inner
From: a@mail.example.test
Content-Type: text/plain
X-Other: a

replace x
--b
Content-Transfer-Encoding: base64
Content-Type: text/plain
X-Other: b

aGFsbG8=
--b
X-Other: c
this is no header
warn y
--b
Content-Transfer-Encoding: 8bit
Content-Type: text/plain; charset=utf-8

warn \u00e9
--b--
warn after
"""
EIGHT_BIT = HEADERS + """MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit
Subject: x

warn \u00e9
replace
"""
CASES = [
    ("actions", HEADERS + ACTIONS + "\nx\n"),
    ("folded", HEADERS + "X-Fold: one\n two\n\tthree\nX-Fold : four\nX-Long: " + "y" * 300 + "\n\nx\n"),
    ("body", HEADERS + "\n" + "".join(w + " 1\n" for w in (
        "warn", "info", "replace", "prepend", "dot", "ignore", "strip", "reject", "bogus")) + "\n.warn\n"),
    ("long-lines", HEADERS + "\n" + "z" * 5000 + "\n" + "yyyya" + "y" * 2043 + "yyyyb" + "y" * 2043 + "yyyyc\nafter\n"
     + "x" * 4098 + "\nyyyyc\nyyyy\nend\n"),
    ("replaced-then-generic", "From: a@mail.example.test\nCc: q@q.test\n\nx\n"),
    ("parts", PARTS),
    ("no-header", HEADERS + "X-Warn: a\nthis is no header\nwarn x\n"),
    ("eight-bit", EIGHT_BIT),
    ("headers-only", HEADERS + "X-Warn: a\n"),
    ("late", HEADERS + "\n" + ("f" * 99 + "\n") * 600 + "late\n"),
]


def describe(suite, name, text, since):
    """Deliver TEXT; what was logged, then what arrived."""
    before = len(suite.sink.messages)
    suite.sendmail(["-i", "-f", SENDER, name + "@far.test"], text)
    suite.wait_for_log(r"to=<%s@far.test>.* status=" % name, since=since)
    lines = [line for line in mask_lines(suite.log_lines(since), suite) if "/smtp[" in line]
    arrived = suite.sink.messages[before:]
    return lines + [line for message in arrived for line in mask(message.text, suite).split("\n")]


@oracle.needed
class SmtpChecks(ComparisonTestCase):
    relay = True
    main_cf = {
        "smtp_connection_cache_on_demand": "no",
        "smtp_header_checks": "regexp:@etc@/header",
        "smtp_mime_header_checks": "regexp:@etc@/mime",
        "smtp_nested_header_checks": "regexp:@etc@/nested",
        "smtp_body_checks": "regexp:@etc@/body",
        "smtp_generic_maps": "regexp:@etc@/generic",
    }

    @classmethod
    def configure(cls, suite):
        for name, text in (("header", HEADER), ("mime", MIME), ("nested", NESTED), ("body", BODY), ("generic", GENERIC)):
            suite.write("etc/" + name, text)

    def compare_cases(self, prefix, keywords):
        for name, text in CASES:
            got = []
            for suite in (self.ours, self.theirs):
                suite.sink.keywords = keywords
                got.append(describe(suite, prefix + name, text, suite.log_mark()))
            with self.subTest(prefix + name):
                self.assert_same(got[0], got[1], prefix + name)

    def test_eight_bit_server(self):
        self.compare_cases("", KEYWORDS)

    def test_seven_bit_server(self):
        self.compare_cases("seven-", ["PIPELINING"])


@oracle.needed
class BrokenTable(ComparisonTestCase):
    """A table that cannot be asked: the mail waits, and the server gets nothing of it."""
    relay = True
    main_cf = {"smtp_header_checks": "regexp:@etc@/missing"}

    def test_missing(self):
        got = []
        for suite in (self.ours, self.theirs):
            lines = describe(suite, "missing", HEADERS + "\nx\n", suite.log_mark())
            got.append([line for line in lines if "status=" in line or "checks lookup error" in line])
            self.assertEqual(suite.sink.messages, [])
        self.assertEqual(len(got[0]), 2, got[0])
        self.assert_same(got[0], got[1], "missing table")


@oracle.needed
class BrokenBodyTable(BrokenTable):
    main_cf = {"smtp_body_checks": "regexp:@etc@/missing"}


if __name__ == "__main__":
    unittest.main()
