"""posttls-finger beside Postfix's: the same lines about servers good and bad."""
import os
import shutil
import subprocess
import tempfile
import unittest

from support import certificates, oracle
from support import product as products
from support.ports import free_port
from support.sink import Sink

NONSENSE = [["-l", "bogus"], ["-a", "bogus"], ["-h", "bogus"], ["-l", "none", "-w"],
            ["-l", "may", "-H", "x.pem", "-k", "y.pem"]]


def fingerprint(path, *what):
    """Of the certificate at PATH, or, WHAT being "key", of its public key."""
    if what:
        key = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], check=True, capture_output=True).stdout
        data = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, check=True, capture_output=True).stdout
    else:
        data = subprocess.run(["openssl", "x509", "-in", path, "-outform", "der"], check=True, capture_output=True).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-c", "-r"], input=data, check=True, capture_output=True)
    return digest.stdout.split()[0].decode().upper()


@oracle.needed
class Finger(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="finger.")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        certificates.make(cls.dir, "ca", "rsa", "/CN=Test Authority")
        certificates.make(cls.dir, "self", "rsa", "/CN=self.test")
        certificates.sign(cls.dir, "good", "ca", "/CN=good.test", "DNS:mx.test,DNS:*.wild.test")
        certificates.sign(cls.dir, "expired", "ca", "/CN=mx.test", "DNS:mx.test", days=-1)
        cls.ours, cls.theirs = products.staged(), oracle.product()
        for side in (cls.ours, cls.theirs):
            etc = os.path.join(cls.dir, side.label)
            os.mkdir(etc)
            with open(os.path.join(etc, "main.cf"), "w", encoding="ascii") as out:
                out.write("compatibility_level = 3.6\nmyhostname = me.test\nqueue_directory = %s\n" % etc)
                if side.shlib_directory:
                    out.write("shlib_directory = %s\n" % side.shlib_directory)

    def path(self, name):
        return os.path.join(self.dir, name)

    def sink(self, name="good", **options):
        wrapped, lmtp = options.pop("wrapped", False), options.pop("lmtp", False)
        tls = certificates.server(self.path(name + ".pem"), **options) if name else None
        sink = Sink(tls=tls, wrapped=wrapped, lmtp=lmtp)
        self.addCleanup(sink.close)
        return sink

    def run_side(self, side, args):
        env = dict(os.environ, MAIL_CONFIG=self.path(side.label))
        if side.shlib_directory:
            libraries = [side.shlib_directory, os.path.join(side.root, "usr/lib/x86_64-linux-gnu")]
            env["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
        done = subprocess.run([side.command("posttls-finger"), *args], env=env, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.stdout.decode("utf-8", "replace").splitlines() + ["status %d" % done.returncode]

    def compare(self, *args):
        got = [self.run_side(side, args) for side in (self.ours, self.theirs)]
        self.assertEqual(got[0], got[1], args)
        return got[0]

    def test_levels(self):
        authority = ["-F", self.path("ca.crt")]
        good = self.path("good.crt")
        for name in ("good", "self", "expired"):
            sink = self.sink(name)
            for options, matches in (
                    (["-l", "none"], []), (["-l", "may"], []), (["-l", "encrypt"], []), (["-l", "may"], ["mx.test"]),
                    (["-l", "secure"], []), (["-l", "secure", *authority], []), (["-l", "secure", *authority], ["mx.test"]),
                    (["-l", "secure", *authority], ["a.wild.test"]), (["-l", "verify", *authority], ["x.test", ".test"]), (["-l", "verify", *authority], ["x.test:.test"]),
                    (["-l", "verify", *authority], []), (["-l", "secure", "-A", self.path("ca.crt")], ["mx.test"]),
                    (["-l", "fingerprint"], [fingerprint(good)]), (["-l", "fingerprint"], [fingerprint(good, "key")]),
                    (["-l", "fingerprint"], ["AB:" * 31 + "AB"])):
                with self.subTest(server=name, options=options, matches=matches):
                    self.compare(*options, sink.nexthop, *matches)

    def test_wildcards_of_several_labels(self):
        """Postfix's manual says yes, Postfix says no: docs/decisions/0097."""
        nexthop = self.sink().nexthop
        for name in ("a.wild.test", "b.a.wild.test", "wild.test"):
            for word in ("yes", "no"):
                args = ["-o", "tls_wildcard_matches_multiple_labels=" + word, "-l", "secure", "-L", "summary", "-F",
                        self.path("ca.crt"), nexthop, name]
                with self.subTest(name=name, word=word):
                    if (name, word) != ("b.a.wild.test", "yes"):
                        self.compare(*args)
                        continue
                    ours, theirs = (" ".join(self.run_side(side, args)) for side in (self.ours, self.theirs))
                    self.assertIn("Verified TLS connection", ours)
                    self.assertIn("hostname mismatch", theirs)

    def test_what_is_shown(self):
        sink = self.sink()
        for options in (["-c"], ["-L", "none"], ["-L", "routine"], ["-L", "peercert"], ["-L", "certmatch"], ["-C"],
                        ["-cC", "-L", "none"], ["-p", "TLSv1.2"], ["-p", "bogus"], ["-g", "bogus"], ["-d", "sha1"],
                        ["-s", "sni.test"], ["-o", "myhostname=other.test"], ["-k", self.path("self.pem")],
                        ["-H", self.path("self.pem")]):
            with self.subTest(options=options):
                lines = self.compare("-l", "encrypt", *options, sink.nexthop)
                self.assertEqual(lines[-1], "status 0")

    def test_chain_is_shown(self):
        lines = self.run_side(self.ours, ["-cC", "-L", "none", "-l", "may", self.sink().nexthop])
        self.assertIn(" 0 subject: /CN=good.test", lines)
        self.assertIn("-----END CERTIFICATE-----", lines)

    def test_servers(self):
        self.compare("-l", "may", self.sink(None).nexthop)
        self.compare("-l", "encrypt", "-w", self.sink(wrapped=True).nexthop)
        self.compare("-l", "may", "-S", "inet:" + self.sink(lmtp=True).nexthop)
        for verb, reply in (("CONNECT", "554 5.7.1 go away"), ("CONNECT", Sink.DROP), ("EHLO", "502 5.5.1 no"), ("EHLO", Sink.DROP),
                            ("STARTTLS", "454 4.7.0 not now"), ("STARTTLS", Sink.DROP), ("QUIT", "221-so\n221 long")):
            with self.subTest(verb=verb, reply=reply):
                sink = self.sink()
                sink.reply(verb, reply)
                self.compare("-l", "may", sink.nexthop)

    def test_silent_servers(self):
        for verb in ("CONNECT", "EHLO"):
            with self.subTest(verb=verb):
                sink = self.sink()
                sink.reply(verb, Sink.HANG)
                self.compare("-l", "may", "-t", "1", "-T", "1", sink.nexthop)

    def test_nobody_there(self):
        self.compare("-l", "may", "[127.0.0.1]:%d" % free_port())
        self.compare("-l", "may", "-S", "unix:" + self.path("nobody"))

    def test_command_lines(self):
        for options in NONSENSE:
            with self.subTest(options=options):
                self.assertEqual(self.compare(*options, "[127.0.0.1]:25")[-1], "status 1")
        for destination in ("[127.0.0.1", "[127.0.0.1]:nonsense"):
            self.assertEqual(self.compare("-l", "may", destination)[-1], "status 1")

    def test_not_built(self):
        for options in (["-M", "dane"], ["-r", "1"], ["-m", "1"], ["-X"]):
            lines = self.run_side(self.ours, [*options, "[127.0.0.1]:25"])
            self.assertRegex("\n".join(lines), r"^posttls-finger: fatal: .*not built in this version\nstatus 1$")


if __name__ == "__main__":
    unittest.main()
