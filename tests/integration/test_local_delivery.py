"""local(8) end to end: aliases, files, commands, :include:, owners, loops, other transports.

Everything goes to the user who runs the tests, or to nobody when that is root, so that the test needs no
accounts of its own.
"""
import os
import pwd
import re
import unittest

from support.suite import SuiteTestCase

USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

ALIASES = """\
me: {user}
both: {user}, "|cat >@dir@/open/by-command"
selfish: selfish
ring: ring2
ring2: ring
file: @dir@/open/file
dir: @dir@/open/box/
null: /dev/null
fail: "|echo why not; exit 69"
later: "|exit 75"
own-code: "|echo 5.7.9 go away; exit 1"
env: "|env >@dir@/open/env"
list: :include:@dir@/open/list
bad-list: :include:@dir@/open/commands
club: {user}, away@far.example
owner-club: {user}
""".format(user=USER)

TEXT = "From: a@b.example\nSubject: %s\n\nFrom here\nbody\n"


class LocalTestCase(SuiteTestCase):
    def deliver(self, to, count=1, text=None):
        """Send one message; the status lines of the message itself, as (to, dsn, status, text)."""
        suite = self.suite
        mark = suite.log_mark()
        suite.sendmail(["-f", "sender@far.example", to], text or TEXT % to)
        queue_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)
        pattern = (queue_id + r": to=<([^>]*)>.*relay=(?:local|none),.*"
                   r" dsn=([\d.]+), status=(\w+) \((.*)\)$")
        suite.wait_for_log(queue_id + ": (removed|to=.*status=deferred)", since=mark)
        lines = [re.search(pattern, line) for line in suite.log_lines(mark)]
        found = [m.groups() for m in lines if m]
        self.assertEqual(len(found), count, found)
        return found

    def one(self, to, dsn, status, text):
        found = self.deliver(to)[0]
        self.assertEqual(found[1:3], (dsn, status))
        self.assertRegex(found[3], text)

class LocalDelivery(LocalTestCase):
    main_cf = {"recipient_delimiter": "+", "default_transport": "discard:away",
               "transport_maps": "inline:{moved@mail.example.test=error:gone}"}

    @classmethod
    def configure(cls, suite):
        os.mkdir(suite.path("open"))
        os.chmod(suite.path("open"), 0o1777)
        suite.make_aliases(ALIASES.replace("@dir@", suite.dir))
        suite.write("open/list", "# a list\n%s\n\nmissing\n" % USER)
        suite.write("open/commands", '"|cat"\n/dev/null\n')

    def test_mailbox(self):
        self.one(USER + "+ext", "2.0.0", "sent", "^delivered to mailbox$")
        box = self.suite.mailbox(USER)
        self.assertRegex(box, r"(?m)^From sender@far\.example  \w{3} \w{3} [ \d]\d ")
        self.assertIn("\nReturn-Path: <sender@far.example>\nX-Original-To: %s+ext\n"
                      "Delivered-To: %s+ext@mail.example.test\nReceived: " % (USER, USER), box)
        self.assertIn("\n>From here\nbody\n\n", box)

    def test_alias_to_two(self):
        texts = [f[3] for f in self.deliver("both", 2)]
        self.assertEqual(texts[0], "delivered to mailbox")
        self.assertTrue(texts[1].startswith("delivered to command: cat >"), texts)
        with open(self.suite.path("open/by-command")) as f:
            piped = f.read()
        self.assertIn("\n\nFrom here\nbody\n", piped)  # no quoting, no blank line at the end
        self.assertTrue(piped.endswith("body\n"), piped)

    def test_alias_loops(self):
        self.one("selfish", "5.1.1", "bounced", 'unknown user: "selfish"')
        self.one("ring", "5.4.6", "bounced", "alias database loop for ring2")

    def test_files(self):
        self.one("file", "2.0.0", "sent", "^delivered to file: .*/open/file$")
        self.one("null", "2.0.0", "sent", "^delivered to file: /dev/null$")
        self.one("dir", "2.0.0", "sent", "^delivered to maildir$")
        names = os.listdir(self.suite.path("open/box/new"))
        self.assertRegex(names[0], r"^\d+\.V[0-9a-f]+I[0-9a-f]+M\d+\.")

    def test_command_status(self):
        self.one("fail", "5.3.0", "bounced", "^service unavailable. Command output: why not $")
        self.one("later", "4.3.0", "deferred", "^temporary failure$")
        self.one("own-code", "5.7.9", "bounced", "^go away $")

    def test_command_environment(self):
        self.one("env+x", "2.0.0", "sent", "^delivered to command")
        with open(self.suite.path("open/env")) as f:
            env = dict(line.rstrip("\n").split("=", 1) for line in f)
        want = {"USER": "env", "LOCAL": "env+x", "EXTENSION": "x", "DOMAIN": "mail.example.test",
                "SENDER": "sender@far.example", "RECIPIENT": "env+x@mail.example.test",
                "ORIGINAL_RECIPIENT": "env+x", "PATH": "/usr/bin:/bin"}
        self.assertEqual({k: env.get(k) for k in want}, want)
        self.assertNotIn("HOME", env)

    def test_include_goes_on_as_new_message(self):
        self.one("list", "2.0.0", "sent", r"^forwarded as \w+$")
        self.suite.wait_for_log(r'to=<missing@mail.example.test>, orig_to=<list>.*unknown user')

    def test_include_must_not_list_commands(self):
        texts = [f[3] for f in self.deliver("bad-list", 2)]
        self.assertEqual(texts, ["mail to command is restricted", "mail to file is restricted"])

    def test_owner_becomes_sender(self):
        mark = self.suite.log_mark()
        found = self.deliver("club")
        new_id = found[0][3].split()[-1]
        self.suite.wait_for_log(new_id + r": from=<owner-club@mail.example.test>", since=mark)
        self.suite.wait_for_log(new_id + r": to=<away@far.example>, relay", since=mark)

    def test_loop(self):
        text = "Delivered-To: %s@MAIL.example.test\n" % USER.upper() + TEXT % "loop"
        found = self.deliver("me", text=text)
        self.assertEqual(found[0][1:], ("5.4.6", "bounced",
                                        "mail forwarding loop for %s@mail.example.test" % USER))

    def test_unknown_and_required(self):
        self.one("no-such-user+x", "5.1.1", "bounced", '^unknown user: "no-such-user"$')
        self.one("postmaster", "2.0.0", "sent", "^discarded$")
        self.suite.wait_for_log("warning: required alias not found: postmaster")

    def test_probe_delivers_nothing(self):
        mark = self.suite.log_mark()
        self.suite.sendmail(["-bv", "-f", USER, "file"], "")
        self.suite.wait_for_log(r"status=deliverable \(delivers to file: ", since=mark)


