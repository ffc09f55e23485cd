"""What becomes of mail that a server treats in one way or another: log lines and commands."""
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase, at_once
from support.mask import mask_lines
from support.sink import Sink

SENDER = "s@mail.example.test"
TEXT = "From: <%s>\nSubject: x\n\n.text\n" % SENDER


@oracle.needed
class SmtpClient(ComparisonTestCase):
    relay = True
    main_cf = {"smtp_helo_timeout": "2s", "smtp_mail_timeout": "2s", "smtp_rcpt_timeout": "2s",
               "smtp_data_init_timeout": "2s", "smtp_data_done_timeout": "2s",
               "smtp_connection_cache_on_demand": "no"}

    def deliver(self, suite, name, keywords):
        """One message; the lines of its outcome and the commands that the server saw."""
        mark, before = suite.log_mark(), len(suite.sink.commands)
        usual, suite.sink.keywords = suite.sink.keywords, keywords or suite.sink.keywords
        recipients = ["%s-%s@far.test" % (name, u) for u in "ab"]
        suite.sendmail(["-i", "-f", SENDER] + recipients, TEXT)
        for recipient in recipients:
            suite.wait_for_log(r"to=<%s>.* status=" % recipient, since=mark)
        suite.sink.settle()         # the commands after the refused one are still to be read
        suite.sink.keywords = usual
        lines = [line for line in suite.log_lines(mark) if "/smtp[" in line and "status=" in line]
        lines = [re.sub(r"Ok: \d+", "Ok: N", line) for line in sorted(lines)]     # the sink's clock
        return mask_lines(lines, suite), [c.split(" SIZE")[0] for c in suite.sink.commands[before:]
                                                  if c not in ("RSET", "QUIT")]

    def compare_reply(self, name, verb, reply, keywords=None):
        def look(suite):
            suite.sink.reply(verb, reply)
            try:
                return self.deliver(suite, name, keywords)
            finally:
                suite.sink.reply(verb, None)
        got = at_once(look, (self.ours, self.theirs))
        self.assert_same(got[0][0], got[1][0], "outcome of '%s'" % name)
        self.assert_same(got[0][1], got[1][1], "commands of '%s'" % name)

    def test_replies(self):
        drop, hang = Sink.DROP, Sink.HANG
        rows = [
            ("all well", "NOOP", None), ("rcpt5", "RCPT", "550 5.1.1 no"), ("rcpt4", "RCPT", "450 no"),
            ("two-lines", "RCPT", "550-5.1.1 one\n550 5.1.2 two"), ("mail5", "MAIL", "550 5.7.1 no"),
            ("mail4", "MAIL", "450 4.7.1 no"), ("data5", "DATA", "554 no"), ("data4", "DATA", "451 4.3.0 no"),
            ("dot5", ".", "554 5.6.0 no"), ("dot4", ".", "451 no"), ("dot3", ".", "354 what"),
            ("conn5", "CONNECT", "554 no"), ("conn4", "CONNECT", "421 4.3.2 no"), ("ehlo5", "EHLO", "500 no"),
            ("ehlo421", "EHLO", "421 no"), ("data2", "DATA", "250 what"), ("mail3", "MAIL", "354 what"), ("rcpt3", "RCPT", "354 what"), ("drop-conn", "CONNECT", drop), ("drop-ehlo", "EHLO", drop),
            ("drop-mail", "MAIL", drop), ("drop-rcpt", "RCPT", drop), ("drop-data", "DATA", drop),
            ("drop-dot", ".", drop), ("hang-conn", "CONNECT", hang), ("hang-mail", "MAIL", hang),
            ("hang-dot", ".", hang),
        ]
        for name, verb, reply in rows:
            with self.subTest(name):
                self.compare_reply(name.replace(" ", "-"), verb, reply)
            with self.subTest(name, pipelining=False):
                self.compare_reply(name.replace(" ", "-") + "-alone", verb, reply, ["8BITMIME", "DSN"])


if __name__ == "__main__":
    unittest.main()
