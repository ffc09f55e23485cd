"""A scriptable SMTP or LMTP server in a thread, to receive what an instance sends.

    with Sink() as sink:
        sink.reply("RCPT", "450 4.2.0 not now")          every RCPT
        sink.reply("RCPT", ["450 4.2.0 not now", None])  the first one only, then as usual
        sink.reply("RCPT", lambda s, line: ...)          text, None (as usual), or Sink.DROP
        ...
        message = sink.wait_for(1)[0]

Keys of reply() are verbs, and CONNECT for the greeting, '.' for the end of the data, 'BODY' for the
moment after 354 (Sink.DROP there cuts the connection in the middle of a message), 'RESPONSE' for what
a client says to a challenge of AUTH.
"""
import socket
import threading

from . import logins
from .ports import free_port
from .wait import until

KEYWORDS = ["PIPELINING", "SIZE 0", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"]


class Transaction:
    """A message received: data is what was sent, dots unstuffed, lines ended by LF."""

    def __init__(self, session):
        self.session = session
        self.helo = session.helo
        self.tls = session.tls              # None: it came in the clear
        self.user = session.user            # None: nobody logged in
        self.mail = session.mail            # argument of MAIL, after "FROM:"
        self.rcpts = list(session.rcpts)    # the same of each accepted RCPT
        self.data = b""

    @property
    def text(self):
        return self.data.decode("latin-1")

    @property
    def sender(self):
        return _address(self.mail)

    @property
    def recipients(self):
        return [_address(r) for r in self.rcpts]


def _address(argument):
    return argument[argument.find("<") + 1:argument.rfind(">")]


class Sink:
    DROP = object()         # a reply: close the connection instead
    HANG = object()         # a reply: say nothing until the sink is closed

    def __init__(self, lmtp=False, keywords=None, port=None, path=None, address="127.0.0.1", tls=None, wrapped=False):
        """TLS: a server's ssl.SSLContext for STARTTLS, or, WRAPPED, from the first byte."""
        self.lmtp, self.tls, self.wrapped = lmtp, tls, wrapped
        self.keywords = list(KEYWORDS if keywords is None else keywords)
        if tls and not wrapped:
            self.keywords.append("STARTTLS")
        self.messages = []          # Transactions, in order of their final reply
        self.sessions = []          # every session, open or ended
        self.commands = []          # every command line of every session
        self.delays = {}            # verb: seconds to wait before its reply
        self.passwords = {}         # user: password, for AUTH; EHLO says what `keywords` has
        self.closing = threading.Event()
        self._scripts = {}
        self._lock = threading.Lock()
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.port = path
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.port = port or self._bind(address)
            if port:
                self.listener.bind((address, port))
        self.listener.listen(256)
        threading.Thread(target=self._accept, daemon=True).start()

    def _bind(self, address):
        """To a free port; one that somebody who asks nobody has just taken is no reason to fail."""
        for _ in range(10):
            port = free_port()
            try:
                self.listener.bind((address, port))
                return port
            except OSError as error:
                problem = error
        raise problem

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closing.set()
        # wakes the accepting thread; close() alone does not
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for session in list(self.sessions):
            session.cut()

    @property
    def nexthop(self):
        return "[127.0.0.1]:%d" % self.port

    def reply(self, verb, what):
        with self._lock:
            self._scripts[verb.upper()] = list(what) if isinstance(what, (list, tuple)) else what

    def delay(self, verb, seconds):
        self.delays[verb.upper()] = seconds

    def wait_for(self, count, timeout=30):
        until(lambda: len(self.messages) >= count, timeout,
              lambda: "%d messages; got %d" % (count, len(self.messages)))
        return self.messages

    def settle(self, timeout=30):
        """Wait until every session is over, or hangs as it was told to: no command that was sent is unread."""
        until(lambda: all(s.ended or s.hangs for s in list(self.sessions)), timeout, "the end of the sessions")

    def scripted(self, verb, session, line):
        """What the script wants as the reply; None means as usual."""
        with self._lock:
            what = self._scripts.get(verb)
            if isinstance(what, list):
                what = what.pop(0) if what else None
        return what(session, line) if callable(what) else what

    def _accept(self):
        while True:
            try:
                conn, peer = self.listener.accept()
            except OSError:
                return
            session = Session(self, conn, peer)
            self.sessions.append(session)
            threading.Thread(target=session.serve, daemon=True).start()


class Gone(Exception):
    """The session is over."""


class Session:
    def __init__(self, sink, conn, peer):
        self.sink, self.conn, self.peer = sink, conn, peer
        self.file = None if sink.wrapped else conn.makefile("rb")
        self.tls = None             # ssl.SSLSocket once TLS is on
        self.helo, self.mail, self.rcpts = None, None, []
        self.user = None            # logged in
        self.ended = self.hangs = False

    def cut(self):
        try:
            self.conn.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def say(self, text):
        self.conn.sendall("".join(line + "\r\n" for line in text.split("\n")).encode("latin-1"))

    def answer(self, verb, line, usual, before=None):
        """Send the scripted reply or the usual one; its text. BEFORE is called with it first."""
        seconds = self.sink.delays.get(verb)
        if seconds and self.sink.closing.wait(seconds):
            raise Gone
        what = self.sink.scripted(verb, self, line)
        if what is Sink.DROP:
            raise Gone
        if what is Sink.HANG:
            self.hangs = True
            self.sink.closing.wait()
            raise Gone
        text = usual if what is None else what
        if before:
            before(text)
        if text:
            self.say(text)
        if text and text.startswith("421"):
            raise Gone
        return text

    def serve(self):
        try:
            if self.sink.wrapped:
                self.start_tls()
            self.answer("CONNECT", "", "220 sink.test ESMTP")
            while True:
                self.command(self.next_line())
        except (Gone, OSError):
            pass
        finally:
            self.ended = True
            self.cut()
            if self.file:
                self.file.close()
            self.conn.close()

    def next_line(self):
        line = self.file.readline(100000)
        if not line:
            raise Gone
        text = line.rstrip(b"\r\n").decode("latin-1")
        self.sink.commands.append(text)
        return text

    def command(self, line):
        verb = line.split(" ", 1)[0].upper()
        handler = getattr(self, "do_" + verb.lower(), None)
        if handler and verb.isalpha():
            handler(line)
        else:
            self.answer(verb, line, "502 5.5.2 Unknown command")

    def hello(self, verb, line, usual):
        self.helo = line[5:]
        self.mail, self.rcpts = None, []
        self.answer(verb, line, usual)

    def start_tls(self):
        self.conn = self.tls = self.sink.tls.wrap_socket(self.conn, server_side=True)
        self.file = self.conn.makefile("rb")

    def do_starttls(self, line):
        if self.answer("STARTTLS", line, "220 2.0.0 Ready to start TLS").startswith("2"):
            self.file.close()
            self.start_tls()

    def do_auth(self, line):
        exchange = logins.Exchange(self.sink.passwords)
        text = self.answer("AUTH", line, exchange.begin(line))
        while text.startswith("334"):
            line = self.next_line()
            text = self.answer("RESPONSE", line, exchange.go_on(line))
        if text.startswith("235"):
            self.user = exchange.user or "somebody"

    def do_helo(self, line):
        self.hello("HELO", line, "250 sink.test")

    def do_ehlo(self, line):
        lines = ["sink.test"] + self.sink.keywords
        if self.tls and "STARTTLS" in lines:
            lines.remove("STARTTLS")
        marks = ["-"] * (len(lines) - 1) + [" "]
        self.hello("EHLO", line, "\n".join("250" + m + l for m, l in zip(marks, lines)))

    def do_lhlo(self, line):
        self.do_ehlo(line)

    def do_mail(self, line):
        if self.answer("MAIL", line, "250 2.1.0 Ok").startswith("2"):
            self.mail, self.rcpts = line.split(":", 1)[-1], []

    def do_rcpt(self, line):
        if self.answer("RCPT", line, "250 2.1.5 Ok").startswith("2"):
            self.rcpts.append(line.split(":", 1)[-1])

    def do_data(self, line):
        usual = "354 Go" if self.rcpts else "554 5.5.1 No valid recipients"
        if not self.answer("DATA", line, usual).startswith("354"):
            return
        if self.sink.scripted("BODY", self, "") is Sink.DROP:
            raise Gone
        transaction = Transaction(self)
        chunks = []
        for raw in self.file:
            if raw == b".\r\n":
                break
            raw = raw[1:] if raw.startswith(b".") else raw
            chunks.append(raw[:-2] + b"\n" if raw.endswith(b"\r\n") else raw)
        else:
            raise Gone
        transaction.data = b"".join(chunks)
        self.finish(transaction)

    def finish(self, transaction):
        """Reply to the dot: once, or in LMTP once for each recipient."""
        accepted = []
        count = len(transaction.rcpts) if self.sink.lmtp else 1

        def note(text):     # before the client knows: who waits for its log line finds the message here
            if text.startswith("2"):
                accepted.extend([transaction.rcpts[i]] if self.sink.lmtp else transaction.rcpts)
            if i == count - 1 and accepted:
                transaction.rcpts = accepted
                self.sink.messages.append(transaction)

        for i in range(count):
            self.answer(".", transaction.rcpts[i], "250 2.0.0 Ok: taken", note)
        self.mail, self.rcpts = None, []

    def do_rset(self, line):
        self.mail, self.rcpts = None, []
        self.answer("RSET", line, "250 2.0.0 Ok")

    def do_noop(self, line):
        self.answer("NOOP", line, "250 2.0.0 Ok")

    def do_quit(self, line):
        self.answer("QUIT", line, "221 2.0.0 Bye")
        raise Gone
