"""Mail domains for a TLS policy each and a server that fails in one way each, behind one DNS server and one authority.

KINDS has the servers. The domain LEVEL.KIND.mail2.org (or mail3.org, whose zone is not signed) has the host LEVEL-mx.KIND.mail2.org
for its MX, so that names in a client's log tell the cell of the matrix.
"""
import collections
import functools
import hashlib
import os
import re
import subprocess

from . import certificates
from .dns import DnsServer
from .sink import Sink

LEVELS = ["none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure"]
SIGNED, UNSIGNED = "mail2.org", "mail3.org"
HOSTS = {"mail1": "mail.mail1.org", "mail2": "mail.mail2.org", "smarthost": "smtp.gmail.test"}
DROP, HANG = Sink.DROP, Sink.HANG
CLOSING = "421 4.3.2 closing down"
GOOD = ((3, 1, 1, "good"),)

# certificate: of the server, None: no STARTTLS; tlsa: fields of the record, and whose certificate it is about;
# replies: {verb: what}; bogus: type whose look-up fails; slow: option that makes a wait short; first: kind of a better MX;
# at: "nobody", "no way", "silence", what is at the address in the place of a server
Kind = collections.namedtuple("Kind", "certificate tlsa replies zone bogus slow first at", defaults=(
    "good", GOOD, {}, SIGNED, None, None, None, None))


def after_tls(what):
    """A reply in a session with TLS only."""
    return lambda session, line: what if session.tls else None


def after_220(what):
    """STARTTLS is accepted, but then..."""
    def reply(session, _):
        session.say("220 2.0.0 Ready to start TLS")
        return what
    return reply


def one_by_one(session, _):
    """Each line of the reply comes in time, all of them do not."""
    for word in ("sink.test", "PIPELINING", "SIZE 0", "X-ONE", "X-TWO", "8BITMIME", "X-THREE"):
        session.say("250-" + word)
        session.sink.closing.wait(0.5)
    return "250 " + ("X-FOUR" if session.tls or not session.sink.tls else "STARTTLS")


class Greylist:
    """Refuses each recipient of each client once."""

    def __init__(self):
        self.known = set()

    def __call__(self, session, line):
        key = session.peer[0], " ".join(session.rcpts) + line
        if key in self.known:
            return None
        self.known.add(key)
        return "450 4.2.0 Greylisted, try again in 300 seconds"


def _kinds():
    found = {
        "good": Kind(), "no-tlsa": Kind(tlsa=()), "unsigned": Kind(zone=UNSIGNED),
        "unsigned-self": Kind("self", zone=UNSIGNED),
        "expired": Kind("expired", ((3, 1, 1, "expired"),)), "expired-ta": Kind("expired", ((2, 0, 1, "ca"),)),
        "wrong-name": Kind("wrong", ((3, 1, 1, "wrong"),)), "wrong-name-ta": Kind("wrong", ((2, 0, 1, "ca"),)),
        "self-signed": Kind("self", ()), "self-signed-ee": Kind("self", ((3, 1, 1, "self"),)),
        "foreign": Kind("foreign", ()), "mismatch": Kind("good", ((3, 1, 1, "self"),)),
        "no-tls": Kind(None, ()), "no-tls-tlsa": Kind(None),
        "bogus-tlsa": Kind(bogus="TLSA"), "bogus-a": Kind(bogus="A"), "bogus-mx": Kind(bogus="MX"),
        "tls-refused": Kind(replies={"STARTTLS": "454 4.7.0 TLS not available"}),
        "no-handshake": Kind(replies={"STARTTLS": "220 go\n250 but this is no TLS"}),
        "rejects": Kind(replies={"RCPT": "550 5.1.1 no such user"}),
        "greylist": Kind(replies={"RCPT": Greylist}), "greylist-end": Kind(replies={".": Greylist}),
        "refused": Kind(at="nobody"), "unreachable": Kind(at="no way"),
        "slow-lines": Kind(replies={"EHLO": one_by_one}, slow="smtp_helo_timeout"),
        "slow-connection": Kind(at="silence", slow="smtp_connect_timeout"),
        "slow-handshake": Kind(replies={"STARTTLS": after_220(HANG)}, slow="smtp_starttls_timeout"),
        "drop-handshake": Kind(replies={"STARTTLS": after_220(DROP)}),
    }
    for verb, name, slow in (
            ("CONNECT", "greeting", "smtp_helo_timeout"), ("EHLO", "ehlo", "smtp_helo_timeout"),
            ("STARTTLS", "starttls", "smtp_starttls_timeout"), ("MAIL", "mail", "smtp_mail_timeout"),
            ("RCPT", "rcpt", "smtp_rcpt_timeout"), ("DATA", "data", "smtp_data_init_timeout"),
            (".", "end", "smtp_data_done_timeout"), ("QUIT", "quit", "smtp_quit_timeout")):
        found["drop-" + name] = Kind(replies={verb: DROP})
        found["closing-" + name] = Kind(replies={verb: CLOSING})
        found["slow-" + name] = Kind(replies={verb: HANG}, slow=slow)
    for word, what in (("drop", DROP), ("closing", CLOSING), ("slow", HANG)):
        found[word + "-ehlo-tls"] = Kind(replies={"EHLO": after_tls(what)}, slow="smtp_helo_timeout" if what is HANG else None)
    found["drop-body"] = Kind(replies={"BODY": DROP})
    for first in ("drop-ehlo", "closing-mail", "closing-rcpt", "closing-data", "closing-end", "greylist-end", "drop-rcpt", "self-signed", "mismatch", "no-tls-tlsa", "bogus-tlsa", "rejects", "refused"):
        found["second-after-" + first] = Kind(first=first)
    return found


