"""What smtpd and cleanup leave in the queue, record by record: the suite against Debian's Postfix."""
import contextlib
import os
import re
import unittest

from compare.test_message_headers import SUBMISSIONS, TEXTS
from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines
from support.smtp import SmtpClient
from support.wait import until

PORTS = re.compile(r"(client_port|server_port)=\d+")
SIZES = re.compile(r"^message_size:.*$")
CASES = {
    "FILTER": "filter@here.test", "REDIRECT": "redirect@here.test", "BCC": "bcc@here.test",
    "HOLD": "hold@here.test", "PREPEND": "prepend@here.test", "PREPEND twice": "both@here.test",
}
ACCESS = """filter@here.test FILTER smtp:[127.0.0.1]:9
redirect@here.test REDIRECT elsewhere@far.test
bcc@here.test BCC copy@far.test
hold@here.test HOLD look at it
prepend@here.test PREPEND X-Access: yes
both@here.test both
discard@here.test DISCARD for test
bad@here.test FILTER
warn@here.test WARN be careful
info@here.test INFO for the log
"""


class QueueFileCase(ComparisonTestCase):
    """Every message is held, so that its file stays."""
    maxDiff = None
    maps = {"access": ACCESS, "one": "127.0.0.1 PREPEND X-One: 1\n", "two": "far.test PREPEND X-Two: 2\n"}
    main_cf = {"mydestination": "here.test", "local_recipient_maps": "", "myorigin": "origin.test",
               "smtpd_recipient_restrictions": "check_recipient_access hash:@etc@/access, "
                                               "check_client_access static:HOLD",
               "smtpd_restriction_classes": "both",
               "both": "check_client_access hash:@etc@/one, check_sender_access hash:@etc@/two",
               "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
               "smtpd_authorized_xforward_hosts": "127.0.0.0/8 10.0.0.0/8"}

    def held(self, suite):
        """Messages on hold that are complete: the name is there before the end of the file is."""
        found = set()
        for path in suite.queue_files("hold"):
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_mode & 0o100:
                    found.add(path)
        return found

    def held_text(self, suite, submit):
        """Hand in a message; its queue file as postcat shows it."""
        before = self.held(suite)
        submit(suite)
        until(lambda: self.held(suite) - before, 60, lambda: "a held message\n" + suite.tail())
        path = (self.held(suite) - before).pop()
        lines = suite.run("postcat", path).stdout.split("\n")
        lines = [SIZES.sub("message_size", PORTS.sub(r"\1=PORT", line)) for line in lines
                 if not line.startswith("***")]
        return mask_lines(lines, suite)

    def compare_file(self, name, submit):
        got = [self.held_text(suite, submit) for suite in (self.ours, self.theirs)]
        self.assert_same(got[0], got[1], "queue file of '%s'" % name)

    @staticmethod
    def dialogue(commands, text="Subject: s\n\ntext\n"):
        def submit(suite):
            client = SmtpClient(("127.0.0.1", suite.port), 20)
            client.greeting()
            for line in commands:
                client.send(line + "\r\n")
                reply = client.read_reply()
                if reply.code >= 400:
                    raise AssertionError("%s: %s" % (line, reply.lines))
            reply = client.data(text.encode("utf-8"))
            client.close()
            if reply.code != 250:
                raise AssertionError(reply.lines)
        return submit


@oracle.needed
class AccessActions(QueueFileCase):
    def transaction(self, recipient):
        return self.dialogue(["EHLO client.test", "MAIL FROM:<a@far.test>", "RCPT TO:<%s>" % recipient])

    def test_actions(self):
        for name, recipient in CASES.items():
            with self.subTest(action=name):
                self.compare_file(name, self.transaction(recipient))

    def test_log(self):
        for recipient in ("filter", "redirect", "bcc", "hold", "discard", "warn", "info"):
            with self.subTest(recipient=recipient):
                marks = self.marks()
                for suite in (self.ours, self.theirs):
                    self.transaction(recipient + "@here.test")(suite)
                    suite.wait_for_log(r"disconnect from|lost connection", since=marks[suite is self.theirs])
                self.compare_log(marks, ": RCPT from ")

    def test_discard_leaves_nothing(self):
        for suite in (self.ours, self.theirs):
            before = self.held(suite)
            self.transaction("discard@here.test")(suite)
            self.assertEqual(suite.queue_files("incoming", "active", "deferred"), [])
            self.assertEqual(self.held(suite), before)


