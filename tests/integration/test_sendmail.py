"""sendmail, postdrop and pickup: what programs submit, as it ends up in the queue."""
import os
import pathlib
import pwd
import subprocess

from support.suite import SuiteTestCase
from support.wait import until


class Submission(SuiteTestCase):
    # every message stays in hold/, to be looked at with postcat
    main_cf = {"header_checks": "static:HOLD", "body_checks": "static:DUNNO"}

    def submit(self, args, text, **how):
        """The envelope records and the lines of the one message that ARGS and TEXT make."""
        mark = self.suite.log_mark()
        self.suite.sendmail(args, text, **how)
        self.suite.wait_for_log(r"cleanup\[\d+\]: [0-9A-F]+: hold: ", since=mark)
        held = until(lambda: self.suite.queue_files("hold"), 30, "a held message")
        self.assertEqual(len(held), 1, held)
        queue_id = os.path.basename(held[0])
        shown = self.suite.run("postcat", "-q", queue_id).stdout
        os.unlink(self.suite.path("queue", "hold", queue_id))
        envelope, _, rest = shown.partition("*** MESSAGE CONTENTS")
        message, _, extracted = rest.partition("*** HEADER EXTRACTED")
        return envelope, message.split("\n")[1:-1], extracted

    def test_sender_recipients_and_text(self):
        envelope, lines, _ = self.submit(["-f", "me@here.test", "you@there.test"],
                                         "Subject: hi\n\nbody\n")
        self.assertIn("sender: me@here.test\n", envelope)
        self.assertIn("\nrecipient: you@there.test\n", envelope)
        self.assertIn("rewrite_context=local", envelope)
        self.assertIn("Subject: hi", lines)
        self.assertEqual(lines[-2:], ["", "body"])
        self.assertTrue(lines[0].startswith("Received: by "), lines[0])

    def test_lone_dot_ends_the_message_unless_told(self):
        _, lines, _ = self.submit(["a@x.test"], "Subject: x\n\none\n.\ntwo\n")
        self.assertEqual(lines[-1], "one")
        _, lines, _ = self.submit(["-i", "a@x.test"], "Subject: x\n\none\n.\ntwo\n")
        self.assertEqual(lines[-3:], ["one", ".", "two"])

    def test_crlf_input_is_taken_as_lines(self):
        _, lines, _ = self.submit(["a@x.test"], "Subject: x\r\n\r\none\r\ntwo\r\n")
        self.assertEqual(lines[-2:], ["one", "two"])
        self.assertIn("Subject: x", lines)

    def test_incomplete_last_line_is_kept(self):
        _, lines, _ = self.submit(["a@x.test"], "Subject: x\n\nno end")
        self.assertEqual(lines[-1], "no end")

    def test_recipients_from_headers(self):
        envelope, lines, extracted = self.submit(
            ["-t"], "To: a@x.test, \"B\" <b@x.test>\nCc: c@x.test\nBcc: d@x.test\n\nbody\n")
        found = [line.split(": ")[1] for line in (envelope + extracted).split("\n")
                 if line.startswith("recipient: ")]
        self.assertEqual(found, ["a@x.test", "b@x.test", "c@x.test", "d@x.test"])
        self.assertFalse([line for line in lines if line.lower().startswith("bcc")])

    def test_null_sender_and_dsn_options(self):
        envelope, _, _ = self.submit(["-f", "", "-N", "success,delay", "-R", "hdrs", "-V", "id42",
                                      "a@x.test"], "Subject: x\n\n")
        self.assertIn("\nsender: \n", envelope)
        self.assertIn("envelope_id=id42", envelope)
        self.assertIn("ret_flags=2", envelope)
        self.assertIn("notify_flags=10", envelope)

    def test_long_lines_and_binary_survive(self):
        text = b"Subject: x\n\n" + b"y" * 300000 + b"\n" + bytes(range(1, 10)) + b"\xff\n"
        mark = self.suite.log_mark()
        self.suite.run("sendmail", "-i", "a@x.test", stdin=text)
        self.suite.wait_for_log("hold: ", since=mark)
        held = until(lambda: self.suite.queue_files("hold"), 30, "a held message")
        queue_id = os.path.basename(held[0])
        done = subprocess.run([self.suite.product.command("postcat"), "-bq", queue_id],
                              env=self.suite.env, stdout=subprocess.PIPE, check=True)
        os.unlink(self.suite.path("queue", "hold", queue_id))
        self.assertEqual(done.stdout, text[len(b"Subject: x\n"):])

    def test_no_recipients(self):
        until(lambda: not self.suite.queue_files("maildrop"), 30, "end of the message before")
        mark = self.suite.log_mark()
        for args, words in ((["-t"], "No recipient addresses found in message header"),
                            ([], "Recipient addresses must be specified")):
            done = self.suite.sendmail(args, "Subject: x\n\n", check=False)
            self.assertEqual(done.returncode, 75)
            self.assertIn(words, done.stderr)
        self.assertEqual(self.suite.queue_files("maildrop"), [])
        self.assertEqual(self.suite.count_log(r"pickup\[\d+\]", since=mark), 0)

    def test_probe(self):
        """-bv: the report is on a message of our own; standard input is not read."""
        mark = self.suite.log_mark()
        done = self.suite.sendmail(["-f", "me@here.test", "-F", "Full Name", "-bv", "a@x.test",
                                    "B <b@x.test>"], "Subject: no\n\nno\n")
        self.assertEqual(done.stdout,
                         "Mail Delivery Status Report will be mailed to <me@here.test>.\n")
        self.suite.wait_for_log("hold: ", since=mark)
        held = until(lambda: self.suite.queue_files("hold"), 30, "a held message")
        shown = self.suite.run("postcat", "-q", os.path.basename(held[0])).stdout
        os.unlink(held[0])
        self.assertIn("trace_flags=512", shown)
        self.assertIn("\nFrom: me@here.test\nSubject: probe\nTo:\ta@x.test,\n\tB <b@x.test>\n", shown)
        self.assertNotIn("Subject: no", shown)

    def test_verp_delimiters(self):
        for option, good in (("-XV", True), ("-XV-=", True), ("-XVxy", False), ("-XV+", False),
                             ("-XV+==", False)):
            if good:
                envelope, _, _ = self.submit(["-f", "me@here.test", option, "a@x.test"], "\n")
                self.assertIn(": %s\n" % (option[3:] or "+="), envelope)
            else:
                done = self.suite.sendmail(["-f", "me@here.test", option, "a@x.test"], "", check=False)
                self.assertEqual(done.returncode, 75)
                self.assertIn("fatal: -V requires two characters from -=+\n", done.stderr)

    def test_refused_options(self):
        for args, words in ((["-n", "a"], "-n option not supported"), (["-t", "-bv"], "-t option cannot be used with -bv"),
                            (["-bx", "a"], "unsupported: -bx"), (["-q", "a"], "flush queue mode requires no recipient")):
            done = self.suite.sendmail(args, "", check=False)
            self.assertEqual(done.returncode, 75, done.stderr)
            self.assertIn(words, done.stderr)


