"""Smarthosts like Gmail's, for test_network: mail is submitted to [LEVEL.STATE.gmail.test]:587 with STARTTLS and a login, or to port
465 with TLS from the first byte, for each level of TLS and each state of the host. The recipient's domain is that of the host."""
import collections
import re

from . import certificates
from .mail_hosts import LEVELS
from .sink import KEYWORDS, Sink

ZONE = "gmail.test"
USER, PASSWORD = "me@gmail.test", "secret"
SENDER = "sender+%s@mail1.org"      # which says what the relay is

# certificate: None, no TLS; tls_auth: a login is offered in TLS only; password: what the client takes for it, None: it has none;
# auth: the reply to AUTH
State = collections.namedtuple("State", "certificate wrapped tls_auth password tlsa auth",
                               defaults=("good", False, False, PASSWORD, True, None))

STATES = {
    "good": State(), "expired": State("expired"), "wrong-name": State("wrong"), "self-signed": State("self"),
    "no-starttls": State(None), "tls-auth": State(tls_auth=True), "bad-login": State(password="wrong"), "no-tlsa": State(tlsa=False),
    "no-login": State(password=None), "auth-later": State(auth="454 4.7.0 Temporary authentication failure"),
    "auth-closing": State(auth="421 4.3.2 closing down"), "auth-drop": State(auth=Sink.DROP),
    "w-good": State(wrapped=True), "w-expired": State("expired", True), "w-wrong-name": State("wrong", True),
    "w-self-signed": State("self", True), "w-bad-login": State(wrapped=True, password="wrong"), "w-clear": State(None, True),
}
NAMES = ["*.%s.%s" % (name, ZONE) for name in STATES]
CELL = re.compile(r"(?<![\w-])(%s)\.(%s)\.%s\b" % ("|".join(LEVELS), "|".join(STATES), re.escape(ZONE)))


def host(level, state):
    return "%s.%s.%s" % (level, state, ZONE)


def cells(wrapped):
    """(level, state) of those with TLS from the first byte, or of the others."""
    return [(level, name) for name, state in STATES.items() if state.wrapped == wrapped for level in LEVELS]


def takes(level, name):
    """Does a level that is worth its name give mail to that host over TLS, logged in?"""
    state = STATES[name]
    if not state.certificate or state.password != PASSWORD or state.auth or level == "none" or level == "dane-only" and not state.tlsa:
        return False
    if state.wrapped and level == "may":    # as in Postfix, port 465 wants a level that is TLS for sure
        return False
    good = {"expired": ("may", "encrypt", "fingerprint"), "wrong": ("may", "encrypt"), "self": ("may", "encrypt")}.get(state.certificate)
    return level in good if good else True


def cell(text):
    """The host that TEXT names first, or None."""
    found = CELL.search(text)
    return host(*found.groups()) if found else None


def port(state):
    return 465 if STATES[state].wrapped else 587


def _offer(session, _):
    """The reply to EHLO without a login, as long as there is no TLS."""
    words = ["sink.test", *(word for word in session.sink.keywords if not word.startswith("AUTH"))]
    return None if session.tls else "\n".join(["250-" + word for word in words[:-1]] + ["250 " + words[-1]])


def _submission(session, _):
    if session.user:
        return None
    return "530-5.7.0 Authentication Required. Learn more at\n530 5.7.0 sink.test" if session.tls or not session.sink.tls else \
        "530 5.7.0 Must issue a STARTTLS command first"


class Smarthosts:
    """The servers of STATES at addresses of HOST from FIRST on, and what clients and the DNS know of them."""

    def __init__(self, on, certs, base, first):
        self.sinks, self.records = [], {}
        for number, (name, state) in enumerate(STATES.items(), first):
            address = base + str(number)
            on.add(address)
            tls = certificates.server(certs.path(state.certificate + ".pem")) if state.certificate else None
            with on:
                sink = Sink(address=address, port=port(name), tls=tls, wrapped=state.wrapped and tls is not None,
                            keywords=KEYWORDS + ["AUTH PLAIN LOGIN"])
            sink.passwords = {USER: PASSWORD}
            sink.reply("MAIL", _submission)
            sink.reply("RCPT", lambda session, _: None if session.mail else "503 5.5.1 MAIL first")
            sink.reply("AUTH", state.auth)
            if state.tls_auth:
                sink.reply("EHLO", _offer)
            self.sinks.append(sink)
            for level in LEVELS:
                self.records[host(level, name), "A"] = [address]
                if state.tlsa:
                    self.records["_%d._tcp.%s" % (port(name), host(level, name)), "TLSA"] = [certs.tlsa(2, 0, 1, "ca")]

    def arrived(self, client):
        """{recipient: ["tls as user" or "clear ...", ...]}: what came from the address CLIENT."""
        found = collections.defaultdict(list)
        for sink in self.sinks:
            for message in sink.messages:
                if message.session.peer[0] == client:
                    for recipient in message.recipients:
                        found[recipient].append("%s as %s" % ("tls" if message.tls else "clear", message.user))
        return found

    def close(self):
        for sink in self.sinks:
            sink.close()


def tables():
    """{name: text} of regexp: tables: relays by sender, transports of the wrapped ones by recipient, passwords."""
    return {
        "relays": "".join("/^sender\\+%s\\.%s@/ [%s]:587\n" % (*name, host(*name)) for name in cells(wrapped=False)),
        "wrapped": "".join("/@%s$/ smtps:[%s]:465\n" % (re.escape(host(*name)), host(*name)) for name in cells(wrapped=True)),
        "passwd": "".join("/\\.%s\\.%s/ %s:%s\n" % (name, re.escape(ZONE), USER, state.password)
                          for name, state in STATES.items() if state.password),
    }
