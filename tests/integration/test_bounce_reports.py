"""Reports of what happened to mail, as they stand in the queue: nothing is sent out here.

Mail to there.test, where the senders are, is kept in the deferred queue by the retry service.
"""
import glob
import os
import unittest

from support.queued import wait_queued
from support.suite import Suite, SuiteTestCase
from support.wait import until

HEADERS = ("From: a@far.test\nTo: b@far.test\nSubject: original\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
           "Message-Id: <x@far.test>\n")
TRANSPORTS = ("inline:{ {fail.test=error:5.1.1 no such user} {later.test=retry:4.4.1 no route} {ok.test=discard:}"
              " {there.test=retry:4.0.0 held} {mail.example.test=retry:4.0.0 held} }")


class Reports(SuiteTestCase):
    main_cf = {"transport_maps": TRANSPORTS, "mydestination": "here.test", "local_recipient_maps": "",
               "smtpd_reject_unlisted_recipient": "no", "queue_run_delay": "1s", "minimal_backoff_time": "1s",
               "maximal_backoff_time": "1s", "delay_warning_time": "1s", "notify_classes": "",
               "virtual_alias_maps": "inline:{ {alias@here.test=x@fail.test} }", "bounce_size_limit": "3000"}

    def send(self, sender, recipients, text=HEADERS + "\ntext\n", options="", rcpt_options="", suite=None):
        with (suite or self.suite).smtp() as c:
            c.send("MAIL FROM:<%s> %s\r\n" % (sender, options))
            self.assertEqual(c.read_reply().code, 250)
            for recipient in recipients:
                c.send("RCPT TO:<%s> %s\r\n" % (recipient, rcpt_options))
                self.assertEqual(c.read_reply().code, 250)
            reply = c.data(text)
            self.assertEqual(reply.code, 250)
            return reply.text.split()[-1]

    def report_on(self, queue_id, what="sender non-delivery", suite=None):
        suite = suite or self.suite
        match = suite.wait_for_log(r"%s: %s notification: (\w+)" % (queue_id, what))
        return wait_queued(suite, match.group(1))

    def status_groups(self, report):
        parts = report.message.get_payload()
        return [dict(group.items()) for group in parts[1].get_payload()]

    def logs_left(self, queue_id):
        return [d for d in ("bounce", "trace") if os.path.exists(os.path.join(self.suite.queue_directory, d, queue_id))]

    def test_non_delivery(self):
        queue_id = self.send("s@there.test", ["u@fail.test", "alias@here.test", "ok@ok.test"], options="ENVID=e+2Bf")
        report = self.report_on(queue_id)
        self.assertEqual((report.sender, report.recipients), ("", ["s@there.test"]))
        self.assertEqual(report.attributes["log_message_origin"], "local")
        self.assertEqual(report.attributes["trace_flags"], "0")
        self.assertEqual(report.message["Subject"], "Undelivered Mail Returned to Sender")
        self.assertEqual(report.message["Auto-Submitted"], "auto-replied")
        self.assertEqual(report.message.get_content_type(), "multipart/report")
        text, _, original = report.message.get_payload()
        self.assertIn("This is the mail system at host mail.example.test.", text.get_payload())
        self.assertIn("<u@fail.test>: no such user\n", text.get_payload())
        self.assertIn("<x@fail.test> (expanded from <alias@here.test>): no such user\n", text.get_payload())
        self.assertEqual(original.get_content_type(), "message/rfc822")
        self.assertIn("Message-Id: <x@far.test>\n\ntext\n", original.as_string())
        groups = self.status_groups(report)
        self.assertEqual(groups[0]["Original-Envelope-Id"], "e+f")
        self.assertEqual(groups[0]["X-Postfix-Queue-ID"], queue_id)
        by_recipient = {g["Final-Recipient"]: g for g in groups[1:]}
        self.assertEqual(sorted(by_recipient), ["rfc822; u@fail.test", "rfc822; x@fail.test"])
        failed = by_recipient["rfc822; x@fail.test"]
        self.assertEqual((failed["Action"], failed["Status"]), ("failed", "5.1.1"))
        self.assertEqual(failed["Original-Recipient"], "rfc822;alias@here.test")
        self.suite.wait_for_log(queue_id + ": removed")
        self.assertEqual(self.logs_left(queue_id), [])

    def test_headers_only(self):
        for options, body in (("RET=HDRS", "text\n"), ("RET=FULL", "x" * 70 + "\n" + ("y" * 70 + "\n") * 60)):
            with self.subTest(options=options):
                queue_id = self.send("s@there.test", ["u@fail.test"], HEADERS + "\n" + body, options)
                original = self.report_on(queue_id).message.get_payload()[2]
                self.assertEqual(original.get_content_type(), "text/rfc822-headers")
                self.assertIn("Subject: original", original.get_payload())
                self.assertNotIn(body[:4], original.get_payload())

    def test_notify_never(self):
        mark = self.suite.log_mark()
        queue_id = self.send("s@there.test", ["u@fail.test"], rcpt_options="NOTIFY=NEVER")
        self.suite.wait_for_log(queue_id + ": removed", since=mark)
        self.assertEqual(self.suite.count_log(queue_id + ": sender", since=mark), 0)

    def test_success(self):
        queue_id = self.send("s@there.test", ["u@ok.test"], rcpt_options="NOTIFY=SUCCESS ORCPT=rfc822;Foo@bar.test")
        report = self.report_on(queue_id, "sender delivery status")
        self.assertEqual(report.message["Subject"], "Successful Mail Delivery Report")
        self.assertEqual(report.message.get_payload()[2]["Content-Description"], "Message Headers")
        group = self.status_groups(report)[1]
        self.assertEqual((group["Action"], group["Original-Recipient"]), ("delivered", "rfc822;Foo@bar.test"))
        self.suite.wait_for_log(queue_id + ": removed")
        self.assertEqual(self.logs_left(queue_id), [])

    def test_delay(self):
        queue_id = self.send("s@there.test", ["u@later.test"])
        report = self.report_on(queue_id, "sender delay")
        self.assertEqual(report.message["Subject"], "Delayed Mail (still being retried)")
        group = self.status_groups(report)[1]
        self.assertEqual((group["Action"], group["Status"]), ("delayed", "4.4.1"))
        self.assertIn("Will-Retry-Until", group)
        until(lambda: glob.glob(os.path.join(self.suite.queue_directory, "defer/*", queue_id)), 30, "defer log")

    def test_null_sender(self):
        mark = self.suite.log_mark()
        queue_id = self.send("", ["u@fail.test"])
        self.suite.wait_for_log(queue_id + ": removed", since=mark)
        self.assertEqual(self.suite.count_log(queue_id + ": .* notification: ", since=mark), 0)

    def test_double_bounce_ends(self):
        queue_id = self.send("double-bounce@mail.example.test", ["u@fail.test"])
        self.suite.wait_for_log("warning: %s: undeliverable postmaster notification discarded" % queue_id)
        self.suite.wait_for_log(queue_id + ": removed")

    def test_utf8(self):
        queue_id = self.send("s@there.test", ["\u00fc@fail.test".encode("utf-8").decode("latin-1")], options="SMTPUTF8")
        report = self.report_on(queue_id)
        self.assertIn(b"Content-Type: message/global-delivery-status\n", report.content)
        self.assertIn("Final-Recipient: utf-8; \u00fc@fail.test\n".encode("utf-8"), report.content)
        self.assertIn(b"Content-Type: message/global\n", report.content)

    def test_postmaster_copies(self):
        cf = dict(self.main_cf, notify_classes="bounce, 2bounce, delay")
        with Suite(cf) as suite:
            for sender, what, to_class in (("s@there.test", HEADERS + "\ntext\n", "text/rfc822-headers"),
                                           ("", HEADERS + "\ntext\n", "message/rfc822")):
                with self.subTest(sender=sender):
                    queue_id = self.send(sender, ["u@fail.test"], what, suite=suite)
                    copy = self.report_on(queue_id, "postmaster non-delivery", suite)
                    self.assertEqual(copy.sender, "double-bounce@mail.example.test")
                    self.assertEqual(copy.recipients, ["postmaster@mail.example.test"])
                    self.assertEqual(copy.message["Subject"], "Postmaster Copy: Undelivered Mail")
                    self.assertEqual(copy.message["Auto-Submitted"], "auto-generated")
                    self.assertNotIn("mail system", copy.message.get_payload()[0].get_payload())
                    self.assertEqual(copy.message.get_payload()[2].get_content_type(), to_class)

    def test_postmaster_hears_of_what_the_sender_does_not_want_to(self):
        with Suite(dict(self.main_cf, notify_classes="bounce")) as suite:
            queue_id = self.send("s@there.test", ["u@fail.test"], rcpt_options="NOTIFY=NEVER", suite=suite)
            self.assertEqual(self.report_on(queue_id, "postmaster non-delivery", suite).recipients,
                             ["postmaster@mail.example.test"])
            suite.wait_for_log(queue_id + ": removed")
            self.assertEqual(suite.count_log(queue_id + ": sender non-delivery"), 0)

    def test_expired_mail_is_failed(self):
        with Suite(dict(self.main_cf, maximal_queue_lifetime="0", bounce_queue_lifetime="1d")) as suite:
            queue_id = self.send("s@there.test", ["u@later.test"], suite=suite)
            report = self.report_on(queue_id, suite=suite)
            self.assertEqual(self.status_groups(report)[1]["Action"], "failed")

    def test_no_report_without_cleanup(self):
        """The log and the message stay until the report is stored."""
        with Suite(self.main_cf) as suite:
            socket = os.path.join(suite.queue_directory, "public/cleanup")
            with suite.smtp() as c:
                c.mail("s@there.test")
                self.assertEqual(c.rcpt("u@fail.test").code, 250)
                os.rename(socket, socket + ".away")     # smtpd has its connection, bounce has none
                queue_id = c.data(HEADERS + "\ntext\n").text.split()[-1]
            suite.wait_for_log(queue_id + ": sender non-delivery notification failed: ")
            self.assertTrue(os.path.exists(os.path.join(suite.queue_directory, "bounce", queue_id)))
            os.rename(socket + ".away", socket)
            report = self.report_on(queue_id, suite=suite)
            self.assertEqual(len(self.status_groups(report)), 2)
            suite.wait_for_log(queue_id + ": removed")

    def test_template_file(self):
        template = ("failure_template = <<EOF\nCharset: utf-8\nFrom: Foo <MAILER-DAEMON>\nSubject: My subject\n\n"
                    "host $myhostname, $$5, \u00fc\nEOF\n"
                    "success_template = <<EOF\nFoo: bar\n\nx\nEOF\n")
        suite = Suite(dict(self.main_cf, bounce_template_file="@etc@/bounce.cf", enable_threaded_bounces="yes"))
        with open(os.path.join(suite.etc, "bounce.cf"), "w", encoding="utf-8") as f:
            f.write(template)
        with suite:
            queue_id = self.send("s@there.test", ["u@fail.test"], suite=suite)
            report = self.report_on(queue_id, suite=suite)
            self.assertEqual(report.message["Subject"], "My subject")
            self.assertEqual(report.message["From"], "Foo <MAILER-DAEMON@mail.example.test>")
            self.assertEqual(report.message["In-Reply-To"], "<x@far.test>")
            self.assertIn("host mail.example.test, $5, \u00fc\n".encode("utf-8"), report.content)
            suite.wait_for_log('unknown "Foo" header label in success template -- ignoring this template')


