"""cleanup(8): what becomes of envelope, headers and body; what is refused and how it is logged."""
import re
import unittest

from support.cleanup import (BOUNCE_APPEND, BOUNCE_FLUSH, END, FLAG_BOUNCE, FLAG_DISCARD, FLAG_HOLD,
                             FLAGS_EXTERNAL, Cleanup, content, envelope, record, records)
from support.product import staged
from support.wait import until

FROM_CLIENT = [record("A", "log_message_origin=name[192.0.2.1]"),
               record("A", "log_helo_name=helo.test"), record("A", "log_protocol_name=ESMTP")]
TAIL = " from name[192.0.2.1]; from=<a@b.test> to=<c@far.test> proto=ESMTP helo=<helo.test>"
CHECKS = """
/^X-Reject:/ REJECT
/^X-Go-Away:/ REJECT 4.7.9 go away
/^X-Discard:/ DISCARD why not
/^X-Hold:/ HOLD look at it
/^X-Filter:/ FILTER smtp:[192.0.2.9]:2
/^X-Redirect:/ REDIRECT redir@far.test
/^X-Bcc:/ BCC copy@far.test
/^X-Warn:/ WARN some text
/^X-Warn-Silent:/ WARN
/^X-Prepend:/ PREPEND X-Pre: yes
/^X-Replace:/ REPLACE X-New: there
/^X-Ignore:/ IGNORE
/^X-Strip:/ STRIP
/^X-Pass:/ PASS
/^X-Unknown:/ FROBNICATE p
/^X-No-Target:/ REDIRECT foo
"""
BODY_CHECKS = """
/^breject/ REJECT body no
/^breplace/ REPLACE new line
/^bignore/ IGNORE
/^bprepend/ PREPEND before
"""


class CleanupTest(unittest.TestCase):
    main_cf = ""
    tables = {}

    def setUp(self):
        self.cleanup = Cleanup(staged().daemon("cleanup"), self.main_cf)
        self.addCleanup(self.cleanup.stop)
        for name, text in self.tables.items():
            with open(self.cleanup.path(name), "w") as f:
                f.write(text)
        self.cleanup.start()

    def send(self, text, flags=FLAGS_EXTERNAL, **kwargs):
        return self.cleanup.send(envelope(**kwargs) + content(text) + END, flags)

    def accept(self, text, **kwargs):
        queue_id, answer = self.send(text, **kwargs)
        self.assertEqual(answer["status"], 0, answer)
        return queue_id

    def body_of(self, text, **kwargs):
        """What was stored, without the headers that are added."""
        stored = self.cleanup.text(self.accept(text, **kwargs))
        return re.sub(r"(?m)^(Resent-)?(Message-Id|Date|From): .*\n", "", stored)


