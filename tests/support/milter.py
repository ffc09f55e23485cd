"""A mail filter that speaks the Milter protocol (version 6) and edits every message in the same way.

    with Milter([insert_header(0, "X-First", "1"), add_recipient("c@far.test"), replace_body(b"new\r\n")]) as milter:
        suite.set(smtpd_milters=milter.address)
"""
import socket
import struct
import threading

ADD_HEADERS, CHANGE_BODY, ADD_RECIPIENTS, DELETE_RECIPIENTS, CHANGE_HEADERS, CHANGE_FROM = 1, 2, 4, 8, 16, 64
NEGOTIATE, MACROS, END_OF_BODY, ABORT, QUIT, CONTINUE = b"O", b"D", b"E", b"A", b"Q", b"c"


def _texts(*texts):
    return b"".join(t.encode() + b"\0" for t in texts)


def add_header(name, value):
    return b"h", _texts(name, value)


def insert_header(at, name, value):
    return b"i", struct.pack(">I", at) + _texts(name, value)


def change_header(which, name, value):
    """The WHICHth header of that name, from 1; an empty value removes it."""
    return b"m", struct.pack(">I", which) + _texts(name, value)


def add_recipient(address):
    return b"+", _texts("<%s>" % address)


def delete_recipient(address):
    return b"-", _texts("<%s>" % address)


def change_sender(address):
    return b"e", _texts("<%s>" % address)


def replace_body(data):
    return b"b", data


class Milter:
    def __init__(self, edits):
        self.edits = edits
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "inet:127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            while True:
                head = stream.read(5)
                if len(head) < 5:
                    return
                command, body = head[4:], stream.read(struct.unpack(">I", head[:4])[0] - 1)
                if command == QUIT:
                    return
                for kind, data in self._answers(command, body):
                    connection.sendall(struct.pack(">I", len(data) + 1) + kind + data)

    def _answers(self, command, _):
        if command == NEGOTIATE:
            actions = ADD_HEADERS | CHANGE_BODY | ADD_RECIPIENTS | DELETE_RECIPIENTS | CHANGE_HEADERS | CHANGE_FROM
            return [(NEGOTIATE, struct.pack(">III", 6, actions, 0))]
        if command in (MACROS, ABORT):
            return []
        return (self.edits if command == END_OF_BODY else []) + [(CONTINUE, b"")]
