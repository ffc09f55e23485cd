"""What the client's certificate permits or forbids, and how far its chain is followed, against Postfix's."""
import os
import re
import subprocess
import unittest

from support import certificates, oracle
from support.compare import ComparisonTestCase, run_session, transcript
from support.mask import mask_lines

CLIENTS = (None, "listed", "bykey", "ok", "unlisted", "untrusted")
ABOUT = re.compile(r"TLS connection|reject|client=|certificate|fingerprint|requested, but|search|parsing error|abort")


def fingerprint(directory, name, what="certificate"):
    command = {"certificate": "openssl x509 -in %s -outform DER",
               "key": "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER"}[what]
    shown = subprocess.run(command % os.path.join(directory, name + ".crt") + " | openssl dgst -sha256 -c", shell=True,
                           check=True, capture_output=True)
    return shown.stdout.decode().split("= ")[1].strip().upper()


class CertificateTestCase(ComparisonTestCase):
    maxDiff = None
    settings = {}
    made = {}

    @classmethod
    def configure(cls, suite):
        if not cls.made:        # the same for both, for their fingerprints to be the same
            for name in ("server",) + CLIENTS[1:]:
                certificates.make(suite.etc, name, "ec", "/CN=the %s one" % name)
            for name in os.listdir(suite.etc):
                if name.endswith((".key", ".crt", ".pem")):
                    with open(os.path.join(suite.etc, name), encoding="ascii") as file:
                        cls.made[name] = file.read()
        for name, text in cls.made.items():
            suite.write("etc/" + name, text)
            os.chmod(os.path.join(suite.etc, name), 0o600 if not name.endswith(".crt") else 0o644)
        suite.write("etc/cas.crt", "".join(cls.made[n + ".crt"] for n in CLIENTS[1:-1]))
        suite.make_map("access", "%s REJECT not you\n%s 450 4.7.8 later\n%s OK\n%s permit_tls_all_clientcerts\n" % (
            fingerprint(suite.etc, "listed"), fingerprint(suite.etc, "bykey", "key"), fingerprint(suite.etc, "ok"),
            fingerprint(suite.etc, "untrusted")))
        suite.make_map("relay", "%s x\n%s x\n" % (fingerprint(suite.etc, "untrusted"),
                                                  fingerprint(suite.etc, "bykey", "key")))
        suite.set(**dict({"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": "@etc@/server.pem",
                          "smtpd_tls_loglevel": "1", "smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": "@etc@/cas.crt",
                          "smtpd_tls_fingerprint_digest": "sha256", "mydestination": "here.test"}, **cls.settings))

    def test_clients(self):
        for name in CLIENTS:
            with self.subTest(name):
                got = []
                for suite in (self.ours, self.theirs):
                    path = os.path.join(suite.etc, name + ".pem") if name else None
                    steps = ["EHLO x", lambda client, p=path: client.start_tls(certificates.client(p)), "EHLO x",
                             "MAIL FROM:<a@far.test>", "RCPT TO:<b@elsewhere.test>", "QUIT"]
                    mark = suite.log_mark()
                    lines = transcript(steps, run_session(suite, steps))
                    suite.wait_for_log(r"disconnect from ", since=mark)
                    log = [line for line in suite.log_lines(mark) if ABOUT.search(line)
                           and "lookup error for \"" not in line and "relay_clientcerts: table" not in line]
                    got.append([re.sub(r"0x\w+", "N", line) for line in lines + mask_lines(log, suite)])
                self.assert_same(got[0], got[1], str(name))


@oracle.needed
class Listed(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "permit_tls_clientcerts, reject", "relay_clientcerts": "hash:@etc@/relay"}


@oracle.needed
class NoList(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "permit_tls_clientcerts, reject"}


@oracle.needed
class BrokenList(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "permit_tls_clientcerts, reject", "relay_clientcerts": "fail:no"}


@oracle.needed
class All(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject"}


@oracle.needed
class NotAsked(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject", "smtpd_tls_ask_ccert": "no"}


@oracle.needed
class Access(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "check_ccert_access hash:@etc@/access, reject"}


@oracle.needed
class KeysOnly(CertificateTestCase):
    settings = {"smtpd_relay_restrictions":
                "check_ccert_access { hash:@etc@/access, { search_order = pubkey_fingerprint } }, reject"}


@oracle.needed
class BothKeys(CertificateTestCase):
    settings = {"smtpd_relay_restrictions":
                "check_ccert_access {hash:@etc@/access {search_order=pubkey_fingerprint, cert_fingerprint}} reject"}


@oracle.needed
class BrokenAccess(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "check_ccert_access fail:no, reject"}


@oracle.needed
class OtherDigest(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "check_ccert_access hash:@etc@/access, reject",
                "smtpd_tls_fingerprint_digest": "sha512"}


@oracle.needed
class NoSuchDigest(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "reject", "smtpd_tls_fingerprint_digest": "sha-nothing"}


@oracle.needed
class Required(CertificateTestCase):
    settings = {"smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject", "smtpd_tls_ask_ccert": "no",
                "smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes"}


del CertificateTestCase

if __name__ == "__main__":
    unittest.main()
