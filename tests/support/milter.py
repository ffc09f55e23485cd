"""A mail filter that speaks the Milter protocol (version 6), answers as it is told and remembers what it heard.

    with Milter([insert_header(0, "X-First", "1"), add_recipient("c@far.test"), replace_body(b"new\r\n")]) as milter:
        suite.set(smtpd_milters=milter.address)

    Milter(replies={"R": [CONTINUE, reply_code("550 5.1.1 no")]})     the second RCPT is refused
    Milter(replies={"E": Milter.HANG})                                 the end of the message is never answered
"""
import socket
import struct
import threading

from .wait import until

ADD_HEADERS, CHANGE_BODY, ADD_RECIPIENTS, DELETE_RECIPIENTS, CHANGE_HEADERS, QUARANTINE, CHANGE_FROM = 1, 2, 4, 8, 16, 32, 64
ADD_RECIPIENT_ARGS, SET_MACROS = 128, 256
ALL_ACTIONS = 0x1ff
NEGOTIATE, MACROS, END_OF_BODY, ABORT, QUIT, NEW_SESSION = b"O", b"D", b"E", b"A", b"Q", b"K"
CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD, SHUTDOWN, SKIP, CONN_FAIL = (
    (letter, b"") for letter in (b"c", b"a", b"r", b"t", b"d", b"4", b"s", b"f"))
PROGRESS = (b"p", b"")


def _texts(*texts):
    return b"".join(t.encode("utf-8", "surrogateescape") + b"\0" for t in texts)


def add_header(name, value):
    return b"h", _texts(name, value)


def insert_header(at, name, value):
    return b"i", struct.pack(">I", at) + _texts(name, value)


def change_header(which, name, value):
    """The WHICHth header of that name, from 1; an empty value removes it."""
    return b"m", struct.pack(">I", which) + _texts(name, value)


def add_recipient(address):
    return b"+", _texts("<%s>" % address)


def add_recipient_args(address, args):
    return b"2", _texts("<%s>" % address, args)


def delete_recipient(address):
    return b"-", _texts("<%s>" % address)


def change_sender(address, *args):
    return b"e", _texts("<%s>" % address, *args)


def replace_body(data):
    return b"b", data


def quarantine(reason):
    return b"q", _texts(reason)


def reply_code(text):
    return b"y", _texts(text)


class Milter:
    HANG, DIE = "hang", "die"

    def __init__(self, edits=(), replies=None, actions=ALL_ACTIONS, protocol=0, version=6, macros=None, address=None):
        """REPLIES: for a command's letter one answer or a list of them, one for each time; an answer is a pair, a list
        of pairs, HANG or DIE. MACROS: {stage number: "names"} asked for. PROTOCOL: the bits of what is not wanted."""
        self.edits, self.replies, self.macros = list(edits), replies or {}, macros or {}
        self.actions, self.protocol, self.version = actions, protocol, version
        self.events = []          # of all connections: (number of the connection, letter, data)
        self.offers = []          # version, actions, protocol as the server offered them
        self.connections = 0
        self.open = []
        self.lock = threading.Lock()
        if address:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(address)
            self.listener.listen(50)
            self.address = "unix:" + address
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
            self.address = "inet:127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def letters(self):
        """What was heard, as letters."""
        with self.lock:
            return "".join(letter for _, letter, _ in self.events)

    def wait_for(self, letters, count=1, timeout=30):
        until(lambda: self.letters().count(letters) >= count, timeout, "the filter to hear %s" % letters)

    def heard(self, letter):
        with self.lock:
            return [data for _, name, data in self.events if name == letter]

    def transcript(self):
        with self.lock:
            return ["%d %s %s" % (number, letter, data.decode("utf-8", "backslashreplace").replace("\0", "|"))
                    for number, letter, data in self.events]

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.append(connection)
                number = self.connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        seen = {}
        try:
            with connection, connection.makefile("rb") as stream:
                while self._one(connection, stream, number, seen):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.events.append((number, "closed", b""))

    def _one(self, connection, stream, number, seen):
        head = stream.read(5)
        if len(head) < 5:
            return False
        command, body = head[4:], stream.read(struct.unpack(">I", head[:4])[0] - 1)
        letter = command.decode("latin-1")
        with self.lock:
            if command == NEGOTIATE:
                self.offers.append(struct.unpack(">III", body))
            else:
                self.events.append((number, letter, body))
        if command == QUIT:
            return False
        seen[letter] = seen.get(letter, 0) + 1
        answers = self._answers(letter, seen[letter])
        if answers == self.DIE:
            return False
        if answers == self.HANG:
            stream.read(1)
            return False
        data = b"".join(a if isinstance(a, bytes) else struct.pack(">I", len(a[1]) + 1) + a[0] + a[1] for a in answers)
        if data:
            connection.sendall(data)
        return True

    def _answers(self, letter, time):
        told = self.replies.get(letter)
        if isinstance(told, list) and told and all(isinstance(t, (list, str)) or (isinstance(t, tuple)) for t in told):
            told = told[min(time, len(told)) - 1]
        if told in (self.HANG, self.DIE):
            return told
        if isinstance(told, (tuple, bytes)):
            told = [told]
        if told is not None:
            return told
        if letter == "O":
            macros = b"".join(struct.pack(">I", stage) + _texts(names) for stage, names in self.macros.items())
            return [(NEGOTIATE, struct.pack(">III", self.version, self.actions, self.protocol) + macros)]
        if letter in "DAK" or self._is_silent(letter):
            return []
        return (self.edits if letter == "E" else []) + [CONTINUE]

    def _is_silent(self, letter):
        bits = {"C": 12, "H": 13, "M": 14, "R": 15, "T": 16, "U": 17, "N": 18, "B": 19, "L": 7}
        return letter in bits and self.protocol & (1 << bits[letter])