class Rights(SuiteTestCase):
    """authorized_submit_users and local_login_sender_maps, through sendmail and through postdrop."""
    main_cf = {"header_checks": "static:HOLD"}
    name = pwd.getpwuid(os.getuid()).pw_name

    def tearDown(self):
        self.suite.set(authorized_submit_users=None, local_login_sender_maps=None)
        until(lambda: not self.suite.queue_files("maildrop"), 30, "empty maildrop")

    def set(self, **settings):
        self.suite.set(**settings)

    def submit(self, sender, status, words, postdrop_status):
        done = self.suite.sendmail(["-f", sender, "a@x.test"], "\n", check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(words, done.stderr)
        record = Postdrop.record
        data = (record(b"S", sender.encode()) + record(b"R", b"a@x.test") + record(b"M") +
                record(b"N", b"x") + record(b"X") + record(b"E"))
        done = subprocess.run([self.suite.product.command("postdrop"), "-r"], input=data,
                              env=self.suite.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, postdrop_status, done.stderr)
        self.assertIn(words, done.stderr.decode())

    def test_users(self):
        who = "fatal: User %s(%d) is not allowed to submit mail" % (self.name, os.getuid())
        for users, allowed in (("", False), ("!%s, static:all" % self.name, False),
                               (self.name, True)):
            self.set(authorized_submit_users=users)
            self.submit("me", *((0, "", 0) if allowed else (75, who, 1)))
        self.set(authorized_submit_users="fail:x")
        self.submit("me", 75, "authorized_submit_users", 75)

    def test_senders(self):
        self.set(local_login_sender_maps="inline:{ { %s = %s @dom.test } }" % (self.name, self.name))
        for sender, allowed in ((self.name, True), ("x@dom.test", True), ("x@y.test", False),
                                ("", False)):
            words = "fatal: %s(%d): not authorized to use sender='%s'" % (
                self.name, os.getuid(), sender)
            self.submit(sender, *((0, "", 0) if allowed else (75, words, 1)))


class Postdrop(SuiteTestCase):
    main_cf = {"header_checks": "static:HOLD"}

    def postdrop(self, data, check=False):
        done = subprocess.run([self.suite.product.command("postdrop"), "-r"], input=data,
                              env=self.suite.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    @staticmethod
    def record(kind, data=b""):
        assert len(data) < 128
        return kind + bytes([len(data)]) + data

    def message(self):
        r = self.record
        return (r(b"S", b"me") + r(b"R", b"you@x.test") + r(b"M") + r(b"N", b"Subject: x") +
                r(b"N") + r(b"N", b"body") + r(b"X") + r(b"E"))

    def test_stores_and_says_so(self):
        mark = self.suite.log_mark()
        status, out, _ = self.postdrop(self.message())
        self.assertEqual(status, 0)
        names = out.split(b"\0")
        self.assertEqual(names[:3], [b"protocol", b"postdrop_protocol", b"queue_id"])
        self.assertTrue(out.endswith(b"status\x000\0reason\0\0\0"), out)
        self.suite.wait_for_log(r"pickup\[\d+\]: \w+: uid=\d+ from=<me>", since=mark)

    def test_early_end_leaves_nothing(self):
        for cut in range(len(self.message())):
            status, out, _ = self.postdrop(self.message()[:cut])
            self.assertEqual(status, 0)
            self.assertNotIn(b"status", out)
        self.assertEqual(self.suite.queue_files("maildrop"), [])

    def test_refuses_what_only_services_may_say(self):
        for bad in (self.record(b"C", b"1"), self.record(b"p", b"5"), self.record(b"D", b"x"),
                    b"\xff\xff\xff\xff\xff\xff\xff\xff"):
            status, _, err = self.postdrop(self.record(b"S", b"me") + bad + self.message())
            self.assertEqual(status, 1, bad)
            self.assertIn(b"fatal", err)
        self.assertEqual(self.suite.queue_files("maildrop"), [])


class HostileMaildrop(SuiteTestCase):
    main_cf = {"header_checks": "static:HOLD"}

    def test_junk_in_maildrop_stops_nobody(self):
        """A corrupt file, a link and an unfinished file do not delay the message beside them."""
        maildrop = pathlib.Path(self.suite.path("queue", "maildrop"))
        secret = pathlib.Path(self.suite.path("mail", "secret"))
        secret.write_text("secret")
        (maildrop / "AAAAA1").write_bytes(b"\x00\xff garbage \xff\xff\xff")
        (maildrop / "AAAAA1").chmod(0o744)
        (maildrop / "AAAAA2").symlink_to(secret)
        (maildrop / "AAAAA3").write_bytes(b"T\x03")
        (maildrop / "AAAAA3").chmod(0o600)
        (maildrop / "AAAAA4").mkdir()
        mark = self.suite.log_mark()
        self.suite.sendmail(["you@x.test"], "Subject: x\n\nbody\n")
        self.suite.wait_for_log("hold: header ", since=mark)
        self.suite.wait_for_log(r"maildrop/AAAAA1: .*; moved to corrupt/", since=mark)
        until(lambda: self.suite.queue_ids("corrupt") == {"AAAAA1"}, 30, self.suite.queue_directory + "/corrupt/AAAAA1")
        self.assertTrue((maildrop / "AAAAA3").exists())
        self.assertEqual(secret.read_text(), "secret")
