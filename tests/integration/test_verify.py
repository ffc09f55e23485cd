"""Address verification: probes, what is remembered of them, and what dies on the way."""
import os
import pwd
import signal
import unittest

from integration.test_chroot import jailed_services
from support.sink import Sink
from support.smtp import SmtpClient
from support.suite import Suite, SuiteTestCase
from support.wait import until

MAIN_CF = {"smtpd_relay_restrictions": "permit_mynetworks, reject", "address_verify_poll_delay": "1s", "address_verify_poll_count": "30",
           "smtpd_recipient_restrictions": "reject_unverified_recipient", "smtpd_error_sleep_time": "0",
           "address_verify_map": "btree:@dir@/data/verify"}
PENDING = "unverified address: Address verification in progress"


def sink_reply(session, line):
    for word, reply in (("bad", "550 5.1.1 no such user"), ("later", "450 4.2.0 not now")):
        if word in line:
            return reply
    return None


class VerifyTestCase(SuiteTestCase):
    main_cf = MAIN_CF
    aliases = "postmaster: root\nroot: /dev/null\nlist: root\n"

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        cls.sink.reply("RCPT", sink_reply)
        suite.set(relayhost=cls.sink.nexthop)

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.sink.close()

    def rcpt(self, address, sender="a@b.test"):
        with self.suite.smtp() as c:
            c.mail(sender)
            return c.rcpt(address)

    def probes(self, address):
        return sum(1 for line in self.sink.commands if line.startswith("RCPT TO:<%s>" % address))


class Recipients(VerifyTestCase):
    def test_good_bad_and_deferred(self):
        for address, code, enhanced, text, status in (
                ("good@far.test", 250, "2.1.5", "Ok", "deliverable"),
                ("bad@far.test", 450, "4.1.1", "unverified address: host 127.0.0.1", "undeliverable"),
                ("later@far.test", 450, "4.1.1", "450 4.2.0 not now (in reply to RCPT TO command)",
                 "undeliverable"),
                ("root@localhost", 250, "2.1.5", "Ok", "deliverable"),
                ("list@localhost", 250, "2.1.5", "Ok", "deliverable"),
                ("double-bounce@localhost", 250, "2.1.5", "Ok", None)):
            with self.subTest(address=address):
                mark = self.suite.log_mark()
                self.assert_reply(self.rcpt(address), code, enhanced, text)
                self.assert_reply(self.rcpt(address), code, enhanced, text)
                if status:
                    self.suite.wait_for_log(r"to=<%s>, .* status=%s \(" % (address, status), since=mark)
                self.assertLessEqual(self.probes(address), 1)     # the second answer was remembered
        self.suite.wait_queue_empty()
        self.assertEqual(self.sink.messages, [])
        self.assertNotIn("DATA", self.sink.commands)
        self.assertEqual(self.suite.count_log("postfix/bounce|status=bounced|status=deferred"), 0)

    def test_only_the_session_that_asks_waits(self):
        self.sink.delay("RCPT", 1)
        try:
            slow = self.suite.smtp()
            slow.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<slow@far.test>\r\n")
            until(lambda: self.probes("slow@far.test"), 30, "the probe")
            with self.suite.smtp() as c:
                c.mail("a@b.test")
                self.assert_reply(c.noop(), 250)
            self.assert_reply(slow.read_reply(), 250)
            self.assert_reply(slow.read_reply(), 250)
            slow.close()
        finally:
            self.sink.delay("RCPT", 0)

    def test_probe_that_takes_too_long(self):
        self.suite.set(address_verify_poll_count="1")
        self.suite.reload()
        self.sink.reply("MAIL", Sink.HANG)
        try:
            self.assert_reply(self.rcpt("hang@far.test"), 450, "4.1.1", PENDING)
            self.assert_reply(self.rcpt("hang@far.test"), 450, "4.1.1", PENDING)
        finally:
            self.sink.reply("MAIL", None)
            self.suite.set(address_verify_poll_count="30")
            self.suite.reload()
        self.assertLessEqual(self.probes("hang@far.test"), 1)

    def test_replies(self):
        for settings, address, code, enhanced, text in (
                ({"unverified_recipient_reject_code": "550"}, "bad1@far.test", 550, "5.1.1", "undeliverable address: host"),
                ({"unverified_recipient_reject_code": "550", "unverified_recipient_reject_reason": "no"},
                 "bad2@far.test", 550, "5.1.1", "rejected: undeliverable address: no"),
                ({"unverified_recipient_defer_code": "451", "unverified_recipient_tempfail_action": "defer"},
                 "later1@far.test", 451, "4.1.1", "unverified address: host"),
                ({"unverified_recipient_defer_code": "250"}, "later2@far.test", 250, "2.1.5", "Ok"),
                ({"unverified_recipient_tempfail_action": "permit"}, "later3@far.test", 250, "2.1.5", "Ok")):
            with self.subTest(settings=settings):
                self.suite.set(**settings)
                self.suite.reload()
                try:
                    self.assert_reply(self.rcpt(address), code, enhanced, text)
                finally:
                    self.suite.set(**{name: None for name in settings})
        self.suite.reload()

    def test_negative_cache_off(self):
        self.suite.set(address_verify_negative_cache="no", address_verify_poll_count="2")
        self.suite.reload()
        try:
            mark = self.suite.log_mark()
            self.assert_reply(self.rcpt("bad3@far.test"), 450, "4.1.1", PENDING)
            self.suite.wait_for_log(r"status=undeliverable-but-not-cached \(", since=mark)
        finally:
            self.suite.set(address_verify_negative_cache=None, address_verify_poll_count="30")
            self.suite.reload()

    def test_service_that_is_not_there(self):
        self.suite.set(address_verify_service_name="nowhere")
        self.suite.reload()
        try:
            self.assert_reply(self.rcpt("other@far.test"), 450, "4.1.1", "Address verification problem")
        finally:
            self.suite.set(address_verify_service_name=None)
            self.suite.reload()


