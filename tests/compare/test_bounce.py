"""Whole reports of non-delivery, delay and success, headers to last boundary, against Postfix's.

Mail to there.test, where the senders are, is kept in the queue, and compared there.
"""
import os
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase, at_once
from support.mask import mask_lines
from support.queued import wait_queued

HEADERS = ("From: a@far.test\nTo: b@far.test\nSubject: original\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
           "Message-Id: <x@far.test>\n")
TRANSPORTS = ("inline:{ {fail.test=error:5.1.1 User unknown; a text that is long enough to be folded, at the width "
              "that the report has got} {later.test=retry:4.4.1 no route} {ok.test=discard:}"
              " {there.test=retry:4.0.0 held} {mail.example.test=retry:4.0.0 held}"
              " {origin.test=retry:4.0.0 held} }")
TEMPLATE = ("# comment\nfailure_template = <<END\nCharset: utf-8\nFrom: Foo <MAILER-DAEMON>\nsUbject: My $subject\n"
            "Postmaster-Subject: PM\n\ntext $$ ${myhostname} $mydomain\n  $maximal_queue_lifetime_days\n\u00fc\n END\nEND\n"
            "success_template = <<EOF\nFoo: x\n\nx\nEOF\ndelay_template = <<EOF\nno header\nEOF\n")

FAIL, SENDER = ["u@fail.test"], "s@there.test"
# (sender, recipients, options of MAIL, options of RCPT, text)
MAIL = {
    "one": (SENDER, FAIL, "", "", HEADERS + "\ntext\n"),
    "alias": (SENDER, ["al@here.test"], "", "", HEADERS + "\ntext\n"),
    "envelope id, headers": (SENDER, FAIL, "RET=HDRS ENVID=e+2Bf", "", HEADERS + "\ntext\n"),
    "full": (SENDER, FAIL, "RET=FULL", "", HEADERS + "\ntext\n"),
    "null sender": ("", FAIL, "", "", HEADERS + "\ntext\n"),
    "quoted recipient": (SENDER, ['"a b"@fail.test'], "", "", HEADERS + "\ntext\n"),
    "quoted sender": ('"a b"@there.test', FAIL, "", "", HEADERS + "\ntext\n"),
    "original recipient": (SENDER, FAIL, "", "ORCPT=rfc822;Foo+2B@bar.test", HEADERS + "\ntext\n"),
    "7bit": (SENDER, FAIL, "BODY=7BIT", "", HEADERS + "\ntext\n"),
    "8bit": (SENDER, FAIL, "BODY=8BITMIME", "", HEADERS + "\n\u00e4\n"),
    "long line": (SENDER, FAIL, "", "", HEADERS + "\n" + "z" * 5000 + "\n"),
    "no body": (SENDER, FAIL, "", "", HEADERS),
    "too large": (SENDER, FAIL, "", "", HEADERS + "\n" + ("z" * 70 + "\n") * 800),
    "notify failure": (SENDER, FAIL, "", "NOTIFY=FAILURE", HEADERS + "\ntext\n"),
    "success": (SENDER, ["u@ok.test"], "", "NOTIFY=SUCCESS,FAILURE", HEADERS + "\ntext\n"),
    "success, full": (SENDER, ["u@ok.test"], "RET=FULL", "NOTIFY=SUCCESS", HEADERS + "\ntext\n"),
    "delay": (SENDER, ["u@later.test"], "", "", HEADERS + "\ntext\n"),
    "delay not wanted": (SENDER, ["u@later.test"], "", "NOTIFY=FAILURE", HEADERS + "\ntext\n"),
}
# (arguments of sendmail, text)
SUBMISSIONS = {
    "verp": (["-f", SENDER, "-XV", "u@fail.test"], HEADERS + "\ntext\n"),
    "verp, alias": (["-f", SENDER, "-XV", "al@here.test"], HEADERS + "\ntext\n"),
    "verify": (["-f", SENDER, "-bv", "u@fail.test"], ""),
    "verify, good": (["-f", SENDER, "-bv", "u@ok.test"], ""),
    "verbose": (["-f", SENDER, "-v", "u@ok.test"], HEADERS + "\ntext\n"),
}
REPORT = re.compile(r"postfix/bounce\[\d+\]: ([0-9A-F]+): (\w+ .*notification): ([0-9A-F]+)$")


