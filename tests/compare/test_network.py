"""Hosts in network namespaces with a DNS server of their own: what becomes of mail at each level of TLS, from servers that
fail in each way, beside Postfix in the same network at the same time."""
import collections
import os
import re
import shutil
import tempfile
import unittest

from support import mail_hosts, network, oracle
from support.compare import OLDER, sides
from support.dns import DnsServer
from support.mail_hosts import KINDS, LEVELS, cell, domain
from support.mask import mask
from support.suite import Suite
from support.wait import until

BASE = "192.168.255."
NAME_SERVER, CLIENTS, FIRST_SERVER = BASE + "53", (BASE + "1", BASE + "2"), 129
SENDER = "sender@mail1.org"
NOISE = re.compile("DNSSEC validation|dnssec_probe")
RESUMED = re.compile(" server-signature .*")       # sessions that are resumed, as ours are in one process, have less
SLOW = {kind.slow for kind in KINDS.values() if kind.slow}

MAIN_CF = {
    "myhostname": "mail.mail1.org", "mydomain": "mail1.org", "mydestination": "$myhostname, mail1.org, localhost",
    "inet_protocols": "ipv4", "smtp_host_lookup": "dns", "smtp_dns_support_level": "dnssec", "smtp_tls_loglevel": "1",
    "smtp_tls_policy_maps": "regexp:@etc@/policy", "transport_maps": "regexp:@etc@/transport", "queue_run_delay": "1h",
    "smtp_tls_session_cache_database": "", "smtp_connection_cache_on_demand": "no", "smtp_tls_connection_reuse": "no",
    "smtp_tls_fingerprint_digest": "sha256", "default_process_limit": "40",
    "tls_medium_cipherlist": "aNULL:-aNULL:HIGH:@STRENGTH",
}


def setUpModule():
    global directory, certs
    network.needed()
    directory = tempfile.mkdtemp(prefix="network.")
    unittest.addModuleCleanup(shutil.rmtree, directory)
    os.chmod(directory, 0o755)
    certs = mail_hosts.Certificates(directory)


def outcomes(suite, mark):
    """({domain: lines that the client logged of it}, how often it logged lines that name none)"""
    found, others = collections.defaultdict(list), collections.Counter()
    for line in suite.log_lines(mark):
        said = re.search(r"/smtp\[\d+\]: (?:\w{9,}: )?(.*)", line)
        if not said or NOISE.search(line):
            continue
        text = RESUMED.sub("", mask(re.sub(r", delays?=[^ ]+", "", said.group(1)), suite))
        lines = found[cell(text)] if cell(text) else None
        if lines is None:
            others[text] += 1
        # Postfix asks once more, and warns once more, when records cannot be looked up
        elif not (lines and lines[-1] == text and "TLSA" in text):
            lines.append(text)
    return found, others


def states(suite):
    """{domain: queue and reason} of the recipients that are still in the queue."""
    found = {}
    for entry in suite.queue():
        for recipient in entry["recipients"]:
            found[cell(recipient["address"])] = "%s: %s" % (entry["queue_name"], recipient.get("delay_reason"))
    return found


def bounces(suite):
    """{domain: what bounces that came back say of it}"""
    found = {}
    for part in suite.mailbox("bounces").split("\nFinal-Recipient: ")[1:]:
        part = part.split("\n\n")[0].rstrip()
        found[cell(part)] = re.sub(r"\n\s+", " ", part)
    return found


