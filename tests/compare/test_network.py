"""Hosts in network namespaces with a DNS server of their own: what becomes of mail at each level of TLS, from servers that
fail in each way, beside Postfix in the same network at the same time."""
import collections
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from support import mail_hosts, network, oracle, smarthosts
from support.compare import OLDER, ONCE, Side, sides, wait_at_rest, whole_log
from support.dns import DnsServer
from support.interchange import World
from support.mail_hosts import HOSTS, KINDS, LEVELS, domain
from support.mask import mask
from support.suite import RESOLVER_SCRIPT
from support.wait import until

BASE = "192.168.255."
NAME_SERVER, CLIENTS, FINGER, FIRST_SMARTHOST, FIRST_SERVER = BASE + "53", (BASE + "1", BASE + "2"), BASE + "3", 100, 129
SENDER = "sender@mail1.org"
NOISE = re.compile("DNSSEC validation|dnssec_probe")
RESUMED = re.compile(" server-signature .*")       # sessions that are resumed, as ours are in one process, have less
WEAK = ("no-tlsa", "mismatch", "self-signed-ee")
SLOW = {kind.slow for kind in KINDS.values() if kind.slow}

MAIN_CF = {
    "myhostname": "mail.mail1.org", "mydomain": "mail1.org", "mydestination": "$myhostname, mail1.org, localhost",
    "inet_protocols": "ipv4", "smtp_host_lookup": "dns", "smtp_dns_support_level": "dnssec", "smtp_tls_loglevel": "1",
    "smtp_tls_policy_maps": "regexp:@etc@/policy", "transport_maps": "regexp:@etc@/transport regexp:@etc@/wrapped",
    "sender_dependent_relayhost_maps": "regexp:@etc@/relays", "smtp_sasl_auth_enable": "yes",
    "smtp_sasl_password_maps": "regexp:@etc@/passwd", "smtp_sasl_tls_security_options": "noanonymous", "recipient_delimiter": "+",
    "smtp_tls_session_cache_database": "", "smtp_connection_cache_on_demand": "no", "smtp_tls_connection_reuse": "no",
    "smtp_tls_fingerprint_digest": "sha256", "default_process_limit": "40",
    "tls_medium_cipherlist": "aNULL:-aNULL:HIGH:@STRENGTH",
}


def setUpModule():
    global directory, certs, wire, servers, relays
    network.needed()
    directory = tempfile.mkdtemp(prefix="network.")
    unittest.addModuleCleanup(shutil.rmtree, directory)
    os.chmod(directory, 0o755)
    certs = mail_hosts.Certificates(directory, smarthosts.NAMES)
    wire = network.Network()
    unittest.addModuleCleanup(wire.close)
    servers = mail_hosts.MailHosts(wire.host(), certs, BASE, FIRST_SERVER)
    unittest.addModuleCleanup(servers.close)
    relays = smarthosts.Smarthosts(wire.host(), certs, BASE, FIRST_SMARTHOST)
    unittest.addModuleCleanup(relays.close)
    with wire.host(NAME_SERVER):
        dns = DnsServer(servers.records | relays.records | finger_records(), NAME_SERVER, 53, secure=["mail1.org", mail_hosts.SIGNED, smarthosts.ZONE])
    unittest.addModuleCleanup(dns.close)


def cell(text):
    """The domain of a table that TEXT names, or None."""
    return mail_hosts.cell(text) or smarthosts.cell(text)


def weak(kind):
    """A domain that is not signed, whose exchanger is."""
    return "weak-%s.%s" % (kind, mail_hosts.UNSIGNED)


def finger_records():
    """What posttls-finger looks up beside."""
    records = {(weak(kind), "MX"): ["10 " + domain("none-mx", kind)] for kind in WEAK}
    good, other = domain("none-mx", "good"), domain("none-mx", "no-tls")
    records["_smtp._tcp." + mail_hosts.SIGNED, "SRV"] = ["2 0 25 " + good, "1 0 1025 " + other]
    records["_none._tcp." + mail_hosts.SIGNED, "SRV"] = ["0 0 0 ."]
    return records


