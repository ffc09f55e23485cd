"""A raw SMTP client: says exactly what it is told, and shows exactly what came back."""
import re
import socket
from collections import namedtuple

# code 250, enhanced "2.1.0" or "", text without both; lines is the whole reply as received
Reply = namedtuple("Reply", "code enhanced text lines")


class Disconnected(AssertionError):
    """The server closed the connection where a reply was due."""


def parse_reply(lines):
    code = int(lines[-1][:3])
    texts = [line[4:] for line in lines]
    enhanced = re.match(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)", texts[-1])
    text = texts[-1][enhanced.end():] if enhanced else texts[-1]
    if len(texts) > 1:
        text = "\n".join(texts[:-1] + [text])
    return Reply(code, enhanced.group(1) if enhanced else "", text, lines)


class SmtpClient:
    """One session. Every command method returns the Reply to it."""

    def __init__(self, address, timeout=30):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout)
        self.pending = b""
        self.keywords = {}
        self.banner = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Leave politely after success, at once after a failure."""
        if kind is None:
            try:
                self.quit()
            except (OSError, AssertionError):
                pass            # the test ended the session itself
        self.close()

    # Bytes and lines

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def read_line(self):
        while b"\n" not in self.pending:
            data = self.sock.recv(65536)
            if not data:
                raise Disconnected("connection closed, unfinished line: %r" % self.pending)
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def read_reply(self):
        lines = []
        while True:
            line = self.read_line()
            lines.append(line)
            if not re.match(r"\d\d\d", line):
                raise AssertionError("not an SMTP reply: %r" % lines)
            if line[3:4] != "-":
                return parse_reply(lines)

    def at_eof(self):
        """True when the server has closed the connection (waits for it)."""
        if self.pending:
            return False
        try:
            self.pending = self.sock.recv(65536)
        except ConnectionResetError:
            return True
        return not self.pending

    def close(self):
        self.sock.close()

    def abort(self):
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    # Commands

    def greeting(self):
        self.banner = self.read_reply()
        return self.banner

    def cmd(self, line):
        self.send(line + "\r\n")
        return self.read_reply()

    def helo(self, name="client.test"):
        return self.cmd("HELO " + name)

    def ehlo(self, name="client.test"):
        reply = self.cmd("EHLO " + name)
        words = [line[4:].split(" ", 1) for line in reply.lines[1:]]
        self.keywords = {w[0].upper(): w[1] if len(w) > 1 else "" for w in words}
        return reply

    def lhlo(self, name="client.test"):
        return self.cmd("LHLO " + name)

    def mail(self, sender, options=""):
        return self.cmd("MAIL FROM:<%s>%s" % (sender, " " + options if options else ""))

    def rcpt(self, recipient, options=""):
        return self.cmd("RCPT TO:<%s>%s" % (recipient, " " + options if options else ""))

    def data(self, text):
        """DATA and, when the server wants it, the text; the reply to whichever came last."""
        reply = self.cmd("DATA")
        return self.body(text) if reply.code == 354 else reply

    def body(self, text):
        raw = text.encode("latin-1") if isinstance(text, str) else text
        lines = raw.replace(b"\r\n", b"\n").split(b"\n")
        if lines and lines[-1] == b"":
            lines.pop()
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        self.send(b"".join(line + b"\r\n" for line in stuffed) + b".\r\n")
        return self.read_reply()

    def bdat(self, chunk, last=False):
        raw = chunk.encode("latin-1") if isinstance(chunk, str) else chunk
        self.send(b"BDAT %d%s\r\n" % (len(raw), b" LAST" if last else b"") + raw)
        return self.read_reply()

    def start_tls(self, context, session=None):
        """STARTTLS and the handshake, which resumes SESSION; the reply to the command."""
        reply = self.cmd("STARTTLS")
        if reply.code == 220:
            self.wrap(context, session)
        return reply

    def wrap(self, context, session=None):
        """TLS from here on."""
        self.sock = context.wrap_socket(self.sock, server_hostname="server.test", session=session)
        self.pending = b""

    def rset(self):
        return self.cmd("RSET")

    def noop(self):
        return self.cmd("NOOP")

    def quit(self):
        return self.cmd("QUIT")

    def message(self, sender, recipients, text):
        """A whole transaction; fails unless each step is accepted. The reply to the dot."""
        steps = [self.mail(sender)]
        steps += [self.rcpt(r) for r in recipients]
        steps.append(self.data(text))
        for step in steps:
            if not 200 <= step.code < 300:
                raise AssertionError("refused: %s" % step.lines)
        return steps[-1]
