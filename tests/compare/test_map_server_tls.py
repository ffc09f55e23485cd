"""Tables of servers over TLS, with client certificates and with SASL, against the oracle's: the same answers and refusals."""
import os
import shutil
import tempfile
import unittest

from compare.test_map_servers import LDIF, Compared
from support import certificates, servers


class Certificates:
    """Self-signed certificates of the server, a client and a stranger, where every server may read them."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mta-cert-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        for name in ("server", "client", "other"):
            certificates.make(self.dir, name, "rsa", "/CN=127.0.0.1")
            os.chmod(self.path(name + ".crt"), 0o644)
        if os.geteuid() == 0:
            shutil.chown(self.path("server.key"), servers.USER)

    def path(self, name):
        return os.path.join(self.dir, name)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class OverTls(Compared):
    @classmethod
    def serve(cls):
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.close)
        cls.crt, cls.other = cls.certificates.path("server.crt"), cls.certificates.path("other.crt")
        cls.key = cls.certificates.path("server.key")
        cls.client = [cls.certificates.path("client." + kind) for kind in ("crt", "key")]
        cls.stranger = [cls.certificates.path("other." + kind) for kind in ("crt", "key")]

    def answer(self, kind, settings, key):
        """Both sides' answer to one key; "" for none."""
        path = self.sides[0].write("etc/table.cf", settings)
        os.utime(path, (1700000000, 1700000000))
        self.compare("%s:%s" % (kind, path), key)
        return self.sides[0].run("postmap", "-q", key, "%s:%s" % (kind, path), check=False).stdout

    def check(self, kind, rows):
        for settings, key, answer in rows:
            with self.subTest(settings=settings):
                self.assertEqual(self.answer(kind, settings, key), answer)


@servers.needed(servers.OpenLDAP)
class Ldap(OverTls, unittest.TestCase):
    @classmethod
    def serve(cls):
        super().serve()
        cls.server = servers.OpenLDAP(LDIF, ["TLSCertificateFile " + cls.crt, "TLSCertificateKeyFile " + cls.key,
                                             "security simple_bind=128"])

    def test_starttls(self):
        base = ("version = 3\nserver_host = 127.0.0.1:%d\nsearch_base = dc=x,dc=test\n" % self.server.port
                + "query_filter = uid=%s\nresult_attribute = description\n"
                + "bind_dn = %s\nbind_pw = %s\n" % (self.server.root_dn, self.server.root_pw))
        ca = "tls_ca_cert_file = %s\n"
        self.check("ldap", [
            (base, "b", ""),                            # the server wants TLS for a password
            (base + "start_tls = yes\n", "b", "secret\n"),
            (base + "start_tls = yes\ntls_require_cert = yes\n" + ca % self.crt, "b", "secret\n"),
            (base + "start_tls = yes\ntls_require_cert = yes\n" + ca % self.other, "b", ""),
            (base + "start_tls = yes\n" + ca % self.other, "b", "secret\n"),
            (base + "start_tls = yes\n" + ca % "/nowhere", "b", ""),
        ])

    def test_sasl_external(self):
        base = ("version = 3\nserver_host = %s\nsearch_base = dc=x,dc=test\n" % self.server.unix
                + "query_filter = uid=%s\nresult_attribute = description\n")
        self.check("ldap", [
            (base + "bind = none\n", "b", ""),
            (base + "bind = sasl\nsasl_mechs = EXTERNAL\n", "b", "secret\n"),
            (base + "bind = sasl\nsasl_mechs = NOSUCH\n", "b", ""),
        ])
        self.assertEqual(self.answer("ldap", base.replace("description", "mail") + "bind = none\n", "b"), "b@x.test\n")


@servers.needed(servers.OpenLDAP)
class LdapClientCertificate(OverTls, unittest.TestCase):
    @classmethod
    def serve(cls):
        super().serve()
        cls.server = servers.OpenLDAP(LDIF, [
            "TLSCertificateFile " + cls.crt, "TLSCertificateKeyFile " + cls.key,
            "TLSCACertificateFile " + cls.client[0], "TLSVerifyClient demand", "security tls=128"])

        # libldap forgets the certificate it gave to GnuTLS
        for side in cls.sides:
            side.env["LSAN_OPTIONS"] = "suppressions=" + side.write("etc/leaks", "leak:libgnutls\n")

    def test_client_certificate(self):
        base = ("version = 3\nserver_host = 127.0.0.1:%d\nsearch_base = dc=x,dc=test\n" % self.server.port
                + "query_filter = uid=%s\nresult_attribute = mail\nbind = none\nstart_tls = yes\n")
        ours = "tls_cert = %s\ntls_key = %s\n"
        self.check("ldap", [
            (base, "b", ""),                            # the server wants to know who asks
            (base + ours % tuple(self.client), "b", "b@x.test\n"),
            (base + ours % tuple(self.stranger), "b", ""),
            (base + ours % (self.client[0], "/nowhere"), "b", ""),
            (base + ours % (self.client[0], self.stranger[1]), "b", ""),
        ])