class Senders(VerifyTestCase):
    main_cf = dict(MAIN_CF, smtpd_recipient_restrictions="reject_unverified_sender, permit",
                   address_verify_sender_ttl="1h")

    def test_senders(self):
        self.assert_reply(self.rcpt("root@localhost", "bad@far.test"), 450, "4.1.7",
                          "<bad@far.test>: Sender address rejected: unverified address: host 127.0.0.1")
        self.assert_reply(self.rcpt("root@localhost", "good@far.test"), 250)
        self.assert_reply(self.rcpt("root@localhost", ""), 250)

    def test_sender_of_probes_changes_with_time(self):
        self.assert_reply(self.rcpt("root@localhost", "good2@far.test"), 250)
        mail = [line for line in self.sink.commands if line.startswith("MAIL FROM:<double-bounce")]
        sender = mail[-1].partition("<")[2].partition(">")[0]
        self.assertRegex(sender, r"^double-bounce[0-9B-DF-HJ-NP-TV-Z]{4}@mail\.example\.test$")
        mark = self.suite.log_mark()
        with self.suite.smtp() as c:        # a server that asks back
            self.assert_reply(c.mail(""), 250)
            self.assert_reply(c.rcpt(sender), 250)
            self.assert_reply(c.data("Subject: x\n\ntext\n"), 250)
        self.suite.wait_for_log(r"to=<%s>, relay=none, .* status=sent \(" % sender, since=mark)


