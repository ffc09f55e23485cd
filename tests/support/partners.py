"""Programs that talk to the SMTP server, the real ones: filters and policy services, each in a directory of its own,
on a unix socket, as an unprivileged user, asking the DNS server of the test.

    dkim = partners.OpenDKIM("example.test", resolver=dns.address)      started and ready
    dkim.spec                                                           unix:path, for smtpd_milters
    dkim.record                                                         (name, text) of the key, for the DNS
    dkim.close()                                                        ended by its pid, the directory removed

Class decorator: @servers.needed(partners.OpenDKIM).
"""
import os
import re
import socket
import subprocess
import unittest

from .namespace import mounting
from .servers import Server, USER, find_program
from .suite import RESOLVER_SCRIPT
from .wait import until


class Partner(Server):
    """One that is asked over a unix-domain socket: DIRECTORY/sock, which whoever may enter can use."""

    def __init__(self, resolver=None):
        self.resolver = resolver
        super().__init__()

    def as_user(self, argv):
        """The command that becomes the user, where needed with a resolv.conf of its own (root only)."""
        if not self.resolver:
            return argv
        conf = self.write("resolv.conf", "nameserver %s\noptions timeout:1 attempts:2\n" % self.resolver)
        return mounting(RESOLVER_SCRIPT, conf, "setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups", *argv)

    def user(self):
        return None if self.resolver or not self.is_root else USER

    @property
    def socket_path(self):
        return self.path("sock")

    @property
    def spec(self):
        return "unix:" + self.socket_path

    def start(self):
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)
        super().start()

    def check(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket_path)
        os.chmod(self.socket_path, 0o666)


class OpenDKIM(Partner):
    """Signs for the domain, verifies the rest; tables as most instructions have them."""
    programs, package = ("opendkim", "opendkim-genkey"), "opendkim, opendkim-tools"

    def __init__(self, domain, selector="mail", internal=("127.0.0.1", "localhost"), resolver=None, settings=""):
        self.domain, self.selector, self.internal, self.settings = domain, selector, internal, settings
        super().__init__(resolver)

    def prepare(self):
        self.run("opendkim-genkey", "-D", self.dir, "-b", "1024", "-d", self.domain, "-s", self.selector)
        key = "%s._domainkey.%s" % (self.selector, self.domain)
        self.write("key.table", "%s %s:%s:%s\n" % (key, self.domain, self.selector, self.path(self.selector + ".private")))
        self.write("signing.table", "*@%s %s\n*@*.%s %s\n" % (self.domain, key, self.domain, key))
        self.write("trusted.hosts", "".join(host + "\n" for host in self.internal))
        # libunbound by itself asks neither the loopback network nor anybody about .test
        self.write("unbound.conf", 'server:\n do-not-query-localhost: no\n local-zone: "test." nodefault\n')
        self.write("opendkim.conf", "\n".join([
            "UMask 000", "Mode sv", "Canonicalization relaxed/simple", "SubDomains no", "OversignHeaders From",
            "Syslog no", "AutoRestart no", "RequireSafeKeys no", "Socket local:" + self.socket_path,
            "KeyTable " + self.path("key.table"), "SigningTable refile:" + self.path("signing.table"),
            "ExternalIgnoreList refile:" + self.path("trusted.hosts"), "InternalHosts refile:" + self.path("trusted.hosts"),
            *(["Nameservers " + self.resolver, "ResolverConfiguration " + self.path("unbound.conf")] if self.resolver else []),
            self.settings, ""]))

    def command(self):
        return self.as_user([find_program("opendkim"), "-f", "-x", self.path("opendkim.conf")])

    @property
    def record(self):
        """(name, text) of the TXT record that has the public key, from the zone file the tool wrote."""
        with open(self.path(self.selector + ".txt")) as zone:
            return "%s._domainkey.%s" % (self.selector, self.domain), "".join(re.findall(r'"([^"]*)"', zone.read()))


class OpenDMARC(Partner):
    programs, package = ("opendmarc",), "opendmarc"

    def __init__(self, authserv_id, resolver=None, settings=""):
        self.authserv_id, self.settings = authserv_id, settings
        super().__init__(resolver)

    def prepare(self):
        self.write("suffixes", "test\n")
        self.write("opendmarc.conf", "\n".join([
            "AuthservID " + self.authserv_id, "TrustedAuthservIDs " + self.authserv_id, "RejectFailures true", "UMask 000",
            "Syslog false", "AutoRestart false", "IgnoreAuthenticatedClients true", "RequiredHeaders true",
            "PublicSuffixList " + self.path("suffixes"), "Socket local:" + self.socket_path, self.settings, ""]))

    def command(self):
        return self.as_user([find_program("opendmarc"), "-f", "-c", self.path("opendmarc.conf")])


