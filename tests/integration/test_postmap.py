"""postmap beyond what Postfix has: --check and --explain; plugins; tables while they are rebuilt."""
import os
import pathlib
import subprocess
import tempfile
import unittest

STAGE = os.environ.get("MTA_STAGE")


@unittest.skipUnless(STAGE, "MTA_STAGE is not set: nothing of ours is installed")
class Postmap(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="test_postmap.")
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)
        self.main_cf()

    def main_cf(self, extra=""):
        (self.dir / "main.cf").write_text(
            "compatibility_level = 3.6\nmyhostname = test.example\nmydestination = test.example\n"
            "inet_interfaces = 127.0.0.1\nrecipient_delimiter = +\ndefault_database_type = hash\n"
            f"meta_directory = {self.dir}\nshlib_directory = {self.dir}\n{extra}")

    def run_postmap(self, *args, stdin="", sbin=f"{STAGE}/usr/sbin"):
        return subprocess.run([f"{sbin}/postmap", "-c", str(self.dir), *args], cwd=self.dir,
                              input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def explain(self, key, *args):
        done = self.run_postmap("--explain", key, *args)
        self.assertEqual(done.stderr, "")
        return done.returncode, [line.split("\t", 1)[1] if "\t" in line else line
                                 for line in done.stdout.splitlines()]

    def test_explain_shows_the_keys_of_each_use(self):
        nothing, literal = "inline:{x=y}", "[127.0.0.1]"
        for use, key, keys in (
                ("key", "U+e@sub.x.example", ["U+e@sub.x.example"]),
                ("virtual", "u+e@x.example", ["u+e@x.example", "u@x.example", "@x.example"]),
                ("canonical", "u+e@test.example",
                 ["u+e@test.example", "u@test.example", "u+e", "u", "@test.example"]),
                ("relocated", "u@" + literal, ["u@" + literal, "u", "@" + literal]),
                ("generic", '"a b"@x.example', ['"a b"@x.example', "@x.example"]),
                ("relocated", '"a b"@x.example',
                 ['"a b"@x.example', "a b@x.example", "@x.example"]),
                ("transport", "u+e@a.b.c",
                 ["*", "u+e@a.b.c", "u@a.b.c", "a.b.c", ".b.c", ".c"]),
                ("access", "u+e@a.b", ["u+e@a.b", "u@a.b", "a.b", ".b", "u+e@", "u@"]),
                ("mailbox", "u+e@a.b", ["u+e@a.b", "u@a.b", "@a.b"]),
                ("client", "host.a.b", ["host.a.b", ".a.b", ".b"]),
                ("client", "192.0.2.7", ["192.0.2.7", "192.0.2", "192.0", "192"]),
                ("client", "2001:db8::1", ["2001:db8::1", "2001:db8:", "2001:db8", "2001"]),
                ("aliases", "u+e", ["u+e", "u"])):
            with self.subTest(use=use, key=key):
                self.main_cf("parent_domain_matches_subdomains =\n")
                self.assertEqual(
                    self.explain(key, "--as", use, nothing),
                    (1, [f"{each}\tnot found" for each in keys] + ["no result"]))

    def test_explain_shows_what_answers(self):
        table, pattern = "inline:{{* = any}, {x.example = named}}", "regexp:{{/^u@x/ whole}}"
        status, steps = self.explain("u@y.example", "--as", "transport", table)
        self.assertEqual((status, steps[0], steps[-2:]),
                         (0, "*\tfound: any", ["no better key than * was found", "result: any"]))
        status, steps = self.explain("u@x.example", "--as", "transport", pattern, table)
        self.assertEqual(steps[-1], "result: whole")
        status, steps = self.explain("v@x.example", "--as", "transport", pattern, table)
        self.assertIn("x.example\tpassed over: knows whole keys only", steps)
        self.assertEqual(steps[-1], "result: named")
        done = self.run_postmap("--explain", "k", "inline:{a=b}", "fail:x")
        self.assertEqual(done.returncode, 1)
        self.assertIn("fail:x\tk\terror: ", done.stdout)
        self.assertIn("fatal", done.stderr)
        done = self.run_postmap("--explain", "k", "--as", "nonsense", "inline:{a=b}")
        self.assertIn("specify one of access aliases", done.stderr)

    def test_check_names_every_fault_and_writes_nothing(self):
        (self.dir / "source").write_text('a 1\nlonely\nA 2\n"open x\nok fine\n')
        (self.dir / "good").write_text("a 1\nb 2\n")
        (self.dir / "nets").write_text("10.0.0.0/8 ok\n10.0.0.1/8 bad\n")
        done = self.run_postmap("--check", "source", "cidr:nets", "regexp:{{/a/ b}}", "hash:good")
        self.assertEqual(done.returncode, 1)
        for text in ("source, line 2: expected format: key whitespace value",
                     'source, line 3: duplicate entry: "a", see line 1',
                     "source, line 4: unbalanced", "line 2: non-null host address bits"):
            self.assertIn(text, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 4)
        self.assertEqual(self.run_postmap("--check", "good", "lmdb:good").returncode, 0)
        self.assertEqual(self.run_postmap("--check", "absent").returncode, 1)
        self.assertEqual(list(self.dir.glob("*.db")), [])

    def test_a_plugin_is_found_beside_the_moved_program(self):
        moved = self.dir / "moved"
        subprocess.run(["cp", "-r", STAGE, str(moved)], check=True)
        (self.dir / "t").write_text("a 1\n")
        sbin = str(moved / "usr/sbin")
        for kind in ("lmdb", "cdb"):
            self.assertEqual(self.run_postmap(f"{kind}:t", sbin=sbin).stderr, "")
            self.assertEqual(self.run_postmap("-q", "a", f"{kind}:t", sbin=sbin).stdout, "1\n")
            os.unlink(moved / f"usr/lib/postfix/postfix-{kind}.so")
            self.assertIn(f"unsupported dictionary type: {kind}",
                          self.run_postmap("-q", "a", f"{kind}:t", sbin=sbin).stderr)

    def test_a_plugin_others_may_write_is_refused(self):
        plugin = self.dir / "postfix-lmdb.so"
        plugin.write_bytes(pathlib.Path(STAGE, "usr/lib/postfix/postfix-lmdb.so").read_bytes())
        plugin.chmod(0o666)
        (self.dir / "dynamicmaps.cf").write_text(f"lmdb {plugin} dict_lmdb_open\n")
        self.assertIn("owned or writable by non-root users",
                      self.run_postmap("-q", "a", "lmdb:t").stderr)
        plugin.chmod(0o755)
        self.assertNotIn("writable", self.run_postmap("-q", "a", "lmdb:t").stderr)
        plugin.write_bytes(pathlib.Path("/lib/x86_64-linux-gnu/libz.so.1").read_bytes()
                           if os.path.exists("/lib/x86_64-linux-gnu/libz.so.1") else b"no")
        self.assertIn("unsupported dictionary type: lmdb",
                      self.run_postmap("-q", "a", "lmdb:t").stderr)
        (self.dir / "dynamicmaps.cf").write_text("lmdb\n")
        self.assertIn("line 1: Expected", self.run_postmap("-q", "a", "lmdb:t").stderr)

    def test_readers_see_the_old_or_the_new_table(self):
        """Rebuilt again and again while somebody reads it: every answer is one of the two."""
        source = self.dir / "t"
        filler = "".join(f"filler{n} x\n" for n in range(2000))
        keys = "".join("first\nlast\n" for _ in range(200))
        for kind in ("hash", "lmdb", "cdb"):
            source.write_text("first a\n" + filler + "last a\n")
            self.assertEqual(self.run_postmap(f"{kind}:t").returncode, 0)
            for round_ in range(6):
                value = "ab"[round_ % 2]
                source.write_text(f"first {value}\n" + filler + f"last {value}\n")
                with subprocess.Popen([f"{STAGE}/usr/sbin/postmap", "-c", str(self.dir),
                                       f"{kind}:t"], cwd=self.dir) as writer:
                    done = self.run_postmap("-q", "-", f"{kind}:t", stdin=keys)
                    self.assertEqual(writer.wait(60), 0)
                with self.subTest(kind=kind, round=round_):
                    answers = {line.split("\t")[1] for line in done.stdout.splitlines()}
                    self.assertEqual((done.stderr, len(done.stdout.splitlines())), ("", 400))
                    self.assertEqual(len(answers), 1)

    def test_debug_tells_what_is_asked(self):
        done = self.run_postmap("-q", "A", "debug:inline:{a=b}")
        self.assertEqual(done.stdout, "b\n")
        self.assertIn('debug:inline:{a=b} lookup: "A" = "b"', done.stderr)
        self.assertIn('lookup: "z" = "not_found"',
                      self.run_postmap("-q", "z", "debug:inline:{a=b}").stderr)


if __name__ == "__main__":
    unittest.main()
