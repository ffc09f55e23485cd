"""smtp_reply_filter and smtp_delivery_status_filter: outcomes and log lines."""
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines

SENDER = "s@mail.example.test"
TEXT = "From: <%s>\nSubject: x\n\ntext\n" % SENDER


class FilterTestCase(ComparisonTestCase):
    relay = True
    tables = {}

    @classmethod
    def configure(cls, suite):
        for name, text in cls.tables.items():
            suite.write("etc/" + name, text)

    def compare_reply(self, name, verb, reply):
        got = []
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            suite.sink.reply(verb, reply)
            suite.sendmail(["-i", "-f", SENDER, name + "@far.test"], TEXT)
            suite.wait_for_log(r"to=<%s@far.test>.* status=" % name, since=mark)
            suite.sink.reply(verb, None)
            lines = [line for line in suite.log_lines(mark)
                     if "/smtp[" in line and re.search("status=|replacing|lookup error for|non-ESMTP|bad status", line)]
            got.append(mask_lines(lines, suite))
        with self.subTest(name):
            self.assert_same(got[0], got[1], name)


@oracle.needed
class ReplyFilter(FilterTestCase):
    main_cf = {"smtp_connection_cache_on_demand": "no", "smtp_reply_filter": "regexp:@etc@/reply"}
    tables = {"reply": r"""
/^550 nope/ 450 4.2.0 later
/^250 turn/ 550 5.1.1 turned
/^501/ 250 fine
/^garbage/ 250-filler
/^251/ 250
/^(250)-8BITMIME/ ${1}-NOTHING
!/^[2-5][0-9][0-9]($|[- ])/ 250-filler for garbage
"""}

    def test_replies(self):
        for name, verb, reply in (
                ("plain", "NOOP", None), ("rcpt", "RCPT", "550 nope"), ("mail", "MAIL", "250 turn"),
                ("ehlo", "EHLO", "501 what"), ("bare", "RCPT", "251 moved"), ("lines", "RCPT", "550-nope\n550 nope"),
                ("greeting", "CONNECT", "xyz\n220 sink.test ESMTP"), ("dot", ".", "250 turn"),
                ("garbage-first", ".", "garbage\nmore of it\n250 2.0.0 Ok")):
            self.compare_reply(name, verb, reply)


@oracle.needed
class BrokenReplyFilter(FilterTestCase):
    main_cf = {"smtp_reply_filter": "regexp:@etc@/missing"}

    def test_missing(self):
        self.compare_reply("missing", "NOOP", None)


@oracle.needed
class StatusFilter(FilterTestCase):
    main_cf = {"smtp_connection_cache_on_demand": "no",
               "default_delivery_status_filter": "regexp:@etc@/status"}
    tables = {"status": r"""
/^5(\.1\.1 .*)/ 4$1 (softened)
/^4(\.2\.0 .*)/ 5$1 (hardened)
/^2(\.0\.0) .*/ 2$1 delivered somewhere
/^5\.7\.1/ 2.0.0 not a success
/^5\.7\.2/ 5.9.9
/^5\.7\.3/ nothing of the kind
"""}

    def test_outcomes(self):
        for name, verb, reply in (
                ("sent", "NOOP", None), ("soft", "RCPT", "550 5.1.1 no"), ("hard", "RCPT", "450 4.2.0 later"),
                ("same", "RCPT", "550 5.1.2 no"), ("success", "RCPT", "550 5.7.1 no"),
                ("no-text", "MAIL", "550 5.7.2 no"), ("no-code", "MAIL", "550 5.7.3 no")):
            self.compare_reply(name, verb, reply)


if __name__ == "__main__":
    unittest.main()
