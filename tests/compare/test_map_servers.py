"""Tables of servers against the oracle's: the same answers from the same server and settings.

Texts of errors differ (ours name the cause once); what scripts see, the status and the answer, does not.
"""
import os
import signal
import unittest

from support import oracle, servers
from support.compare import sides
from support.suite import Suite
from support.table_servers import Socketmap, TcpTable

QUERY = "query = SELECT v FROM t WHERE k = '%s'\n"
KEYS = ["a", "b", "e", "none", "it's", "u@d.x", "A", "@d.x", "u@", "x' OR '1'='1", "\\' OR 1=1 -- ", "b\\s",
        "é", "a b", "%s", "a@b@d.x", '"', "a;b", "x" * 3000]
SQL = ("CREATE TABLE t (k varchar(200), v varchar(200), w varchar(200));"
       "INSERT INTO t VALUES ('a','1',NULL),('a','2','x'),('b',NULL,'z'),('e','','q'),"
       "('u@d.x','l@dom',''),('it''s','quote',''),('é','accent',''),('%s','percent','');")
# settings below the connection's, and the keys to try
QUERIES = [
    (QUERY, KEYS),
    ("query = SELECT v, w FROM t WHERE k = '%s'\n", ["a", "b", "e", "u@d.x"]),
    (QUERY + "expansion_limit = 1\n", ["a", "u@d.x"]),
    (QUERY + "result_format = %u-%d\n", ["a", "u@d.x"]),
    (QUERY + "result_format = %s:%S:%U:%D:%1:%2:%%\n", ["a", "u@d.x"]),
    (QUERY + "result_format = %q\n", ["a"]),
    ("query = SELECT '%u|%d|%1|%2|%%'\n", ["u@d.x", "a", "@d.x", "u@", "u@x", "a@b@c.d"]),
    ("query = SELECT '%z'\n", ["a"]),
    ("query = SELECT\n", ["a"]),
    (QUERY + "domain = d.x\n", ["u@d.x", "a", "@d.x", "u@e.x"]),
    ("select_field = v\ntable = t\nwhere_field = k\n", ["a", "it's"]),
    ("select_field = v\ntable = t\nwhere_field = k\nadditional_conditions = AND w = 'x'\n", ["a"]),
    ("table = t\n", ["a"]),
    (QUERY + "expansion_limit = x\n", ["a"]),
]


class Compared:
    """Mixed in: both postmaps, on one settings file."""

    @classmethod
    def setUpClass(cls):
        if oracle.missing():
            raise unittest.SkipTest(oracle.missing())
        cls.server = None
        cls.sides = [Suite(product=p) for p in sides()]
        try:
            cls.serve()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for side in cls.sides:
            side.close()
        if cls.server:
            cls.server.close()

    def compare(self, table, key):
        outcomes = []
        for side in self.sides:
            done = side.run("postmap", "-q", key, table, check=False)
            outcomes.append((done.returncode, done.stdout, done.stderr))
        if outcomes[1][0] == -signal.SIGPIPE:       # how Postfix's takes a server that hangs up
            outcomes[1] = (1, "", "")
        self.assertEqual(outcomes[0][:2], outcomes[1][:2], "%s\n%s" % (outcomes[0][2], outcomes[1][2]))

    def compare_settings(self, kind, connection, rows):
        for settings, keys in rows:
            path = self.sides[0].write("etc/table.cf", connection + settings)
            os.utime(path, (1700000000, 1700000000))    # Postfix waits until a file is some seconds old
            for key in keys:
                with self.subTest(settings=settings, key=key[:50]):
                    self.compare("%s:%s" % (kind, path), key)


