"""A scriptable server of Dovecot's authentication protocol, in this process.

    server = AuthServer(path)                   a unix socket, which smtpd reaches as PATH
    server = AuthServer()                       server.spec is inet:127.0.0.1:port
    server.lines                                what clients sent, a list of fields each
    server.asked()                              the AUTH and CONT lines alone

It knows PLAIN, LOGIN and CRAM-MD5 for the users in `users`. A user name that begins with "say:" decides the
answer: what follows are its fields, separated by blanks ("say:FAIL reason=no"), with the request's id put in.
"""
import base64
import hashlib
import hmac
import os
import socket
import threading

from .ports import free_port

MECHS = ["MECH\tPLAIN\tplaintext", "MECH\tLOGIN\tplaintext", "MECH\tCRAM-MD5\tdictionary\tactive"]
CHALLENGE = b"<1896.697170952@auth.test>"


def decode(text):
    try:
        return base64.b64decode(text.encode()).decode("utf-8", "replace")
    except ValueError:
        return ""


class AuthServer:
    def __init__(self, path=None, mechs=MECHS, users=None, version=(1, 2), handshake=None):
        """HANDSHAKE: the very bytes to send on connecting, instead of a proper beginning."""
        self.path, self.mechs, self.version, self.handshake = path, list(mechs), version, handshake
        self.users = {"user": "secret"} if users is None else users
        self.lines, self.connections, self.open = [], 0, []
        self.silent, self.hang_up = False, False    # answer nothing; close instead of answering
        self.raw = None                             # bytes to answer with, %s is the id
        self.port, self.listener = free_port(), None
        self.lock = threading.Lock()
        self.start()

    @property
    def spec(self):
        return self.path or "inet:127.0.0.1:%d" % self.port

    def asked(self):
        return [fields for fields in list(self.lines) if fields[0] in ("AUTH", "CONT")]

    def start(self):
        if self.path:
            if os.path.exists(self.path):
                os.unlink(self.path)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            os.chmod(self.path, 0o666)
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(50)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def greeting(self):
        if self.handshake is not None:
            return self.handshake
        lines = ["VERSION\t%d\t%d" % self.version] + self.mechs
        lines += ["SPID\t%d" % os.getpid(), "CUID\t1", "COOKIE\t0123456789abcdef0123456789abcdef", "DONE"]
        return "".join(line + "\n" for line in lines).encode()

    def _serve(self, client):
        pending, states = b"", {}
        try:
            client.sendall(self.greeting())
            while True:
                got = client.recv(65536)
                if not got:
                    return
                pending += got
                while b"\n" in pending:
                    line, pending = pending.split(b"\n", 1)
                    fields = line.decode("utf-8", "replace").split("\t")
                    self.lines.append(fields)
                    if fields[0] not in ("AUTH", "CONT"):
                        continue
                    if self.hang_up:
                        return
                    if not self.silent:
                        client.sendall(self.answer(fields, states))
        except OSError:
            pass
        finally:
            client.close()

    def answer(self, fields, states):
        number = fields[1]
        if self.raw is not None:
            return self.raw.replace(b"%s", number.encode())
        if fields[0] == "AUTH":
            states[number] = getattr(self, "on_" + fields[2].replace("-", "_").lower(), self.on_other)()
            given = [f[5:] for f in fields if f.startswith("resp=")]
            reply = next(states[number])
            if reply is None:           # it begins with the client's words
                reply = states[number].send(given[0]) if given else ["CONT", ""]
        else:
            reply = states[number].send(fields[2])
            if reply is None:
                reply = next(states[number])
        return ("\t".join([reply[0], number] + reply[1:]) + "\n").encode()

    def verdict(self, user, good):
        if user.startswith("say:"):
            return [field.replace("_", " ") for field in user[4:].split(" ")]
        if good:
            return ["OK", "user=" + user]
        return ["FAIL", "user=" + user]

    def on_plain(self):
        text = yield None
        parts = decode(text).split("\0")
        user, password = (parts + ["", ""])[1:3]
        yield self.verdict(user, self.users.get(user) == password)

    def on_login(self):
        user = decode((yield ["CONT", "VXNlcm5hbWU6"]))
        password = decode((yield ["CONT", "UGFzc3dvcmQ6"]))
        yield self.verdict(user, self.users.get(user) == password)

    def on_cram_md5(self):
        text = decode((yield ["CONT", base64.b64encode(CHALLENGE).decode()]))
        user, _, digest = text.rpartition(" ")
        wanted = hmac.new(self.users.get(user, "").encode(), CHALLENGE, hashlib.md5).hexdigest()
        yield self.verdict(user, user in self.users and digest == wanted)

    def on_other(self):
        yield ["FAIL", "reason=Unsupported mechanism"]

    def stop(self):
        """Close the socket and all connections."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.listener = None
        if self.path and os.path.exists(self.path):
            os.unlink(self.path)
        self.drop()

    def drop(self):
        """End the connections that are open."""
        for client in self.open:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    close = stop
