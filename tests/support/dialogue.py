"""SMTP sessions kept as text: tests/compare/dialogues/*.txt.

A file has sections; '#' begins a comment at the start of a line.

    [settings]              main.cf settings of all services of the file; a line that begins with a blank goes on
    [zone]                  name type value: records of the DNS server; "name * SERVFAIL" and the like for trouble
    [map NAME]              a hash table, @map:NAME@ in settings
    [service NAME]          settings of one smtpd(8) service, a port of its own
    [prelude]               steps at the beginning of each session
    [session NAME] title    a session with the service of that name
    [bare NAME] title       the same without the prelude

Steps and what they have to bring:

    = MAIL FROM:<a@b.test>  a command that must be accepted; its reply is not shown
    > RCPT TO:<c@d.test>    a command; < lines are its reply
    ~2 NOOP\r\nNOOP\r\n     bytes as they are, with the escapes of Python, and the number of replies to await
    . Subject: x            a line of content, without a reply
    < 250 2.1.5 Ok
    | NOQUEUE: reject: ...  what smtpd(8) logs in the session, besides connect and disconnect

Sections [ours NAME] and [ours-bare NAME] are sessions for which there is no Postfix to compare with: newer
parameters, and what it dies of.
"""
import os
import re

from .dns import DnsServer
from .mask import mask
from .smtp import SmtpClient

HEAD = re.compile(r"\[([a-z-]+)(?: ([\w.-]+))?\]\s*(.*)")
SESSIONS = ("session", "bare", "ours", "ours-bare")
TROUBLE = {"SERVFAIL": DnsServer.SERVFAIL, "REFUSED": DnsServer.REFUSED, "SILENCE": DnsServer.SILENCE,
           "NXDOMAIN": DnsServer.NXDOMAIN, "FORMERR": DnsServer.FORMERR}
LOG = re.compile(r"postfix/smtpd\[\d+\]: (.*)")
# what every session logs, and the library function that finds fault with a name that another line tells of
UNTOLD = re.compile("(?:dis)?connect from |warning: valid_hostname: |.* is not built into this release yet: ")
STEPS, BRINGS = ("=", ">", "~", "."), ("<", "|")
# we say which parameter named the table, and why it failed
OUR_TABLE_ERROR = re.compile(r'warning: [^:]+: table (\S+): lookup of "([^"]*)": .*')
TIMEOUT = 30
CLOSED = "< (connection closed)"
SILENT = "< (no reply)"


class Session:
    def __init__(self, kind, service, title, line):
        self.kind, self.service, self.title, self.line = kind, service, title, line
        self.lines = []         # as in the file, comments too

    def is_ours(self):
        return self.kind.startswith("ours")

    def is_bare(self):
        return self.kind.endswith("bare")

    def steps(self):
        return [line for line in self.lines if line.startswith(STEPS)]

    def expected(self):
        return [line for line in self.lines if line.startswith(STEPS + BRINGS)]


