"""postmap and postalias against the oracle: same output, same status, and files that swap.

MTA_STAGE is our installed tree, MTA_ORACLE the unpacked reference with its root/ below it.
"""
import os
import pathlib
import subprocess
import tempfile
import unittest

STAGE = os.environ.get("MTA_STAGE")
ORACLE = os.environ.get("MTA_ORACLE")

TABLE = 'Key value\n  more\n# c\nkey again\nlonely\n"q k" v\n"open x\na: b\nother\tv\n'
ALIASES = 'Root: a,b\n"a b": x\nx@y: z\nnocolon\ncmd: "|/bin/x y"\n  , z\n'
CIDR = "10.0.0.0/8 ten\n10.0.0.1/8 bad\n!172.16.0.0/12 out\n::/0 six\nendif\n"
PATTERNS = "/^a(.)$/ x$1\n/bad\nif /b/\n/(c)/ $2\n/bc/ y\nendif\n!/z/ not\n"
MESSAGES = (
    """From: a
Subject: long
 line
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="bb"

preamble
--bb
Content-Type: text/plain
X-Part: one

body one
more: looks like header
--bb
Content-Type: message/rfc822

Subject: nested
Content-Type: multipart/alternative;
	boundary=cc

--cc

no headers
--cc--
--bb
X-Part: two
junk header line
after junk
--bb--
epilogue
""",
    "Subject: x\nnot a header\nTo: z\n\nbody\n",
    " starts with blank\nSubject: x\n\nb\n",
    "\n\nb1\n\nb2\n",
    "Subject: only",
    "From x y z\nSubject: a\n :b\nX : y\n\nq",
    "",
)


