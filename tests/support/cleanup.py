"""cleanup(8) by itself: started as master would, spoken to as smtpd and pickup would."""
import os
import pwd
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from .wait import until

OPEN, OPENED, RECORDS, DONE, ABORT = range(0x101, 0x106)
QMGR_ARRIVED = 0x201
BOUNCE_APPEND, BOUNCE_FLUSH, BOUNCE_STATUS = 0x401, 0x402, 0x406
FLAG_BOUNCE, FLAG_FILTER, FLAG_HOLD, FLAG_DISCARD, FLAG_BCC, FLAG_MAP = (1 << n for n in range(6))
FLAGS_EXTERNAL = FLAG_FILTER | FLAG_BCC | FLAG_MAP
TEXT, INT = 0, 1


def record(kind, data=b""):
    if isinstance(data, str):
        data = data.encode("latin1")
    length, n = b"", len(data)
    while True:
        low, n = n & 127, n >> 7
        length += bytes([low | (128 if n else 0)])
        if not n:
            return kind.encode() + length + data


def records(data):
    """The (offset, type, data) of a queue file, in file order."""
    at, out = 0, []
    while at < len(data):
        start, kind, length, shift = at, chr(data[at]), 0, 0
        at += 1
        while True:
            length |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 128:
                break
        out.append((start, kind, data[at:at + length]))
        at += length
    return out


def frame(kind, body=b""):
    return struct.pack("<BBHI", 0xA7, 1, kind, len(body)) + body


def field(name, kind, data):
    return bytes([len(name)]) + name.encode() + bytes([kind]) + struct.pack("<I", len(data)) + data


def fields(body):
    out, at = {}, 0
    while at < len(body):
        n = body[at]
        name, kind = body[at + 1:at + 1 + n].decode(), body[at + 1 + n]
        length, = struct.unpack_from("<I", body, at + 2 + n)
        at += 6 + n
        data = body[at:at + length]
        out[name] = (struct.unpack("<q", data)[0] if kind == INT else
                     data.decode("utf-8", "replace") if kind == TEXT else data)
        at += length
    return out


class Connection:
    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.rest = b""

    def send(self, kind, body=b""):
        self.sock.sendall(frame(kind, body))

    def receive(self):
        while len(self.rest) < 8 or len(self.rest) < 8 + struct.unpack_from("<I", self.rest, 4)[0]:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError("cleanup closed the connection")
            self.rest += got
        kind, length = struct.unpack_from("<HI", self.rest, 2)
        body, self.rest = self.rest[8:8 + length], self.rest[8 + length:]
        return kind, fields(body)

    def open(self, flags=FLAGS_EXTERNAL):
        self.send(OPEN, field("flags", INT, struct.pack("<q", flags)) +
                  field("session", INT, struct.pack("<q", 0)) +
                  field("milters", INT, struct.pack("<q", 0)))
        kind, reply = self.receive()
        return reply["queue_id"] if kind == OPENED else reply

    def message(self, recs, flags=FLAGS_EXTERNAL):
        """Queue id and cleanup's answer."""
        queue_id = self.open(flags)
        if isinstance(queue_id, dict):
            return None, queue_id
        self.send(RECORDS, b"".join(recs))
        return queue_id, self.receive()[1]

    def close(self):
        self.sock.close()


def envelope(sender="a@b.test", recipients=("c@far.test",), context="local", extra=(),
             before_recipient=()):
    out = [record("T", "1795295455 12"), record("A", "rewrite_context=" + context)]
    out += list(extra) + [record("S", sender)]
    for recipient in recipients:
        out += list(before_recipient) + [record("R", recipient)]
    return out


def content(text):
    if isinstance(text, str):
        text = text.encode("latin1")
    out = [record("M")]
    for line in text.split(b"\n")[:-1]:
        while len(line) > 2048:
            out.append(record("L", line[:2048]))
            line = line[2048:]
        out.append(record("N", line))
    return out


END = [record("X"), record("E")]


