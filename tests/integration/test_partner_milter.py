"""A filter on libmilter: every step it can hear, every answer it can give at each, every change it can make.

What it hears and what clients are told is what Debian's Postfix lets such a filter hear and tells them, but for one place:
when a filter accepts or discards at an unknown command, that one panics at the next MAIL or loses the next message, and here
nothing follows from it.
"""
import re
import unittest

from support import certificates
from support.partners import MilterProgram, milter_program_needed
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until

MAIL, RCPT, TEXT = "MAIL FROM:<a@far.test>", "RCPT TO:<b@here.test>", "Subject: s\n\ntext\n"
STEPS = {"connect": "MAIL", "helo": "MAIL", "mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "unknown": "FOO",
         "header": ".", "eoh": ".", "body": ".", "eom": "."}        # and the command that gets the answer
REJECTED, LATER = ["550 5.7.1 Command rejected"], ["451 4.7.1 Service unavailable - try again later"]


@milter_program_needed
class Libmilter(SuiteTestCase):
    main_cf = {"mydestination": "here.test", "local_recipient_maps": "", "milter_default_action": "tempfail",
               "smtpd_error_sleep_time": "0", "smtpd_recipient_restrictions": "check_recipient_access inline:{no@here.test=REJECT}",
               "smtpd_tls_security_level": "may", "smtpd_tls_chain_files": "@etc@/server.pem", "milter_connect_macros":
               "j {daemon_name} {client_name} {client_addr} {client_port} {client_ptr} v _"}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "ec", "/CN=server")
        cls.filter = MilterProgram()
        cls.addClassCleanup(cls.filter.close)
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.set(smtpd_milters=cls.filter.spec, local_transport="smtp:" + cls.sink.nexthop, relayhost=cls.sink.nexthop)

    def setUp(self):
        self.filter.rule()

    def session(self, *rules, subject="s", commands=()):
        """{command: lines of the reply} of a message, with COMMANDS before it, till the first that is refused."""
        self.filter.rule(*rules)
        said = {}
        with self.suite.smtp(ehlo=None) as c:
            said["CONNECT"] = c.banner.lines
            for line in ("EHLO c", *commands, MAIL, RCPT, "DATA", "."):
                reply = c.body("Subject: %s\n\ntext\n" % subject) if line == "." else c.cmd(line)
                said[line.split()[0]] = reply.lines
                if reply.code >= 400 and line != "FOO":
                    break
        return said

    def heard(self):
        """The steps of the last connection without the negotiation, what changes masked; "close" is last."""
        lines = [re.sub(r"^(header (Message-Id|Date)): ?.*", r"\1", line) for line in self.filter.wait_for("close")]
        return [line for line in lines if not line.startswith("negotiate")]

    def message(self, subject):
        def look():
            return [m for m in self.sink.messages if "Subject: %s\n" % subject in m.text]
        return until(look, 30, lambda: "message %r\n%s" % (subject, self.suite.tail()))[0]

    # what it hears

    def test_steps(self):
        with self.suite.smtp(ehlo="c") as c:
            for line in (MAIL + " SIZE=100 BODY=8BITMIME", RCPT + " NOTIFY=NEVER", "RCPT TO:<no@here.test>", "DATA"):
                c.cmd(line)
            self.assert_reply(c.body("Subject: s\nX-Fold: a\n\tb\nX-None:\n\ntext\n.x\n"), 250)
            self.assertEqual(c.cmd("FOO bar").lines, ["500 5.5.2 Error: command not recognized"])
            for line in ("NOOP", "VRFY x", MAIL, "RSET"):
                c.cmd(line)
        heard = self.heard()
        self.assertEqual(self.filter.heard()[0], "negotiate actions=1ff steps=1fffff more=0,0")
        self.assertEqual(heard[:15], [
            "connect localhost inet 127.0.0.1", "helo c", "mail <a@far.test> SIZE=100 BODY=8BITMIME",
            "rcpt <b@here.test> NOTIFY=NEVER", "data ", "header Subject:s", "header X-Fold:a|\tb", "header X-None:",
            "header Message-Id", "header Date", "header From:a@far.test", "eoh ", "body 10 text~|.x~|", "eom ",
            *(["abort"] if heard[14] == "abort" else ["unknown FOO"])])
        self.assertEqual([line for line in heard[14:] if line != "abort"], ["unknown FOO", "mail <a@far.test>", "close"])
        self.assertIn("abort", heard[heard.index("mail <a@far.test>"):])

    def test_steps_it_does_not_want(self):
        """Only the end of the message, when nothing else is asked for; no answers waited for, when none come."""
        self.assertEqual(self.session("negotiate * steps 37f", subject="little")["."][0][:9], "250 2.0.0")
        self.assertEqual([line for line in self.heard() if line != "abort"], ["eom ", "close"])
        self.assertEqual(self.session("negotiate * steps ff080", "rcpt * reject", subject="silent")["."][0][:9], "250 2.0.0")
        self.assertIn("eom ", self.heard())
        self.message("silent")

    def test_refused_recipients_and_blanks(self):
        """SMFIP_RCPT_REJ, SMFIP_HDR_LEADSPC."""
        self.filter.rule("negotiate * steps 100800", ("rcpt", "no@", "macros", "{rcpt_mailer}", "{rcpt_host}", "{rcpt_addr}"))
        with self.suite.smtp() as c:
            c.cmd(MAIL)
            self.assert_reply(c.cmd("RCPT TO:<no@here.test>"), 554)
            c.cmd(RCPT)
            c.data("Subject:  two\nX:none\n\n")
        heard = self.heard()
        self.assertEqual([line for line in heard if line[:4] == "rcpt"], [
            "rcpt <no@here.test>", "rcpt {rcpt_mailer}=error", "rcpt {rcpt_host}=5.7.1",
            "rcpt {rcpt_addr}=Recipient address rejected: Access denied", "rcpt <b@here.test>"])
        self.assertIn("header Subject:  two", heard)
        self.assertIn("header X:none", heard)

    def test_macros(self):
        self.filter.rule(("connect", "*", "macros", "j", "{daemon_name}", "{client_addr}", "{client_name}", "{client_ptr}", "_"),
                         ("helo", "*", "macros", "{tls_version}"), ("mail", "*", "macros", "i", "{mail_addr}", "{mail_host}",
                                                                    "{mail_mailer}", "{auth_authen}"),
                         ("rcpt", "*", "macros", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"), ("data", "*", "macros", "i"),
                         ("eom", "*", "macros", "i", "{mail_addr}", "{rcpt_addr}"))
        with self.suite.smtp() as c:
            c.start_tls(certificates.client())
            c.ehlo("c")
            queue_id = c.message("a@far.test", ["b@here.test"], TEXT).text.split()[-1]
        got = dict(line.rsplit("=", 1) for line in self.heard() if "=" in line)
        host = self.sink.nexthop
        self.assertEqual(got, {
            "connect j": "mail.example.test", "connect {daemon_name}": "mail.example.test", "connect {client_addr}": "127.0.0.1",
            "connect {client_name}": "localhost", "connect {client_ptr}": "localhost", "connect _": "localhost [127.0.0.1]",
            "helo {tls_version}": "TLSv1.3", "mail i": "(none)", "mail {mail_addr}": "a@far.test", "mail {mail_host}": host,
            "mail {mail_mailer}": "smtp", "mail {auth_authen}": "(none)", "rcpt {rcpt_addr}": "b@here.test",
            "rcpt {rcpt_host}": host, "rcpt {rcpt_mailer}": "smtp", "data i": queue_id, "eom i": queue_id,
            "eom {mail_addr}": "a@far.test", "eom {rcpt_addr}": "b@here.test"})

    def test_macros_it_asks_for(self):
        """SMFIF_SETSYMLIST: at that stage these, and no others."""
        self.session(("negotiate", "*", "symlist", "3", "{rcpt_addr} {client_name}"),
                     ("rcpt", "*", "macros", "{rcpt_addr}", "{rcpt_host}", "{client_name}"),
                     ("mail", "*", "macros", "{mail_addr}"))
        heard = self.heard()
        for line in ("rcpt {rcpt_addr}=b@here.test", "rcpt {rcpt_host}=(none)", "rcpt {client_name}=localhost",
                     "mail {mail_addr}=a@far.test"):
            self.assertIn(line, heard)

    # what it answers

    def test_refusals_at_each_step(self):
        for step, command in STEPS.items():
            before = ["FOO"] if step == "unknown" else []
            for rules, reply in ((["reject"], REJECTED), (["tempfail"], LATER),
                                 ([("setreply", "571", "5.7.99", "go away"), "reject"], ["571 5.7.99 go away"]),
                                 ([("setmlreply", "451", "4.7.1", "one", "two", "three"), "tempfail"],
                                  ["451-4.7.1 one", "451-4.7.1 two", "451 4.7.1 three"])):
                rules = [(step, "*", *((rule,) if isinstance(rule, str) else rule)) for rule in rules]
                with self.subTest((step, rules)):
                    said = self.session(*rules, commands=before, subject="refused")
                    self.assertEqual(said[command], reply)
                    if command != "FOO":
                        self.assertEqual(list(said)[-1], command)
                    permanent = step == "connect" and reply[0][0] == "5"
                    self.assertEqual(said["CONNECT"][0][:3], "554" if permanent else "220")
                    self.assertEqual(self.heard()[-1], "close")
        # only after the refusal of an unknown command a message went on
        self.message("refused")
        self.suite.wait_queue_empty()
        self.assertEqual(len([m for m in self.sink.messages if "Subject: refused\n" in m.text]), 4)

    def test_accept_and_discard_at_each_step(self):
        """Both let the client think all is well. Connections cannot be discarded; that is said in the log."""
        arrive, vanish = [], []
        for step in STEPS:
            for action in ("accept", "discard"):
                with self.subTest((step, action)):
                    subject = "%s at %s" % (action, step)
                    before = ["FOO"] if step == "unknown" else []
                    said = self.session((step, "*", action), subject=subject, commands=before)
                    self.assertEqual(said["."][0][:9], "250 2.0.0")
                    kept = action == "accept" or step in ("connect", "helo", "unknown")
                    (arrive if kept else vanish).append(subject)
                    steps = [line.split()[0] for line in self.heard()]
                    if step not in ("unknown", "eom") and (action == "accept" or not kept):
                        self.assertNotIn("eom", steps)      # it is left in peace from there on
        self.session(subject="the last")
        for subject in arrive + ["the last"]:
            self.message(subject)
        self.suite.wait_queue_empty()
        subjects = {re.search(r"(?m)^Subject: (.*)", m.text).group(1) for m in self.sink.messages}
        self.assertEqual(subjects & set(vanish), set())
        self.suite.wait_for_count("DISCARD action is not allowed for connect or helo", 2)
        self.suite.wait_for_count("milter-discard: ", len(vanish) + 1)     # and the unknown command

    def test_single_recipient(self):
        self.filter.rule(("rcpt", "bad@", "reject"))
        with self.suite.smtp() as c:
            c.cmd(MAIL)
            self.assertEqual(c.cmd(RCPT).code, 250)
            self.assertEqual(c.cmd("RCPT TO:<bad@here.test>").lines, REJECTED)
            self.assert_reply(c.data("Subject: one of two\n\n"), 250)
        self.assertEqual(self.message("one of two").recipients, ["b@here.test"])

    def test_421_ends_the_session(self):
        self.filter.rule(("rcpt", "*", "setreply", "421", "4.3.2", "closing"), ("rcpt", "*", "tempfail"))
        with self.suite.smtp() as c:
            c.cmd(MAIL)
            self.assertEqual(c.cmd(RCPT).lines, ["421 4.3.2 closing"])
            self.assertTrue(c.at_eof())

    def test_skip(self):
        """One piece of a large body, then the end."""
        self.filter.rule("body * skip")
        with self.suite.smtp() as c:
            c.message("a@far.test", ["b@here.test"], "Subject: skipped\n\n" + ("x" * 70 + "\n") * 3000)
        heard = [line for line in self.heard() if line.startswith("body") or line.startswith("eom")]
        self.assertEqual([line.split()[0] for line in heard], ["body", "eom"])
        self.assertEqual(self.message("skipped").text.count("x" * 70), 3000)

    # what it changes

    def edited(self, subject, *edits, text=""):
        self.filter.rule(*[("eom", "*", *edit) for edit in edits])
        with self.suite.smtp() as c:
            c.message("a@far.test", ["b@here.test"],
                      "Subject: %s\nX-Gone: x\nX-Twice: 1\nX-Twice: 2\n\n%stext\n" % (subject, text))

    def test_edits(self):
        self.edited("all", ("progress",), ("addheader", "X-Added", "one"), ("addheader", "X-Long", "a" * 300),
                    ("insheader", "0", "X-Top", "1"), ("insheader", "2", "X-Inside", "2"), ("insheader", "99", "X-Far", "3"),
                    ("chgheader", "1", "X-Gone", ""), ("chgheader", "2", "X-Twice", "second"), ("chgheader", "5", "X-Twice", "fifth"),
                    ("chgheader", "1", "X-New", "new"), ("chgfrom", "<new@far.test>"), ("addrcpt", "<c@far.test>"),
                    ("addrcpt_par", "<d@far.test>", "NOTIFY=NEVER"), ("delrcpt", "<b@here.test>"), ("body", "new body"),
                    ("body", "and more"))
        message = self.message("all")
        head, _, body = message.text.partition("\n\n")
        self.assertEqual((message.sender, sorted(message.recipients)), ("new@far.test", ["c@far.test", "d@far.test"]))
        self.assertIn("NOTIFY=NEVER", next(r for r in message.rcpts if "d@far.test" in r))
        self.assertEqual(body, "new body\nand more\n")
        names = [line.partition(":")[0] for line in head.split("\n") if line[0] not in " \t"]
        self.assertEqual(names, ["X-Top", "Received", "X-Inside", "Subject", "X-Twice", "X-Twice", "Message-Id", "Date", "From",
                                 "X-Added", "X-Long", "X-Far", "X-Twice", "X-New"])
        self.assertIn("\nX-Twice: second\n", head)
        self.assertIn("\nX-Twice: fifth\n", head)
        self.assertNotIn("X-Gone", head)
        self.assertNotIn("failed", " ".join(self.filter.heard()))

    def test_body_grows_and_shrinks(self):
        self.edited("grown", ("large_body", "3000"))
        self.assertEqual(self.message("grown").text.partition("\n\n")[2],
                         "".join("%077d.\n" % i for i in range(3000)))
        self.edited("shrunk", ("body", "short"), text="y" * 60 + "\n" + ("z" * 70 + "\n") * 2000)
        self.assertEqual(self.message("shrunk").text.partition("\n\n")[2], "short\n")

    def test_quarantine(self):
        self.edited("held", ("quarantine", "why not"))
        queue_id = self.suite.wait_for_log(r"(\w+): milter-hold: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: "
                                           r"milter triggers HOLD action; from=<a@far\.test>").group(1)
        self.assertTrue(self.suite.queue_files("hold")[0].endswith(queue_id))
        self.suite.run("postsuper", "-d", queue_id)


if __name__ == "__main__":
    unittest.main()
