"""TLS of the SMTP client beside Postfix: levels and policies against servers good and bad; status, log lines, what arrives."""
import os
import re
import shutil
import ssl
import tempfile
import unittest

from support import certificates, oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines
from support.sink import Sink
from support.wait import until

LEVELS = ["none", "may", "encrypt", "verify", "secure", "secure match=other.test:localhost", "verify match=.test",
          "secure match=nexthop", "secure match=dot-nexthop,nexthop", "verify match=hostname:mail.example"]
# an empty one is reported in our tables' own words
ODD_POLICIES = ["bogus", "encrypt color=red", "encrypt protocols=TLSv9", "encrypt ciphers=bogus", "may match=x", "none match=x",
                "encrypt protocols=", "verify match=", "encrypt protocols=TLSv1.2 exclude=AES256:aECDSA", "may protocols=TLSv1",
                "encrypt protocols=>=TLSv1.3", "encrypt servername=sni.test", "fingerprint", "encrypt ciphers=high:low",
                "encrypt protocols", "Encrypt", "encrypt servername=hostname", "secure servername=nexthop"]


def setUpModule():
    global directory
    directory = tempfile.mkdtemp(prefix="client-tls.")
    os.chmod(directory, 0o755)
    certificates.make(directory, "ca", "rsa", "/CN=Test Authority")
    certificates.make(directory, "self", "rsa", "/CN=localhost")
    certificates.sign(directory, "good", "ca", "/CN=ignored.test", "DNS:other.example,DNS:localhost")
    certificates.sign(directory, "common", "ca", "/CN=localhost")
    certificates.sign(directory, "wrong", "ca", "/CN=localhost", "DNS:elsewhere.test")
    certificates.sign(directory, "wild", "ca", "/CN=wild", "DNS:*.test,DNS:mail.example")
    certificates.sign(directory, "expired", "ca", "/CN=localhost", "DNS:localhost", days=-1)


def tearDownModule():
    shutil.rmtree(directory)


@oracle.needed
class ClientTls(ComparisonTestCase):
    main_cf = {"inet_protocols": "ipv4", "smtp_host_lookup": "native", "smtp_tls_loglevel": "1", "queue_run_delay": "1h",
               "smtp_tls_security_level": "none", "transport_retry_time": "1h", "smtp_tls_connection_reuse": "no",
               "smtp_address_preference": "ipv4", "smtp_connection_cache_on_demand": "no",
               "smtp_tls_policy_maps": "regexp:@etc@/policy", "smtp_destination_concurrency_failed_cohort_limit": "0",
               "max_use": "1"}      # in Postfix each message has a process of its own, which reads settings and tables anew
    maps = {"policy": "/./ none\n"}

    @classmethod
    def configure(cls, suite):
        suite.set(smtp_tls_CAfile=os.path.join(directory, "ca.crt"))

    def sink(self, name, **options):
        wrapped = options.pop("wrapped", False)
        sink = Sink(tls=certificates.server(os.path.join(directory, name + ".pem"), **options) if name else None,
                    wrapped=wrapped)
        self.addCleanup(sink.close)
        return sink

    def result(self, suite, sink, policy, host="localhost"):
        count = len(sink.messages)
        suite.write("etc/policy", "/./ %s\n" % policy)
        is_another, suite.nexthop = getattr(suite, "nexthop", None) != (host, sink.port), (host, sink.port)
        suite.set(relayhost="[%s]:%d" % suite.nexthop)
        if is_another or suite is self.ours:        # theirs takes long to reload
            suite.reload()
        mark = suite.log_mark()
        suite.sendmail(["-i", "-f", "", "you@far.test"], "Subject: x\n\nx\n")   # nobody gets a report
        queue_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)
        suite.wait_for_log(queue_id + ": to=", since=mark)
        lines = [line for line in suite.log_lines(mark) if "/smtp[" in line]
        lines = [re.sub(r"^.*?/smtp\[\d+\]: (\w{9,}: )?", "", line) for line in lines]
        lines = [re.sub(r"delays?=[^ ]+ ", "", line) for line in lines]
        lines = mask_lines([line.replace(str(sink.port), "PORT") for line in lines], suite)
        came = [("tls" if m.tls else "clear") for m in sink.messages[count:]]
        suite.run("postsuper", "-d", "ALL", check=False)
        return lines + came

    def compare(self, sink, policy, what, host="localhost"):
        results = [self.result(suite, sink, policy, host) for suite in (self.ours, self.theirs)]
        self.assert_same(results[0], results[1], "%s, policy %r" % (what, policy))

    def test_levels(self):
        for name in (None, "self", "good", "common", "wrong", "wild", "expired"):
            sink = self.sink(name)
            for level in LEVELS:
                with self.subTest(server=name, level=level):
                    self.compare(sink, level, "server with %s" % name)

    def test_wildcards(self):
        sink = self.sink("wild")
        for suite in (self.ours, self.theirs):
            self.addCleanup(suite.set, tls_wildcard_matches_multiple_labels="yes")
        for deep in ("yes", "no"):
            for suite in (self.ours, self.theirs):
                suite.set(tls_wildcard_matches_multiple_labels=deep)
            for name in ("a.test", "b.a.test", ".a.test", "test"):
                with self.subTest(deep=deep, name=name):
                    self.compare(sink, "secure match=" + name, "wildcard, several labels: " + deep)

    def test_policies(self):
        sink = self.sink("good")
        for policy in ODD_POLICIES:
            with self.subTest(policy=policy):
                self.compare(sink, policy, "policy")

    def test_failures(self):
        for name, reply in (("refused", "454 4.7.0 not now"), ("refused for good", "501 5.5.4 no"), ("dropped", Sink.DROP),
                            ("no handshake", "220 go\n250 but this is no TLS")):
            sink = self.sink("good")
            sink.reply("STARTTLS", reply)
            for level in ("may", "encrypt", "secure"):
                with self.subTest(server=name, level=level):
                    self.compare(sink, level, name)

    def test_failures_of_the_session(self):
        """What a server says or does later on: outcome, log and the try in the clear are the same."""
        drop = Sink.DROP
        rows = [("EHLO", [None, drop]), ("EHLO", [None, "421 4.3.2 closing"]), ("MAIL", "421 4.3.2 closing"),
                ("RCPT", "450 4.7.1 greylisted"), ("RCPT", drop), ("DATA", "421 4.3.2 closing"), (".", drop)]
        for verb, reply in rows:
            for level in ("may", "secure"):
                with self.subTest(verb=verb, reply=reply, level=level):
                    results = []
                    for suite in (self.ours, self.theirs):
                        sink = self.sink("good")
                        sink.reply(verb, reply)
                        results.append(self.result(suite, sink, level))
                    self.assert_same(results[0], results[1], "%s %s at level %s" % (verb, reply, level))

    def test_versions(self):
        for name, options in (("1.2", {"highest": ssl.TLSVersion.TLSv1_2}), ("1.3", {"lowest": ssl.TLSVersion.TLSv1_3})):
            sink = self.sink("good", **options)
            for policy in ("encrypt", "encrypt protocols=TLSv1.2", "may protocols=TLSv1.2", "may protocols=TLSv1.3"):
                with self.subTest(server=name, policy=policy):
                    self.compare(sink, policy, "TLSv" + name)