class DelayCleared(SuiteTestCase):
    """confirm_delay_cleared: who was told of a delay hears of its end."""
    main_cf = dict(Reports.main_cf, transport_maps="texthash:@etc@/transport", confirm_delay_cleared="yes")
    send, report_on, status_groups = Reports.send, Reports.report_on, Reports.status_groups

    @classmethod
    def configure(cls, suite):
        suite.write("etc/transport", "later.test retry:4.4.1 no route\nthere.test retry:4.0.0 held\nfar.test discard:\n")

    def test_notices(self):
        sender = "s@there.test"
        told = self.send(sender, ["a@later.test", "b@later.test"])
        only_late = self.send(sender, ["c@later.test"], rcpt_options="NOTIFY=DELAY")
        deaf = [self.send(sender, ["d@later.test"], rcpt_options="NOTIFY=" + word) for word in ("NEVER", "FAILURE")]
        in_time = self.send(sender, ["e@far.test"])
        self.suite.wait_for_log(in_time + ": removed")
        for queue_id in (told, only_late):
            self.report_on(queue_id, "sender delay")
        for queue_id in deaf:          # their time has come, too: the next attempt would be told of
            until(lambda name=queue_id: self.suite.count_log(name + ": .*status=deferred") > 1, 30, "a second attempt")
        self.suite.write("etc/transport", "later.test discard:\nthere.test retry:4.0.0 held\nfar.test discard:\n")
        self.suite.reload()
        for queue_id, recipients in ((told, "ab"), (only_late, "c")):
            report = self.report_on(queue_id, "sender delivery status")
            self.assertEqual((report.sender, report.recipients), ("", [sender]))
            self.assertEqual(report.message["Subject"], "Successful Mail Delivery Report")
            self.assertEqual([(g["Final-Recipient"], g["Action"]) for g in self.status_groups(report)[1:]],
                             [("rfc822; %s@later.test" % r, "delivered") for r in recipients])
        for queue_id in (told, only_late, *deaf):
            self.suite.wait_for_log(queue_id + ": removed")
        self.assertEqual(self.suite.count_log("delivery status notification"), 2)


if __name__ == "__main__":
    unittest.main()