@unittest.skipUnless(STAGE, "MTA_STAGE is not set: nothing of ours is installed")
@unittest.skipUnless(ORACLE, "MTA_ORACLE is not set: no reference to compare with")
class PostmapLikeTheOracle(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="test_postmap.")
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)
        shared = pathlib.Path(ORACLE, "root/usr/lib/postfix").resolve()
        (self.dir / "main.cf").write_text(
            "compatibility_level = 3.6\nmyhostname = test.example\n"
            f"default_database_type = hash\nmeta_directory = {self.dir}\nshlib_directory = {shared}\n")
        # our own programs find their plugins beside themselves
        (self.dir / "dynamicmaps.cf").write_text("".join(
            f"{kind} postfix-{kind}.so dict_{kind}_open mkmap_{kind}_open\n"
            for kind in ("cdb", "lmdb", "pcre")))
        for name, text in (("table", TABLE), ("aliases", ALIASES), ("nets", CIDR),
                           ("patterns", PATTERNS)):
            (self.dir / name).write_text(text)

    def run_one(self, root, program, *args, stdin=""):
        done = subprocess.run([f"{root}/usr/sbin/{program}", "-c", str(self.dir), *args],
                              cwd=self.dir, input=stdin, capture_output=True, text=True,
                              timeout=60, check=False, env={"ASAN_OPTIONS": "detect_leaks=0"})
        # the time of the build is in there, and a hash file lists in the order of its pages
        lines = [line for line in (done.stdout + done.stderr).splitlines()
                 if "YP_LAST_MODIFIED" not in line]
        return done.returncode, sorted(lines)

    def compare(self, program, *args, stdin=""):
        with self.subTest(program=program, args=args):
            theirs = self.run_one(f"{ORACLE}/root", program, *args, stdin=stdin)
            self.assertEqual(self.run_one(STAGE, program, *args, stdin=stdin), theirs)

    def test_build_and_list(self):
        for program, source in (("postmap", "table"), ("postalias", "aliases")):
            for options in ([], ["-w"], ["-r"], ["-f"], ["-n"], ["-N"]):
                self.compare(program, *options, f"btree:{source}")
                self.compare(program, "-s", f"btree:{source}")

    def test_files_swap(self):
        for kind, file in (("hash", "table.db"), ("btree", "table.db"), ("lmdb", "table.lmdb")):
            for writer, reader in ((STAGE, f"{ORACLE}/root"), (f"{ORACLE}/root", STAGE)):
                with self.subTest(kind=kind, writer=writer):
                    (self.dir / file).unlink(missing_ok=True)
                    self.assertEqual(self.run_one(writer, "postmap", f"{kind}:table")[0], 0)
                    found = self.run_one(reader, "postmap", "-q", "KEY", f"{kind}:table")
                    self.assertEqual(found, (0, ["value  more"]))
                    self.run_one(reader, "postmap", "-i", f"{kind}:table", stdin="new entry\n")
                    self.assertEqual(self.run_one(writer, "postmap", "-q", "new", f"{kind}:table"),
                                     (0, ["entry"]))
                    self.assertEqual(
                        self.run_one(reader, "postmap", "-d", "new", f"{kind}:table")[0], 0)
                    self.assertEqual(
                        self.run_one(writer, "postmap", "-q", "new", f"{kind}:table"), (1, []))

    def test_constant_databases_swap(self):
        for options in ([], ["-N"]):
            for writer, reader in ((STAGE, f"{ORACLE}/root"), (f"{ORACLE}/root", STAGE)):
                with self.subTest(options=options, writer=writer):
                    (self.dir / "table.cdb").unlink(missing_ok=True)
                    self.assertEqual(self.run_one(writer, "postmap", *options, "cdb:table")[0], 0)
                    self.assertEqual(self.run_one(reader, "postmap", "-q", "KEY", "cdb:table"),
                                     (0, ["value  more"]))
                    self.assertEqual(self.run_one(reader, "postmap", "-q", "no", "cdb:table"), (1, []))

    def test_build_and_list_plugins(self):
        for options in ([], ["-w"], ["-r"], ["-f"], ["-n"], ["-N"]):
            for kind in ("lmdb", "cdb"):
                self.compare("postmap", *options, f"{kind}:table")
                self.compare("postmap", "-q", "key", f"{kind}:table")
            self.compare("postmap", "-s", "lmdb:table")

    def test_letters_beyond_ascii(self):
        (self.dir / "letters").write_text("ÄÖx v1\nStraße v2\nİz v3\nΣΑΣ v4\n")
        for options in ([], ["-u"], ["-f"]):
            self.compare("postmap", *options, "btree:letters")
            self.compare("postmap", *options, "-s", "btree:letters")
            for key in ("äöx", "ÄÖX", "STRASSE", "straße", "σας", "i̇z"):
                self.compare("postmap", *options, "-q", key, "btree:letters")

    def test_messages(self):
        for message in MESSAGES:
            for options in ("-h", "-b", "-hb", "-hm", "-bm", "-hbm"):
                self.compare("postmap", options, "-q", "-", "regexp:{{/^/ X}}", stdin=message)

    def test_long_keys(self):
        for length in (510, 511, 1000):
            (self.dir / "long").write_text("k" * length + " v\n")
            for kind in ("lmdb", "cdb", "hash", "btree"):
                self.compare("postmap", f"{kind}:long")
                self.compare("postmap", "-q", "-", f"{kind}:long", stdin="k" * length + "\n")

    def test_queries(self):
        self.run_one(STAGE, "postmap", "table")
        for key in ("key", "KEY", '"q k"', "none", "other"):
            self.compare("postmap", "-q", key, "hash:table")
            self.compare("postmap", "-fq", key, "hash:table")
        for key in ("10.1.1.1", "172.16.1.1", "8.8.8.8", "::1", "name"):
            self.compare("postmap", "-q", key, "cidr:nets")
        for key in ("ab", "bc", "z", "q"):
            self.compare("postmap", "-q", key, "regexp:patterns")
            self.compare("postmap", "-q", key, "pcre:patterns")
        self.compare("postmap", "-q", "-", "hash:table", stdin="key\nnone\nother\n")

    def test_errors(self):
        for args in (["hash:absent"], ["-q", "a", "hash:absent"], ["-q", "a", "foo:bar"],
                     ["-q", "a", "static:{x"], ["-s", "static:x"], ["-d", "a", "static:x"],
                     ["-q", "a", "-s", "table"], ["-q", "a", "-d", "b", "table"],
                     ["-h", "-q", "a", "table"], ["-q", "a", "unix:foo"],
                     ["-q", "a", "fail:x"], ["-i", "static:x"]):
            self.compare("postmap", *args)


if __name__ == "__main__":
    unittest.main()
