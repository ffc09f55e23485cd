"""postconf: what it asks other parts of the suite for."""

import os
import re
import subprocess

from support.suite import SuiteTestCase

TEMPLATE = """failure_template = <<EOF
Charset: us-ascii
From: Somebody <x@y.test>
Subject: It did not work
Postmaster-Subject: Copy

This is $myhostname, sorry.
EOF
"""


class Lists(SuiteTestCase):
    def test_map_types_are_those_that_open(self):
        types = self.suite.run("postconf", "-m").stdout.split()
        self.assertEqual(types, sorted(types))
        self.assertIn("hash", types)
        for name in types:
            done = self.suite.run("postmap", "-q", "x", name + ":/nonexistent", check=False)
            self.assertNotIn("unsupported", done.stderr)

    def test_nothing_is_built_in(self):
        for option in (("-a",), ("-A",), ("-T", "compile-version")):
            self.assertEqual(self.suite.run("postconf", *option).stdout, "")

    def test_unknown_option(self):
        done = self.suite.run("postconf", "-W", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("usage", done.stderr)


class Templates(SuiteTestCase):
    main_cf = {"bounce_template_file": "@etc@/bounce.cf", "myhostname": "mx.y.test"}

    @classmethod
    def configure(cls, suite):
        suite.write("etc/bounce.cf", TEMPLATE)
        suite.write("other.cf", TEMPLATE.replace("sorry", "indeed"))

    def show(self, *args, **how):
        return self.suite.run("postconf", *args, **how).stdout

    def test_texts(self):
        expanded, written = self.show("-b"), self.show("-t")
        self.assertIn("This is mx.y.test, sorry.\n", expanded)
        self.assertNotIn("Subject: ", expanded)
        self.assertIn("Subject: It did not work\n", written)
        self.assertIn("This is $myhostname, sorry.\n", written)
        self.assertIn("delay_template = <<EOF\n", written)

    def test_other_files(self):
        self.assertIn("mx.y.test, indeed.\n", self.show("-b", "other.cf"))  # the caller's directory
        self.assertNotIn("It did not work", self.show("-t", ""))
        self.assertIn("Undelivered Mail Returned to Sender", self.show("-t", ""))
        done = self.suite.run("postconf", "-b", "a", "b", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("at most one template file", done.stderr)
        self.assertNotIn("This is the mail system", self.show("-b", "/nonexistent", check=False))


class Explain(SuiteTestCase):
    main_cf = {"relay_domains": "$mine", "mine": "a.test,\n  b.test", "relayhosts": "x",
               "smtp_recipient_limit": "3", "smtpd_sasl_auth_enable": "yes", "fallback_relay": "x.test"}

    def explain(self, *names):
        """Labels and texts of one parameter, foldings undone."""
        done = self.suite.run("postconf", "-E", *names, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = re.sub(r"\n {15}", "", done.stdout)
        lines = text.splitlines()
        self.assertEqual(lines[0], names[-1])
        return dict((line[4:15].strip(), line[16:]) for line in lines[1:])

    def line_of(self, name, file="main.cf"):
        with open(self.suite.path("etc/" + file), encoding="utf-8") as text:
            return [n for n, line in enumerate(text, 1) if re.match(r"\s*" + name, line)][-1]

    def test_default(self):
        told = self.explain("smtpd_timeout")
        self.assertEqual(told["default"], "${stress?{10}:{300}}s")
        self.assertEqual((told["value"], told["that is"]), ("the default", "300s"))
        self.assertEqual((told["since"], told["read by"]), ("2.0 or before", "smtpd"))
        self.assertTrue(told["type"].startswith("time: "), told)
        self.assertTrue(told["type"].endswith("in seconds; at least 1s"), told)
        self.assertNotIn("from", told)

    def test_setting(self):
        told = self.explain("relay_domains")
        self.assertEqual((told["value"], told["that is"]), ("$mine", "a.test, b.test"))
        self.assertTrue(told["from"].endswith("/main.cf, line %d" % self.line_of("relay_domains")), told)
        self.assertIn("smtpd", told["read by"].split(", "))

    def test_users_own(self):
        told = self.explain("mine")
        self.assertIn("other values refer to it", told["is"])
        self.assertEqual(told["value"], "a.test, b.test")

    def test_override(self):
        told = self.explain("-o", "relayhost=[x.test]", "relayhost")
        self.assertEqual((told["value"], told["from"]), ("[x.test]", "option -o of this command"))

    def test_service_of_master_cf(self):
        with open(self.suite.path("etc/master.cf"), "a", encoding="utf-8") as file:
            file.write("\n# more\nother unix - - n - - smtp\n  -o smtp_helo_name=x.test\n")
        told = self.explain("smtp_helo_name")
        self.assertRegex(told["but"], r"^other/unix has x\.test: -o in .*/master\.cf, line %d$" %
                         self.line_of("other unix", "master.cf"))
        told = self.explain("other_recipient_limit")
        self.assertIn("of the service other", told["is"])
        self.assertNotIn("does not have", told["is"])
        self.assertIn("which master.cf does not have", self.explain("absent_recipient_limit")["is"])

    def test_pattern(self):
        told = self.explain("smtp_recipient_limit")
        self.assertEqual((told["default"], told["value"]), ("$default_recipient_limit", "3"))
        self.assertEqual(told["read by"], "qmgr")

    def test_words_limits_and_releases(self):
        self.assertEqual(self.explain("inet_protocols")["accepted"], "all, ipv4, ipv6")
        self.assertEqual(self.explain("unverified_sender_defer_code")["type"], "number; 200 to 499")
        self.assertEqual(self.explain("smtpd_helo_required")["type"], "yes or no")
        self.assertEqual(self.explain("valija_version")["since"], "not a parameter of Postfix")
        self.assertEqual(self.explain("smtputf8_enable")["since"], "3.0")

    def test_not_built_and_going_away(self):
        told = self.explain("smtpd_sasl_auth_enable")
        if "nothing yet" in told["read by"]:
            self.assertIn("SASL", told["read by"])
        self.assertEqual(self.explain("fallback_relay")["going away"], "yes; write smtp_fallback_relay instead")
        self.assertEqual(self.explain("smtpd_tls_dh512_param_file")["going away"], "yes; nothing takes its place")

    def test_unknown(self):
        done = self.suite.run("postconf", "-E", "mydestinatoin", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("warning: mydestinatoin: unknown parameter\n", done.stderr)
        self.assertIn("warning: did you mean mydestination?\n", done.stderr)

    def seen_at_terminal(self, *args):
        """What postconf writes to standard error when that is a terminal."""
        master, slave = os.openpty()
        with os.fdopen(master, "rb", buffering=0) as terminal:
            subprocess.run([self.suite.product.command("postconf"), *args], env=self.suite.env, stderr=slave,
                           stdout=subprocess.DEVNULL, check=True)
            os.close(slave)
            text = b""
            try:
                while True:
                    piece = terminal.read(4096)
                    if not piece:
                        break
                    text += piece
            except OSError:                 # EIO: nobody has the other end open
                pass
        return text.decode().replace("\r\n", "\n")

    def test_hints_are_for_people(self):
        unknown, unused = "warning: relayhots: unknown parameter\n", "unused parameter: relayhosts=x\n"
        hint = r".*: warning: did you mean relayhost\?\n"
        self.assertRegex(self.seen_at_terminal("relayhots"), unknown + hint)
        self.assertRegex(self.seen_at_terminal("-n"), unused + hint)
        for args, line in ((["relayhots"], unknown), (["-n"], unused)):
            done = self.suite.run("postconf", *args, check=False)
            self.assertIn(line, done.stderr)
            self.assertNotIn("did you mean", done.stderr)
        self.assertEqual(self.seen_at_terminal("-q", "-n"), "")

    def test_what_is_no_name(self):
        with open(self.suite.path("etc/main.cf"), encoding="utf-8") as file:
            before = file.read()
        for text in ("", "=", "a=b", "$(x)", "x" * 5000, "-", "_", "_time_limit", ".."):
            done = self.suite.run("postconf", "-E", "--", text, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), text)
            self.assertIn("warning: %s: unknown parameter\n" % text, done.stderr)
        with open(self.suite.path("etc/main.cf"), encoding="utf-8") as file:
            self.assertEqual(file.read(), before)

    def test_all(self):
        done = self.suite.run("postconf", "-E")
        shown = re.findall(r"^\S+$", done.stdout, re.MULTILINE)
        self.assertEqual(shown, [line.partition(" = ")[0] for line in
                                 self.suite.run("postconf", "-q", "-H").stdout.splitlines()])
        self.assertEqual(done.stdout.count("    read by     "), done.stdout.count("    default     "))

    def test_other_options(self):
        for option in ("-x", "-j", "-h", "-H"):
            done = self.suite.run("postconf", "-E", option, "relayhost", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), option)
        self.assertEqual(self.suite.run("postconf", "-E", "-M", "relayhost", check=False).returncode, 1)
        self.assertEqual(self.suite.run("postconf", "-E", "-d", "relayhost", check=False).returncode, 1)
