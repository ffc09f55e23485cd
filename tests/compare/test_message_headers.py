"""Messages as they leave: headers added, removed and rewritten; what sendmail makes of its input."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase

WHOLE = "From: a@far.test\nTo: b@far.test\nSubject: s\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-Id: <x@far.test>\n"

# what is sent between DATA and the dot
TEXTS = {
    "whole": WHOLE + "\ntext\n",
    "no header": "\ntext\n",
    "no header, no empty line": "text without a header\n",
    "empty": "",
    "header only": WHOLE,
    "no date": "From: a@far.test\nTo: b@far.test\nMessage-Id: <x@far.test>\n\ntext\n",
    "no from": "To: b@far.test\nMessage-Id: <x@far.test>\n\ntext\n",
    "no message id": "From: a@far.test\n\ntext\n",
    "bcc": WHOLE + "Bcc: secret@far.test\n\ntext\n",
    "return-path": WHOLE + "Return-Path: <forged@far.test>\n\ntext\n",
    "content-length": WHOLE + "Content-Length: 5\n\ntext\n",
    "folded": WHOLE + "X-Long: one\n two\n\tthree\n\ntext\n",
    "folded addresses": "From: A\n <a@far.test>\nTo: b@far.test,\n c@far.test\n\ntext\n",
    "space before the colon": "From : a@far.test\nSubject : s\n\ntext\n",
    "bad header line": WHOLE + "this is no header\n\ntext\n",
    "mbox line": "From someone Mon Jan  1 00:00:00 2024\n" + WHOLE + "\ntext\n",
    "bare addresses": "From: a\nTo: b, c\nCc: Some One <d>\nReply-To: e\n\ntext\n",
    "comments and quotes": 'From: "A. B" <a@far.test> (comment)\nTo: (x) b@far.test (y), "q,r" <s@far.test>\n\ntext\n',
    "group": "From: a@far.test\nTo: friends: b@far.test, c;\nCc: undisclosed-recipients:;\n\ntext\n",
    "resent": WHOLE + "Resent-From: r\nResent-To: t@far.test\n\ntext\n",
    "8bit": WHOLE + "X-Name: J\u00fcrgen\n\n\u00e4\u00f6\u00fc\n",
    "long line": WHOLE + "\n" + "x" * 3000 + "\n",
    "long header": WHOLE + "X-Long: " + "y" * 3000 + "\n\ntext\n",
    "dots": WHOLE + "\n.\n..\n.x\n",
    "mime": WHOLE + "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\npre\n--b\n\npart\n--b--\npost\n",
    "many received": "Received: from x by y; Mon, 1 Jan 2024 00:00:00 +0000\n" * 5 + WHOLE + "\ntext\n",
}

# (arguments of sendmail, input)
SUBMISSIONS = {
    "plain": (["u@far.test"], WHOLE + "\ntext\n"),
    "no header": (["u@far.test"], "text\n"),
    "sender": (["-f", "s@here.test", "u@far.test"], "Subject: s\n\ntext\n"),
    "null sender": (["-f", "<>", "u@far.test"], "Subject: s\n\ntext\n"),
    "full name": (["-F", "Full Name", "-f", "s@here.test", "u@far.test"], "Subject: s\n\ntext\n"),
    "full name with quotes": (["-F", 'A "B" C.', "-f", "s@here.test", "u@far.test"], "Subject: s\n\ntext\n"),
    "from header": (["-t", "-f", "s@here.test"], "To: u@far.test\nCc: v@far.test\nBcc: w@far.test\nSubject: s\n\nx\n"),
    "dot ends": (["u@far.test"], "Subject: s\n\none\n.\ntwo\n"),
    "dot does not end": (["-i", "u@far.test"], "Subject: s\n\none\n.\ntwo\n"),
    "several": (["u@far.test,v@far.test", "Some One <w@far.test>"], "Subject: s\n\ntext\n"),
    "no final newline": (["u@far.test"], "Subject: s\n\ntext"),
    "CR LF": (["u@far.test"], "Subject: s\r\n\r\ntext\r\n"),
    "envelope id": (["-V", "env", "-N", "failure", "-R", "hdrs", "u@far.test"], "Subject: s\n\ntext\n"),
    "empty": (["u@far.test"], ""),
}


@oracle.needed
class MessageHeaders(ComparisonTestCase):
    maxDiff = None
    relay = True
    main_cf = {"myorigin": "origin.test", "local_header_rewrite_clients": "permit_inet_interfaces"}

    def smtp(self, text, sender="s@there.test", options=""):
        def submit(suite):
            with suite.smtp() as client:
                self.assertEqual(client.mail(sender, options).code, 250)
                self.assertEqual(client.rcpt("u@far.test").code, 250)
                reply = client.data(text.encode("utf-8"))
                self.assertEqual(reply.code, 250, reply.lines)
        return submit

    def test_by_smtp(self):
        for name, text in TEXTS.items():
            with self.subTest(message=name):
                self.compare_message(name, self.smtp(text))

    def test_senders(self):
        for sender in ("", "bare", "a@b", "a%b@c.test", '"q q"@far.test', "UPPER@FAR.TEST", "x@far.test."):
            with self.subTest(sender=sender):
                self.compare_message(sender, self.smtp("Subject: s\n\ntext\n", sender))

    def test_envelope_options(self):
        for options in ("BODY=8BITMIME", "RET=HDRS ENVID=e+2Bf", "SIZE=100"):
            with self.subTest(options=options):
                self.compare_message(options, self.smtp(TEXTS["whole"], options=options))

    def test_by_sendmail(self):
        for name, (args, text) in SUBMISSIONS.items():
            with self.subTest(submission=name):
                self.compare_message(name, lambda suite: suite.sendmail(args, text))

    def test_log(self):
        marks = self.marks()
        for suite, mark in zip((self.ours, self.theirs), marks):
            self.smtp(TEXTS["whole"])(suite)
            suite.wait_for_log(": removed$", since=mark)
            suite.wait_for_log("disconnect from", since=mark)
        for program in ("postfix/smtpd", "postfix/cleanup", "postfix/qmgr", "postfix/smtp["):
            with self.subTest(program=program):
                self.compare_log(marks, program)


if __name__ == "__main__":
    unittest.main()