class MariaDBWithTls(servers.MariaDB):
    def __init__(self, crt, key, ca):
        self.tls = ["--ssl-cert=" + crt, "--ssl-key=" + key, "--ssl-ca=" + ca]
        super().__init__()

    def command(self):
        return super().command() + self.tls


@servers.needed(servers.MariaDB)
class Mysql(OverTls, unittest.TestCase):
    @classmethod
    def serve(cls):
        super().serve()
        cls.server = MariaDBWithTls(cls.crt, cls.key, cls.client[0])
        cls.server.sql("CREATE DATABASE test; CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'pw' REQUIRE SSL;"
                       "CREATE USER known@'127.0.0.1' IDENTIFIED BY 'pw' REQUIRE X509;"
                       "GRANT ALL ON test.* TO mail@'127.0.0.1'; GRANT ALL ON test.* TO known@'127.0.0.1';",
                       database="mysql")

    def test_tls(self):
        base = ("hosts = inet:127.0.0.1:%d\nuser = mail\npassword = pw\ndbname = test\nquery = SELECT '%%s'\n"
                % self.server.port)
        options = self.sides[0].write("etc/my.cnf", "[tables]\nssl-ca = %s\n[bad]\nssl-ca = /nowhere\n" % self.crt)
        self.check("mysql", [
            (base, "a", ""),                            # the user must come with TLS
            (base + "tls_CAfile = %s\n" % self.crt, "a", "a\n"),
            (base + "tls_CAfile = %s\ntls_verify_cert = yes\n" % self.crt, "a", "a\n"),
            (base + "tls_CAfile = %s\ntls_verify_cert = yes\n" % self.other, "a", ""),
            (base + "tls_CAfile = /nowhere\n", "a", ""),
            (base + "option_file = %s\noption_group = tables\n" % options, "a", "a\n"),
            (base + "option_file = %s\noption_group = bad\n" % options, "a", ""),
        ])

    def test_client_certificate(self):
        base = ("hosts = inet:127.0.0.1:%d\nuser = known\npassword = pw\ndbname = test\nquery = SELECT '%%s'\n"
                % self.server.port) + "tls_CAfile = %s\n" % self.crt
        ours = "tls_cert_file = %s\ntls_key_file = %s\n"
        self.check("mysql", [
            (base, "a", ""),                            # the user must have a certificate
            (base + ours % tuple(self.client), "a", "a\n"),
            (base + ours % tuple(self.stranger), "a", ""),
            (base + ours % (self.client[0], "/nowhere"), "a", ""),
            (base + ours % (self.client[0], self.stranger[1]), "a", ""),
        ])


class PostgreSQLWithTls(servers.PostgreSQL):
    def __init__(self, crt, key, ca):
        self.tls = {"ssl": "on", "ssl_cert_file": crt, "ssl_key_file": key, "ssl_ca_file": ca}
        super().__init__()

    def prepare(self):
        super().prepare()
        with open(self.path("data/pg_hba.conf")) as f:
            rules = f.read()
        with open(self.path("data/pg_hba.conf"), "w") as f:
            f.write("hostssl all known 127.0.0.0/8 trust clientcert=verify-ca\n" + rules)

    def command(self):
        words = super().command()
        for name, value in self.tls.items():
            words += ["-c", "%s=%s" % (name, value)]
        return words


@servers.needed(servers.PostgreSQL)
class Pgsql(OverTls, unittest.TestCase):
    @classmethod
    def serve(cls):
        super().serve()
        cls.server = PostgreSQLWithTls(cls.crt, cls.key, cls.client[0])
        cls.server.sql("CREATE ROLE known LOGIN")

    def test_tls(self):
        base = "hosts = postgresql://mail@%s/postgres?sslmode=%%s\ndbname = postgres\nquery = %%s\n" % self.server.address
        used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        rows = [("disable", "f\n"), ("require", "t\n"), ("verify-ca&sslrootcert=" + self.crt, "t\n"),
                ("verify-ca&sslrootcert=" + self.other, ""), ("verify-full&sslrootcert=" + self.crt, "")]
        self.check("pgsql", [(base % (mode, used), "a", answer) for mode, answer in rows])

    def test_client_certificate(self):
        base = ("hosts = postgresql://known@%s/postgres?sslmode=require%%s\ndbname = postgres\nquery = SELECT '%%%%s'\n"
                % self.server.address)
        ours = "&sslcert=%s&sslkey=%s"
        rows = [("", ""), (ours % tuple(self.client), "a\n"), (ours % tuple(self.stranger), ""),
                (ours % (self.client[0], "/nowhere"), ""), (ours % (self.client[0], self.stranger[1]), "")]
        self.check("pgsql", [(base % given, "a", answer) for given, answer in rows])


if __name__ == "__main__":
    unittest.main()