def outcomes(suite, mark):
    """({domain: lines that the client logged of it}, how often it logged lines that name none)"""
    found, others = collections.defaultdict(list), collections.Counter()
    for line in whole_log(suite, mark):
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
        cls.suites = []
        for product, address in zip(sides(), CLIENTS):
            host = wire.host(address)
            servers.prepare(host)
            cls.suites.append(cls.instance(product, host))

    @classmethod
    def instance(cls, product, host):
        services = "".join("%s unix - - n - - smtp -o %s=3s -o syslog_name=postfix\n" % (name, name) for name in sorted(SLOW))
        services += "smtps unix - - n - - smtp -o smtp_tls_wrappermode=yes -o smtp_helo_timeout=3s\n"
        suite = Side(dict(OLDER, **ONCE, smtp_tls_CAfile=certs.path("ca.crt"), **MAIN_CF), services, product, NAME_SERVER)
        cls.addClassCleanup(suite.close)
        suite.write("etc/policy", certs.policies())
        suite.write("etc/transport", "".join("/@[^.]+\\.%s\\./ %s:\n" % (name, kind.slow)
                                             for name, kind in KINDS.items() if kind.slow))
        for name, text in smarthosts.tables().items():
            suite.write("etc/" + name, text)
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
        until(lambda: not missing(), 300, lambda: "an attempt for %s\n%s" % (sorted(missing()), suite.tail()))
        wait_at_rest(suite)

    def compare(self, domains, marks):
        sides, others = [], []
        for suite, mark, client in zip(self.suites, marks, CLIENTS):
            (logged, unnamed), queued, returned = outcomes(suite, mark), states(suite), bounces(suite)
            came = servers.arrived(client) | relays.arrived(client)
            sides.append({name: logged[name] + ["queue: %s" % queued.get(name), "bounce: %s" % returned.get(name),
                                                "came: %s" % came.get("you@" + name, [])] for name in domains})
            others.append(unnamed)
        self.assertEqual(*others)
        for name in domains:
            with self.subTest(name):
                self.assertTrue(any("status=" in line for line in sides[0][name]))
                self.assertEqual(sides[0][name], sides[1][name])
                self.check_promise(name, sides[0][name][-1])
        return sides[0]

    def check_promise(self, name, came):
        """What a level promises, whatever Postfix does."""
        level, kind, _ = name.split(".", 2)
        if level not in ("none", "may", "dane"):
            self.assertNotIn("clear", came)
        if kind in smarthosts.STATES and name.endswith(smarthosts.ZONE):
            self.assertEqual(came == "came: ['tls as %s']" % smarthosts.USER, smarthosts.takes(level, kind), came)
            return
        if level in ("verify", "secure") and KINDS[kind].certificate != "good" or level in ("dane", "dane-only") and kind in (
                "mismatch", "expired-ta", "wrong-name-ta", "no-tls-tlsa", "bogus-tlsa", "bogus-a", "bogus-mx"):
            self.assertEqual(came, "came: []")

    def test_matrix(self):
        names = [name for name, kind in KINDS.items()
                 if not kind.slow and name != "drop-body" and not name.startswith("greylist")]
        domains = mail_hosts.matrix(names)
        self.compare(domains, self.send(domains))

    def test_slow(self):
        domains = mail_hosts.matrix([name for name, kind in KINDS.items() if kind.slow])
        self.compare(domains, self.send(domains))

    def test_smarthosts(self):
        """A relay with a login, one for each sender; those with TLS from the first byte are found by their transport."""
        by_sender = {smarthosts.SENDER % ("%s.%s" % name): smarthosts.host(*name) for name in smarthosts.cells(wrapped=False)}
        wrapped = [smarthosts.host(*name) for name in smarthosts.cells(wrapped=True)]
        marks = [suite.log_mark() for suite in self.suites]
        for suite in self.suites:
            for sender, name in by_sender.items():
                suite.sendmail(["-i", "-f", sender, "you@" + name], "Subject: x\n\nx\n")
            suite.sendmail(["-i", "-f", SENDER, *["you@" + name for name in wrapped]], "Subject: x\n\nx\n")
        domains = [*by_sender.values(), *wrapped]
        for suite, mark in zip(self.suites, marks):
            self.tried(suite, mark, domains)
        self.compare(domains, marks)

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