@oracle.needed
class ForwardedClients(QueueFileCase):
    MAIL = ["MAIL FROM:<a@far.test>", "RCPT TO:<b@here.test>"]

    def test_xforward(self):
        for name, lines in {
            "all": ["XFORWARD NAME=f.test ADDR=10.9.9.9 PORT=99 HELO=h.test PROTO=SMTP IDENT=ABCDEF SOURCE=LOCAL"],
            "remote": ["XFORWARD NAME=f.test ADDR=10.9.9.9 SOURCE=REMOTE"],
            "unavailable": ["XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]"],
            "two commands": ["XFORWARD NAME=f.test", "XFORWARD ADDR=10.1.1.1"],
            "encoded": ["XFORWARD NAME=f+2Etest IDENT=a+2Bb"],
            "forgotten at EHLO": ["XFORWARD NAME=f.test", "EHLO other.test"],
        }.items():
            with self.subTest(name):
                self.compare_file(name, self.dialogue(["EHLO client.test"] + lines + self.MAIL))

    def test_xclient(self):
        for name, lines in {
            "all": ["XCLIENT NAME=n.test ADDR=10.2.3.4 PORT=5 HELO=h.test PROTO=ESMTP REVERSE_NAME=r.test"],
            "no name": ["XCLIENT NAME=[UNAVAILABLE]", "EHLO b"],
            "name look-up failed": ["XCLIENT NAME=[TEMPUNAVAIL] PORT=[UNAVAILABLE]", "EHLO b"],
            "address only": ["XCLIENT ADDR=10.2.3.4"],
            "login": ["XCLIENT LOGIN=joe", "EHLO b"],
            "destination": ["XCLIENT DESTADDR=10.7.7.7 DESTPORT=25", "EHLO b"],
            "then xforward": ["XCLIENT ADDR=10.2.3.4 NAME=n.test", "EHLO b", "XFORWARD NAME=f.test"],
        }.items():
            with self.subTest(name):
                self.compare_file(name, self.dialogue(["EHLO client.test"] + lines + self.MAIL))

    def test_replies(self):
        for line in ("XCLIENT", "XCLIENT NAME", "XCLIENT FOO=x", "XCLIENT NAME=a b", "XCLIENT NAME=bad..x",
                     "XCLIENT ADDR=1.2.3", "XCLIENT ADDR=[UNAVAILABLE]", "XCLIENT PROTO=FOO", "XCLIENT PORT=x",
                     "XCLIENT DESTADDR=x", "XCLIENT HELO=" + "a" * 300, "xclient name=lc.test", "XFORWARD",
                     "XFORWARD NAME", "XFORWARD FOO=x", "XFORWARD NAME=bad..x", "XFORWARD ADDR=1.2",
                     "XFORWARD PORT=x", "XFORWARD PROTO=FOO", "XFORWARD SOURCE=x", "XFORWARD IDENT=+zz",
                     "XFORWARD HELO=" + "a" * 300):
            with self.subTest(line[:30]):
                self.compare_session(line[:30], ["EHLO client.test", line, "EHLO again.test", "QUIT"])
        self.compare_session("in a transaction", self.MAIL[:1] + ["XCLIENT NAME=x", "XFORWARD NAME=x"])
        self.compare_session("no right any more", ["XCLIENT ADDR=10.1.1.1", "XCLIENT NAME=x", "EHLO x"])

    def test_log(self):
        for lines in (["XFORWARD NAME=f.test ADDR=10.9.9.9 IDENT=Q-1"], ["XCLIENT LOGIN=joe NAME=n.test", "EHLO b"]):
            marks = self.marks()
            for suite in (self.ours, self.theirs):
                self.dialogue(["EHLO client.test"] + lines + self.MAIL)(suite)
            for suite, mark in zip((self.ours, self.theirs), marks):
                suite.wait_for_log("disconnect from|lost connection", since=mark)
            self.compare_log(marks, ": client=")