class Script:
    """One file."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.head = []          # lines before the first session, as they are
        self.sessions = []
        self.settings, self.services, self.maps, self.zone, self.prelude = {}, {}, {}, {}, []
        with open(path, encoding="utf-8") as f:
            self._parse(f.read().splitlines())

    def _parse(self, lines):
        kind, name, last = None, None, None
        for number, line in enumerate(lines, 1):
            head = HEAD.fullmatch(line)
            if head:
                kind, name = head.group(1), head.group(2)
                if kind in SESSIONS:
                    self.sessions.append(Session(kind, name, head.group(3), number))
                elif kind == "service":
                    self.services[name] = {}
                elif kind == "map":
                    self.maps[name] = ""
            if self.sessions:
                if not head:
                    self.sessions[-1].lines.append(line)
                continue
            self.head.append(line)
            if head or not line.strip() or line.startswith("#"):
                continue
            if kind in ("settings", "service"):
                into = self.settings if kind == "settings" else self.services[name]
                if line[0].isspace():
                    into[last] += " " + line.strip()
                else:
                    last, value = [part.strip() for part in line.split("=", 1)]
                    into[last] = value
            elif kind == "map":
                self.maps[name] += line + "\n"
            elif kind == "zone":
                self._add_record(line)
            elif kind == "prelude":
                self.prelude.append(line)
            else:
                raise ValueError("%s:%d: what is this? %r" % (self.path, number, line))

    def _add_record(self, line):
        owner, kind, value = line.split(None, 2)
        if value in TROUBLE:
            self.zone[owner.lower(), kind] = TROUBLE[value]
        else:
            self.zone.setdefault((owner.lower(), kind), []).append(value)

    def service_text(self, port_of):
        """master.cf entries; PORT_OF(service name) tells the port."""
        text = ""
        for name, settings in self.services.items():
            text += "127.0.0.1:%d inet n - n - - smtpd\n" % port_of(name)
            for key, value in dict(self.settings, **settings).items():
                value = re.sub(r"@map:(\w+)@", lambda m: "hash:@etc@/%s-%s" % (self.name, m.group(1)), value)
                text += "  -o { %s = %s }\n" % (key, value)
        return text

    def write(self):
        """Put the sessions back, with what was recorded."""
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("\n".join(self.head).rstrip("\n") + "\n")
            for session in self.sessions:
                f.write("\n[%s %s] %s\n" % (session.kind, session.service, session.title))
                f.write("\n".join(session.lines).strip("\n") + "\n")


def _step(client, step):
    """Send one step; the number of replies to await."""
    kind, text = step[0], step[2:]
    if kind == ".":
        client.send((text + "\r\n").encode("utf-8"))
        return 0
    if kind == "~":
        count, text = step[1:].split(" ", 1)
        client.send(text.encode("utf-8").decode("unicode_escape").encode("latin-1"))
        return int(count)
    client.send((text + "\r\n").encode("utf-8"))
    return 1


class _Recorder:
    """Keeps what was heard when the connection ends in the middle."""

    def __init__(self, client):
        self.client, self.lines, self.is_leaving = client, [], False
        self.last = None

    def talk(self, steps, prelude):
        try:
            self._talk(steps, prelude)
        except TimeoutError:
            self.lines.append(SILENT)       # a service that does not start, for one
        except (AssertionError, ConnectionError):
            if not self.is_leaving:
                self.lines.append(CLOSED)

    def _hear(self, step, is_shown):
        reply = self.client.read_reply()
        if step[:1] == "=" and reply.code < 400:
            return
        if not is_shown:
            self.lines.append(step)
        self.last = reply.code
        self.lines.extend("< " + line for line in reply.lines)

    def _talk(self, steps, prelude):
        greeting = self.client.greeting()
        if greeting.code != 220:
            self.lines += ["< " + line for line in greeting.lines]
        for number, step in enumerate(prelude + steps):
            is_shown = number >= len(prelude)
            if is_shown:
                self.lines.append(step)
            for _ in range(_step(self.client, step)):
                self._hear(step, is_shown)
        self.is_leaving = True
        if self.last == 354:                # nothing more to say: an empty message
            self.client.send(".\r\n")
            self.client.read_reply()
        self.client.send("QUIT\r\n")
        self.client.read_reply()


def run(suite, port, session, prelude):
    """The session with one instance: lines as in the file, masked."""
    mark = suite.log_mark()
    steps = session.steps()
    client = SmtpClient(("127.0.0.1", port), TIMEOUT)
    recorder = _Recorder(client)
    try:
        recorder.talk(steps, [] if session.is_bare() else prelude)
    finally:
        client.close()
    if SILENT not in recorder.lines:
        suite.wait_for_log(r"postfix/smtpd\[\d+\]: disconnect from", TIMEOUT, since=mark)
    logged = []
    for line in suite.log_lines(mark):
        line = OUR_TABLE_ERROR.sub(r'warning: \1 lookup error for "\2"', line)
        found = LOG.search(line)
        if found and not UNTOLD.match(found.group(1)):
            logged.append("| " + found.group(1))
    return [mask(line, suite).replace(":%d" % port, ":PORT") for line in recorder.lines + logged]


def record(session, lines):
    """Put LINES into SESSION; comments stay before the step they stood before."""
    comments, pending, at = {}, [], 0
    for line in session.lines:
        if line.startswith(STEPS):
            comments[at] = pending
            pending, at = [], at + 1
        elif line[:1] == "#":
            pending.append(line)
    out, at = [], 0
    for line in lines:
        if line.startswith(STEPS) and at in comments:
            out += comments[at]
            at += 1
        out.append(line)
    session.lines = out + pending
