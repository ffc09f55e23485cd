"""Mail handed to commands: maildrop, procmail, mlmmj, and the pipes of Debian's master.cf."""
import os
import shutil
import subprocess
import unittest

from support.receivers import ids, needed
from support.suite import SuiteTestCase
from support.wait import until

TEXT = "From: me@far.test\nTo: you@here.test\nSubject: %s\n\nFrom here on\n.\nlast\n"
USER = "games"


class Commands(SuiteTestCase):
    def send(self, text, *recipients):
        """The status of each recipient."""
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("me@far.test", recipients, text)
        return [self.suite.wait_for_log(r"to=<%s>.* status=(\w+ \(.*)" % r.replace("+", r"\+"), since=mark).group(1) for r in recipients]

    def lines(self, name):
        return self.suite._read("mail/" + name)


@needed("/usr/bin/maildrop maildrop", "/usr/bin/procmail procmail")
class MailboxCommands(Commands):
    main_cf = {"recipient_delimiter": "+", "transport_maps": "inline:{drop.test=maildrop:, other.test=proclocal:}"}

    @classmethod
    def configure(cls, suite):
        suite.write("etc/procmailrc", "DEFAULT=$BOX\nLOCKFILE=$BOX.lock\n:0\n* ^Subject: *no-such-user\n{ EXITCODE=67\nHOST=end }\n"
                    ":0\n* ^Subject: *later\n{ EXITCODE=75\nHOST=end }\n:0\n* ^Subject: *list\n$BOX.list\n")
        # maildrop takes a filter from its caller only where that is the caller's own file
        path = suite.write("etc/mailfilter", 'if (/^Subject:.*no-such-user/)\n{\n EXITCODE=67\n exit\n}\nto "%s/dropped"\n' % suite.path("mail"))
        shutil.chown(path, *ids(USER))
        os.chmod(path, 0o600)
        suite.set(mailbox_command='/usr/bin/procmail -t -m BOX=@dir@/mail/$USER EXTENSION="$EXTENSION" SENDER="$SENDER" @etc@/procmailrc')
        suite.master_cf = ("maildrop unix - n n - - pipe flags=DRhu user=%s argv=/usr/bin/maildrop %s\n" % (USER, path))
        suite.write_config()

    def test_procmail_delivers(self):
        self.assertRegex(self.send(TEXT % "plain", USER + "@localhost")[0], r"^sent \(delivered to command: /usr/bin/procmail")
        until(lambda: "Subject: plain" in self.lines(USER), 60, lambda: self.suite.tail())
        with open(self.suite.path("mail", USER), "rb") as box:
            self.assertRegex(box.readline(), rb"^From me@far\.test ")
        self.assertIn("\n>From here on\n.\nlast\n", self.lines(USER))

    def test_procmail_sorts(self):
        self.assertRegex(self.send(TEXT % "list mail", USER + "+ext@localhost")[0], "^sent ")
        until(lambda: "Subject: list mail" in self.lines(USER + ".list"), 60, "the other mailbox")

    def test_procmail_says_no(self):
        self.assertRegex(self.send(TEXT % "no-such-user", USER + "@localhost")[0], r"^bounced \(user unknown")

    def test_procmail_says_later(self):
        self.assertRegex(self.send(TEXT % "later", USER + "@localhost")[0], r"^deferred \(temporary failure")

    def test_maildrop_in_a_pipe(self):
        self.assertRegex(self.send(TEXT % "by maildrop", "you@drop.test")[0], r"^sent \(delivered via maildrop service\)")
        until(lambda: "Subject: by maildrop" in self.lines("dropped"), 60, "the mailbox")
        self.assertIn("Delivered-To: you@drop.test", self.lines("dropped"))

    def test_maildrop_says_no(self):
        self.assertRegex(self.send(TEXT % "no-such-user", "you@drop.test")[0], r"^bounced \(user unknown")


@needed("/usr/bin/mlmmj-receive mlmmj")
class Mlmmj(Commands):
    """A list as mlmmj's README for Postfix has it: a virtual alias into a dummy domain, and a pipe for that.

    The transport table names the list itself: $1 is refused there, as postconf(5) says of transport_maps."""
    main_cf = {"recipient_delimiter": "+", "propagate_unmatched_extensions": "virtual", "mlmmj_destination_recipient_limit": "1",
               "virtual_alias_domains": "lists.test", "virtual_alias_maps": "regexp:@etc@/virtual", "transport_maps": "regexp:@etc@/transport"}

    @classmethod
    def configure(cls, suite):
        spool = suite.path("lists")
        cls.spool = os.path.join(spool, "club")
        for name in ("incoming", "queue", "queue/discarded", "archive", "text", "subconf", "unsubconf", "bounce", "control", "moderation",
                     "subscribers.d", "digesters.d", "requeue", "nomailsubs.d"):
            os.makedirs(os.path.join(cls.spool, name))
        for name, text in (("control/listaddress", "club@lists.test\n"), ("control/owner", "owner@far.test\n"), ("index", "0"),
                           ("control/closedlist", ""), ("control/subonlypost", "")):
            with open(os.path.join(cls.spool, name), "w") as f:
                f.write(text)
        subprocess.run(["chown", "-R", "nobody:nogroup", spool], check=True)
        suite.write("etc/virtual", "/^(club.*)@lists\\.test$/ $1@mlmmj.test\n")
        suite.write("etc/transport", "/^club.*@mlmmj\\.test$/ mlmmj:club\n")
        suite.master_cf = ("mlmmj unix - n n - - pipe flags=ORhu user=nobody argv=/usr/bin/mlmmj-receive -F -P -L %s/$nexthop\n" % spool)
        suite.write_config()

    def test_list_gets_its_mail(self):
        self.assertRegex(self.status(TEXT % "to all", "club+subscribe"), r"^sent \(delivered via mlmmj service\)")
        names = os.listdir(os.path.join(self.spool, "incoming"))
        self.assertEqual(len(names), 1)
        with open(os.path.join(self.spool, "incoming", names[0])) as f:
            text = f.read()
        self.assertIn("Subject: to all\n", text)
        # -F and -P: mlmmj-process reads these when it runs
        self.assertIn("X-Original-To: club+subscribe@lists.test\n", text)
        self.assertTrue(text.startswith("Return-Path: <me@far.test>\n"), text)

    def status(self, text, user):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("me@far.test", [user + "@lists.test"], text)
        return self.suite.wait_for_log(r"orig_to=<%s@lists\.test>.* status=(\w+ \(.*)" % user.replace("+", r"\+"), since=mark).group(1)


