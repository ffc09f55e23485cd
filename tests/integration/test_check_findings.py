"""postfix check: each finding of docs/lint.md where it belongs, and none where it does not."""
import json
import os
import re
import shutil
import subprocess
import unittest

from support.suite import Suite

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

# lines of main.cf, and what is found then; @dir@ is the instance's directory
MAIN = [
    ("set twice", "biff = no\nbiff = yes", "V001"),
    ("continued by accident", "biff = no\n# here\n  append_at_myorigin = yes", "V002 V016"),
    ("continued on purpose", "mynetworks =\n# mine\n  127.0.0.0/8\n\n  10.0.0.0/8", ""),
    ("mistyped", "smtpd_recipient_limits = 5", "V010"),
    ("old name", "fallback_relay = [x.test]", "V011"),
    ("nothing to set", "connection_cache_ttl_limit = 4s", "V011"),
    ("nothing to set, and old", "smtpd_tls_eecdh_grade = ultra", "V011"),
    ("nothing to set, as always", "connection_cache_ttl_limit = 2s", ""),
    ("no pause", "in_flow_delay = 5s", "V011"),
    ("no pause, as always", "in_flow_delay = 1s", ""),
    ("own name, unused", "my_relays = x.test", "V013"),
    ("own name, used", "my_relays = x.test\nrelay_domains = $my_relays\nrelay_recipient_maps = static:x", ""),
    ("no such transport", "nowhere_destination_rate_delay = 5", "V014"),
    ("transport", "smtp_destination_rate_delay = 5", ""),
    ("word", "notify_classes = resource sofware", "V015"),
    ("words", "notify_classes = resource, SOFTWARE, 2bounce", ""),
    ("open list of words", "header_checks = regexp:@dir@/source", ""),
    ("no number", "smtpd_recipient_limit = many", "V016"),
    ("number in a value", "n = 5\nsmtpd_recipient_limit = $n", ""),
    ("too small", "smtpd_recipient_limit = 0", "V016"),
    ("no time", "smtpd_timeout = 5 minutes", "V016"),
    ("time", "smtpd_timeout = 5m", ""),
    ("not yes or no", "biff = maybe", "V016"),
    ("empty", "smtpd_banner =", "V016"),
    ("order of mailboxes", "mailbox_command = /bin/cat\nhome_mailbox = Mail", "V020"),
    ("one mailbox", "home_mailbox = Mail", ""),
    ("small mailboxes", "mailbox_size_limit = 1000", "V021"),
    ("mailboxes without a limit", "mailbox_size_limit = 0", ""),
    ("little room", "queue_minfree = 1000", "V022"),
    ("backoff", "maximal_backoff_time = 10m\nminimal_backoff_time = 1h", "V023"),
    ("queue run", "queue_run_delay = 1h", "V024"),
    ("queue run, both longer", "queue_run_delay = 1h\nminimal_backoff_time = 1h", ""),
    ("late warning", "delay_warning_time = 10d", "V025"),
    ("warning", "delay_warning_time = 4h", ""),
    ("soft bounce", "soft_bounce = yes", "V026"),
    ("no owners", "virtual_mailbox_domains = v.test\nvirtual_mailbox_maps = static:x\n"
     "virtual_uid_maps = static:5000", "V027"),
    ("owners", "virtual_mailbox_domains = v.test\nvirtual_mailbox_maps = static:x\n"
     "virtual_uid_maps = static:5000\nvirtual_gid_maps = static:5000", ""),
    ("anybody", "local_recipient_maps =", "V028"),
    ("anybody has a place", "local_recipient_maps =\nluser_relay = x@x.test", ""),
    ("anybody of a relay", "relay_domains = r.test", "V029"),
    ("HELO", "smtpd_helo_restrictions = reject_invalid_helo_hostname", "V033"),
    ("HELO required", "smtpd_helo_restrictions = reject_invalid_helo_hostname\nsmtpd_helo_required = yes", ""),
    ("unlisted", "smtpd_reject_unlisted_recipient = no", "V034"),
    ("everybody", "mynetworks = 127.0.0.0/8 0.0.0.0/0", "V040"),
    ("everybody, IPv6", "mynetworks = 127.0.0.0/8 [::]/0", "V040"),
    ("everybody, table", "mynetworks = static:all", "V040"),
    ("large network", "mynetworks = 44.0.0.0/8", "V041"),
    ("large private network", "mynetworks = 10.0.0.0/8 172.16.0.0/12 [fd00::]/8", ""),
    ("open relay", "smtpd_relay_restrictions = permit_mynetworks\nsmtpd_recipient_restrictions =", "V042"),
    ("closed by the other list", "smtpd_relay_restrictions =\n"
     "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination", ""),
    ("closed by a class", "smtpd_restriction_classes = strangers\nstrangers = permit_mynetworks, reject\n"
     "smtpd_relay_restrictions = strangers", ""),
    ("permit before", "smtpd_relay_restrictions = check_client_access static:ok, reject_unauth_destination",
     "V043"),
    ("closed by an access table", "smtpd_relay_restrictions = check_client_access static:reject", ""),
    ("defused", "smtpd_relay_restrictions = warn_if_reject reject_unauth_destination", "V042"),
    ("every domain", "relay_domains = static:all\nrelay_recipient_maps = static:x", "V044"),
    ("unknown word", "smtpd_client_restrictions = permit_mynetwork", "V050"),
    ("class", "smtpd_restriction_classes = mine\nmine = permit_mynetworks\nsmtpd_client_restrictions = mine", ""),
    ("never reached", "smtpd_client_restrictions = permit, reject_unknown_client_hostname", "V051"),
    ("reached", "smtpd_client_restrictions = warn_if_reject reject, sleep 1, permit", ""),
    ("no argument", "smtpd_sender_restrictions = check_sender_access permit_mynetworks", "V052"),
    ("argument", "smtpd_sender_restrictions = check_sender_access static:dunno, permit_mynetworks", ""),
    ("two classes", "virtual_alias_domains = localhost", "V060"),
    ("one class", "virtual_alias_domains = a.test", ""),
    ("wildcard", "mydestination = *.example.test", "V061"),
    ("local and relay", "relay_domains = LOCALHOST\nrelay_recipient_maps = static:x", "V062"),
    ("short name", "myhostname = box", "V070"),
    ("localhost", "myhostname = localhost.localdomain", "V070"),
    ("not my address", "inet_interfaces = 192.0.2.77", "V071"),
    ("my address", "inet_interfaces = 127.0.0.1", ""),
    ("relay host", "relayhost = relay.test:2525", "V072"),
    ("relay host in brackets", "relayhost = [relay.test]:2525", ""),
    ("table type", "transport_maps = nosuch:/x", "V080"),
    ("proxied table type", "transport_maps = proxy:nosuch:/x", "V080"),
    ("no table", "transport_maps = hash:@dir@/none", "V081"),
    ("no file", "relay_domains = @dir@/none\nrelay_recipient_maps = static:x", "V081"),
    ("a cache that is not made yet", "smtp_tls_session_cache_database = btree:@dir@/none", ""),
    ("no member", "transport_maps = unionmap:{static:x, regexp:@dir@/none}", "V081"),
    ("never built", "transport_maps = hash:@dir@/source", "V082"),
    ("edited", "transport_maps = hash:@dir@/edited", "V083"),
    ("built", "transport_maps = hash:@dir@/built, regexp:@dir@/source, inline:{a=b}", ""),
    ("no service", "default_transport = nowhere:x.test", "V113"),
    ("no service for mailboxes", "virtual_transport = nowhere", "V113"),
    ("no file of addresses", "virtual_alias_maps = $alias_maps", ""),
]
# the same with a line of master.cf
MASTER = [
    ("white space", "x unix - - n - - smtp\n  -o smtp_helo_timeout = 5", "V003"),
    ("white space behind", "x unix - - n - - smtp\n  -o smtp_helo_timeout= 5", "V003 V016"),
    ("braces", "x unix - - n - - smtp\n  -o { smtp_helo_timeout = 5 }", ""),
    ("entry that continues another", "x unix - - n - - smtp\n  y unix - - n - - smtp", "V002"),
    ("mistyped", "x unix - - n - - smtp -o smtp_helo_timeouts=5", "V010"),
    ("no time in a service", "x unix - - n - - smtp -o smtp_helo_timeout=soon", "V016"),
    ("no program", "x unix - - n - - nosuch", "V110"),
    ("not built, listens", "127.0.0.1:1 inet n - n - 1 nbdb_reindexd", "V110"),
    ("not built, internal", "x unix - - n - 0 nbdb_reindexd", "V111"),
    ("same address", "x unix - - n - - smtp\nx unix - - n - - error", "V112"),
    ("public and private", "x unix - - n - - smtp\nx unix n - n - - error", ""),
    ("open relay of a service", "127.0.0.1:1 inet n - n - - smtpd -o smtpd_relay_restrictions=permit", "V043"),
    ("submission", "127.0.0.1:1 inet n - n - - smtpd -o smtpd_relay_restrictions=\n"
     "  -o smtpd_recipient_restrictions=permit_mynetworks,reject", ""),
    ("never reached in a service", "127.0.0.1:1 inet n - n - - smtpd\n"
     "  -o smtpd_client_restrictions=permit_mynetworks,reject,permit", "V051"),
]