KINDS = _kinds()


def domain(level, kind):
    return "%s.%s.%s" % (level, kind, KINDS[kind].zone)


CELL = re.compile(r"(?<![\w-])(%s)(?:-mx|-first)?\.(%s)\.(%s|%s)\b" % (
    "|".join(LEVELS), "|".join(KINDS), SIGNED, UNSIGNED))


def cell(text):
    """The domain of the matrix that TEXT names first, by itself or by a host; or None."""
    found = CELL.search(text)
    return ".".join(found.groups()) if found else None


def matrix(kinds):
    return [domain(level, kind) for kind in kinds for level in LEVELS]


def openssl(*command, stdin=None):
    return subprocess.run(["openssl", *command], check=True, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


class Certificates:
    """In DIRECTORY: an authority, certificates that it has signed for all of mail2.org and mail3.org and for MORE names, bad ones."""

    def __init__(self, directory, more=()):
        self.directory = directory
        names = ",".join("DNS:" + name for name in (*("*.%s.%s" % (name, kind.zone) for name, kind in KINDS.items()), *more))
        certificates.make(directory, "ca", "rsa", "/CN=Test Authority")
        certificates.make(directory, "otherca", "rsa", "/CN=Other Authority")
        certificates.make(directory, "self", "ec", "/CN=mail.mail2.org")
        certificates.sign(directory, "good", "ca", "/CN=mail.mail2.org", names)
        certificates.sign(directory, "wrong", "ca", "/CN=mail.elsewhere.org", "DNS:mail.elsewhere.org")
        certificates.sign(directory, "expired", "ca", "/CN=mail.mail2.org", names, days=-1)
        certificates.sign(directory, "foreign", "otherca", "/CN=mail.mail2.org", names)
        for name, host in HOSTS.items():
            certificates.sign(directory, name, "ca", "/CN=" + host, "DNS:" + host)
        for name in ("good", "wrong", "expired", *HOSTS):   # records of usage 2 want the authority's sent
            with open(self.path(name + ".pem"), "a") as chain, open(self.path("ca.crt")) as part:
                chain.write(part.read())

    def path(self, name):
        return os.path.join(self.directory, name)

    def key(self, name):
        pem = openssl("x509", "-in", self.path(name + ".crt"), "-noout", "-pubkey")
        return openssl("pkey", "-pubin", "-outform", "der", stdin=pem)

    def fingerprint(self, name):
        """Of the public key, as policies have it."""
        return ":".join("%02X" % byte for byte in hashlib.sha256(self.key(name)).digest())

    @functools.lru_cache(maxsize=None)
    def tlsa(self, usage, selector, matching, name):
        assert matching == 1
        der = self.key(name) if selector else openssl("x509", "-in", self.path(name + ".crt"), "-outform", "der")
        return "%d %d %d %s" % (usage, selector, matching, hashlib.sha256(der).hexdigest())

    def policies(self):
        """The text of a regexp: table, by the first label of the destination, with brackets or without."""
        more = {"fingerprint": "fingerprint " + " ".join("match=" + self.fingerprint(n) for n in ("good", "expired"))}
        return "".join("/^\\[?%s\\./ %s\n" % (level, more.get(level, level)) for level in LEVELS)


class MailHosts:
    """The servers of KINDS at addresses of HOST from FIRST on, port 25, and what the DNS says of them for each level."""

    def __init__(self, host, certs, base, first):
        self.host, self.certs = host, certs
        self.sinks, self.addresses, self.records = {}, {}, {}
        for number, (name, kind) in enumerate(KINDS.items(), first):
            self.addresses[name] = base + str(number)
            if not kind.at:
                host.add(self.addresses[name])
                self.sinks[name] = self._serve(name, kind)
        for name, kind in KINDS.items():
            for level in LEVELS:
                self._publish(level, name, kind)

    def _serve(self, name, kind):
        tls = certificates.server(self.certs.path(kind.certificate + ".pem")) if kind.certificate else None
        with self.host:
            sink = Sink(address=self.addresses[name], port=25, tls=tls)
        for verb, what in kind.replies.items():
            sink.reply(verb, what() if what is Greylist else what)
        return sink

    def _publish(self, level, name, kind):
        mail_domain = domain(level, name)
        hosts = [(domain(level + "-mx", name), name)]
        if kind.first:
            hosts.insert(0, (domain(level + "-first", name), kind.first))
        self.records[mail_domain, "MX"] = ["%d %s" % (10 * i, mx) for i, (mx, _) in enumerate(hosts, 1)]
        for mx, server in hosts:
            there = KINDS[server]
            self.records[mx, "A"] = [self.addresses[server]]
            if there.tlsa:
                self.records["_25._tcp." + mx, "TLSA"] = [self.certs.tlsa(*fields) for fields in there.tlsa]
            if there.bogus:
                owner = {"MX": mail_domain, "A": mx, "TLSA": "_25._tcp." + mx}[there.bogus]
                self.records[owner, there.bogus] = DnsServer.SERVFAIL

    def prepare(self, client):
        """The ways from the host CLIENT to where there is no server."""
        for name, kind in KINDS.items():
            if kind.at == "silence":
                client.swallow(self.addresses[name])
            elif kind.at == "no way":
                client.refuse(self.addresses[name])

    def arrived(self, client):
        """{recipient: ["tls" or "clear", ...]}: what came from the address CLIENT."""
        found = collections.defaultdict(list)
        for sink in self.sinks.values():
            for message in sink.messages:
                if message.session.peer[0] == client:
                    for recipient in message.recipients:
                        found[recipient].append("tls" if message.tls else "clear")
        return found

    def close(self):
        for sink in self.sinks.values():
            sink.close()