class Headers(CleanupTest):
    main_cf = "undisclosed_recipients_header = To: undisclosed:;"

    def test_missing_headers(self):
        queue_id = self.accept("Subject: x\n\nbody\n")
        self.assertEqual(self.cleanup.text(queue_id), "\n".join([
            "Subject: x", "Message-Id: <20261121211055.%s@our.test>" % queue_id,
            "Date: Sat, 21 Nov 2026 21:10:55 +0000 (UTC)", "From: a@b.test", "To: undisclosed:;",
            "", "body", ""]))
        self.cleanup.wait_for_log("%s: message-id=<20261121211055.%s@our.test>" % (queue_id, queue_id))

    def test_strangers_headers_stay(self):
        text = "Subject: x\nTo: user\n\nbody\n"
        queue_id = self.accept(text, context="remote")
        self.assertEqual(self.cleanup.text(queue_id), text)
        self.cleanup.wait_for_log("%s: message-id=<>" % queue_id)

    def test_shapes(self):
        rows = (
            ("no header", "no header at all\nx: y\n", "To: undisclosed:;\n\nno header at all\nx: y\n"),
            ("no body", "To: x@y\n", "To: x@y\n"),
            ("broken off", "To: x@y\nSubject: s\n cont\nNo header\nMore: z\n",
             "To: x@y\nSubject: s\n cont\n\nNo header\nMore: z\n"),
            ("mailbox lines", ">From a\nFrom b c\nTo: x@y\n\nz\n",
             "X-Mailbox-Line: >From a\nX-Mailbox-Line: From b c\nTo: x@y\n\nz\n"),
            ("dropped", "Return-Path: <x>\nbcc: secret\n more\nContent-Length: 3\nTo: x@y\n\nz\n",
             "To: x@y\n\nz\n"),
            ("rewritten", "to: A <local>, (c) user@host\n\nz\n",
             "to: A <local@our.test>, user@host (c)\n\nz\n"),
            ("untouched", "To:A <a@x.test>,b@x.test (c),\n\t d@x.test\n\nz\n",
             "To:A <a@x.test>,b@x.test (c),\n\t d@x.test\n\nz\n"),
            ("stray CR", "To: x@y\n\na\rb\n", "To: x@y\n\na b\n"),
            ("long line", "To: x@y\n\n" + "y" * 5000 + "\n", "To: x@y\n\n" + "y" * 5000 + "\n"),
            ("long line without header", "y" * 200000 + "\n",
             "To: undisclosed:;\n\n" + "y" * 200000 + "\n"),
        )
        for name, given, expected in rows:
            with self.subTest(name):
                self.assertEqual(self.body_of(given), expected)

    def test_resent(self):
        queue_id = self.accept("Resent-From: you\nTo: x@y\n\nx\n")
        text = self.cleanup.text(queue_id)
        self.assertIn("Resent-From: you@our.test\n", text)
        self.assertIn("Resent-Message-Id: <20261121211055.%s@our.test>\nResent-Date: " % queue_id, text)
        self.assertNotIn("\nFrom:", text)

    def test_full_names(self):
        for name, expected in (("root", "root"), ('Smith, J. "q"', '"Smith, J. \\"q\\""'),
                               ("N\u00e4me".encode().decode("latin1"), "=?utf-8?Q?N=C3=A4me?=")):
            with self.subTest(name):
                queue_id = self.accept("To: x@y\n\nx\n", extra=[record("F", name)])
                self.assertIn("\nFrom: %s <a@b.test>\n" % expected, self.cleanup.text(queue_id))

    def test_too_many_hops(self):
        queue_id, answer = self.send("Received: x\n" * 50 + "\n")
        self.assertEqual((answer["smtp_code"], answer["reason"]), (554, "5.4.0 Error: too many hops"))
        self.cleanup.wait_for_log("warning: %s: message rejected: hopcount exceeded" % queue_id)
        self.assertEqual(self.cleanup.files(), [])
        self.assertEqual(self.send("Received: x\n" * 49 + "\n")[1]["status"], 0)

    def test_encoding_is_noted(self):
        queue_id = self.accept("Content-Transfer-Encoding: 8bit\n\nx\n")
        self.assertIn(b"X\0A\rencoding=8bit", self.cleanup.file(queue_id))

    def test_hold_and_discard(self):
        queue_id = self.accept("Subject: x\n\n", flags=FLAGS_EXTERNAL | FLAG_HOLD)
        self.assertEqual((self.cleanup.files("hold"), self.cleanup.files()), ([queue_id], []))
        self.accept("Subject: x\n\n", flags=FLAGS_EXTERNAL | FLAG_DISCARD)
        self.assertEqual(self.cleanup.files(), [])