@servers.needed(servers.PostgreSQL)
class Pgsql(Compared, unittest.TestCase):
    @classmethod
    def serve(cls):
        cls.server = servers.PostgreSQL()
        cls.server.sql(SQL)

    def test_queries(self):
        # 3.7 speaks LATIN1 to the server, 3.11 and we UTF8: what is beyond ASCII differs
        plain = [(settings, [k for k in keys if k.isascii()]) for settings, keys in QUERIES]
        self.compare_settings("pgsql", "hosts = %s\nuser = mail\ndbname = postgres\n" % self.server.unix,
                              plain + [("select_function = upper\n", ["a"])])

    def test_hosts(self):
        pg, rest = self.server, "dbname = postgres\nuser = mail\nquery = SELECT 1\n"
        for hosts in (pg.inet, pg.unix, pg.inet[5:], "postgresql://mail@%s/postgres" % pg.address,
                      "127.0.0.1:1 unix:/nowhere " + pg.inet, "127.0.0.1:1", "unix:/nowhere"):
            self.compare_settings("pgsql", "hosts = %s\n" % hosts, [(rest, ["a"])])
        self.compare_settings("pgsql", "hosts = %s\n" % pg.inet,
                              [("query = SELECT 1\n", ["a"]), ("dbname = nosuch\nquery = SELECT 1\n", ["a"])])


@servers.needed(servers.MariaDB)
class Mysql(Compared, unittest.TestCase):
    @classmethod
    def serve(cls):
        cls.server = servers.MariaDB()
        cls.server.sql("CREATE DATABASE test CHARACTER SET utf8mb4;"
                       "CREATE USER mail@localhost IDENTIFIED BY 'pw'; GRANT ALL ON test.* TO mail@localhost;"
                       "CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'pw';"
                       "GRANT ALL ON test.* TO mail@'127.0.0.1';", database="mysql")
        cls.server.sql(SQL + "\ndelimiter //\n"
                       "CREATE PROCEDURE one(IN x varchar(99)) BEGIN SELECT v FROM t WHERE k = x; END//\n"
                       "CREATE PROCEDURE zero(IN x varchar(99)) BEGIN SET @a = 1; END//\n"
                       "CREATE PROCEDURE two(IN x varchar(99)) BEGIN SELECT 1; SELECT 2; END//\n")

    def connection(self, hosts):
        return "hosts = %s\nuser = mail\npassword = pw\ndbname = test\n" % hosts

    def test_queries(self):
        self.compare_settings("mysql", self.connection(self.server.unix), QUERIES + [
            ("query = CALL one('%s')\n", ["a", "none"]), ("query = CALL zero('%s')\n", ["a"]),
            ("query = CALL zero('%s')\nrequire_result_set = no\n", ["a"]), ("query = CALL two('%s')\n", ["a"])])

    def test_hosts(self):
        for hosts in ("inet:127.0.0.1:%d" % self.server.port, "127.0.0.1:%d" % self.server.port,
                      "127.0.0.1:1 " + self.server.unix, "127.0.0.1:1", "unix:/nowhere"):
            self.compare_settings("mysql", self.connection(hosts), [("query = SELECT 1\n", ["a"])])


class Sqlite(Compared, unittest.TestCase):
    @classmethod
    def serve(cls):
        import sqlite3
        cls.path = cls.sides[0].path("data/db")
        db = sqlite3.connect(cls.path)
        db.executescript(SQL)
        db.close()

    def test_queries(self):
        self.compare_settings("sqlite", "dbpath = %s\n" % self.path, QUERIES)
        self.compare_settings("sqlite", "", [("dbpath = /nowhere/db\n" + QUERY, ["a"]), (QUERY, ["a"])])


def entry(name, kind, **values):
    lines = ["dn: cn=%s,ou=p,dc=x,dc=test" % name, "cn: " + name, "objectClass: inetLocalMailRecipient"]
    if kind == "person":
        lines += ["objectClass: inetOrgPerson", "sn: s"]
    else:
        lines += ["objectClass: groupOfNames", "objectClass: labeledURIObject"]
    for key, value in values.items():
        lines += ["%s: %s" % (key, v) for v in (value if isinstance(value, list) else [value])]
    return "\n".join(lines) + "\n\n"


def dn(name):
    return "cn=%s,ou=p,dc=x,dc=test" % name