class ReportsCase(ComparisonTestCase):
    maxDiff = None
    main_cf = {"transport_maps": TRANSPORTS, "mydestination": "here.test", "local_recipient_maps": "",
               "smtpd_reject_unlisted_recipient": "no", "delay_warning_time": "1s", "queue_run_delay": "1s",
               "minimal_backoff_time": "1s", "maximal_backoff_time": "1s", "notify_classes": "bounce, 2bounce, delay",
               "virtual_alias_maps": "inline:{ {al@here.test=x@fail.test} }", "append_dot_mydomain": "no"}

    def lines_of(self, suite, report_id):
        queued = wait_queued(suite, report_id)
        text = queued.content.decode("utf-8", "surrogateescape")
        text = re.sub(r"\b[0-9A-F]+\.\d{10}/", "QID.SECONDS/", text)
        head = ["sender %s" % queued.sender, "recipients %s" % queued.recipients, "attributes %s" % sorted(
            "%s=%s" % item for item in queued.attributes.items() if item[0] != "create_time")]
        return mask_lines(head + text.split("\n"), suite)

    def reports(self, suite, submit, names):
        """The masked reports on one message, and the log lines about them."""
        mark = suite.log_mark()
        submit(suite)
        # messages and reports of before are tried again each second, and are told of when they wait
        queue_id = suite.wait_for_log(r"(?:smtpd|pickup)\[\d+\]: (\w+): (?:client|uid)=", since=mark).group(1)
        for name in names:
            suite.wait_for_log(r"postfix/bounce\[\d+\]: %s: %s: " % (queue_id, name), since=mark)
        out = []
        for line in suite.log_lines(mark):
            found = REPORT.search(line)
            if found and found.group(1) == queue_id:
                out.append((found.group(2), self.lines_of(suite, found.group(3))))
        return ["%s: %s" % (what, line) for what, lines in sorted(out) for line in lines]

    def expected_reports(self, name):
        if "verify" in name or name == "verbose" or name.startswith("success,") or name == "success":
            return ["sender delivery status notification"]
        if name == "delay":
            return ["sender delay notification", "postmaster delay notification"]
        if name == "delay not wanted":
            return ["postmaster delay notification"]
        if name == "null sender":
            return ["postmaster non-delivery notification"]
        return ["sender non-delivery notification", "postmaster non-delivery notification"]

    def compare_reports(self, name, submit):
        names = self.expected_reports(name)
        got = at_once(lambda suite: self.reports(suite, submit, names), (self.ours, self.theirs))
        if name.startswith("verify"):       # the probe itself is sendmail's
            got = [lines[:[n for n, line in enumerate(lines) if "Content-Description: Message" in line][0]]
                   for lines in got]
        self.assertTrue(got[1])
        self.assert_same(got[0], got[1], "report '%s'" % name)

    def by_smtp(self, sender, recipients, options, rcpt_options, text):
        def submit(suite):
            with suite.smtp() as c:
                c.send("MAIL FROM:<%s> %s\r\n" % (sender, options))
                self.assertEqual(c.read_reply().code, 250)
                for recipient in recipients:
                    c.send("RCPT TO:<%s> %s\r\n" % (recipient, rcpt_options))
                    self.assertEqual(c.read_reply().code, 250)
                self.assertEqual(c.data(text.encode("utf-8")).code, 250)
        return submit

    def compare_all(self, names=None):
        for name, row in MAIL.items():
            if names is None or name in names:
                with self.subTest(mail=name):
                    self.compare_reports(name, self.by_smtp(*row))


@oracle.needed
class Reports(ReportsCase):
    def test_by_smtp(self):
        self.compare_all()

    def test_by_sendmail(self):
        for name, (args, text) in SUBMISSIONS.items():
            with self.subTest(submission=name):
                self.compare_reports(name, lambda suite: suite.sendmail(args, text))


@oracle.needed
class WithoutUtf8(ReportsCase):
    main_cf = dict(ReportsCase.main_cf, smtputf8_enable="no", header_from_format="obsolete",
                   enable_threaded_bounces="yes", myorigin="origin.test", bounce_size_limit="4000")

    def test_by_smtp(self):
        self.compare_all()


@oracle.needed
class Templates(ReportsCase):
    main_cf = dict(ReportsCase.main_cf, bounce_template_file="@etc@/bounce.cf", mydomain="xn--mller-kva.test",
                   internal_mail_filter_classes="bounce")

    @classmethod
    def configure(cls, suite):
        with open(os.path.join(suite.etc, "bounce.cf"), "w", encoding="utf-8") as f:
            f.write(TEMPLATE)

    def test_by_smtp(self):
        self.compare_all({"one", "success", "delay", "null sender"})


if __name__ == "__main__":
    unittest.main()