@oracle.needed
class Footers(ComparisonTestCase):
    maxDiff = None
    maps = {}
    main_cf = {"smtpd_reject_footer": r"\c. Ask $server_name about ($client_address)\nsecond line $$5",
               "smtpd_reject_footer_maps": "regexp:{{/^500 5.5.2 Error: command/ see the map}}",
               "local_recipient_maps": ""}

    def test_replies(self):
        self.compare_session("footer", ["EHLO client.test", "FOO", "RCPT TO:<a@b>", "MAIL FROM", "ETRN nowhere.test",
                                        "MAIL FROM:<a@b.test>", "RCPT TO:<x@far..test>", "QUIT"])


@oracle.needed
class Contents(QueueFileCase):
    """Headers added, removed and rewritten, as they are in the queue."""
    main_cf = {**QueueFileCase.main_cf, "header_checks": "regexp:{{/^Received:/ HOLD}}"}

    def test_by_smtp(self):
        lines = ["EHLO client.test", "MAIL FROM:<s@there.test>", "RCPT TO:<u@here.test>"]
        for name, text in TEXTS.items():
            with self.subTest(message=name):
                self.compare_file(name, self.dialogue(lines, text))

    def test_large_body(self):
        """Some 400 kB: ordinary lines in long runs, and among them what must not pass in such a run."""
        special = ["--b", "Content-Type: text/plain", "X-Part: \tblanks ", "", "--bc", "--", ".", "..", "stray\rreturn",
                   "\r", "ends in\r", "caf\u00e9", "x" * 127, "x" * 128, "x" * 2047, "x" * 2048, "x" * 2049,
                   "y" * 5000, "a" * 2047 + "\rb", "From here", "--b", "Content-Type: message/rfc822", "",
                   "Subject: inner", "", "--b--", "after", ""]
        head = "Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        lines = []
        for number in range(3 * len(special)):
            lines += ["%d %s" % (number, "text " * (count % 16)) for count in range(60)]
            lines.append(special[number % len(special)])
        commands = ["EHLO client.test", "MAIL FROM:<s@there.test>", "RCPT TO:<u@here.test>"]
        for name, text in {"multipart": head + "\n".join(lines) + "\n",
                           "plain": "Subject: s\n\n" + "\n".join(lines) + "\n"}.items():
            with self.subTest(message=name):
                self.compare_file(name, self.dialogue(commands, text))

    def test_senders(self):
        for sender in ("", "bare", "a@b", "a%b@c.test", '"q q"@far.test', "UPPER@FAR.TEST", "x@far.test."):
            with self.subTest(sender=sender):
                self.compare_file(sender, self.dialogue(
                    ["EHLO client.test", "MAIL FROM:<%s>" % sender, "RCPT TO:<u@here.test>"]))

    def test_options(self):
        for options in ("BODY=8BITMIME", "RET=HDRS ENVID=e+2Bf", "SIZE=100", "SMTPUTF8"):
            with self.subTest(options=options):
                self.compare_file(options, self.dialogue(
                    ["EHLO client.test", "MAIL FROM:<s@there.test> " + options,
                     "RCPT TO:<u@here.test> NOTIFY=DELAY ORCPT=rfc822;o+2Bp@q"], TEXTS["whole"]))

    def test_by_sendmail(self):
        for name, (args, text) in SUBMISSIONS.items():
            with self.subTest(submission=name):
                self.compare_file(name, lambda suite: suite.sendmail(args, text))

    def test_sendmail_bs(self):
        text = "EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\nSubject: s\r\n\r\nt\r\n.\r\nQUIT\r\n"
        self.compare_file("-bs", lambda suite: suite.sendmail(["-bs"], text))


if __name__ == "__main__":
    unittest.main()
