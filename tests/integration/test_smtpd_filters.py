"""smtpd: filters switched off, replies that are edited; what clients are told and timed by."""
import socket
import unittest

from support.smtp import SmtpClient
from support.suite import SuiteTestCase

LOCAL = {"mydestination": "here.test", "local_recipient_maps": "", "default_transport": "discard",
         "local_transport": "discard"}


class MiltersSwitchedOff(SuiteTestCase):
    main_cf = {**LOCAL, "smtpd_milters": "inet:127.0.0.1:9", "receive_override_options": "no_milters"}

    def test_mail_is_accepted(self):
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            c.rcpt("b@here.test")
            self.assert_reply(c.data("Subject: s\n\ntext\n"), 250, "2.0.0", "queued as")


class RejectFilter(SuiteTestCase):
    main_cf = {**LOCAL, "local_recipient_maps": "inline:{b=b}", "smtpd_reject_footer": "for help",
               "smtpd_reject_filter_maps": "regexp:{{/^550 5\\.1\\.1 (<[^ ]*>)/ 450 4.1.1 $$1 try later}, {/^503 / 250 fine}}"}

    def test_replies_are_edited(self):
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            self.assertEqual(c.rcpt("no@here.test").lines, ["450-4.1.1 <no@here.test> try later", "450 4.1.1 for help"])
            self.assertEqual(c.rcpt("b@here.test").code, 250)
        self.suite.wait_for_log(r"reject: RCPT from .*: 550 5\.1\.1 <no@here\.test>")

    def test_no_refusal_becomes_a_permission(self):
        with self.suite.smtp() as c:
            self.assertEqual(c.rcpt("b@here.test").code, 503)
        self.suite.wait_for_log('smtpd_reject_filter_maps: not a reply that refuses: "250 fine"')


class Dialogue(SuiteTestCase):
    main_cf = {**LOCAL, "smtpd_forbid_bare_newline": "note", "smtpd_forbid_bare_newline_exclusions": "",
               "smtpd_timeout": "3s", "smtpd_per_request_deadline": "yes", "smtpd_min_data_rate": "1000000"}

    def test_help(self):
        with self.suite.smtp() as c:
            c.send("HELP\r\n")
            self.assert_reply(c.read_reply(), 214, "2.0.0", "Commands: AUTH BDAT DATA EHLO ETRN")

    def test_bare_newline_is_noted(self):
        since = self.suite.log_mark()
        client = SmtpClient(("127.0.0.1", self.suite.port), 30)
        client.greeting()
        client.send("NOOP\n")
        self.assertEqual(client.read_reply().code, 250)
        client.send("QUIT\r\n")
        client.close()
        self.suite.wait_for_log(r"disconnect from .* commands=2 notes=bare_newline$", since=since)

    def test_slow_content_runs_out_of_time(self):
        """A byte now and then does not keep the session alive."""
        since = self.suite.log_mark()
        client = SmtpClient(("127.0.0.1", self.suite.port), 30)
        client.greeting()
        for line in ("EHLO a", "MAIL FROM:<a@far.test>", "RCPT TO:<b@here.test>", "DATA"):
            client.send(line + "\r\n")
            client.read_reply()
        client.sock.settimeout(1)
        try:
            for _ in range(60):
                client.send("x\r\n")
                try:
                    reply = client.read_reply()
                    break
                except socket.timeout:
                    continue
            else:
                self.fail("the session goes on")
        finally:
            client.close()
        self.assertEqual(reply.code, 421)
        self.suite.wait_for_log(r"timeout after DATA \(\d+ bytes\) from ", since=since)


if __name__ == "__main__":
    unittest.main()