@oracle.needed
class Finger(unittest.TestCase):
    """posttls-finger at the levels that ask the DNS."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.client = wire.host(FINGER)
        cls.resolver = os.path.join(directory, "resolv.conf")
        with open(cls.resolver, "w", encoding="ascii") as out:
            out.write("nameserver %s\noptions timeout:10 attempts:2\n" % NAME_SERVER)

    def run_side(self, side, args):
        etc = os.path.join(directory, "finger-" + side.label)
        os.makedirs(etc, exist_ok=True)
        env = dict(os.environ, MAIL_CONFIG=etc)
        with open(os.path.join(etc, "main.cf"), "w", encoding="ascii") as out:
            out.write("compatibility_level = 3.6\nmyhostname = mail.mail1.org\nqueue_directory = %s\n" % etc)
            if side.shlib_directory:
                out.write("shlib_directory = %s\n" % side.shlib_directory)
                env["LD_LIBRARY_PATH"] = os.pathsep.join(
                    [side.shlib_directory, os.path.join(side.root, "usr/lib/x86_64-linux-gnu")])
        with self.client:
            done = subprocess.run(["unshare", "--mount", "sh", "-ec", RESOLVER_SCRIPT, "sh", self.resolver,
                                   side.command("posttls-finger"), *args], env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        lines = [line for line in done.stdout.decode().splitlines() if not NOISE.search(line)]
        # Postfix asks, and warns, twice
        lines = [line for i, line in enumerate(lines) if "TLSA lookup problem" not in line or line != lines[i - 1]]
        return lines + ["status %d" % done.returncode]

    def test_levels(self):
        ours, theirs = sides()
        for kind in ("good", "no-tlsa", "unsigned", "expired", "expired-ta", "wrong-name-ta", "self-signed-ee", "mismatch", "no-tls",
                     "no-tls-tlsa", "bogus-tlsa", "bogus-a", "bogus-mx", "second-after-bogus-tlsa", "second-after-refused"):
            more = [["-l", "dane-only"], [], ["-f", "-c"]] if kind in ("good", "no-tlsa", "unsigned") else []
            for level in (["-l", "dane"], *more):
                with self.subTest(kind=kind, level=level):
                    args = [*level, "-F", certs.path("ca.crt"), domain("none", kind)]
                    got = [self.run_side(side, args) for side in (ours, theirs)]
                    self.assertEqual(*got)
                    if kind in ("good", "self-signed-ee"):
                        self.assertIn("Verified TLS connection", "".join(got[0]))
        args = ["-l", "dane", "[%s]" % domain("none-mx", "good")]
        self.assertEqual(*[self.run_side(side, args) for side in (ours, theirs)])

    def test_mx_records_that_may_be_forged(self):
        for name in [weak(kind) for kind in WEAK] + [domain("none", "unsigned")]:
            for level, policy in (("dane", "may"), ("dane-only", "encrypt"), ("dane", "dane")):
                with self.subTest(name=name, level=level, policy=policy):
                    args = ["-l", level, "-M", policy, "-F", certs.path("ca.crt"), name]
                    got = [self.run_side(side, args) for side in sides()]
                    self.assertEqual(*got)
                    if name == weak("self-signed-ee"):
                        trust = "Trusted" if policy == "dane" else "Untrusted"
                        self.assertIn(trust + " TLS connection", "".join(got[0]))

    def test_connecting_again(self):
        for level, name in (("dane", domain("none", "good")), ("dane", domain("none", "mismatch"))):
            with self.subTest(level=level, name=name):
                args = ["-c", "-r", "1", "-l", level, "-F", certs.path("ca.crt"), name]
                got = [[re.sub("&[0-9A-F]{64} ", "&KEY ", line) for line in self.run_side(side, args)] for side in sides()]
                self.assertEqual(*got)
                self.assertIn("posttls-finger: Found a previously used server.  Done reconnecting.", got[0])

    def test_services(self):
        """-R is newer than the oracle: each server has the port of its record, and there is no way back to MX records."""
        ours = sides()[0]
        lines = self.run_side(ours, ["-c", "-R", "-l", "dane-only", mail_hosts.SIGNED])
        self.assertRegex(lines[0], r"^posttls-finger: no TLSA records found, resorting to \"secure\"$")
        self.assertRegex(lines[1], r"via none-mx\.no-tls\.mail2\.org: connect to .*:1025: Connection refused$")
        self.assertRegex(lines[-2], r"Verified TLS connection established to none-mx\.good\.mail2\.org\[.*\]:25: ")
        for name, why in ((mail_hosts.SIGNED + ":none", "Domain mail2.org does not provide service none"),
                          (mail_hosts.SIGNED + ":587", "name=_587._tcp.mail2.org type=SRV: Host not found"),
                          (domain("none", "good"), "name=_smtp._tcp.none.good.mail2.org type=SRV: Host not found")):
            with self.subTest(name=name):
                text = "\n".join(self.run_side(ours, ["-R", name]))
                self.assertRegex(text, "^posttls-finger: Destination address lookup failed: .*%s" % re.escape(why))


@oracle.needed
class Interchange(unittest.TestCase):
    """Whole hosts on both ends: each line that they log, and what arrives, whichever end is whose."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        ours, theirs = sides()
        tlsa = [certs.tlsa(2, 0, 1, "ca")]
        cls.worlds = []
        for one, other in ((ours, theirs), (theirs, ours)):
            cls.worlds.append(World({"mail1": one, "mail2": other, "smarthost": other}, certs, tlsa))
            cls.addClassCleanup(cls.worlds[-1].close)

    def run_worlds(self, step, *arguments):
        """STEP(world, ...) in both at the same time; the log of each host, which is the same in both."""
        for world in self.worlds:
            world.mark()
            step(world, *arguments)
        for world in self.worlds:
            world.settle()
        logs = [{name: world.logged(name) for name in world.suites} for world in self.worlds]
        for name in logs[0]:
            for program in set(logs[0][name]) | set(logs[1][name]):
                with self.subTest(host=name, program=program):
                    self.assertEqual(logs[0][name].get(program), logs[1][name].get(program))
        for name in logs[0]:
            with self.subTest(mailbox=name):
                self.assertEqual(*[world.mailbox(name) for world in self.worlds])
        return logs[0]

    @staticmethod
    def mail(world, host, *recipients, options=(), text="Subject: x\n\nx\n"):
        zone = HOSTS[host].split(".", 1)[1]
        text = text if isinstance(text, bytes) else text.encode()
        world.suites[host].sendmail(["-i", "-f", "ana@" + zone, *options, *recipients],
                                    b"From: <ana@%s>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n" % zone.encode() + text)

    def send(self, host, *recipients, **more):
        return self.run_worlds(lambda world: self.mail(world, host, *recipients, **more))

    def test_both_ways(self):
        for sender, receiver in (("mail1", "mail2"), ("mail2", "mail1")):
            logs = self.send(sender, "ana@%s.org" % receiver)
            self.assertRegex("\n".join(logs[sender]["smtp"]), "^Verified TLS connection established to mail.%s.org" % receiver)
            self.assertRegex("\n".join(logs[receiver]["smtpd"]), "TLS connection established from mail.%s.org" % sender)
            self.assertRegex("\n".join(logs[receiver]["local"]), "status=sent .delivered to file")

    def test_unknown_user(self):
        for sender, receiver in (("mail1", "mail2"), ("mail2", "mail1")):
            logs = self.send(sender, "nemo@%s.org" % receiver, "ana+box@%s.org" % receiver)
            self.assertRegex("\n".join(logs[sender]["smtp"]), "nemo.*status=bounced .*User unknown in local recipient table")
            self.assertIn("bounce", logs[sender])

    def test_success_notice(self):
        """Asked for with DSN, made by the other host, sent back."""
        for sender, receiver in (("mail1", "mail2"), ("mail2", "mail1")):
            for user in ("games", "ana"):
                logs = self.send(sender, "%s@%s.org" % (user, receiver), options=["-N", "success,delay,failure"])
                self.assertIn("smtp", logs[receiver])

    def test_contents(self):
        body = b"".join(b"%s\n" % line for line in (b".", b"..x", b"x" * 998, b"y" * 3000, b"\xfc\x80 8bit", b"", b"From x"))
        for sender, receiver in (("mail1", "mail2"), ("mail2", "mail1")):
            self.send(sender, "postmaster@%s.org" % receiver, text=b"Subject: y\n\n" + body * 300)

    def test_smarthost(self):
        logs = self.send("mail1", "ana@via.mail2.org")
        self.assertRegex("\n".join(logs["mail1"]["smtp"]), r"relay=smtp.gmail.test\[192.168.255.5\]:587, .*status=sent")
        self.assertRegex("\n".join(logs["smarthost"]["submission/smtpd"]), "sasl_method=PLAIN, sasl_username=me@gmail.test")
        self.assertRegex("\n".join(logs["mail2"]["smtpd"]), "client=smtp.gmail.test")

    def change(self, world, *how):
        world.configure_smarthost(world.suites["mail1"], *how)
        world.suites["mail1"].reload()

    def attempt(self, world, *how):
        self.change(world, *how)
        self.mail(world, "mail1", "ana@via.mail2.org")

    def again(self, world):
        self.change(world)
        world.suites["mail1"].flush()
        world.suites["mail2"].wait_for_log("status=sent", since=world.marks["mail2"])

    def test_smarthost_refuses(self):
        """Mail waits for what is wrong to be mended, and goes then."""
        for how, reason in ((("secure", "wrong"), "SASL authentication failed"),
                            (("secure match=other.test",), "Server certificate not verified")):
            with self.subTest(how):
                self.assertIn(reason, "".join(self.run_worlds(self.attempt, *how)["mail1"]["smtp"]))
                self.assertIn("status=sent", "".join(self.run_worlds(self.again)["mail1"]["smtp"]))

    def test_smarthost_in_the_clear(self):
        logs = self.run_worlds(self.attempt, "none")
        self.assertRegex("".join(logs["mail1"]["smtp"]), "status=bounced .*Must issue a STARTTLS command first")
        for world in self.worlds:
            self.change(world)


if __name__ == "__main__":
    unittest.main()
