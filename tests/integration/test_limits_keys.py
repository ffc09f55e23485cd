"""Keys of a megabyte, and values with a NUL: an answer or a clear error from each type of table."""
from support.suite import Suite, SuiteTestCase
from support.table_servers import Socketmap, TcpTable

LONG = "k" * 1000000
SOURCE = "x y\n"


class Keys(SuiteTestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite({})
        cls.types = cls.suite.run("postconf", "-m").stdout.split()

    @classmethod
    def tearDownClass(cls):
        cls.suite.close()

    def ask(self, table, key):
        return self.suite.run("postmap", "-q", "-", table, stdin=key + "\nx\n", check=False)

    def test_local_tables(self):
        """The long key is not there, the short one behind it is."""
        for kind in ("hash", "btree", "lmdb", "cdb", "sdbm"):
            if kind not in self.types:
                continue
            with self.subTest(kind):
                table = "%s:%s" % (kind, self.suite.write("etc/" + kind, SOURCE))
                self.suite.run("postmap", table)
                self.assertEqual(self.ask(table, LONG).stdout, "x\ty\n")
        for table in ("texthash:" + self.suite.write("etc/texthash", SOURCE), "inline:{x=y}",
                      "regexp:" + self.suite.write("etc/regexp", "/^x$/ y\n"),
                      "pcre:" + self.suite.write("etc/pcre", "/^x$/ y\n"),
                      "pipemap:{inline:{x=y},static:y}", "unionmap:{inline:{x=y}}"):
            with self.subTest(table):
                self.assertEqual(self.ask(table, LONG).stdout, "x\ty\n")

    def test_built_with_a_long_key(self):
        for kind in ("hash", "btree", "cdb"):
            if kind not in self.types:
                continue
            with self.subTest(kind):
                table = "%s:%s" % (kind, self.suite.write("etc/long-" + kind, LONG + " z\nx y\n"))
                self.suite.run("postmap", table)
                self.assertEqual(self.ask(table, LONG).stdout, LONG + "\tz\nx\ty\n")

    def test_a_pattern_that_never_ends(self):
        table = "pcre:" + self.suite.write("etc/deep", "/^(k|kk)*z/ y\n")
        done = self.ask(table, LONG)
        self.assertEqual(done.returncode, 1)
        self.assertIn("etc/deep, line 1: error in pcre matching: matching depth limit exceeded", done.stderr)

    def test_servers(self):
        entries = {"x": "y"}
        tcp, socketmap = TcpTable(entries), Socketmap(entries)
        self.addCleanup(tcp.close)
        self.addCleanup(socketmap.close)
        self.assertEqual(self.ask(tcp.spec, LONG).stdout, "x\ty\n")
        self.assertRegex(self.ask(socketmap.spec, LONG).stderr, "query of 10000.. bytes exceeds")
        entries["x"] = "y\0z"
        self.assertIn("value with a null byte", self.ask(socketmap.spec, "no").stderr)
        entries["x"] = "y%00z"
        self.assertIn("value with a null byte", self.ask(tcp.spec, "no").stderr)