class Instance(unittest.TestCase):
    def setUp(self):
        self.suite = Suite()
        self.addCleanup(self.suite.close)
        self.suite.make_aliases("root: x\n")
        with open(self.suite.path("etc/main.cf")) as main, open(self.suite.path("etc/master.cf")) as master:
            self.main, self.master = main.read(), master.read()

    def write(self, main="", master=""):
        """The instance's files, with settings replaced by those of MAIN and entries added."""
        names = re.findall(r"^(\w+) *=", main, re.MULTILINE)
        kept = [line for line in self.main.splitlines() if line.partition(" ")[0] not in names]
        self.suite.write("etc/main.cf", "\n".join(kept + [self.suite.expand(main)]) + "\n")
        self.suite.write("etc/master.cf", self.master + self.suite.expand(master) + "\n")

    def lint(self):
        done = subprocess.run([self.suite.product.daemon("postlint"), "-j", "-c", self.suite.etc],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.suite.env, timeout=60)
        self.assertEqual(done.stderr, b"")
        found = [json.loads(line) for line in done.stdout.decode().splitlines()]
        errors = any(f["severity"] == "error" for f in found)
        self.assertEqual(done.returncode, 1 if errors else 0)
        return found

    def assert_found(self, expected):
        found = self.lint()
        self.assertEqual(sorted({f["id"] for f in found}), expected.split(), found)
        for finding in found:
            self.assertTrue(finding["message"] and finding["mend"], finding)
        return found