class Postgrey(Partner):
    """Greylisting: who comes back after a DELAY of 1 second may pass."""
    programs, package = ("postgrey",), "postgrey"

    def prepare(self):
        os.mkdir(self.path("db"))
        if self.is_root:
            os.chown(self.path("db"), *self.ids())
        for name in ("whitelist_clients", "whitelist_recipients"):
            self.write(name, "friend.test\n" if name == "whitelist_clients" else "postmaster@\n")

    def ids(self):
        status = os.stat(self.dir)
        return status.st_uid, status.st_gid

    def user(self):
        return None             # it becomes the user by itself, when its socket is bound

    def command(self):
        group = subprocess.run(["id", "-gn", USER], capture_output=True, text=True, check=True).stdout.strip()
        return [find_program("postgrey"), "--unix=" + self.socket_path, "--delay=1", "--dbdir=" + self.path("db"),
                "--user=" + USER, "--group=" + group, "--hostname=mail.example.test",
                "--whitelist-clients=" + self.path("whitelist_clients"),
                "--whitelist-recipients=" + self.path("whitelist_recipients")]


class Rspamd(Partner):
    """One worker that scans by itself: no rules but those in its core (GTUBE), no network, no Redis."""
    programs, package = ("rspamd",), "rspamd"
    configuration = """\
.include "$CONFDIR/metrics.conf"
.include "$CONFDIR/actions.conf"
options {{
    filters = ""; explicit_modules = []; disable_monitoring = true; enable_test_patterns = true;
    tempdir = "{dir}"; url_tld = "{dir}/suffixes"; cache_file = "{dir}/symbols"; hs_cache_dir = "{dir}/";
    control_socket = "{dir}/control mode=0600";
    dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "warning"; }}
modules {{ path = "${{PLUGINSDIR}}/milter_headers.lua"; }}
milter_headers {{ use = ["x-spamd-result", "x-spam-status"]; skip_local = false; }}
worker "rspamd_proxy" {{
    bind_socket = "{dir}/sock mode=0666"; milter = yes; count = 1; timeout = 60s;
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""

    def prepare(self):
        self.write("suffixes", "test\n")
        self.write("rspamd.conf", self.configuration.format(dir=self.dir))

    def command(self):
        as_who = ["--user=" + USER, "--group=nogroup"] if self.is_root else []
        return [find_program("rspamd"), "--no-fork", "--config=" + self.path("rspamd.conf"), *as_who]

    def user(self):
        return None             # it becomes the user by itself


PYTHON = "/usr/bin/python3"         # Debian's, which has the packages' modules


def policyd_spf_needed(cls):
    """Class decorator: skip the tests, with the reason, where policyd-spf's code is not installed."""
    found = os.path.exists(PYTHON) and subprocess.run([PYTHON, "-c", "import spf_engine.policyd_spf"],
                                                      stderr=subprocess.DEVNULL).returncode == 0
    return unittest.skipUnless(found, "not installed: policyd-spf (Debian package python3-spf-engine)")(cls)


def policyd_spf(folder):
    """The command line of policyd-spf for master.cf; what it needs is in FOLDER.

    The program of Debian's postfix-policyd-spf-python does the same call; that package itself wants Postfix installed."""
    program, conf = os.path.join(folder, "policyd-spf"), os.path.join(folder, "policyd-spf.conf")
    with open(program, "w") as out:
        out.write("#!%s -I\nfrom spf_engine.policyd_spf import main\nmain()\n" % PYTHON)
    with open(conf, "w") as out:
        out.write("debugLevel = 1\nTestOnly = 1\nHELO_reject = Fail\nMail_From_reject = Fail\nPermError_reject = True\n"
                  "TempError_Defer = True\nLookup_Time = 5\nskip_addresses = 127.0.0.0/8,::1\n")
    os.chmod(program, 0o755)
    os.chmod(conf, 0o644)
    return "%s %s" % (program, conf)


class MilterProgram(Partner):
    """tests/support/milter_program.c: a filter on libmilter that obeys rules; see there."""
    header = "/usr/include/libmilter/mfapi.h"

    @staticmethod
    def program():
        return os.path.join(os.path.dirname(os.path.abspath(os.environ["MTA_STAGE"])), "tests", "milter_program")

    def prepare(self):
        self.rule()

    def rule(self, *lines):
        """The rules from now on: words separated by blanks; those in a tuple may have blanks in them."""
        text = "".join("\t".join(line.split() if isinstance(line, str) else line) + "\n" for line in lines)
        os.replace(self.write("rules.new", text), self.path("rules"))

    def command(self):
        return [self.program(), self.socket_path, self.path("rules"), self.path("heard")]

    def heard(self):
        """The steps of the last connection, in order, without its number."""
        with open(self.path("heard"), encoding="utf-8", errors="replace") as f:
            lines = [line.rstrip("\n").partition(" ") for line in f]
        last = max((int(number) for number, _, _ in lines), default=0)
        return [text for number, _, text in lines if int(number) == last]

    def wait_for(self, step, timeout=30):
        """Wait for that step in the last connection; what was heard."""
        until(lambda: any(line.split(" ")[0] == step for line in self.heard()), timeout,
              lambda: "%s; heard %s" % (step, self.heard()))
        return self.heard()


def milter_program_needed(cls):
    """Class decorator: skip the tests where libmilter is not installed. Where it is, the program has to be there."""
    return unittest.skipUnless(os.path.exists(MilterProgram.header),
                               "not installed: libmilter (Debian package libmilter-dev)")(cls)