@oracle.needed
class Matrix(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        wire = network.Network()
        cls.addClassCleanup(wire.close)
        name_server = wire.host(NAME_SERVER)
        cls.servers = mail_hosts.MailHosts(wire.host(), certs, BASE, FIRST_SERVER)
        cls.addClassCleanup(cls.servers.close)
        with name_server:
            dns = DnsServer(cls.servers.records, NAME_SERVER, 53, secure=["mail1.org", mail_hosts.SIGNED])
        cls.addClassCleanup(dns.close)
        cls.suites = []
        for product, address in zip(sides(), CLIENTS):
            host = wire.host(address)
            cls.servers.prepare(host)
            cls.suites.append(cls.instance(product, host))

    @classmethod
    def instance(cls, product, host):
        slow = "".join("%s unix - - n - - smtp -o %s=3s -o syslog_name=postfix\n" % (name, name) for name in sorted(SLOW))
        suite = Suite(dict(OLDER, smtp_tls_CAfile=certs.path("ca.crt"), **MAIN_CF), slow, product, NAME_SERVER)
        cls.addClassCleanup(suite.close)
        suite.write("etc/policy", certs.policies())
        suite.write("etc/transport", "".join("/@[^.]+\\.%s\\./ %s:\n" % (name, kind.slow)
                                             for name, kind in KINDS.items() if kind.slow))
        suite.make_aliases("sender: %s\n" % suite.path("mail/bounces"))
        with host:
            suite.start()
        return suite

    def send(self, domains, size=0):
        """A message to somebody in each of DOMAINS through both; done when each has been tried and the queue is at rest."""
        marks = [suite.log_mark() for suite in self.suites]
        text = "From: <%s>\nSubject: x\n\n" % SENDER + ("x" * 71 + "\n") * (size // 72) + "x\n"
        for suite in self.suites:
            suite.sendmail(["-i", "-f", SENDER, *["you@" + name for name in domains]], text)
        for suite, mark in zip(self.suites, marks):
            self.tried(suite, mark, domains)
        return marks

    @staticmethod
    def tried(suite, mark, domains):
        def missing():
            got = {m.group(1) for line in suite.log_lines(mark) for m in [re.search(r": to=<you@([^>]+)>", line)] if m}
            return set(domains) - got
        until(lambda: not missing(), 60, lambda: "an attempt for %s\n%s" % (sorted(missing()), suite.tail()))
        until(lambda: not suite.queue_files("maildrop", "incoming", "active"), 30, lambda: "rest; " + suite.tail())

    def compare(self, domains, marks):
        sides, others = [], []
        for suite, mark, client in zip(self.suites, marks, CLIENTS):
            (logged, unnamed), queued, returned = outcomes(suite, mark), states(suite), bounces(suite)
            came = self.servers.arrived(client)
            sides.append({name: logged[name] + ["queue: %s" % queued.get(name), "bounce: %s" % returned.get(name),
                                                "came: %s" % came["you@" + name]] for name in domains})
            others.append(unnamed)
        self.assertEqual(*others)
        for name in domains:
            with self.subTest(name):
                self.assertTrue(any("status=" in line for line in sides[0][name]))
                self.assertEqual(sides[0][name], sides[1][name])
        return sides[0]

    def test_matrix(self):
        names = [name for name, kind in KINDS.items()
                 if not kind.slow and name != "drop-body" and not name.startswith("greylist")]
        domains = mail_hosts.matrix(names)
        self.compare(domains, self.send(domains))

    def test_slow(self):
        domains = mail_hosts.matrix([name for name, kind in KINDS.items() if kind.slow])
        self.compare(domains, self.send(domains))

    def test_cut_in_the_body(self):
        domains = mail_hosts.matrix(["drop-body"])
        self.compare(domains, self.send(domains, 1 << 20))

    def test_greylisting(self):
        domains = mail_hosts.matrix(["greylist", "greylist-end"])
        marks = self.send(domains)
        first = self.compare(domains, marks)
        marks = [suite.log_mark() for suite in self.suites]
        for suite in self.suites:
            for entry in suite.queue():
                if any("greylist" in recipient["address"] for recipient in entry["recipients"]):
                    suite.postqueue("-i", entry["queue_id"])
        for suite, mark in zip(self.suites, marks):
            self.tried(suite, mark, domains)
        second = self.compare(domains, marks)
        for level in LEVELS:
            name = domain(level, "greylist")
            self.assertIn("status=deferred", "".join(first[name]))
            self.assertEqual(second[name][-1], "came: ['%s']" % ("clear" if level == "none" else "tls"))


if __name__ == "__main__":
    unittest.main()
