"""Transcripts for the postmaster: what is not in them, and what becomes of them when there is no cleanup."""
import base64
import unittest

from support.queued import wait_queued
from support.sink import KEYWORDS, Sink
from support.suite import Suite, SuiteTestCase

HELD = {"transport_maps": "inline:{ {held.test=retry:4.0.0 held} }", "error_notice_recipient": "err@held.test"}


class Passwords(unittest.TestCase):
    """They are in no log and in no mail, whoever sends them."""

    def notice(self, suite, mark):
        queue_id = suite.wait_for_log(r": (\w+): to=<err@held.test>", since=mark).group(1)
        return wait_queued(suite, queue_id).content.decode()

    def test_client(self):
        with Sink(keywords=KEYWORDS + ["AUTH PLAIN LOGIN"]) as sink:
            settings = dict(HELD, relayhost=sink.nexthop, notify_classes="protocol", debug_peer_list="127.0.0.1",
                            smtp_sasl_auth_enable="yes", smtp_sasl_security_options="",
                            smtp_sasl_password_maps="inline:{ {127.0.0.1=joe:secret7} {%s=joe:secret7} }" % sink.nexthop)
            sink.passwords["joe"] = "secret7"
            for mechanism in ("login", "plain"):
                with Suite(dict(settings, smtp_sasl_mechanism_filter=mechanism)) as suite:
                    sink.reply("MAIL", "504 5.5.4 that is not known here")
                    mark = suite.log_mark()
                    suite.sendmail(["-f", "s@held.test", "u@far.test"], "Subject: x\n\nhi\n")
                    text = self.notice(suite, mark)
                    self.assertIn("Out: AUTH (not shown)\n", text)
                    self.assertIn("In:  504 5.5.4 that is not known here\n", text)
                    lines = "\n".join(suite.log_lines())
                    for secret in ("secret7", base64.b64encode(b"secret7").decode(),
                                   base64.b64encode(b"\0joe\0secret7").decode()):
                        self.assertNotIn(secret, text + lines)
                    self.assertIn("AUTH (not shown)", lines)


class WithoutCleanup(SuiteTestCase):
    main_cf = dict(HELD, notify_classes="protocol", cleanup_service_name="nobody")

    def test_given_up(self):
        """The session ends as ever, and the next one is served."""
        mark = self.suite.log_mark()
        for _ in range(3):
            with self.suite.smtp() as client:
                self.assert_reply(client.cmd("FOO"), 500)
        self.suite.wait_for_count("disconnect from", 3, mark)
        self.suite.wait_for_count("postmaster notification failed", 3, mark)


if __name__ == "__main__":
    unittest.main()