SHOW = ("#!/bin/sh\n{ echo \"$(id -un)\"; for a in \"$@\"; do echo \"[$a]\"; done; echo ==; cat; echo END; } >@dir@/mail/$$.part\n"
        "mv @dir@/mail/$$.part @dir@/mail/seen-${0##*/}\n")
# name: (attributes and arguments as Debian's master.cf has them, recipient, arguments seen, part of the input)
PIPES = {
    "maildrop": ("flags=DRhu user=USER argv=@etc@/maildrop -d ${recipient}", "Ann@MAILDROP.test",
                 ["-d", "ann@maildrop.test"], "Return-Path: <me@far.test>\nDelivered-To: "),
    "uucp": ("flags=Fqhu user=USER argv=@etc@/uucp -r -n -z -a$sender - $nexthop!rmail ($recipient)", '"B b"@uucp.test',
             ["-r", "-n", "-z", "-ame@far.test", "-", "uucp.test!rmail", '("b b"@uucp.test)'], "From me@far.test "),
    "ifmail": ("flags=F user=USER argv=@etc@/ifmail -r $nexthop ($recipient)", "cleo@ifmail.test",
               ["-r", "ifmail.test", "(cleo@ifmail.test)"], "From me@far.test "),
    "bsmtp": ("flags=Fq. user=USER argv=@etc@/bsmtp -t$nexthop -f$sender $recipient", "dora@bsmtp.test",
              ["-tbsmtp.test", "-fme@far.test", "dora@bsmtp.test"], "\n..\nlast\n"),
    "scalemail-backend": ("flags=R user=USER argv=@etc@/scalemail-backend ${nexthop} ${user} ${extension}", "emma+ext@scalemail-backend.test",
                          ["scalemail-backend.test", "emma", "ext"], "Return-Path: <me@far.test>\n"),
    "mailman": ("flags=FR user=USER argv=@etc@/mailman ${nexthop} ${user}", "fay-request@mailman.test",
                ["mailman.test", "fay-request"], "From me@far.test "),
}


@needed()
class DebiansPipes(Commands):
    """The entries for pipe(8) that Debian's master.cf comes with; a program that shows what it got stands in for each."""
    main_cf = {"recipient_delimiter": "+", "transport_maps": "inline:{%s}" % ", ".join("%s.test=%s:" % (n, n) for n in PIPES)}

    @classmethod
    def configure(cls, suite):
        for name, (entry, *_) in PIPES.items():
            os.chmod(suite.write("etc/" + name, suite.expand(SHOW)), 0o755)
            limit = "2" if name.startswith("scalemail") else "-"
            suite.master_cf += "%s unix - n n - %s pipe\n  %s\n" % (name, limit, entry.replace("USER", USER))
        suite.write_config()

    def test_each(self):
        for name, (_, recipient, arguments, part) in PIPES.items():
            with self.subTest(entry=name):
                mark = self.suite.log_mark()
                with self.suite.smtp() as client:
                    client.message("me@far.test", [recipient], TEXT % name)
                self.suite.wait_for_log(r"relay=%s,.* status=sent \(delivered via %s service\)" % (name, name), since=mark)
                seen = self.lines("seen-" + name)
                self.assertEqual(seen.split("==\n")[0].splitlines(), [USER] + ["[%s]" % a for a in arguments])
                self.assertIn(part, seen)
                self.assertTrue(seen.endswith("last\nEND\n") or seen.endswith("last\n\nEND\n"), seen)

    def test_uucp_takes_several_recipients_at_once(self):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("me@far.test", ["one@uucp.test", "two@uucp.test"], TEXT % "two")
        for user in ("one", "two"):
            self.suite.wait_for_log(r"to=<%s@uucp\.test>, relay=uucp,.* status=sent" % user, since=mark)
        self.assertIn("[(one@uucp.test)]\n[(two@uucp.test)]\n==", self.lines("seen-uucp"))


del Commands

if __name__ == "__main__":
    unittest.main()
