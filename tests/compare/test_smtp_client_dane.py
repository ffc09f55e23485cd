"""DANE of the SMTP client beside Postfix, with one name server for both: TLSA records good, wrong and odd, zones signed and
not; status, log lines, questions asked, what arrives."""
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import unittest

from support import certificates, oracle
from support.compare import ComparisonTestCase
from support.dns import DnsServer
from support.mask import mask_lines
from support.ports import free_address, free_port
from support.sink import Sink

SIGNED = ("signed.test", "sec.test", "127.in-addr.arpa")     # a validating resolver says so of all below
# a mail domain's first label, up to the hyphen, chooses the options of the client
OPTIONS = {
    "force": "smtp_tls_force_insecure_host_tlsa_lookup=yes",
    "mxmay": "smtp_tls_dane_insecure_mx_policy=may",
    "mxenc": "smtp_tls_dane_insecure_mx_policy=encrypt",
    "enabled": "smtp_dns_support_level=enabled",
    "digests": "tls_dane_digests=sha256",
    "order": "tls_dane_digests=sha256=1,sha512=2",
    "odd": "tls_dane_digests=sha256=2,sha512",
    "names": "smtp_cname_overrides_servername=yes",
    "loud": "smtp_tls_loglevel=2",
    "native": "smtp_host_lookup=native,dns",
    # smtp_tls_per_site, with each form of what holds for all
    "site": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level=",
    "siteuse": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level= -o smtp_use_tls=yes",
    "siteenf": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level= -o smtp_enforce_tls=yes",
    "sitenop": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level= -o smtp_enforce_tls=yes "
               "-o smtp_tls_enforce_peername=no",
    "sitemay": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level=may",
    "siteenc": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level=encrypt",
    "sitedane": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level=dane",
    "sitesec": "smtp_tls_policy_maps= -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level=secure",
    "siteboth": "smtp_tls_policy_maps=regexp:@etc@/policy -o smtp_tls_per_site=regexp:@etc@/site -o smtp_tls_security_level=",
    "fails": "smtp_tls_policy_maps=fail:x",
    "sitefail": "smtp_tls_policy_maps= -o smtp_tls_per_site=fail:x -o smtp_tls_security_level=",
}
SITES = {"none": "NONE", "may": "MAY", "nop": "MUST_NOPEERMATCH", "must": "MUST", "odd": "BOGUS", "low": "must"}
# a server's certificate and the policy, with @ for the directory
ANCHORS = [
    ("good", "secure tafile=@/ca.crt"), ("good", "secure tafile=@/ca.pub"), ("good", "verify tafile=@/otherca.crt"),
    ("good", "secure tafile=@/good.crt"), ("good", "encrypt tafile=@/ca.crt"), ("good", "may tafile=@/ca.crt"),
    ("good", "fingerprint tafile=@/ca.crt match=00:11"), ("good", "none tafile=@/ca.crt"), ("good", "secure tafile="),
    ("good", "dane tafile=@/ca.crt"), ("good", "dane match=x"), ("good", "dane-only servername=hostname"),
    ("good", "secure tafile=@/none"), ("good", "secure tafile=@/ca.key"), ("good", "secure tafile=@/broken"),
    ("good", "verify tafile=@/otherca.crt tafile=@/ca.crt"), ("good", "verify tafile=@/ca.crt servername=sni.test"),
    ("wrong", "secure tafile=@/ca.crt"), ("wrong", "secure tafile=@/wrong.crt"), ("foreign", "secure tafile=@/otherca.crt"),
    ("foreign", "verify tafile=@/ca.crt"), ("foreign", "secure"), ("chained", "secure tafile=@/middle.crt"),
    ("chained", "secure tafile=@/middle.pub"), ("chained", "secure tafile=@/otherca.crt"), ("chained", "secure"),
    ("late", "secure tafile=@/old.crt"), ("late", "secure tafile=@/old.pub"), ("expired", "secure tafile=@/ca.crt"),
    ("good", "encrypt protocols=TLSv1.2 servername=nexthop"), ("good", "dane protocols=TLSv1.2"),
]
NOISE = re.compile("DNSSEC validation|dnssec_probe|SSL_connect:|initializing the|table fail:x|fail:x lookup error")