class Findings(Instance):
    def setUp(self):
        super().setUp()
        for name in ("source", "edited", "built"):
            self.suite.make_map(name, "a b\n")
            shutil.move(self.suite.path("etc", name), self.suite.path(name))
            shutil.move(self.suite.path("etc", name + ".db"), self.suite.path(name + ".db"))
        os.remove(self.suite.path("source.db"))
        os.utime(self.suite.path("edited.db"), (1, 1))

    def test_good(self):
        self.assert_found("")

    def test_main(self):
        for name, text, expected in MAIN:
            with self.subTest(name):
                self.write(main=text)
                self.assert_found(expected)

    def test_not_built(self):
        """As long as there are such names; those that are left are switches, off by default."""
        with open(os.path.join(SOURCE, "tests/facts/unbuilt_params.txt"), encoding="ascii") as file:
            names = file.read().split()
        for name in names:
            with self.subTest(name):
                self.write(main=name + " = yes")
                self.assert_found("V012")
                self.write(main=name + " = no")
                self.assert_found("")

    def test_master(self):
        for name, text, expected in MASTER:
            with self.subTest(name):
                self.write(master=text)
                self.assert_found(expected)

    def test_where(self):
        self.write(main="smtpd_recipient_limits = 5")
        finding = self.assert_found("V010")[0]
        with open(finding["file"]) as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[finding["line"] - 1], "smtpd_recipient_limits = 5")
        self.assertEqual((finding["name"], finding["mend"]), ("smtpd_recipient_limits", "write smtpd_recipient_limit"))

    def test_settings_without_features(self):
        """Rules about what is not built yet: they come with V012."""
        for text, expected in [
            ("smtp_sasl_password_maps = static:a:secretword", "V030"),
            ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes", "V030"),
            ("smtpd_sasl_auth_enable = yes", "V031"),
            ("smtp_tls_wrappermode = yes", "V032"),
        ]:
            with self.subTest(text):
                self.write(main=text)
                found = self.lint()
                self.assertIn(expected, [f["id"] for f in found])
                self.assertNotIn("secretword", json.dumps(found))
        self.write(main="smtp_tls_wrappermode = yes\nsmtp_tls_security_level = encrypt")
        self.assertNotIn("V032", [f["id"] for f in self.lint()])

    def test_services_of_defaults(self):
        self.suite.write("etc/master.cf", re.sub("(?m)^(local|virtual) .*\n", "", self.master))
        self.assertEqual([f["name"] for f in self.assert_found("V113")], ["local_transport"])
        self.main = self.main.replace("mydestination = $myhostname, localhost", "mydestination =")
        self.suite.write("etc/main.cf", self.main)
        self.assert_found("")

    def test_log_service(self):
        self.suite.write("etc/master.cf", re.sub("(?m)^postlog .*\n", "", self.master))
        self.assert_found("V114")

    def test_secrets_stay(self):
        self.write(main="zz_password = hunter2\nzz_password = hunter2\ntransport_maps = nosuch:hunter2\n"
                   "smtpd_client_restrictions = check_client_access nosuch:{hunter2}\n"
                   "smtp_sasl_password_maps = inline:{hunter2}", master="x unix - - n - - smtp -o x_pass=hunter2")
        found = self.lint()
        self.assertGreater(len(found), 4)
        self.assertNotIn("hunter2", json.dumps(found))

    @unittest.skipIf(os.geteuid() == 0, "root can read every file")
    def test_unreadable(self):
        path = self.suite.write("list", "x.test\n")
        os.chmod(path, 0)
        self.write(main="relay_domains = @dir@/list\nrelay_recipient_maps = static:x")
        self.assert_found("V084")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another user")
    def test_unreadable_for_the_mail_owner(self):
        path = self.suite.write("closed/list", "x.test\n")
        os.chmod(os.path.dirname(path), 0)
        self.write(main="relay_domains = @dir@/closed/list\nrelay_recipient_maps = static:x")
        self.assert_found("")       # services open their tables as root
        argv = [self.suite.product.daemon("postlint"), "-j", "-c", self.suite.etc]
        done = subprocess.run(argv, stdout=subprocess.PIPE, user="postfix", env=self.suite.env)
        self.assertIn(b"V084", done.stdout)

    def test_disk(self):
        self.write(main="message_size_limit = 9000000000000000000\nmailbox_size_limit = 0\nvirtual_mailbox_limit = 0")
        self.assert_found("V120")


