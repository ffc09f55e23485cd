"""redis tables against a real server: who logs in, which database, what is asked."""
import socket
import unittest

from support import servers
from support.suite import SuiteTestCase


class RedisWithPassword(servers.Redis):
    def command(self):
        return super().command() + ["--requirepass", "sesame"]

    def check(self):
        return self.do("PING").startswith(b"-NOAUTH")

    def fill(self, *commands):
        """After a login, on one connection."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path("sock"))
            s.sendall(b"".join(b"%s\r\n" % c.encode() for c in ("AUTH sesame", *commands)))
            got = b""
            while got.count(b"\r\n") <= len(commands):
                got += s.recv(65536)
        assert b"-" not in got, got


@servers.needed(servers.Redis)
class LoggedIn(SuiteTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = RedisWithPassword()
        cls.addClassCleanup(cls.server.close)
        cls.server.fill("SET k v0", "RPUSH list a b", "HSET h f hv", "SELECT 3", "SET k v3",
                        "ACL SETUSER mail on >pw ~* +@read +select")
        cls.server.fill("SELECT 3", "RPUSH list a b", "HSET h f hv")

    def query(self, settings, key="k"):
        path = self.suite.write("etc/redis.cf", "hosts = %s\n%s" % (self.server.unix, settings))
        done = self.suite.run("postmap", "-q", key, "redis:" + path, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_password(self):
        for login in ("password = sesame\n", "user = mail\npassword = pw\n", "user = default\npassword = sesame\n"):
            with self.subTest(login=login):
                self.assertEqual(self.query(login)[:2], (0, "v0\n"))
                self.assertEqual(self.query(login + "db = 3\n")[:2], (0, "v3\n"))
                self.assertEqual(self.query(login, "none")[:2], (1, ""))
                self.assertEqual(self.query(login + "query = HGET h %s\n", "f")[:2], (0, "hv\n"))
                self.assertEqual(self.query(login + "query = LRANGE %s 0 -1\n", "list")[:2], (0, "a,b\n"))

    def test_refused(self):
        for settings, reason in (("", "NOAUTH"), ("password = wrong\n", "WRONGPASS"),
                                 ("user = nobody\npassword = sesame\n", "WRONGPASS"),
                                 ("password = sesame\ndb = 99\n", "out of range"),
                                 ("user = mail\npassword = pw\nquery = SET %s x\n", "NOPERM")):
            with self.subTest(settings=settings):
                status, answer, errors = self.query(settings)
                self.assertEqual((status, answer), (1, ""))
                self.assertIn(reason, errors)


if __name__ == "__main__":
    unittest.main()