def setUpModule():
    global directory, keys
    directory = tempfile.mkdtemp(prefix="client-dane.")
    os.chmod(directory, 0o755)
    certificates.make(directory, "ca", "rsa", "/CN=Test Authority")
    certificates.make(directory, "otherca", "rsa", "/CN=Other Authority")
    certificates.make(directory, "self", "rsa", "/CN=whoever")
    certificates.sign(directory, "good", "ca", "/CN=good", "DNS:*.signed.test,DNS:*.sec.test,DNS:*.plain.test")
    certificates.sign(directory, "wrong", "ca", "/CN=wrong", "DNS:elsewhere.test")
    certificates.sign(directory, "expired", "ca", "/CN=old", "DNS:*.signed.test", days=-1)
    certificates.sign(directory, "foreign", "otherca", "/CN=foreign", "DNS:*.plain.test")
    certificates.sign(directory, "middle", "otherca", "/CN=Middle Authority", authority=True)
    certificates.sign(directory, "chained", "middle", "/CN=chained", "DNS:*.plain.test")
    certificates.sign(directory, "old", "otherca", "/CN=Old Authority", authority=True, days=-1)
    certificates.sign(directory, "late", "old", "/CN=late", "DNS:*.plain.test")
    # with their authorities: records of usage 2 want them sent
    for name, authority in (("good", "ca"), ("wrong", "ca"), ("expired", "ca"), ("chained", "middle"), ("late", "old")):
        with open(path(name + ".pem"), "a") as chain, open(path(authority + ".crt")) as part:
            chain.write(part.read())
    for name in ("ca", "middle", "old"):
        with open(path(name + ".pub"), "wb") as out:
            out.write(openssl("x509", "-in", path(name + ".crt"), "-noout", "-pubkey"))
    with open(path("broken"), "w") as out:
        out.write("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")


def tearDownModule():
    shutil.rmtree(directory)


def path(name):
    return os.path.join(directory, name)