@oracle.needed
class Reuse(ComparisonTestCase):
    """smtp_tls_connection_reuse, and the attribute that overrides it: how many connections three messages take."""
    main_cf = {"inet_protocols": "ipv4", "smtp_host_lookup": "native", "smtp_tls_loglevel": "1",
               "smtp_tls_security_level": "encrypt", "smtp_connection_cache_destinations": "localhost",
               "smtp_connection_cache_time_limit": "20s", "connection_cache_ttl_limit": "20s",
               "smtp_tls_policy_maps": "regexp:@etc@/policy"}
    master_cf = "tlsproxy unix - - n - 0 tlsproxy\nscache unix - - n - 1 scache\n"
    maps = {"policy": "/never matched/ none\n"}

    @classmethod
    def configure(cls, suite):
        suite.set(smtp_tls_CAfile=os.path.join(directory, "ca.crt"))

    def result(self, suite, policy, reuse, tls=True):
        sink = Sink(tls=certificates.server(os.path.join(directory, "good.pem")) if tls else None)
        self.addCleanup(sink.close)
        suite.write("etc/policy", "/./ %s\n" % policy)
        suite.set(relayhost="[localhost]:%d" % sink.port, smtp_tls_connection_reuse=reuse)
        suite.reload()
        mark = suite.log_mark()
        for number in range(3):
            here = suite.log_mark()
            suite.sendmail(["-i", "-f", "me@x.test", "you@far.test"], "Subject: %d\n\nx\n" % number)
            suite.wait_for_log(": to=<you@far.test>, .* status=sent", since=here)
            suite.wait_for_log(": removed$", since=here)        # by now the connection is kept for the next one
        lines = [line for line in suite.log_lines(mark) if re.search("/smtp\\[", line)]
        lines = [re.sub(r"^.*?/smtp\[\d+\]: (\w{9,}: )?", "", line) for line in lines]
        # a session that is resumed, as ours are in one process, has no signature
        lines = [re.sub(r"delays?=[^ ]+ | key-exchange.*", "", line) for line in lines]
        return mask_lines([line.replace(str(sink.port), "PORT") for line in lines], suite) + [str(len(sink.sessions))]

    def test_reuse(self):
        for policy, reuse, tls in (("encrypt", "no", True), ("encrypt", "yes", True), ("encrypt connection_reuse=yes", "no", True),
                                   ("encrypt connection_reuse=no", "yes", True), ("may", "no", False), ("secure", "yes", True)):
            with self.subTest(policy=policy, reuse=reuse, tls=tls):
                got = [self.result(suite, policy, reuse, tls) for suite in (self.ours, self.theirs)]
                if os.environ.get("SHOW"):
                    print(policy, reuse, tls, *got[1], sep="\n  ")
                self.assert_same(got[0], got[1], "reuse=%s, policy %s" % (reuse, policy))


if __name__ == "__main__":
    unittest.main()