class Persistence(VerifyTestCase):
    def cached(self, address):
        """The entry as postmap shows it, while nobody has the table open."""
        return self.suite.run("postmap", "-q", address, "btree:" + self.suite.path("data/verify")).stdout

    def test_restart_keeps_what_is_known(self):
        self.assert_reply(self.rcpt("good@far.test"), 250)
        self.assert_reply(self.rcpt("bad@far.test"), 450)
        self.suite.stop()
        self.assertRegex(self.cached("good@far.test"), r"^0:0:\d+:250 2\.1\.5 ")
        self.assertRegex(self.cached("bad@far.test"), r"^2:0:\d+:host 127\.0\.0\.1\[127\.0\.0\.1\] said: 550 5\.1\.1 ")
        self.suite.start()
        self.assert_reply(self.rcpt("good@far.test"), 250)
        self.assert_reply(self.rcpt("bad@far.test"), 450, "4.1.1", "no such user")
        self.assertEqual([self.probes(who + "@far.test") for who in ("good", "bad")], [1, 1])

    def test_expired_entries_are_cleaned_and_probed_again(self):
        self.suite.stop()
        self.suite.run("postmap", "-i", "btree:" + self.suite.path("data/verify"),
                       stdin="old@far.test 0:0:1000:250 ok\nbroken@far.test nonsense\n")
        mark = self.suite.log_mark()
        self.suite.start()
        self.assert_reply(self.rcpt("old@far.test"), 250)
        self.suite.wait_for_log(r"postfix/verify\[\d+\]: cache btree:.*/verify full cleanup: retained=\d+ "
                                r"dropped=2 entries", since=mark)
        self.assertEqual(self.probes("old@far.test"), 1)

    def test_verify_is_killed(self):
        """What was told is on the disk; the service comes back by itself."""
        self.assert_reply(self.rcpt("kill@far.test"), 250)
        os.kill(self.suite.processes()["verify"][0], signal.SIGKILL)
        self.assert_reply(self.rcpt("kill@far.test"), 250)
        self.assertEqual(self.probes("kill@far.test"), 1)

    def test_deliverer_is_killed(self):
        """The SMTP client dies with a probe: that is a temporary error, as for mail; nothing stays in the queue."""
        hung = []
        self.sink.reply("RCPT", lambda s, line: (hung.append(line), Sink.HANG)[1] if not hung else sink_reply(s, line))
        try:
            with self.suite.smtp() as c:
                c.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<crash@far.test>\r\n")
                until(lambda: hung, 30, "the probe")
                os.kill(self.suite.processes()["smtp"][0], signal.SIGKILL)
                self.assert_reply(c.read_reply(), 250)
                self.assert_reply(c.read_reply(), 450, "4.1.1", "unverified address: ")
            self.suite.wait_queue_empty()
        finally:
            self.sink.reply("RCPT", sink_reply)

    def test_queue_manager_is_killed(self):
        """qmgr dies with a probe in its hands: the next one goes on with it."""
        hung = []
        self.sink.reply("RCPT", lambda s, line: (hung.append(line), Sink.HANG)[1] if not hung else sink_reply(s, line))
        try:
            with self.suite.smtp() as c:
                c.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<again@far.test>\r\n")
                until(lambda: hung, 30, "the probe")
                for name in ("qmgr", "smtp"):
                    os.kill(self.suite.processes()[name][0], signal.SIGKILL)
                self.assert_reply(c.read_reply(), 250)
                c.read_reply()          # known by then, or not yet
            self.suite.wait_queue_empty(60)
            self.assert_reply(self.rcpt("again@far.test"), 250)
        finally:
            self.sink.reply("RCPT", sink_reply)


@unittest.skipUnless(os.geteuid() == 0, "needs root: chroot(2)")
class Jail(VerifyTestCase):
    """As master.cf has it; the table is in data_directory, out of reach, and belongs to mail_owner."""
    main_cf = dict(MAIN_CF, address_verify_map=None)

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.master_cf = jailed_services(suite)

    def test_restart(self):
        for _ in range(2):
            self.assert_reply(self.rcpt("good@far.test"), 250)
            self.assert_reply(self.rcpt("bad@far.test"), 450, "4.1.1", "no such user")
            self.suite.restart()
        self.assertEqual(self.probes("good@far.test"), 1)
        tables = [name for name in os.listdir(self.suite.path("data")) if name.startswith("verify_cache.")]
        self.assertTrue(tables)
        for name in tables:
            self.assertEqual(os.stat(self.suite.path("data", name)).st_uid, pwd.getpwnam("postfix").pw_uid, name)


class Memory(VerifyTestCase):
    main_cf = dict(MAIN_CF, address_verify_map="")

    def test_remembered_until_the_end_of_the_process(self):
        for _ in range(2):
            self.assert_reply(self.rcpt("good@far.test"), 250)
        self.assertEqual(self.probes("good@far.test"), 1)


class Misconfigured(SuiteTestCase):
    def test_table_that_cannot_be_updated(self):
        with Suite(dict(MAIN_CF, address_verify_map="static:x")) as suite:
            client = SmtpClient(("127.0.0.1", suite.port), 60)
            client.greeting()
            client.ehlo()
            client.mail("a@b.test")
            client.send("RCPT TO:<root@localhost>\r\n")
            suite.wait_for_log(r"postfix/verify\[\d+\]: fatal: static:x: .*cannot be updated|fatal: .*static")
            client.close()