class Cleanup:
    """One process, its queue directory, and a qmgr that remembers what it is told. Another program
    that is started as SERVICE is found at public/cleanup as well."""

    def __init__(self, program, main_cf="", prefix=(), env=None, service="cleanup"):
        self.dir = tempfile.TemporaryDirectory(prefix="cleanup.")
        self.queue = self.path("queue")
        for name in ("queue", "etc", "data", "queue/incoming", "queue/active", "queue/deferred",
                     "queue/hold", "queue/public", "queue/private", "queue/pid"):
            os.mkdir(self.path(name))
        owner = "postfix" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        with open(self.path("etc/main.cf"), "w") as f:
            f.write("compatibility_level = 3.6\nqueue_directory = %s\ndata_directory = %s\n"
                    "mail_owner = %s\nmyhostname = our.test\nmydestination = our.test\n"
                    "maillog_file = %s\nmaillog_file_prefixes = %s\n%s\n" %
                    (self.queue, self.path("data"), owner, self.path("log"), self.dir.name,
                     main_cf.replace("@dir@", self.dir.name)))
        if os.getuid() == 0:
            os.chmod(self.dir.name, 0o755)
            for top, _, _ in os.walk(self.queue):
                shutil.chown(top, owner)
        self.log_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log_socket.bind(self.path("queue/public/postlog"))
        os.chmod(self.path("queue/public/postlog"), 0o666)
        self.qmgr = socket.socket(socket.AF_UNIX)
        self.qmgr.bind(self.path("queue/public/qmgr"))
        os.chmod(self.path("queue/public/qmgr"), 0o666)
        self.qmgr.listen(5)
        self.program, self.prefix, self.env, self.service = program, list(prefix), env, service
        self.told, self.process, self.lines, self.services = [], None, [], []
        threading.Thread(target=self._qmgr, daemon=True).start()
        threading.Thread(target=self._log, daemon=True).start()

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def _qmgr(self):
        while True:
            try:
                client, _ = self.qmgr.accept()
            except OSError:
                return
            connection = Connection.__new__(Connection)
            connection.sock, connection.rest = client, b""
            try:
                while True:
                    self.told.append(connection.receive())
            except (EOFError, OSError):
                client.close()

    def _log(self):
        while True:
            try:
                line = self.log_socket.recv(65536)
            except OSError:
                return
            self.lines += line.decode("utf-8", "replace").splitlines()

    def serve_bounce(self, service):
        """Answer private/SERVICE; the list of (kind, fields) that were asked, which grows."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path("queue/private/" + service))
        os.chmod(self.path("queue/private/" + service), 0o666)
        listener.listen(5)
        self.services.append(listener)
        asked = []

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                connection = Connection.__new__(Connection)
                connection.sock, connection.rest = client, b""
                try:
                    while True:
                        asked.append(connection.receive())
                        connection.send(BOUNCE_STATUS, field("ok", INT, struct.pack("<q", 1)) +
                                        field("reason", TEXT, b""))
                except (EOFError, OSError):
                    client.close()

        threading.Thread(target=serve, daemon=True).start()
        return asked

    def start(self):
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path("queue/public/cleanup")):
            os.unlink(self.path("queue/public/cleanup"))
        listener.bind(self.path("queue/public/cleanup"))
        listener.listen(10)
        listener.setblocking(False)
        self.status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        null = os.open("/dev/null", os.O_RDWR)
        high = [os.dup2(fd, 100 + at) for at, fd in
                enumerate((theirs.fileno(), null, listener.fileno()))]

        # through a program of its own: the numbers wanted may be in use here until it starts
        become = [sys.executable, "-c", "import os, sys\n"
                  "for n in range(3): os.dup2(100 + n, 3 + n)\n"
                  "os.closerange(100, 103)\nos.execvp(sys.argv[1], sys.argv[1:])"]
        env = dict(os.environ, MAIL_CONFIG=self.path("etc"), **(self.env or {}))
        stderr = open(self.path("stderr"), "ab")
        self.process = subprocess.Popen(
            become + self.prefix + [self.program, "-n", self.service, "-t", "unix", "-s", "1", "-m", "0"],
            pass_fds=high, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=stderr, cwd=self.queue)
        stderr.close()
        for fd in high + [null]:
            os.close(fd)
        theirs.close()
        listener.close()
        return self

    def connect(self, timeout=30):
        return Connection(self.path("queue/public/cleanup"), timeout)

    def send(self, recs, flags=FLAGS_EXTERNAL):
        connection = self.connect()
        try:
            return connection.message(recs, flags)
        finally:
            connection.close()

    def files(self, queue="incoming"):
        return sorted(os.listdir(os.path.join(self.queue, queue)))

    def file(self, queue_id, queue="incoming"):
        with open(os.path.join(self.queue, queue, queue_id), "rb") as f:
            return f.read()

    def stderr(self):
        with open(self.path("stderr"), errors="replace") as f:
            return f.read()

    def text(self, queue_id, queue="incoming"):
        """The content as text, LF after each line."""
        out, inside = b"", False
        for _, kind, data in records(self.file(queue_id, queue)):
            if kind in "MX":
                inside = kind == "M"
            elif inside:
                out += data + (b"\n" if kind == "N" else b"")
        return out.decode("latin1")

    def recipients(self, queue_id, queue="incoming"):
        return [data.decode() for _, kind, data in records(self.file(queue_id, queue))
                if kind == "R"]

    def wait_for_log(self, text):
        until(lambda: any(text in line for line in list(self.lines)), 30,
              lambda: "%r in the log\n%s" % (text, "\n".join(self.lines)))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.status.close()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for sock in self.services + [self.qmgr, self.log_socket]:
            sock.close()
        self.dir.cleanup()