class Checks(CleanupTest):
    main_cf = "header_checks = regexp:@dir@/headers\nbody_checks = regexp:@dir@/body\n"
    tables = {"headers": CHECKS, "body": BODY_CHECKS}

    def send(self, text, flags=FLAGS_EXTERNAL, **kwargs):
        return super().send(text, flags, extra=FROM_CLIENT, **kwargs)

    def log_of(self, queue_id, line):
        self.cleanup.wait_for_log("%s: %s" % (queue_id, line))

    def test_refusals(self):
        for header, code, reason in (
                ("X-Reject: a", 550, "5.7.1 message content rejected"),
                ("X-Go-Away: a", 451, "4.7.9 go away")):
            queue_id, answer = self.send(header + "\n\n")
            self.assertEqual((answer["smtp_code"], answer["reason"]), (code, reason))
            self.log_of(queue_id, "reject: header %s%s: %s" % (header, TAIL, reason))
        queue_id, answer = self.send("A: b\n\nbreject\n")
        self.assertEqual(answer["reason"], "5.7.1 body no")
        self.log_of(queue_id, "reject: body breject%s: 5.7.1 body no" % TAIL)
        self.assertEqual(self.cleanup.files(), [])

    def test_actions(self):
        rows = (
            ("X-Warn: a", "warning: header X-Warn: a%s: some text", "X-Warn: a\n"),
            ("X-Warn-Silent: a", "warning: header X-Warn-Silent: a%s", "X-Warn-Silent: a\n"),
            ("X-Prepend: a", "prepend: header X-Prepend: a%s: X-Pre: yes", "X-Pre: yes\nX-Prepend: a\n"),
            ("X-Replace: a\n\tb", "replace: header X-Replace: a??b%s: X-New: there", "X-New: there\n"),
            ("X-Strip: a", "strip: header X-Strip: a%s", ""),
            ("X-Pass: a\nX-Reject: b", "pass: header X-Pass: a%s", "X-Pass: a\nX-Reject: b\n"),
            ("X-Ignore: a", "message-id=", ""),
        )
        for header, line, stored in rows:
            with self.subTest(header):
                queue_id = self.accept(header + "\n\nbody\n")
                self.assertTrue(self.cleanup.text(queue_id).startswith(stored + "Message-Id:"))
                self.log_of(queue_id, line % TAIL if "%s" in line else line)

    def test_routing(self):
        queue_id = self.accept("X-Filter: a\nX-Bcc: a\nX-Redirect: a\n\n")
        found = [(kind, data.decode()) for _, kind, data in records(self.cleanup.file(queue_id))]
        at = found.index(("X", ""))
        self.assertEqual(found[at + 1:], [
            ("L", "smtp:[192.0.2.9]:2"), (">", "redir@far.test"), ("A", "notify_flags=1"),
            ("O", "copy@far.test"), ("R", "copy@far.test"), ("E", "")])
        self.accept("X-Hold: a\n\n")
        self.assertEqual(len(self.cleanup.files("hold")), 1)
        before = self.cleanup.files()
        self.accept("X-Discard: a\n\n")
        self.assertEqual(self.cleanup.files(), before)

    def test_mistakes_in_tables(self):
        for header, line in (
                ("X-Unknown", "warning: unknown command in header_checks map: FROBNICATE p"),
                ("X-No-Target",
                 'warning: bad REDIRECT target "foo" in header_checks map -- need user@domain')):
            self.accept(header + ": a\n\n")
            self.cleanup.wait_for_log(line)

    def test_body_lines(self):
        self.assertEqual(self.body_of("A: b\n\nbreplace\nbignore\nbprepend\nend\n"),
                         "A: b\n\nnew line\nbefore\nbprepend\nend\n")

    def test_mime_parts(self):
        queue_id, answer = self.send(
            "Content-Type: multipart/mixed; boundary=abc\n\n--abc\nContent-Type: message/rfc822\n\n"
            "X-Warn: nested\n\nbody\n--abc\nX-Reject: part\n\nbody\n--abc--\n")
        self.assertEqual(answer["smtp_code"], 550)
        self.log_of(queue_id, "warning: header X-Warn: nested" + TAIL)
        self.log_of(queue_id, "reject: header X-Reject: part" + TAIL)


class BrokenHeaderFixed(CleanupTest):
    """non_empty_end_of_header_action."""
    action, added = "fix_quietly", []
    what = "message header was not terminated by empty line"

    def setUp(self):
        self.main_cf = "non_empty_end_of_header_action = %s\n" % self.action
        super().setUp()

    def test_action(self):
        queue_id = self.accept("Subject: x\nno header\nmore\n")
        header, body = self.cleanup.text(queue_id).split("\n\n", 1)
        self.assertEqual(body, "no header\nmore\n")
        self.assertEqual([line for line in header.split("\n") if "MIME-Error" in line], self.added)

    def test_whole_header(self):
        for text in ("Subject: x\n\nno header\n", "Subject: x\n", "\nbody\n"):
            self.assertNotIn("MIME-Error", self.cleanup.text(self.accept(text)))


