"""postconf: what it asks other parts of the suite for."""

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
        done = self.suite.run("postconf", "-E", check=False)
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
