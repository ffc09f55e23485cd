"""postfix tls: settings, keys, certificates, requests and TLSA records."""
import glob
import hashlib
import os
import re
import subprocess
import unittest

from support import certificates
from support.suite import Suite


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl"] + list(args), input=stdin, check=True, capture_output=True).stdout


class PostfixTls(unittest.TestCase):
    def setUp(self):
        self.suite = Suite({"smtpd_peername_lookup": "no"})
        self.addCleanup(self.suite.close)

    def tls(self, *args, status=0):
        done = self.suite.run("postfix", "tls", *args, check=False)
        self.assertEqual(done.returncode, status, self.suite.tail())
        return done.stdout

    def value(self, name):
        return self.suite.run("postconf", "-hx", name).stdout.strip()

    def one(self, pattern):
        found = glob.glob(os.path.join(self.suite.etc, pattern))
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_server(self):
        self.tls("all-default-server")
        self.tls("enable-server", "-r", "/dev/urandom", "mail.here.test", "mx.here.test")
        self.tls("all-default-server", status=1)
        key, certificate = self.one("key-*.pem"), self.one("cert-*.pem")
        self.assertEqual((self.value("smtpd_tls_key_file"), self.value("smtpd_tls_cert_file"),
                          self.value("smtpd_tls_security_level"), self.value("tls_random_source")),
                         (key, certificate, "may", "dev:/dev/urandom"))
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        self.suite.start()
        with self.suite.smtp() as client:
            client.start_tls(certificates.client())
            self.assertEqual(certificates.subject(client.sock.getpeercert(True)), "subject=CN = mail.here.test")
        shown = openssl("x509", "-in", certificate, "-noout", "-ext", "subjectAltName").decode()
        self.assertIn("DNS:mail.here.test, DNS:mx.here.test", shown)

        der = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
        self.assertEqual(self.tls("output-server-tlsa", "-h", "mx.test"),
                         "; %s\n_25._tcp.mx.test. IN TLSA 3 1 1 %s\n" % (key, hashlib.sha256(der).hexdigest()))
        request = self.tls("output-server-csr", "a.test").encode()
        self.assertEqual(openssl("req", "-pubkey", "-noout", stdin=request), openssl("pkey", "-in", key, "-pubout"))
        self.assertIn(b"DNS:a.test", openssl("req", "-text", "-noout", stdin=request))

        self.tls("enable-server")       # changes nothing
        self.assertEqual(self.value("smtpd_tls_key_file"), key)

    def test_new_certificate_for_the_key(self):
        certificates.make(self.suite.etc, "old", "ec", "/CN=old")
        old = os.path.join(self.suite.etc, "old.key")
        self.suite.set(smtpd_tls_eccert_file="@etc@/old.crt", smtpd_tls_eckey_file="old.key")
        self.tls("new-server-cert", "-a", "ecdsa", "new.test")
        key = self.one("eckey-*.pem")
        self.assertEqual(openssl("pkey", "-in", key, "-pubout"), openssl("pkey", "-in", old, "-pubout"))
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        self.tls("deploy-server-cert", os.path.basename(self.one("eccert-*.pem")), os.path.basename(key))
        self.assertEqual(self.value("smtpd_tls_eckey_file"), key)

    def test_client(self):
        self.tls("all-default-client")
        self.tls("enable-client")
        self.tls("all-default-client", status=1)
        self.assertEqual(self.value("smtp_tls_security_level"), "may")

    def test_refused(self):
        certificates.make(self.suite.etc, "one", "rsa", "/CN=one")
        certificates.make(self.suite.etc, "two", "ec", "/CN=two")
        for words, message in {
            (): "unknown tls command: ''", ("foo",): "unknown tls command: 'foo'",
            ("deploy-server-cert", "one.crt"): "usage: postfix tls deploy-server-cert certfile keyfile",
            ("deploy-server-cert", "two.crt", "one.key"): "is not that of the key",
            ("deploy-server-cert", "one.crt", "none.key"): "private key in",
            ("new-server-key", "-a", "dsa"): "unsupported public key algorithm: dsa",
            ("new-server-key", "-b", "12"): "cannot make a private key: rsa 12",
            ("new-server-key", "a.test,DNS:b.test"): "not a host name: a.test,DNS:b.test",
            ("output-server-csr",): "no key file is given or configured",
            ("output-server-tlsa", "none.key"): "no private key in",
            ("output-server-tlsa", "-x", "y"): "bad option -x",
        }.items():
            with self.subTest(words):
                mark = self.suite.log_mark()
                self.tls(*words, status=1)
                self.suite.wait_for_log(re.escape(message), since=mark)
        self.assertEqual(glob.glob(os.path.join(self.suite.etc, "*key-*")), [])


if __name__ == "__main__":
    unittest.main()
