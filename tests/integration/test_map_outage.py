"""A table's server that stops, hangs or talks nonsense: mail is put off, never refused as unknown;
it is logged once an outage; service comes back by itself."""
import random
import unittest

from support import servers
from support.mongo import MongoDB
from support.suite import Suite
from support.table_servers import Socketmap, TableServer, TcpTable
from support.wait import until

KNOWN, UNKNOWN = "known@v.test", "unknown@v.test"
CONF = {"virtual_alias_domains": "v.test", "remote_table_timeout": "1s", "smtpd_error_sleep_time": "0"}


class Outage:
    """Mixed into a test case that has make(suite): (server, table)."""

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite(CONF)
        cls.server = None
        try:
            cls.suite.make_aliases("")
            cls.server, cls.table = cls.make(cls.suite)
            cls.suite.set(virtual_alias_maps=cls.table)
            cls.suite.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.suite.close()
        finally:
            if cls.server:
                cls.server.close()

    def rcpt(self, address):
        with self.suite.smtp() as c:
            c.mail("a@far.test")
            return c.rcpt(address).code

    def assert_works(self):
        for address, code in ((KNOWN, 250), (UNKNOWN, 550)):    # a second may be too short at times
            until(lambda a=address, c=code: self.rcpt(a) == c, 60, lambda: "%d for %s\n%s" % (code, address, self.suite.tail()))

    def assert_puts_off(self, mark):
        """... and says why once (in each process)."""
        for address in (KNOWN, UNKNOWN, KNOWN, KNOWN, UNKNOWN):
            self.assertEqual(self.rcpt(address), 451, self.suite.tail())
        warning = "warning: .*" + self.table.partition(":")[2]
        self.suite.wait_for_log(warning, since=mark)
        self.suite.sync_log()
        self.assertLessEqual(self.suite.count_log(warning, since=mark), len(self.suite.processes()["smtpd"]), self.suite.tail())

    def test_stopped(self):
        self.assert_works()
        mark = self.suite.log_mark()
        self.server.stop()
        try:
            self.assert_puts_off(mark)
        finally:
            self.server.start()
        self.assert_works()

    def test_hanging(self):
        self.assert_works()
        mark = self.suite.log_mark()
        self.server.freeze()
        try:
            self.assert_puts_off(mark)
        finally:
            self.server.thaw()
        self.assert_works()


class Nonsense(Outage):
    def test_nonsense(self):
        for text in (b"\n", b"x" * 5000 + b"\n", b"200", b"99999999999999999999:", b"3:OK ", b"-1:,", b"2:x,,"):
            with self.subTest(text=text[:20]):
                self.assert_works()
                self.server.broken = text
                try:
                    self.assertEqual(self.rcpt(KNOWN), 451)
                    self.assertEqual(self.rcpt(UNKNOWN), 451)
                finally:
                    self.server.broken = None


