"""content_filter: whose mail it takes, and what goes before it."""
import unittest

from support.sink import Sink
from support.suite import SuiteTestCase


class ContentFilter(SuiteTestCase):
    """Three destinations; what each message is for is in its subject."""
    main_cf = {"mydestination": "here.test", "local_recipient_maps": "", "local_transport": "discard",
               "header_checks": "regexp:{{/^Subject: headers/ FILTER headers:}}",
               "default_filter_nexthop": "", "defer_transports": "headers"}

    @classmethod
    def configure(cls, suite):
        cls.main, cls.access = Sink(), Sink()
        for sink in (cls.main, cls.access):
            cls.addClassCleanup(sink.close)
        suite.master_cf = ("filter unix - - n - - smtp\nheaders unix - - n - - smtp\naccess unix - - n - - smtp\n")
        suite.set(content_filter="filter:" + cls.main.nexthop,
                  smtpd_sender_restrictions="check_sender_access inline:{{access@far.test = FILTER access:%s}}"
                  % cls.access.nexthop)

    def send(self, sender, subject, recipients=("b@here.test",)):
        with self.suite.smtp() as client:
            client.message(sender, recipients, "Subject: %s\n\nx\n" % subject)

    def one(self, sink):
        message = sink.wait_for(1)[0]
        del sink.messages[:]
        return message

    def test_mail_from_the_network(self):
        """All recipients of whatever class in one delivery, with their addresses as they are."""
        self.send("a@far.test", "smtp", ["b@here.test", "c@far.test"])
        message = self.one(self.main)
        self.assertEqual(sorted(message.recipients), ["b@here.test", "c@far.test"])
        self.suite.wait_for_log(r"postfix/smtp\[\d+\]: \w+: to=<b@here\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+,.*status=sent")

    def test_mail_of_local_users(self):
        self.suite.sendmail(["-f", "a@far.test", "b@here.test"], "Subject: sendmail\n\nx\n")
        self.assertIn("Subject: sendmail", self.one(self.main).text)

    def test_access_table_goes_before(self):
        self.send("access@far.test", "access")
        self.assertIn("Subject: access", self.one(self.access).text)

    def test_header_checks_go_before(self):
        self.send("a@far.test", "headers")
        queue_id = self.suite.wait_for_log(r"(\w+): to=<b@here\.test>.*status=deferred \(deferred transport\)").group(1)
        self.suite.wait_deferred(queue_id)
        shown = self.suite.run("postcat", "-e", "-q", queue_id).stdout
        filters = [line for line in shown.splitlines() if line.startswith("content_filter:")]
        self.assertEqual(filters, ["content_filter: filter:" + self.main.nexthop, "content_filter: headers:"])

        # requeued, it gets what main.cf says now, and the checks see it again: so it waits once more
        mark = self.suite.log_mark()
        self.suite.run("postsuper", "-r", queue_id)
        self.suite.run("postkick", "public", "pickup", "W")
        again = self.suite.wait_for_log(r"(\w+): to=<b@here\.test>.*status=(deferred|sent)", since=mark)
        self.suite.run("postsuper", "-d", again.group(1))

    def test_bounces_are_not_filtered(self):
        self.main.reply("RCPT", "550 5.1.1 no")
        try:
            self.send("bounced@here.test", "refused")
            self.suite.wait_for_log(r"postfix/discard\[\d+\]: \w+: to=<bounced@here\.test>.*status=sent")
        finally:
            self.main.reply("RCPT", None)


if __name__ == "__main__":
    unittest.main()
