"""How sessions share smtpd processes, and recipients that have moved."""
import unittest

from support.smtp import SmtpClient
from support.suite import Suite, SuiteTestCase


class SessionsPerProcess(SuiteTestCase):
    def processes_for_three(self, suite):
        clients = [suite.smtp() for _ in range(3)]
        count = len(suite.processes()["smtpd"])
        for client in clients:
            client.close()
        return count

    def test_one(self):
        with Suite({"smtpd_sessions_per_process": "1"}) as suite:
            self.assertEqual(self.processes_for_three(suite), 3)

    def test_default(self):
        self.assertEqual(self.processes_for_three(self.suite), 1)


class Limit(unittest.TestCase):
    """The process limit caps the clients of all processes together, whatever the number of cores."""

    def limited(self, limit, **main_cf):
        suite = Suite(main_cf)
        suite.master_cf = "127.0.0.1:%d inet n - n - %d smtpd" % (suite.port, limit)
        suite.write_config()
        return suite

    def check(self, suite, limit):
        with suite:
            clients = [suite.smtp() for _ in range(limit)]
            # said when no process has room for another one
            suite.wait_for_log(r'has reached its process limit "%d"' % limit)
            waiting = SmtpClient(("127.0.0.1", suite.port), 30)
            clients.pop().close()
            self.assertEqual(waiting.greeting().code, 220)
            for client in clients + [waiting]:
                client.close()

    def test_not_a_multiple_of_the_cores(self):
        for limit in (3, 5):
            self.check(self.limited(limit), limit)

    def test_sessions_per_process(self):
        """More sessions per process than the limit allows."""
        self.check(self.limited(3, smtpd_sessions_per_process="100"), 3)


class Relocated(SuiteTestCase):
    main_cf = {"relocated_maps": "inline:{ {m@here.test=n@far.test} {v@va.test=w@far.test} }",
               "mydestination": "here.test", "local_recipient_maps": "inline:{ u=1 }",
               "virtual_alias_domains": "va.test", "smtpd_reject_unlisted_sender": "yes"}

    def rcpt(self, recipient, sender="s@far.test"):
        with self.suite.smtp() as c:
            c.send("MAIL FROM:<%s>\r\n" % sender)
            self.assertEqual(c.read_reply().code, 250)
            c.send("RCPT TO:<%s>\r\n" % recipient)
            return c.read_reply()

    def test_smtpd_refuses(self):
        self.assert_reply(self.rcpt("u@here.test"), 250)
        self.assert_reply(self.rcpt("m@here.test"), 550, "5.1.6",
                          "<m@here.test>: Recipient address rejected: User has moved to n@far.test")
        self.assert_reply(self.rcpt("v@va.test"), 550, "5.1.6", "User has moved to w@far.test")
        self.assert_reply(self.rcpt("x@va.test"), 550, "5.1.1", "in virtual alias table")
        self.assert_reply(self.rcpt("u@here.test", "m@here.test"), 550, "5.1.7",
                          "<m@here.test>: Sender address rejected: User has moved to n@far.test")

    def test_other_mail_bounces(self):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-f", "", "m@here.test"], "Subject: x\n\n")
        self.suite.wait_for_log(r"to=<m@here.test>, relay=none, .*dsn=5\.1\.6, status=bounced "
                                r"\(User has moved to n@far.test\)", since=mark)
