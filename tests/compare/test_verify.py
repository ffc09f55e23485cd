"""Address verification: replies and log lines, against Debian's Postfix."""
import re

from support import oracle
from support.compare import ComparisonTestCase, at_once, run_session
from support.mask import mask_lines
from support.wait import until

HELLO = ["EHLO client.test"]


def reply(session, line):
    for word, text in (("bad", "550 5.1.1 no such user"), ("later", "450 4.2.0 not now")):
        if word in line:
            return text
    return None


@oracle.needed
class Verify(ComparisonTestCase):
    maxDiff = None
    relay = True
    aliases = "postmaster: root\nroot: /dev/null\nlist: root, other@far.test\n"
    main_cf = {"address_verify_poll_delay": "1s", "address_verify_poll_count": "30", "smtpd_relay_restrictions": "permit_mynetworks, reject",
               "address_verify_map": "btree:@dir@/data/verify", "smtpd_error_sleep_time": "0",
               "smtpd_recipient_restrictions": "reject_unverified_recipient",
               "forward_path": "@dir@/forward-$user"}

    @classmethod
    def configure(cls, suite):
        suite.sink.reply("RCPT", reply)
        suite.write("forward-mail", "root, other@far.test\n")

    def look(self, suite, steps, settings):
        if settings:
            suite.set(**settings)
            suite.reload()
        mark = suite.log_mark()
        before = len(suite.sink.commands)
        replies = run_session(suite, steps)
        suite.wait_for_log("disconnect from", since=mark)
        # the reply is known before the probe's delivery is logged
        until(lambda: not self.probes(suite, mark), 60, lambda: "the end of the probes\n" + suite.tail())
        lines = [re.sub(r":%d\b" % suite.sink.port, ":SINK", line)
                 for line in mask_lines(suite.log_lines(mark), suite)
                 if re.search(r"status=|reject: |qmgr.*from=", line)]
        lines = sorted((re.sub(r"size=\d+", "size=N", line) for line in lines), key=lambda line: line.split("[PID]")[0])
        said = [re.sub(r"SIZE=\d+", "SIZE=N", line) for line in suite.sink.commands[before:]
                if line[:4] in ("MAIL", "RCPT", "DATA")]
        return replies + said + lines

    @staticmethod
    def probes(suite, mark):
        """Messages that are not over, as the log has it."""
        lines = "\n".join(suite.log_lines(mark))
        return set(re.findall(r"cleanup\[\d+\]: (\w+): message-id=", lines)) - set(re.findall(r": (\w+): removed$", lines, re.M))

    def both(self, steps, **settings):
        ours, theirs = at_once(lambda suite: self.look(suite, steps, settings), (self.ours, self.theirs))
        self.assert_same(ours, theirs, repr(settings))

    def test_recipients(self):
        for address in ("good@far.test", "bad@far.test", "later@far.test", "Good@FAR.test", "root@localhost",
                        "nobody-there@localhost", "nobody@localhost", "mail@localhost", "list@localhost"):
            with self.subTest(recipient=address):
                self.both(HELLO + ["MAIL FROM:<a@b.test>", "RCPT TO:<%s>" % address, "RCPT TO:<%s>" % address, "QUIT"])

    def test_senders(self):
        self.both(HELLO + ["QUIT"], smtpd_recipient_restrictions="",
                  smtpd_sender_restrictions="reject_unverified_sender")
        for address in ("goods@far.test", "bads@far.test", "laters@far.test", "", "nobody-there@localhost"):
            with self.subTest(sender=address):
                self.both(HELLO + ["MAIL FROM:<%s>" % address, "RCPT TO:<root@localhost>", "QUIT"])
        self.both(HELLO + ["QUIT"], smtpd_sender_restrictions="",
                  smtpd_recipient_restrictions="reject_unverified_recipient")

    def test_settings(self):
        for i, settings in enumerate((
                {"unverified_recipient_reject_code": "550"},
                {"unverified_recipient_reject_reason": "Some reason"},
                {"unverified_recipient_defer_code": "451"},
                {"unverified_recipient_tempfail_action": "defer"},
                {"unverified_recipient_defer_code": "250", "unverified_recipient_reject_code": "250"},
                {"address_verify_sender": "probe@other.test"}, {"address_verify_sender": ""},
                {"address_verify_sender_ttl": "10h", "address_verify_sender": None})):
            with self.subTest(settings=settings):
                self.both(HELLO + ["MAIL FROM:<a@b.test>", "RCPT TO:<bad%d@far.test>" % i, "RCPT TO:<later%d@far.test>" % i,
                                   "QUIT"], **settings)
