"""Three hosts on a wire, each with an instance: mail1.org and mail2.org, which find each other by MX, and a smarthost,
smtp.gmail.test, that takes mail on port 587, with STARTTLS and a login only.

Two such worlds, with the products the other way round in the second, have the same names and addresses: what a host logs and
what it receives has to be the same in both, whoever runs it."""
import collections
import re

from .auth_server import MECHS, AuthServer
from .compare import OLDER, ONCE, Side, whole_log
from .dns import DnsServer
from .mail_hosts import HOSTS
from .mask import mask, mask_lines
from .network import Network
from .wait import until

BASE = "192.168.255."
ADDRESSES = {"mail1": BASE + "1", "mail2": BASE + "129", "smarthost": BASE + "5"}
NAME_SERVER = BASE + "53"
USER, PASSWORD = "me@gmail.test", "secret"
SUBMISSION = """\
587 inet n - n - - smtpd
 -o smtpd_tls_security_level=encrypt
 -o smtpd_sasl_auth_enable=yes
 -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
 -o syslog_name=postfix/submission
"""
COMMON = {
    "inet_interfaces": "all", "inet_protocols": "ipv4", "smtp_host_lookup": "dns", "smtp_dns_support_level": "dnssec",
    "smtp_tls_security_level": "dane", "smtp_tls_loglevel": "1", "smtpd_tls_security_level": "may",
    "smtpd_tls_loglevel": "1", "smtpd_tls_received_header": "yes", "recipient_delimiter": "+", "mailbox_size_limit": "0",
    "smtp_tls_policy_maps": "regexp:@etc@/policy", "transport_maps": "regexp:@etc@/transport",
    "smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": "regexp:@etc@/passwd",
    "smtp_sasl_security_options": "noanonymous", "smtp_connection_cache_on_demand": "no",
    "smtp_tls_session_cache_database": "", "smtpd_tls_session_cache_database": "", "smtpd_relay_restrictions":
    "permit_mynetworks permit_sasl_authenticated reject_unauth_destination", "tls_ssl_options": "NO_TICKET",
}


def zones(tlsa):
    """What the DNS has of all of them, as a small zone file would. TLSA: records of mail1's and mail2's servers."""
    records = {}
    for name, address in ADDRESSES.items():
        host = HOSTS[name]
        zone = host.split(".", 1)[1]
        records[host, "A"] = [address]
        records[".".join(reversed(address.split("."))) + ".in-addr.arpa", "PTR"] = [host]
        if name != "smarthost":
            records[zone, "MX"] = records["via." + zone, "MX"] = ["10 " + host]
            records["smtp." + zone, "CNAME"] = records["imap." + zone, "CNAME"] = [host]
            records["_25._tcp." + host, "TLSA"] = tlsa
    return records


class World:
    """PRODUCTS: {name of a host: what runs there}; CERTS: a directory with authority and certificates, by path()."""

    def __init__(self, products, certs, tlsa):
        self.wire, self.suites, self.marks, self.read = Network(), {}, {}, {}
        self.auth = None
        try:
            with self.wire.host(NAME_SERVER):
                self.dns = DnsServer(zones(tlsa), NAME_SERVER, 53, secure=["mail1.org", "mail2.org"])
            for name, product in products.items():
                self.suites[name] = self._instance(name, product, certs)
                with self.wire.host(ADDRESSES[name]):
                    self.suites[name].start()
        except BaseException:
            self.close()
            raise
        self.auth = AuthServer(self.suites["smarthost"].path("queue/private/auth"), mechs=MECHS[:2], users={USER: PASSWORD})

    def _instance(self, name, product, certs):
        host, zone = HOSTS[name], HOSTS[name].split(".", 1)[1]
        own = dict(COMMON, **OLDER, **ONCE, myhostname=host, mydomain=zone, myorigin="$mydomain", mynetworks="127.0.0.0/8",
                   mydestination="$myhostname, $mydomain, via.$mydomain, localhost", smtp_tls_CAfile=certs.path("ca.crt"),
                   smtpd_tls_cert_file=certs.path(name + ".pem"), smtpd_tls_key_file=certs.path(name + ".pem"))
        services = "25 inet n - n - - smtpd\n"
        if name == "smarthost":
            own.update(smtpd_sasl_type="dovecot", smtpd_sasl_path="private/auth")
            services += SUBMISSION
        suite = Side(own, services, product, NAME_SERVER)
        suite.make_aliases("ana: %s\npostmaster: ana\n" % suite.path("mail/ana"))
        suite.write("etc/transport", "/@via\\./ smtp:[smtp.gmail.test]:587\n" if name == "mail1" else "")
        self.configure_smarthost(suite)
        return suite

    @staticmethod
    def configure_smarthost(suite, level="secure", password=PASSWORD):
        suite.write("etc/policy", "/^\\[?smtp\\.gmail\\.test/ %s\n" % level)
        suite.write("etc/passwd", "/^\\[?smtp\\.gmail\\.test/ %s:%s\n" % (USER, password))

    def mark(self):
        self.marks = {name: suite.log_mark() for name, suite in self.suites.items()}
        self.read = {name: len(suite.mailbox("ana")) for name, suite in self.suites.items()}

    def settle(self):
        """No mail is on its way, no session is open, and the logs say so."""
        def busy():
            return [name for name, suite in self.suites.items() if suite.queue_files("maildrop", "incoming", "active")
                    or self._unfinished(suite, self.marks[name])]
        until(lambda: not busy() and not busy(), 120, lambda: "rest of " + "\n".join(self.suites[n].tail() for n in busy()))

    @staticmethod
    def _unfinished(suite, mark):
        sessions, mails = collections.Counter(), set()
        deferred = {path.rsplit("/", 1)[1] for path in suite.queue_files("deferred")}
        for line in suite.log_lines(mark):
            word = re.search(r"smtpd\[(\d+)\]: (dis)?connect from", line)
            if word:
                sessions[word.group(1)] += -1 if word.group(2) else 1
            mail = re.search(r": (\w+): (message-id=|removed$)", line)
            if mail:
                (mails.add if mail.group(2) != "removed" else mails.discard)(mail.group(1))
        return any(sessions.values()) or mails - deferred

    def logged(self, name):
        """{program: lines since the mark} of a host. Not postsuper's, which Postfix's reload leaves behind
        in the background: it may see a file that is being made."""
        suite, found = self.suites[name], collections.defaultdict(list)
        for line in whole_log(suite, self.marks[name]):
            said = re.search(r" postfix/((?!master|postfix|postsuper)[\w/-]+)\[\d+\]: (.*)", line)
            if said and not re.search("statistics: |DNSSEC validation|dnssec_probe", line):
                text = re.sub(r"\b[0-9A-F]{9,15}\b", "QID", mask(said.group(2), suite))
                found[said.group(1)].append(re.sub(r"(uid|size)=\d+", r"\1=N", text))
        if "qmgr" in found:
            found["qmgr"].sort()    # a message goes while the report on it comes
        return dict(found)

    def mailbox(self, name):
        """What came since the mark."""
        suite = self.suites[name]
        text = re.sub(r"\b[0-9A-F]+\.\d+/", "BOUNDARY/", suite.mailbox("ana")[self.read[name]:])
        return mask_lines(text.split("\n"), suite)

    def close(self):
        problems = []
        for suite in self.suites.values():
            try:
                suite.close()
            except AssertionError as problem:
                problems.append(problem)
        if self.auth:
            self.auth.close()
        self.wire.close()
        if problems:
            raise problems[0]