LDIF = ("dn: dc=x,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: x\n\n"
        "dn: ou=p,dc=x,dc=test\nobjectClass: organizationalUnit\nou: p\n\n"
        + entry("a", "person", mail=["a@x.test", "a2@x.test"], uid="a", mailLocalAddress="box-a")
        + entry("b", "person", mail="b@x.test", uid="b", description="secret")
        + entry("star", "person", mail="s@x.test", uid="x*y(z)")
        + entry("g1", "group", member=[dn("a"), dn("b")], mailLocalAddress="g1")
        + entry("g2", "group", member=[dn("g1"), dn("star")],
                labeledURI="ldap:///ou=p,dc=x,dc=test?mail?sub?(uid=b)")
        + entry("g3", "group", member=dn("star"), labeledURI="ldap:///ou=p,dc=x,dc=test?uid?sub?(uid=b)")
        + entry("loop", "group", member=[dn("loop"), dn("a")])
        + entry("gone", "group", member=[dn("nobody"), dn("a")])
        + entry("term", "group", member=dn("a"), mailLocalAddress="t", mailHost="host.t"))
GROUPS = "query_filter = cn=%s\nresult_attribute = mail\nspecial_result_attribute = member, labeledURI\n"
BY_UID = "query_filter = uid=%s\nresult_attribute = mail\n"


@servers.needed(servers.OpenLDAP)
class Ldap(Compared, unittest.TestCase):
    @classmethod
    def serve(cls):
        cls.server = servers.OpenLDAP(LDIF)

    def test_searches(self):
        admin = "bind_dn = %s\nbind_pw = %s\n"
        right, wrong = admin % (self.server.root_dn, "secret"), admin % (self.server.root_dn, "wrong")
        described = "query_filter = uid=%s\nresult_attribute = description\n"
        base = "version = 3\nserver_host = %s\n" % self.server.unix
        self.compare_settings("ldap", base + "search_base = dc=x,dc=test\n", [
            (BY_UID, ["a", "b", "none", "x*y(z)", "*", "a)(uid=*", "A", "\\2a", "é", "a b", "x" * 3000]),
            ("query_filter = (uid=%u)\nresult_attribute = mail, mailLocalAddress\nresult_format = %u/%d/%S\n",
             ["a", "a@d"]),
            (GROUPS, ["g1", "g2", "g3", "gone", "a", "loop"]),
            (GROUPS + "recursion_limit = 1\n", ["g1", "a"]), (GROUPS + "recursion_limit = 2\n", ["g1", "g2"]),
            (GROUPS + "expansion_limit = 2\n", ["a", "g1", "b"]),
            ("query_filter = cn=%s\nresult_attribute =\nspecial_result_attribute = member\n"
             "terminal_result_attribute = mailHost\nleaf_result_attribute = mail, mailLocalAddress\n",
             ["term", "g1", "a"]),
            ("query_filter = cn=%s\nresult_attribute = mailLocalAddress\nspecial_result_attribute = member\n"
             "leaf_result_attribute = mail\n", ["g1", "a"]),
            ("query_filter = mail=*\nresult_attribute = mail\nsize_limit = 1\n", ["a"]),
            ("query_filter = ((\nresult_attribute = mail\n", ["a"]),
            (BY_UID + "scope = base\n", ["a"]), (BY_UID + "scope = one\n", ["a"]), (BY_UID + "scope = x\n", ["a"]),
            (described, ["b"]), (described + right, ["b"]), (described + wrong, ["b"]),
            (BY_UID + "bind = none\n", ["a"]), (BY_UID + "bind = x\n", ["a"]), (BY_UID + "cache = yes\n", ["a"]),
            (BY_UID + "result_filter = <%s>\n", ["a"]),
            (BY_UID + "domain = d.x\n", ["a", "a@d.x", "@d.x"])])
        self.compare_settings("ldap", base, [
            (BY_UID + "search_base = ou=nosuch,dc=x,dc=test\n", ["a"]),
            ("search_base = cn=%s,ou=p,dc=x,dc=test\nscope = base\nquery_filter = objectClass=*\n"
             "result_attribute = mail\n", ["a", "a,ou=p", "none", "a+b", "a=b", " a", "#a", "a\\2c"])])

    def test_hosts(self):
        port, rest = self.server.port, "version = 3\nsearch_base = dc=x,dc=test\n" + BY_UID
        for hosts in ("127.0.0.1\nserver_port = %d" % port, "127.0.0.1:%d" % port,
                      "ldap://127.0.0.1:1 ldap://127.0.0.1:%d" % port, "ldap://127.0.0.1:1"):
            self.compare_settings("ldap", "server_host = %s\n" % hosts, [(rest, ["a"])])