class LocalForward(LocalTestCase):
    """.forward files, read from elsewhere so that no home directory is touched."""
    main_cf = {"recipient_delimiter": "+", "default_transport": "discard:away",
               "forward_path": "@dir@/open/$user${recipient_delimiter}${extension}, "
                               "@dir@/open/$user"}

    @classmethod
    def configure(cls, suite):
        os.mkdir(suite.path("open"))
        os.chmod(suite.path("open"), 0o1777)

    def forward(self, text, mode=0o644, extension=""):
        path = self.suite.write("open/" + USER + extension, text)
        os.chmod(path, mode)
        os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
        self.addCleanup(os.unlink, path)
        return path

    def test_own_name_is_mailbox(self):
        self.forward("%s\n" % USER)
        self.one(USER, "2.0.0", "sent", "^delivered to mailbox$")

    def test_backslash_name_and_another(self):
        self.forward("# both\n\\%s, away@far.example\n" % USER)
        texts = [f[3] for f in self.deliver(USER, 2)]
        self.assertEqual(texts[0], "delivered to mailbox")
        self.assertRegex(texts[1], r"^forwarded as \w+$")

    def test_forwarded_message_tells_where_it_was(self):
        self.forward("away@far.example\n")
        self.suite.set(default_transport="retry:later")
        self.suite.reload()
        try:
            new_id = self.deliver(USER)[0][3].split()[-1]
            self.suite.wait_for_log(new_id + r": to=<away@far.example>, orig_to=<%s>" % USER)
            with open(self.suite.wait_deferred(new_id), "rb") as f:
                text = f.read().decode("latin-1")
            self.assertIn("Delivered-To: %s@mail.example.test" % USER, text)
            self.assertIn("Received: by mail.example.test (Postfix)", text)
        finally:
            self.suite.set(default_transport="discard:away")
            self.suite.reload()

    def test_command_runs_as_the_user(self):
        out = self.suite.path("open/who")
        self.forward('"|id -u >%s; echo $USER $HOME >>%s"\n' % (out, out))
        self.one(USER, "2.0.0", "sent", "^delivered to command: ")
        entry = pwd.getpwnam(USER)
        with open(out) as f:
            self.assertEqual(f.read(), "%d\n%s %s\n" % (entry.pw_uid, USER, entry.pw_dir))

    def test_extension_has_its_own_file(self):
        self.forward("away@far.example\n", extension="+list")
        self.one(USER + "+list", "2.0.0", "sent", "^forwarded as ")
        self.one(USER + "+else", "2.0.0", "sent", "^delivered to mailbox$")

    def test_extension_is_no_path(self):
        self.forward("away@far.example\n", extension="+x")
        self.one(USER + "+y/../%s+x" % USER, "2.0.0", "sent", "^delivered to mailbox$")
        self.suite.wait_for_log("address with illegal extension: y/../")

    def test_empty_file_is_mailbox(self):
        self.forward("\n# nothing\n")
        self.one(USER, "2.0.0", "sent", "^delivered to mailbox$")

    def test_world_writable_file_is_ignored(self):
        path = self.forward("away@far.example\n", mode=0o666)
        self.one(USER, "2.0.0", "sent", "^delivered to mailbox$")
        self.suite.wait_for_log("warning: file %s is world writable" % re.escape(path))

    @unittest.skipUnless(os.geteuid() == 0, "needs root: a file of somebody else")
    def test_strangers_file_is_ignored(self):
        path = self.forward("away@far.example\n")
        os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)
        self.one(USER, "2.0.0", "sent", "^delivered to mailbox$")
        self.suite.wait_for_log("warning: file %s has bad owner uid" % re.escape(path))


