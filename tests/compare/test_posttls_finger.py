"""posttls-finger beside Postfix's: the same lines about servers good and bad."""
import collections
import concurrent.futures
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import unittest

from support import certificates, oracle
from support import product as products
from support.ports import free_port
from support.sink import Sink

NONSENSE = [["-l", "bogus"], ["-a", "bogus"], ["-h", "bogus"], ["-l", "none", "-w"],
            ["-l", "may", "-H", "x.pem", "-k", "y.pem"], ["-l", "may", "-M", "bogus"]]

# END is a line both say; SESSIONS: how many connections our server has seen
Again = collections.namedtuple("Again", "name end sessions args make matches")


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
                            ("STARTTLS", "454 4.7.0 not now"), ("STARTTLS", Sink.DROP), ("QUIT", "221-so\n221 long"), ("QUIT", Sink.DROP)):
            with self.subTest(verb=verb, reply=reply):
                sink = self.sink()
                sink.reply(verb, reply)
                self.compare("-l", "may", sink.nexthop)

    def test_silent_servers(self):
        for verb in ("CONNECT", "EHLO", "QUIT"):
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

    def test_connecting_again(self):
        """All cases at once, as they wait for a second and more each; a server for each side, as it counts what it is asked."""
        jobs = [(case, side, case.make()) for case in again_cases(self) for side in (self.ours, self.theirs)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda job: self.connect_again(*job), jobs))
        for (case, _, sink), ours, theirs in zip(jobs[::2], done[::2], done[1::2]):
            with self.subTest(case=case.name):
                self.assertEqual(ours, theirs)
                self.assertIn(case.end, ours)
                self.assertEqual(len(sink.sessions), case.sessions)

    def connect_again(self, case, side, sink):
        args = ["-r", "1", *case.args, ("inet:" if sink.lmtp else "") + sink.nexthop, *case.matches]
        text = "\n".join(self.run_side(side, args)).replace(str(sink.port), "PORT")
        return re.sub(r"(\[127\.0\.0\.1\]:PORT)&[0-9A-F]{64} ", r"\1&KEY ", text).splitlines()

    def test_raw_public_keys(self):
        """Newer than the oracle, and than the OpenSSL here: certificates are used, and it says so."""
        lines = self.run_side(self.ours, ["-x", "-l", "may", self.sink().nexthop])
        self.assertRegex(lines[0], "^posttls-finger: warning: -x: raw public keys need OpenSSL 3.2 and this is built for .*; certificates are used$")
        self.assertIn("posttls-finger: < 221 2.0.0 Bye", lines)


def again_cases(test):
    """What servers do with sessions: whether they leave one, whether they come back under the same name."""
    tls12 = {"highest": ssl.TLSVersion.TLSv1_2}
    ca = ["-F", test.path("ca.crt")]
    found, most = "Found a previously used server.  Done reconnecting.", "Maximum reconnect count reached."
    declined = "Server declined session caching. Done reconnecting."

    def case(name, end, sessions, *args, make=test.sink, matches=()):
        return Again(name, "posttls-finger: " + end, sessions, args, make, matches)

    def scripted(verb, replies, **options):
        def make():
            sink = test.sink(**options)
            sink.reply(verb, list(replies) if isinstance(replies, list) else replies)
            return sink
        return make

    def with_context(change, **options):
        def make():
            sink = test.sink(**options)
            change(sink.tls)
            return sink
        return make

    def balanced():
        """A server of another name behind each connection."""
        sink = test.sink()
        sink.reply("EHLO", lambda session, _: "250-host%d.test says hello\n250 STARTTLS" % sink.sessions.index(session))
        return sink

    def closing():
        sink = Sink(tls=certificates.server(test.path("good.pem")))
        sink.reply("QUIT", lambda *_: sink.close())
        return sink

    return [
        case("tickets of TLSv1.3", found, 2, "-l", "may"),
        case("tickets of TLSv1.2", found, 2, "-l", "may", "-L", "cache", make=lambda: test.sink(**tls12)),
        case("nothing logged at first", found, 2, "-c", "-l", "encrypt", "-L", "none", "-C"),
        case("wrapped", found, 2, "-l", "may", "-w", make=lambda: test.sink(wrapped=True)),
        case("LMTP", found, 2, "-l", "may", "-S", make=lambda: test.sink(lmtp=True, **tls12)),
        case("verified", found, 2, "-c", "-l", "verify", *ca, matches=["mx.test"]),
        case("another name", found, 2, "-c", "-l", "verify", *ca, make=lambda: test.sink(**tls12), matches=["x.test"]),
        case("untrusted", found, 2, "-c", "-l", "secure", matches=["mx.test"]),
        case("another fingerprint", found, 2, "-c", "-l", "fingerprint", matches=["AB:" * 31 + "AB"]),
        case("no tickets in TLSv1.3", declined, 1, "-c", "-l", "may", make=with_context(lambda c: setattr(c, "num_tickets", 0))),
        case("forgets sessions", found, 2, "-c", "-l", "may",
             make=with_context(lambda c: setattr(c, "options", c.options | ssl.OP_NO_TICKET), **tls12)),
        case("no TLS", declined, 1, "-l", "may", make=lambda: test.sink(None)),
        case("level none", declined, 1, "-l", "none"),
        case("many servers", most, 3, "-m", "2", "-l", "may", make=balanced),
        case("no second connection", most, 1, "-c", "-m", "0", "-l", "may"),
        case("TLS only once", most, 2, "-m", "1", "-l", "may", make=scripted("EHLO", [None, None, "250 x.test"])),
        case("not available again", "SMTP service not available: 554 5.7.1 no", 2, "-l", "may", make=scripted("CONNECT", [None, "554 5.7.1 no"])),
        case("no greeting again", "lost connection while reading server greeting", 2, "-c", "-l", "may", make=scripted("CONNECT", [None, Sink.DROP])),
        case("EHLO refused again", "EHLO rejected: 502 5.5.1 no", 2, "-l", "may", make=scripted("EHLO", [None, None, "502 5.5.1 no"])),
        case("EHLO refused in TLS", found, 2, "-l", "may", make=scripted("EHLO", [None, "502 5.5.1 no"])),
        case("STARTTLS refused again", "STARTTLS rejected: 454 no", 2, "-l", "may", make=scripted("STARTTLS", [None, "454 no"])),
        case("lost in STARTTLS", "fatal: lost connection while sending STARTTLS", 2, "-c", "-l", "may", make=scripted("STARTTLS", [None, Sink.DROP])),
        case("lost in QUIT", found, 2, "-l", "may", make=scripted("QUIT", Sink.DROP)),
        case("nobody there any more", "Failed to establish session to [127.0.0.1]:PORT via 127.0.0.1: "
             "connect to 127.0.0.1[127.0.0.1]:PORT: Connection refused", 1, "-c", "-l", "may", make=closing),
    ]


if __name__ == "__main__":
    unittest.main()