class BrokenHeaderTold(BrokenHeaderFixed):
    action, added = "add_header", ["MIME-Error: " + BrokenHeaderFixed.what]


class BrokenHeaderRefused(BrokenHeaderFixed):
    action = "reject"

    def test_action(self):
        _, answer = self.send("Subject: x\nno header\nmore\n", extra=FROM_CLIENT)
        self.assertEqual((answer["smtp_code"], answer["reason"]), (550, "5.6.0 " + self.what))
        self.cleanup.wait_for_log("reject: mime-error %s: no header" % self.what)
        self.assertEqual(self.cleanup.files(), [])


class Addresses(CleanupTest):
    main_cf = """
recipient_delimiter = +
always_bcc = ever@far.test
recipient_bcc_maps = inline:{c@far.test=rbcc@far.test}
sender_bcc_maps = inline:{bccme@b.test=sbcc@far.test}
masquerade_domains = !keep.m.test m.test
masquerade_exceptions = root
canonical_maps = inline:{a@can.test=b@can.test,b@can.test=c@can.test,l1@can.test=l2@can.test,l2@can.test=l1@can.test}
virtual_alias_maps = inline:{{v@vir.test=a@far.test,b@far.test,V@vir.test},{b@far.test=b2@far.test},{@cat.test=x@far.test},{user@ext.test=u2@far.test},{loop@vir.test=loop2@vir.test},{loop2@vir.test=loop@vir.test},{@moved.test=@far.test}} fail:later
"""

    def test_recipients(self):
        rows = (
            (["c@far.test", "C@far.test"], ["c@far.test", "rbcc@far.test"]),
            (["a+ext@can.test"], ["c+ext@can.test"]),
        )
        self.cleanup.stop()
        self.main_cf = self.main_cf.replace("fail:later", "")
        self.setUp()
        for given, expected in rows + (
                (["v@vir.test"], ["a@far.test", "b2@far.test", "V@vir.test"]),
                (["q+x@cat.test"], ["x@far.test"]), (["user+foo@ext.test"], ["u2+foo@far.test"]),
                (["who@moved.test"], ["who@far.test"]), (["plain"], ["plain@our.test"])):
            with self.subTest(given):
                queue_id = self.accept("A: b\n\n", recipients=given)
                self.assertEqual(self.cleanup.recipients(queue_id), expected + ["ever@far.test"])
        queue_id, answer = self.send("A: b\n\n", recipients=["loop@vir.test"])
        self.assertEqual((answer["smtp_code"], answer["reason"]), (451, "4.6.0 Alias expansion error"))
        self.cleanup.wait_for_log("warning: %s: unreasonable virtual_alias_maps map nesting for "
                                  "loop@vir.test -- message not accepted, try again later" % queue_id)

    def test_senders(self):
        self.cleanup.stop()
        self.main_cf = self.main_cf.replace("fail:later", "")
        self.setUp()
        for given, expected in (("a@can.test", "c@can.test"), ("u@h.m.test", "u@m.test"),
                                ("root@h.m.test", "root@h.m.test"), ("u@keep.m.test", "u@keep.m.test"),
                                ("l1@can.test", "l1@can.test"), ("", ""), ("local", "local@our.test")):
            with self.subTest(given):
                queue_id = self.accept("A: b\n\n", sender=given)
                self.assertIn(record("S", expected), self.cleanup.file(queue_id))
        queue_id = self.accept("A: b\n\n", sender="bccme@b.test")
        self.assertEqual(self.cleanup.recipients(queue_id)[0], "sbcc@far.test")

    def test_table_that_fails(self):
        queue_id, answer = self.send("A: b\n\n", recipients=["nobody@far.test"])
        self.assertEqual((answer["smtp_code"], self.cleanup.files()), (451, []))
        self.cleanup.wait_for_log("warning: %s: virtual_alias_maps map lookup problem for "
                                  "nobody@far.test -- message not accepted, try again later" % queue_id)