@unittest.skipUnless(os.geteuid() == 0, "needs root: the mail spool belongs to root")
class LocalSpool(LocalTestCase):
    """The usual mail spool: only root makes files in it."""
    @classmethod
    def configure(cls, suite):
        os.chmod(suite.path("mail"), 0o755)

    def setUp(self):
        self.box = self.suite.path("mail", USER)
        if os.path.lexists(self.box):
            os.unlink(self.box)

    def test_new_mailbox_belongs_to_the_user(self):
        self.one(USER, "2.0.0", "sent", "^delivered to mailbox$")
        status = os.stat(self.box)
        self.assertEqual((status.st_uid, status.st_mode & 0o7777),
                         (pwd.getpwnam(USER).pw_uid, 0o600))
        self.assertEqual(os.listdir(self.suite.path("mail")), [USER])  # no lock file stays

    def test_other_peoples_mailbox_is_not_written(self):
        open(self.box, "w").close()
        os.chmod(self.box, 0o666)
        self.one(USER, "4.2.0", "deferred", "is not owned by recipient$")
        self.assertEqual(os.path.getsize(self.box), 0)

    def test_link_is_not_followed(self):
        os.symlink(self.suite.path("target"), self.box)
        self.one(USER, "5.2.0", "bounced", "cannot open file: No such file or directory$")
        self.assertFalse(os.path.exists(self.suite.path("target")))
        os.lchown(self.box, pwd.getpwnam(USER).pw_uid, -1)
        self.one(USER, "5.2.0", "bounced", "file is a symbolic link$")
        self.assertFalse(os.path.exists(self.suite.path("target")))


class LocalByOthers(SuiteTestCase):
    """mailbox_transport: the recipient is settled by another program."""
    aliases = "two: %s, other\n" % USER

    def pass_to(self, transport):
        self.suite.set(mailbox_transport=transport)
        self.suite.reload()
        mark = self.suite.log_mark()
        self.suite.sendmail(["-f", "a@far.example", "two"], TEXT % "two")
        return mark

    def test_each_part_is_passed_on(self):
        mark = self.pass_to("discard:by-another")
        self.suite.wait_for_log(": removed", since=mark)
        self.suite.wait_for_count(r"discard\[\d+\].*status=sent \(by-another\)", 2, mark)

    def test_deferred_elsewhere_stays(self):
        mark = self.pass_to("retry:not now")
        self.suite.wait_for_log(r"to=<other@.*status=deferred \(not now\)", since=mark)
        self.suite.wait_for_log(r"passing <other@mail.example.test> to transport=retry", since=mark)
        self.assertEqual(self.suite.count_log(": removed", mark), 0)


if __name__ == "__main__":
    unittest.main()