class Tcp(Nonsense, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        server = TcpTable({KNOWN: "root@far.test"})
        return server, server.spec


class SocketmapTable(Nonsense, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        server = Socketmap({KNOWN: "root@far.test"})
        return server, server.spec


@servers.needed(servers.Memcached)
class Memcache(Outage, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        class Refilled(servers.Memcached):
            def start(self):
                super().start()
                self.set(KNOWN, "root@far.test")    # it forgets all when it stops
        server = Refilled()
        return server, "memcache:" + suite.write(
            "etc/mc.cf", "memcache = %s\nmax_try = 1\ntimeout = 1\n" % server.unix)


@servers.needed(servers.Redis)
class Redis(Outage, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        class Refilled(servers.Redis):
            def start(self):
                super().start()
                self.do("SET", "alias:" + KNOWN, "root@far.test")
        server = Refilled()
        return server, "redis:" + suite.write(
            "etc/redis.cf", "hosts = %s\nquery = GET alias:%%s\nretry_interval = 1s\n" % server.unix)


@servers.needed(servers.PostgreSQL)
class Pgsql(Outage, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        server = servers.PostgreSQL()
        server.sql("CREATE TABLE t (k text, v text); INSERT INTO t VALUES ('%s', 'root@far.test');" % KNOWN)
        return server, "pgsql:" + suite.write(
            "etc/pg.cf", "hosts = %s\nuser = mail\ndbname = postgres\nretry_interval = 1s\n"
            "query = SELECT v FROM t WHERE k = '%%s'\n" % server.inet)


@servers.needed(servers.MariaDB)
class Mysql(Outage, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        server = servers.MariaDB()
        server.sql("CREATE DATABASE test; CREATE USER mail@localhost IDENTIFIED BY 'pw';"
                   "GRANT ALL ON test.* TO mail@localhost;", database="mysql")
        server.sql("CREATE TABLE t (k varchar(99), v varchar(99));"
                   "INSERT INTO t VALUES ('%s', 'root@far.test');" % KNOWN)
        return server, "mysql:" + suite.write(
            "etc/my.cf", "hosts = %s\nuser = mail\npassword = pw\ndbname = test\nretry_interval = 1s\n"
            "query = SELECT v FROM t WHERE k = '%%s'\n" % server.unix)


@servers.needed(servers.OpenLDAP)
class Ldap(Outage, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        server = servers.OpenLDAP(
            "dn: dc=x,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: x\n\n"
            "dn: cn=a,dc=x,dc=test\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\n"
            "cn: a\nsn: s\nmail: %s\nmailRoutingAddress: root@far.test\n" % KNOWN)
        return server, "ldap:" + suite.write(
            "etc/ldap.cf", "server_host = %s\nsearch_base = dc=x,dc=test\nquery_filter = mail=%%s\n"
            "result_attribute = mailRoutingAddress\n" % server.unix)


class Mongodb(Nonsense, unittest.TestCase):
    @classmethod
    def make(cls, suite):
        if "mongodb" not in suite.run("postconf", "-m").stdout.split():
            raise unittest.SkipTest("built without libmongoc (Debian package libmongoc-dev)")
        server = MongoDB({"mail.users": [{"mail": KNOWN, "to": "root@far.test"}]})
        return server, "mongodb:" + suite.write(
            "etc/mongo.cf", "uri = %s\ndbname = mail\ncollection = users\n"
            'query_filter = {"mail": "%%s"}\nresult_attribute = to\n' % server.uri)


class Garbler(TableServer):
    """Says the same, whatever it hears, and before it hears anything."""
    text, heard = b"", 0

    def _serve(self, client):
        self.heard += 1
        try:
            client.sendall(self.text)
            while client.recv(65536):
                self.heard += 1
                client.sendall(self.text)
        except OSError:
            pass
        finally:
            client.close()


class Garbage(unittest.TestCase):
    """Clients that are libraries: what their server says is no protocol of theirs, or only its beginning."""
    TABLES = {
        "memcache": "memcache = inet:%(host)s:%(port)d\nmax_try = 1\ntimeout = 1\n",
        "redis": "hosts = inet:%(host)s:%(port)d\nquery = GET %%s\nretry_interval = 1s\n",
        "pgsql": "hosts = inet:%(host)s:%(port)d\nuser = mail\npassword = x\ndbname = mail\nretry_interval = 1s\nquery = SELECT '%%s'\n",
        "mysql": "hosts = inet:%(host)s:%(port)d\nuser = mail\npassword = x\ndbname = mail\nretry_interval = 1s\nquery = SELECT '%%s'\n",
        "ldap": "server_host = ldap://%(host)s:%(port)d\nsearch_base = dc=x\nquery_filter = mail=%%s\nresult_attribute = m\ntimeout = 1\n",
    }
    TEXTS = (
        b"\n", b"\0" * 64, b"\xff" * 5000, b"HTTP/1.1 400 Bad Request\r\n\r\n", random.Random(1).randbytes(3000),
        b"\x0a\0\0\0\x0a8.0\0",                                    # MySQL: the beginning of a greeting
        b"\x4a\0\0\0\x0a5.5.5-10\0\1\0\0\0" + b"a" * 60,          # MySQL: a greeting, and no more
        b"R\0\0\0\x08\0\0\0\0Z\0\0\0\5ID\xff\xff\xff\xff",         # PostgreSQL: welcome, then no message
        b"*2147483647\r\n$99999999999\r\n", b"$-7\r\n",            # Redis
        b"VALUE x 0 99999999999\r\n", b"VALUE \r\n",                # memcached
        b"\x30\x84\xff\xff\xff\xff\2\1\1", b"\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0",     # LDAP: too long; welcome to bind
    )

    def test_garbage(self):
        suite = Suite({"smtpd_error_sleep_time": "0", "remote_table_timeout": "1s", "smtpd_hard_error_limit": "1000",
                       "smtpd_relay_restrictions": "permit_mynetworks, reject"})
        self.addCleanup(suite.close)
        kinds = [kind for kind in self.TABLES if kind in suite.run("postconf", "-m").stdout.split()]
        self.assertTrue(kinds)
        garblers = {kind: Garbler({}) for kind in kinds}
        for kind, server in garblers.items():
            self.addCleanup(server.close)
            name = suite.write("etc/%s.cf" % kind, self.TABLES[kind] % {"host": "127.0.0.1", "port": server.port})
            suite.set(**{"ask_" + kind: "check_recipient_access %s:%s" % (kind, name)})
        suite.set(smtpd_restriction_classes=" ".join("ask_" + kind for kind in kinds),
                  smtpd_recipient_restrictions="check_recipient_access inline:{%s}, permit" % ", ".join(
                      "{%s.test = ask_%s}" % (kind, kind) for kind in kinds),
                  relay_domains=" ".join(kind + ".test" for kind in kinds))
        suite.make_aliases("")
        suite.start()

        def put_off(kind):
            with suite.smtp() as client:
                client.mail("a@far.test")
                reply = client.rcpt("who@%s.test" % kind)
                self.assertEqual(reply.code, 451, "%s\n%s" % (reply.lines, suite.tail()))
                self.assertEqual(client.noop().code, 250)
            return garblers[kind].heard > 0
        for text in self.TEXTS:
            for server in garblers.values():
                server.text, server.heard = text, 0
            suite.reload()  # new processes, which know of no outage
            for kind in kinds:
                until(lambda kind=kind: put_off(kind), 60, lambda: "%s hears %s\n%s" % (kind, text[:20], suite.tail()))
        self.assertEqual(suite.count_log("panic:|fatal:|killed by signal"), 0, suite.tail())


class OtherSessions(unittest.TestCase):
    """A server that hangs does not stop the other sessions of a process until remote_table_timeout."""

    def test_not_stopped_for_long(self):
        server = TcpTable({KNOWN: "OK"})
        self.addCleanup(server.close)
        # the second table is one of the same server
        conf = dict(CONF, remote_table_timeout="1000s", virtual_alias_maps=server.spec,
                    canonical_maps=server.spec, smtpd_recipient_restrictions="check_recipient_access " + server.spec)
        with Suite(conf) as suite, suite.smtp(timeout=120) as one, suite.smtp(timeout=120) as other:
            self.assertEqual(len(suite.processes()["smtpd"]), 1)
            for client in (one, other):
                client.mail("a@far.test")
                self.assertEqual(client.rcpt(KNOWN).code, 250, suite.tail())
            server.freeze()
            for client in (one, other, one):                        # each waits 30 seconds, not 1000
                self.assertEqual(client.rcpt(UNKNOWN).code, 451, suite.tail())
                self.assertEqual(client.noop().code, 250)
            server.thaw()
            server.stop()       # what it swallowed is never answered
            server.start()
            until(lambda: one.rcpt(UNKNOWN).code == 550, 60, lambda: "550 again\n" + suite.tail())


if __name__ == "__main__":
    unittest.main()