def openssl(*command, stdin=None):
    return subprocess.run(["openssl", *command], check=True, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def tlsa(usage, selector, matching, name):
    """A record for a certificate of ours."""
    der = openssl("x509", "-in", path(name + ".crt"), "-outform", "der")
    if selector:
        pem = openssl("x509", "-in", path(name + ".crt"), "-noout", "-pubkey")
        der = openssl("pkey", "-pubin", "-outform", "der", stdin=pem)
    data = {0: der, 1: hashlib.sha256(der).digest(), 2: hashlib.sha512(der).digest()}[matching]
    return "%d %d %d %s" % (usage, selector, matching, data.hex())


@oracle.needed
class Dane(ComparisonTestCase):
    maxDiff = None
    settings = {}
    master_cf = "".join("%s unix - - n - - smtp -o %s\n -o syslog_name=postfix\n" % row for row in OPTIONS.items())
    main_cf = {"transport_maps": "regexp:@etc@/transport", "inet_protocols": "ipv4", "smtp_host_lookup": "dns", "smtp_tls_loglevel": "1", "queue_run_delay": "1h",
               "smtp_dns_support_level": "dnssec", "smtp_tls_security_level": "dane", "transport_retry_time": "1h",
               "smtp_address_preference": "ipv4", "smtp_connection_cache_on_demand": "no",
               "smtp_tls_session_cache_database": "", "smtp_starttls_timeout": "60s", "smtp_tls_connection_reuse": "no",
               "smtp_destination_concurrency_failed_cohort_limit": "0", "compatibility_level": "3.6",
               "smtp_tls_policy_maps": "regexp:@etc@/policy", "tls_medium_cipherlist": "aNULL:-aNULL:HIGH:@STRENGTH"}

    @classmethod
    def configure(cls, suite):
        if not hasattr(cls, "dns"):
            cls.port = free_port()
            cls.dns = DnsServer({}, secure=SIGNED)
            cls.addClassCleanup(cls.dns.close)
        suite.resolver = cls.dns.address
        suite.set(smtp_tcp_port=cls.port, smtp_tls_CAfile=path("ca.crt"))
        policies = "".join("/^anchor%d\\./ %s\n" % (i, policy.replace("@", directory)) for i, (_, policy) in enumerate(ANCHORS))
        suite.write("etc/policy", "/^\\[?(server\\.)?(odd-)?only-/ dane-only\n/^half-/ half-dane\n" + policies)
        suite.write("etc/site", "".join("/^site[a-z]*-%s-[a-z]+\\./ %s\n/^%s-mx\\./ %s\n" % (k, v, k, v) for k, v in SITES.items()))
        hosts = "".join("/@%s$/ smtp:[server.%s]\n" % (d, d) for d in ("host-a.signed.test", "only-host-a.plain.test"))
        suite.write("etc/transport", hosts + "".join("/@%s-/ %s:\n" % (name, name) for name in OPTIONS))

    def server(self, certificate="good"):
        sink = Sink(address=free_address(), port=self.port,
                    tls=certificates.server(path(certificate + ".pem")) if certificate else None)
        self.addCleanup(sink.close)
        sink.names = []         # that clients asked for
        if certificate:
            sink.tls.sni_callback = lambda session, name, context: sink.names.append(name)
        sink.address = sink.listener.getsockname()[0]
        return sink

    def zone(self, domain, certificate="good", records=(), host=None):
        """A mail domain with one server that has a certificate and TLSA records."""
        host = host or "mx." + domain
        sink = self.server(certificate)
        self.dns.records.update({(domain, "MX"): ["10 " + host], (host, "A"): [sink.address]})
        self.publish(host, records)
        return sink

    def publish(self, host, records):
        if records:
            self.dns.records["_%d._tcp.%s" % (self.port, host), "TLSA"] = records

    def results(self, suite, cases):
        """What becomes of one message to each domain, sent side by side: {domain: lines, what arrived, what was asked}."""
        mark, asked = suite.log_mark(), len(self.dns.queries)
        before = {domain: len(sink.messages) for domain, (sink, _) in cases.items()}
        for sink, _ in cases.values():
            sink.names.clear()
        for domain in cases:
            suite.sendmail(["-i", "-f", "", "you@" + domain], "Subject: x\n\nx\n")
        ids = {}
        for domain in cases:
            ids[suite.wait_for_log(r"smtp\[\d+\]: (\w+): to=<you@%s>" % re.escape(domain), 120, since=mark).group(1)] = domain
        found = {domain: [] for domain in cases}
        for line in suite.log_lines(mark):
            said = re.search(r"/smtp\[\d+\]: (?:(\w{9,}): )?(.*)", line)
            if said and not NOISE.search(line):
                domain = ids.get(said.group(1)) or self.owner(cases, said.group(2))
                line = mask_lines([re.sub(r"delays?=[^ ]+ ", "", said.group(2)).replace(str(self.port), "PORT")], suite)[0]
                # Postfix asks once more, and warns once more, when records cannot be looked up
                if line not in found.setdefault(domain, []):
                    found[domain].append(line)
        for name, kind in dict.fromkeys(self.dns.queries[asked:]):
            if kind != "NS":
                found.setdefault(self.owner(cases, name), []).append("%s %s" % (name.replace(str(self.port), "PORT"), kind))
        for domain, (sink, _) in cases.items():
            found[domain] += ["came with TLS" if m.tls else "came in the clear" for m in sink.messages[before[domain]:]]
            found[domain] += ["server name %s" % name for name in sink.names]
        return found

    @staticmethod
    def owner(cases, text):
        """The domain that a line or question is about; None: no single one."""
        for domain, (_, hosts) in cases.items():
            if any(re.search(r"(?<![\w.-])(_\d+\._tcp\.)?%s(?![\w.-]*\w)" % re.escape(name), text) for name in (domain, *hosts)):
                return domain
        return None

    def compare(self, cases):
        """CASES: {domain: (the server that counts, names of hosts that are this domain's only)}"""
        ours, theirs = (self.results(suite, cases) for suite in (self.ours, self.theirs))
        for domain in theirs:
            with self.subTest(domain=domain):
                self.assert_same(ours.get(domain, []), theirs[domain], str(domain))

    def test_records(self):
        def good(*fields):
            return [tlsa(*fields, "good")]
        bad = "3 1 1 " + "00" * 32
        rows = dict(
            none=("good", []), no_tls=(None, []), starttls_missing=(None, good(3, 1, 1)),
            ee_key=("good", good(3, 1, 1)), ee_key512=("good", good(3, 1, 2)), ee_whole=("good", good(3, 0, 0)),
            ee_wholekey=("good", good(3, 1, 0)), ee_cert=("good", good(3, 0, 1)), ee_wrong=("good", [bad]),
            ee_other_name=("wrong", [tlsa(3, 1, 1, "wrong")]), ee_expired=("expired", [tlsa(3, 0, 1, "expired")]),
            ee_self=("self", [tlsa(3, 1, 1, "self")]),
            ta=("good", [tlsa(2, 0, 1, "ca")]), ta_key=("good", [tlsa(2, 1, 1, "ca")]), ta_whole=("good", [tlsa(2, 0, 0, "ca")]),
            ta_wholekey=("good", [tlsa(2, 1, 0, "ca")]), ta_other=("good", [tlsa(2, 0, 1, "otherca")]),
            ta_name=("wrong", [tlsa(2, 0, 1, "ca")]), ta_expired=("expired", [tlsa(2, 0, 1, "ca")]),
            ta_self=("self", [tlsa(2, 0, 1, "self")]),
            pkix=("good", [tlsa(1, 1, 1, "good")]), pkix_ta=("good", [tlsa(0, 0, 1, "ca")]),
            usage=("good", ["4 1 1 " + "00" * 32]), selector=("good", ["3 2 1 " + "00" * 32]), matching=("good", ["3 1 3 " + "00" * 32]),
            short=("good", ["3 1 1 0011"]), garbage=("good", ["3 0 0 0011"]), mixed=("good", ["1 1 1 " + "11" * 32] + good(3, 1, 1)),
            two=("good", [bad] + good(3, 1, 1)), agile=("good", ["3 1 2 " + "00" * 64] + good(3, 1, 1)))
        cases = {}
        for name, (certificate, records) in rows.items():
            for domain in ("%s.signed.test", "only-%s.signed.test"):
                domain %= name.replace("_", "-")
                cases[domain] = self.zone(domain, certificate, records), ["mx." + domain]
        self.compare(cases)

    def test_zones(self):
        """What is signed and what is not: the mail domain, the server's name, its alias."""
        good, cases = [tlsa(3, 1, 1, "good")], {}
        for domain, host, records in (
                ("a.plain.test", "mx.a.sec.test", good), ("a-wrong.plain.test", "mx.b.sec.test", ["3 1 1 " + "00" * 32]),
                ("mxmay-a.plain.test", "mx.c.sec.test", good), ("mxenc-a.plain.test", "mx.d.sec.test", good),
                ("mxenc-wrong.plain.test", "mx.e.sec.test", ["3 1 1 " + "00" * 32]),
                ("only-a.plain.test", "mx.f.sec.test", good), ("half-a.plain.test", "mx.g.sec.test", good),
                ("half-b.signed.test", "mx.h.sec.test", good), ("half-c.signed.test", "mx.i.sec.test", []),
                ("b.signed.test", "mx.b.plain.test", good), ("only-b.signed.test", "mx.c.plain.test", good),
                ("force-b.signed.test", "mx.d.plain.test", good), ("c.plain.test", "mx.e.plain.test", good),
                ("enabled-a.signed.test", "mx.j.sec.test", good), ("native-a.signed.test", "mx.k.sec.test", good),
                ("loud-a.signed.test", "mx.l.sec.test", good), ("loud-b.signed.test", "mx.m.sec.test", [tlsa(2, 0, 1, "ca"), "3 1 1 0011"]),
                ("loud-c.signed.test", "mx.n.sec.test", [tlsa(2, 1, 0, "ca")]), ("digests-a.signed.test", "mx.o.sec.test", [tlsa(3, 1, 2, "good")]),
                ("digests-b.signed.test", "mx.p.sec.test", [tlsa(3, 1, 2, "wrong")] + good), ("order-a.signed.test", "mx.q.sec.test", [tlsa(3, 1, 2, "wrong")] + good),
                ("odd-a.signed.test", "mx.r.sec.test", good), ("odd-only-a.signed.test", "mx.s.sec.test", good)):
            cases[domain] = self.zone(domain, "good", records, host), [host]
        self.compare(cases)

    def test_aliases(self):
        good, bad, cases = [tlsa(3, 1, 1, "good")], ["3 1 1 " + "00" * 32], {}
        for name, alias, host, at_alias, at_host in (
                ("a", "mx.a.sec.test", "real.a.sec.test", [], good), ("b", "mx.b.sec.test", "real.b.sec.test", good, bad),
                ("c", "mx.c.sec.test", "real.c.sec.test", good, []), ("d", "mx.d.sec.test", "real.d.plain.test", good, bad),
                ("e", "mx.e.sec.test", "real.e.plain.test", [], good), ("f", "mx.f.plain.test", "real.f.sec.test", good, bad),
                ("g", "mx.g.sec.test", "real.g.sec.test", [], []), ("force-d", "mx.h.sec.test", "real.h.plain.test", good, bad),
                ("names-d", "mx.i.sec.test", "real.i.plain.test", good, bad), ("names-f", "mx.j.plain.test", "real.j.sec.test", good, bad)):
            domain, sink = name + "-alias.signed.test", self.server()
            self.dns.records.update({(domain, "MX"): ["10 " + alias], (alias, "CNAME"): [host], (host, "A"): [sink.address]})
            self.publish(alias, at_alias)
            self.publish(host, at_host)
            cases[domain] = sink, [alias, host]
        self.compare(cases)

    def test_bogus(self):
        """What does not validate is a failed look-up."""
        good, cases = [tlsa(3, 1, 1, "good")], {}
        for name, bogus in (("mx", ("", "MX")), ("address", ("mx.", "A")), ("tlsa", ("_%d._tcp.mx." % self.port, "TLSA"))):
            for domain in ("bogus-%s.signed.test" % name, "only-bogus-%s.signed.test" % name, "half-bogus-%s.plain.test" % name):
                cases[domain] = self.zone(domain, "good", good), ["mx." + domain]
                self.dns.records[bogus[0] + domain, bogus[1]] = DnsServer.SERVFAIL
        self.compare(cases)

    def test_tlsa_alias(self):
        """TLSA records themselves may be elsewhere, in signed zones."""
        cases = {}
        for name, target in (("a", "_dane.sec.test"), ("b", "_dane.plain.test")):
            domain = "tlsa-alias-%s.signed.test" % name
            cases[domain] = self.zone(domain), ["mx." + domain]
            self.dns.records["_%d._tcp.mx.%s" % (self.port, domain), "CNAME"] = [target]
            self.dns.records[target, "TLSA"] = [tlsa(3, 1, 1, "good")]
        self.compare(cases)

    def test_other_hosts(self):
        """Two servers: the first one's records are wrong, or cannot be had, or it has no TLS."""
        good, cases = [tlsa(3, 1, 1, "good")], {}
        for name, certificate, records in (("wrong", "good", ["3 1 1 " + "00" * 32]), ("clear", None, good), ("fails", "good", DnsServer.SERVFAIL)):
            domain = "other-%s.signed.test" % name
            first, second = self.zone(domain, certificate, records), self.server()
            self.dns.records[domain, "MX"] = ["10 mx." + domain, "20 mx2." + domain]
            self.dns.records["mx2." + domain, "A"] = [second.address]
            self.publish("mx2." + domain, good)
            cases[domain] = second, ["mx." + domain, "mx2." + domain]
        self.compare(cases)

    def test_destinations(self):
        """Without MX records, and a host in brackets."""
        good, cases = [tlsa(3, 1, 1, "good")], {}
        for domain in ("nomx-a.signed.test", "only-nomx-a.signed.test", "nomx-a.plain.test", "only-nomx-a.plain.test",
                       "host-a.signed.test", "only-host-a.plain.test"):
            host = domain if "nomx" in domain else "server." + domain
            cases[domain] = self.zone(domain, "good", good, host), [host]
            del self.dns.records[domain, "MX"]
        self.compare(cases)

    def test_sites(self):
        """What the obsolete table has for the destination, and for the host, beside what holds for all."""
        cases = {}
        words = ("x", *SITES)
        pairs = [("site", a, b) for a in words for b in words] + [
            (option, a, b) for option in OPTIONS if option.startswith("site") and option != "site"
            for a, b in (("x", "x"), ("none", "x"), ("may", "x"), ("x", "nop"), ("must", "x"), ("none", "may"))]
        pairs.append(("fails", "x", "x"))
        for option, a, b in pairs:
            domain, host = "%s-%s-%s.plain.test" % (option, a, b), "%s-mx.%s-%s.plain.test" % (b, option, a)
            cases[domain] = self.zone(domain, "self", (), host), [host]
        self.compare(cases)

    def test_trust_anchors(self):
        """What tafile= names is trusted in the place of the authorities, whoever else has signed it, for how long."""
        cases = {}
        for i, (certificate, _) in enumerate(ANCHORS):
            domain = "anchor%d.plain.test" % i
            cases[domain] = self.zone(domain, certificate), ["mx." + domain]
        self.compare(cases)


if __name__ == "__main__":
    unittest.main()