@servers.needed(servers.Memcached)
class Memcache(Compared, unittest.TestCase):
    @classmethod
    def serve(cls):
        cls.server = servers.Memcached()
        for key, value in (("k", "v"), ("é", "accent"), ("e", ""), ("d.x", "dom"), ("p:k", "pv"), ("big", "x" * 20000)):
            cls.server.set(key, value)

    def test_keys(self):
        first = "memcache = %s\nmax_try = 1\n" % self.server.unix
        self.compare_settings("memcache", first, [
            ("", ["k", "none", "é", "e", "big", "K", "a b", "x" * 300]),
            ("key_format = %d\n", ["k", "a@d.x"]), ("key_format = p:%s\n", ["k"]), ("key_format = %z\n", ["k"]),
            ("domain = d.x\n", ["k", "k@d.x"]), ("data_size_limit = 30000\n", ["big"]),
            ("max_try = 0\n", ["k"])])
        self.compare_settings("memcache", "max_try = 1\n", [("memcache = inet:127.0.0.1:1\n", ["k"])])

    def test_backup(self):
        for side in self.sides:
            back = side.make_map("backup", "k old\nonly here\n")
            table = "memcache:" + side.write("etc/mc.cf", "memcache = %s\nbackup = %s\n" % (self.server.unix, back))
            dead = "memcache:" + side.write("etc/dead.cf", "memcache = inet:127.0.0.1:1\nbackup = %s\n" % back)
            self.server.delete("only")
            self.assertEqual(side.run("postmap", "-q", "k", table).stdout, "v\n")
            self.assertEqual(side.run("postmap", "-q", "only", table).stdout, "here\n")
            self.assertEqual(self.server.get("only"), b"here")      # the server has learnt it
            self.assertEqual(side.run("postmap", "-q", "only", dead).stdout, "here\n")
            self.assertEqual(side.run("postmap", "-q", "none", dead, check=False).returncode, 1)
            self.assertEqual(sorted(side.run("postmap", "-s", table).stdout.split("\n")),
                             ["", "k\told", "only\there"])
            self.assertEqual(side.run("postmap", "-d", "only", table).returncode, 0)
            self.assertIsNone(self.server.get("only"))
            self.assertEqual(side.run("postmap", "-d", "only", table, check=False).returncode, 1)


class Lines(Compared, unittest.TestCase):
    """tcp: and socketmap:, whose servers are ours."""

    @classmethod
    def serve(cls):
        pass

    def test_tcp(self):
        with_escapes = {"K%C3%A9y%25%20X": "a%20b%25c", "k": "raw text"}
        server = TcpTable(with_escapes)
        try:
            for key in ("Kéy% X", "k", "K", "none"):
                self.compare(server.spec, key)
                ours, theirs = server.asked[-2:]
                self.assertEqual(ours, theirs)
            for reply in (b"400 later\n", b"junk\n", b"200\n", b"200 \n", b"500\n", b"200 %zz\n", b"2000 x\n", b"300 x\n",
                          b"200\tval\r\n", b" 200 x\n", b"200  two\n", b"200 " + b"x" * 4091 + b"\n"):
                server.broken = reply
                with self.subTest(reply=reply[:20]):
                    self.compare(server.spec, "k")
        finally:
            server.close()

    def test_socketmap(self):
        server = Socketmap({"k": "val ue", "KEY x": "é"})
        try:
            for key in ("k", "KEY x", "none"):
                self.compare(server.spec, key)
            for text in (b"OK ", b"NOTFOUND", b"TEMP why", b"TIMEOUT why", b"PERM why", b"TEMP ", b"BAD x", b"ok x",
                         b"OK " + b"x" * 99997, b"OK " + b"x" * 99998):
                server.broken = b"%d:%s," % (len(text), text)
                with self.subTest(text=text[:20]):
                    self.compare(server.spec, "k")
            for raw in (b"junk", b"3:abcd,"):
                server.broken = raw
                with self.subTest(raw=raw):
                    self.compare(server.spec, "k")
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
