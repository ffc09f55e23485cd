"""Dovecot, the real one: mail by LMTP and by dovecot-lda, and IMAP over what local(8) and virtual(8) delivered."""
import unittest

from support.receivers import DovecotMail, ids, needed
from support.suite import SuiteTestCase
from support.wait import until

TEXT = "From: me@far.test\nTo: you@here.test\nSubject: %s\n\n.one dot\n..two\nFrom here on\n>From there\ngr\u00fc\u00dfe\nlast\n"


@needed("/usr/sbin/dovecot dovecot-core", "/usr/lib/dovecot/lmtp dovecot-lmtpd", "/usr/lib/dovecot/imap dovecot-imapd")
class Dovecot(SuiteTestCase):
    main_cf = {"recipient_delimiter": "+", "virtual_mailbox_domains": "virtual.test", "virtual_mailbox_base": "@dir@/mail",
               "virtual_mailbox_maps": "inline:{vera@virtual.test=vera/, vito@virtual.test=vito}", "virtual_minimum_uid": "1",
               "mailbox_delivery_lock": "fcntl, dotlock", "alias_maps": "", "unix_destination_recipient_limit": "50"}
    dovecot = None

    @classmethod
    def configure(cls, suite):
        cls.addClassCleanup(lambda: cls.dovecot and cls.dovecot.close())
        uid, gid = ids("nobody")
        cls.dovecot = DovecotMail({
            "ann": ("nobody", None), "bea": ("nobody", None), "cleo": ("nobody", None),
            "games": ("games", "mbox:~/mbox:INBOX=%s/games" % suite.path("mail")),
            "vera": ("nobody", "maildir:%s/vera" % suite.path("mail")),
            "vito": ("nobody", "mbox:~/mbox:INBOX=%s/vito" % suite.path("mail"))}).__enter__()
        suite.set(virtual_uid_maps="static:%d" % uid, virtual_gid_maps="static:%d" % gid,
                  transport_maps="inline:{unix.test=unix:unix:%s, inet.test=lmtp:inet:127.0.0.1:%d, lda.test=lda:}"
                  % (cls.dovecot.lmtp, cls.dovecot.lmtp_port))
        suite.master_cf = ("unix unix - - n - - lmtp\n"
                           "lda unix - n n - - pipe flags=DRhu user=nobody argv=/usr/lib/dovecot/dovecot-lda -c %s -f ${sender}"
                           " -a ${original_recipient} -d ${user}\n" % cls.dovecot.conf)
        suite.write_config()

    def send(self, subject, *recipients):
        """The status of each recipient."""
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("me@far.test", recipients, (TEXT % subject).encode())
        return [self.suite.wait_for_log(r"to=<%s>.* status=(\w+ \(.*)" % r.replace("+", r"\+"), since=mark).group(1) for r in recipients]

    def assert_arrived(self, user, subject, headers=(), mbox=False):
        def look():
            return [m for m in self.dovecot.mail(user) if b"Subject: %s\n" % subject.encode() in m]
        found = until(look, 60, lambda: "mail in IMAP; log: " + self.dovecot.said())
        self.assertEqual(len(found), 1)
        head, _, body = found[0].partition(b"\n\n")
        wanted = (TEXT % subject).encode().partition(b"\n\n")[2]
        self.assertEqual(body, wanted.replace(b"\nFrom ", b"\n>From ") if mbox else wanted)
        for header in headers:
            self.assertIn(header.encode(), head)

    def test_lmtp_by_unix_socket(self):
        self.assertRegex(self.send("by unix", "ann@unix.test")[0], r"^sent \(250 2\.0\.0 <ann@unix\.test> \S+ Saved\)")
        self.assert_arrived("ann", "by unix", ["Return-Path: <me@far.test>", "Delivered-To: ann@unix.test"])

    def test_lmtp_by_inet_socket(self):
        self.assertRegex(self.send("by inet", "bea@inet.test")[0], r"^sent \(250 2\.0\.0 ")
        self.assert_arrived("bea", "by inet")

    def test_lmtp_answers_for_each_recipient(self):
        got = self.send("for each", "ann@unix.test", "nobody-there@unix.test", "bea+ext@unix.test")
        self.assertRegex(got[0], "^sent ")
        self.assertRegex(got[1], r"^bounced \(host \S+ said: 550 5\.1\.1 <nobody-there@unix\.test> User doesn't exist")
        self.assertRegex(got[2], "^sent ")
        for user in ("ann", "bea"):
            self.assert_arrived(user, "for each")

    def test_lda_in_a_pipe(self):
        self.assertRegex(self.send("by lda", "cleo@lda.test")[0], r"^sent \(delivered via lda service\)")
        self.assert_arrived("cleo", "by lda", ["Delivered-To: cleo@lda.test"])

    def test_lda_knows_no_such_user(self):
        self.assertRegex(self.send("no user", "nobody-there@lda.test")[0], r"^bounced \(user unknown")

    def test_imap_reads_local_mbox(self):
        self.assertRegex(self.send("local mbox", "games@localhost")[0], r"^sent \(delivered to mailbox\)")
        self.assert_arrived("games", "local mbox", ["X-Original-To: games@localhost"], mbox=True)

    def test_imap_reads_virtual_maildir(self):
        self.assertRegex(self.send("virtual maildir", "vera@virtual.test")[0], r"^sent \(delivered to maildir\)")
        self.assert_arrived("vera", "virtual maildir", ["Delivered-To: vera@virtual.test"])

    def test_imap_reads_virtual_mbox(self):
        self.assertRegex(self.send("virtual mbox", "vito@virtual.test")[0], r"^sent \(delivered to mailbox\)")
        self.assert_arrived("vito", "virtual mbox", mbox=True)


if __name__ == "__main__":
    unittest.main()