class Jail(Instance):
    def test_files(self):
        entry = "x unix - - y - - smtp"
        self.write(master=entry)
        self.assert_found("")                       # not started yet
        etc = self.suite.path("queue/etc")
        os.mkdir(etc)
        names = ["localtime", "services", "resolv.conf", "hosts", "host.conf", "nsswitch.conf"]
        there = [n for n in names if os.path.isfile(os.path.join("/etc", n))]
        self.assertGreater(len(there), 1)
        for name in there:
            shutil.copy(os.path.join("/etc", name), os.path.join(etc, name))
        self.assert_found("")
        os.remove(os.path.join(etc, there[0]))
        self.assert_found("V100")
        shutil.copy(os.path.join("/etc", there[0]), etc)
        with open(os.path.join(etc, there[1]), "a") as file:
            file.write("# more\n")
        self.assert_found("V101")
        self.write()
        self.assert_found("")                       # nobody in the jail


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Certificates(Instance):
    def make(self, name, *options):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=x.test", "-keyout", name + ".key", "-out", name + ".pem"]
                       + list(options), cwd=self.suite.dir, check=True, stderr=subprocess.DEVNULL)
        os.chmod(self.suite.path(name + ".key"), 0o600)

    def found(self, cert, key, more=""):
        self.write(main="smtpd_tls_security_level = may\nsmtpd_tls_cert_file = @dir@/%s\n"
                   "smtpd_tls_key_file = @dir@/%s\n%s" % (cert, key, more))
        # TLS itself may not be built yet
        return " ".join(sorted({f["id"] for f in self.lint()} - {"V012"}))

    def test_pairs(self):
        self.make("good", "-days", "100")
        self.make("other", "-days", "100")
        self.make("soon", "-days", "3")
        self.assertEqual(self.found("good.pem", "good.key"), "")
        self.assertEqual(self.found("good.pem", "other.key"), "V092")
        self.assertEqual(self.found("soon.pem", "soon.key"), "V094")
        self.assertEqual(self.found("none.pem", "good.key"), "V090")
        self.assertEqual(self.found("good.key", "good.key"), "V095")
        self.assertEqual(self.found("good.pem", "good.key", "smtp_tls_CAfile = @dir@/none"), "V090")

    def test_open_key(self):
        self.make("good", "-days", "100")
        os.chmod(self.suite.path("good.key"), 0o644)
        self.assertEqual(self.found("good.pem", "good.key"), "V093")

    def test_passphrase(self):
        self.make("good", "-days", "100")
        subprocess.run(["openssl", "pkey", "-in", "good.key", "-aes128", "-passout", "pass:x", "-out", "locked.key"],
                       cwd=self.suite.dir, check=True)
        os.chmod(self.suite.path("locked.key"), 0o600)
        self.assertEqual(self.found("good.pem", "locked.key"), "V095")

    def test_expired(self):
        self.make("good", "-days", "100")
        subprocess.run(["openssl", "req", "-new", "-key", "good.key", "-subj", "/CN=x.test", "-out", "old.csr"],
                       cwd=self.suite.dir, check=True)
        self.suite.write("ca.cf", "[ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
                         "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        self.suite.write("index", "")
        self.suite.write("serial", "01\n")
        subprocess.run(["openssl", "ca", "-batch", "-config", "ca.cf", "-selfsign", "-keyfile", "good.key",
                        "-startdate", "20200101000000Z", "-enddate", "20200201000000Z",
                        "-in", "old.csr", "-out", "old.pem"], cwd=self.suite.dir, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(self.found("old.pem", "good.key"), "V091")

    def test_chain(self):
        self.make("good", "-days", "100")
        text = ""
        for name in ("good.key", "good.pem"):
            with open(self.suite.path(name)) as file:
                text += file.read()
        os.chmod(self.suite.write("chain", text), 0o600)
        self.write(main="smtp_tls_chain_files = @dir@/chain")
        self.assertEqual({f["id"] for f in self.lint()} - {"V012"}, set())


class Command(Instance):
    def check(self, *options):
        done = subprocess.run([self.suite.product.command("postfix"), "-c", self.suite.etc, "check", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.suite.env, timeout=60)
        self.assertEqual(done.stderr, b"")
        return done.returncode, done.stdout.decode()

    def log(self):
        if not os.path.exists(self.suite.log_path):
            return []
        with open(self.suite.log_path) as file:
            return re.findall(r"postfix/postfix-script\[\d+\]: (.*V\d\d\d.*)", file.read())

    def test_good_is_silent(self):
        self.assertEqual(self.check(), (0, ""))
        self.assertEqual(self.log(), [])

    def test_notes_are_asked_for(self):
        self.write(main="soft_bounce = yes")
        self.assertEqual(self.check(), (0, ""))
        self.assertEqual(self.log(), [])
        self.assertEqual(self.check("--notes"), (0, ""))
        self.assertRegex(self.log()[0], r"^note: .*/main\.cf:\d+: V026: .*; mend: ")

    def test_errors(self):
        self.write(main="soft_bounce = yes\ndefault_transport = nowhere\nmy_own = 1")
        self.assertEqual(self.check(), (1, ""))
        self.assertEqual([re.sub(r":.*?: V", ": V", line)[:14] for line in sorted(self.log())],
                         ["error: V113: d", "warning: V013:"])

    def test_json(self):
        self.write(main="soft_bounce = yes")
        code, text = self.check("--json")
        self.assertEqual((code, json.loads(text)["id"]), (0, "V026"))
        self.assertEqual(self.log(), [])

    def test_usage(self):
        done = self.suite.run("postfix", "check", "--nonsense", check=False)
        self.assertEqual(done.returncode, 1)


class Stock(unittest.TestCase):
    def test_installed_files(self):
        """The files that are installed give no finding but for services that are not built yet."""
        suite = Suite()
        self.addCleanup(suite.close)
        suite.make_aliases("root: x\n")
        for name in ("main.cf", "master.cf"):
            with open(os.path.join(suite.product.etc, name)) as file:
                text = file.read()
            text = re.sub(r"(?m)^(daemon_directory|command_directory) = .*$",
                          lambda m: "%s = %s" % (m[1], getattr(suite.product, "daemons" if m[1][0] == "d"
                                                               else "sbin")), text)
            text = text.replace("/var/spool/postfix", suite.path("queue")).replace(
                "/var/lib/postfix", suite.path("data")).replace("hash:/etc/", "hash:%s/" % suite.etc)
            suite.write("etc/" + name, text)
        done = subprocess.run([suite.product.daemon("postlint"), "-j", "-c", suite.etc],
                              stdout=subprocess.PIPE, env=suite.env)
        found = {json.loads(line)["id"] for line in done.stdout.decode().splitlines()}
        self.assertEqual(found - {"V111"}, set(), done.stdout)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