class Limits(CleanupTest):
    main_cf = "message_size_limit = 20000\ndelay_warning_time = 4h\n"

    def test_size(self):
        _, answer = self.send("A: b\n\n" + "x" * 15000 + "\n" + "x" * 6000 + "\n")
        self.assertEqual((answer["smtp_code"], answer["reason"]),
                         (552, "5.3.4 Error: message file too big"))
        self.assertEqual(self.cleanup.files(), [])

    def test_no_recipients(self):
        self.assertEqual(self.send("A: b\n\n", recipients=[])[1]["smtp_code"], 550)

    def test_several_messages_on_one_connection(self):
        connection = self.cleanup.connect()
        for _ in range(3):
            self.assertEqual(connection.message(envelope() + content("A: b\n\n") + END)[1]["status"], 0)
        connection.open()
        connection.send(0x105)
        self.assertEqual(connection.receive()[1]["status"], 1 << 9)
        self.assertEqual(len(self.cleanup.files()), 3)
        connection.close()

    def test_qmgr_is_told(self):
        queue_id = self.accept("A: b\n\n")
        connection = self.cleanup.connect()  # its answer comes after the notice was sent
        connection.message(envelope(recipients=["r%d@x" % n for n in range(51)]) +
                           content("A: b\n\n") + END)
        connection.close()
        until(lambda: len(self.cleanup.told) > 1, 30, "two notices")
        self.assertEqual([(told["queue_id"] == queue_id, told["has_envelope"])
                          for _, told in self.cleanup.told], [(True, 1), (False, 0)])

    def test_warning_time(self):
        self.assertIn(record("W", "%15d" % (1795295455 + 4 * 3600)),
                      self.cleanup.file(self.accept("A: b\n\n")))
        self.assertNotIn("W", [kind for _, kind, _ in
                               records(self.cleanup.file(self.accept("A: b\n\n", sender="")))])

    def test_broken_clients(self):
        for data in (b"N\xff\xff\xff\xff\xff", record("Z") + record("E"), record("E"),
                     b"".join(content("x\n") + END)):
            connection = self.cleanup.connect()
            connection.open()
            connection.send(0x103, data)
            try:
                self.assertNotEqual(connection.receive()[1]["status"], 0)
            except EOFError:
                pass  # what is no record ends the connection
            connection.close()
        self.accept("A: b\n\n")
        self.assertEqual(len(self.cleanup.files()), 1)


class Reports(CleanupTest):
    main_cf = """
header_checks = inline:{{X-Bad: a=REJECT no such mail}}
virtual_alias_maps = inline:{{v@vir.test=a@far.test,b@far.test}}
"""

    def test_local_mail_is_bounced(self):
        asked = self.cleanup.serve_bounce("bounce")
        queue_id, answer = self.send("X-Bad: a\n\nbody\n", FLAGS_EXTERNAL | FLAG_BOUNCE,
                                     recipients=["c@far.test", "d@far.test"])
        self.assertEqual(answer["status"], 0, answer)
        self.assertEqual([kind for kind, _ in asked], [BOUNCE_APPEND, BOUNCE_APPEND, BOUNCE_FLUSH])
        self.assertEqual(asked[2][1]["queue_id"], queue_id)
        self.assertEqual((self.cleanup.files(), self.cleanup.told), ([], []))
        self.cleanup.wait_for_log("%s: reject: header X-Bad: a from local; from=<a@b.test> "
                                  "to=<d@far.test>: 5.7.1 no such mail" % queue_id)
        self.cleanup.wait_for_log("dsn=5.7.1, status=bounced (no such mail)")

    def test_without_bounce_service_mail_stays_with_the_client(self):
        _, answer = self.send("X-Bad: a\n\nbody\n", FLAGS_EXTERNAL | FLAG_BOUNCE)
        self.assertNotEqual(answer["status"], 0)
        self.assertEqual(answer["smtp_code"] // 100, 4)
        self.assertEqual(self.cleanup.files(), [])

    def test_expanded_alias_is_reported(self):
        asked = self.cleanup.serve_bounce("trace")
        queue_id = self.accept("A: b\n\n", recipients=["v@vir.test"],
                               before_recipient=[record("A", "notify_flags=10")])
        self.assertEqual([kind for kind, _ in asked], [BOUNCE_APPEND, BOUNCE_FLUSH])
        self.assertEqual(self.cleanup.file(queue_id).count(record("A", "notify_flags=8")), 2)


if __name__ == "__main__":
    unittest.main()
