"""What tests of Cyrus SASL need: databases of users, saslauthd, a client of SCRAM."""
import base64
import hashlib
import hmac
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from .namespace import mounting
from .wait import until

PROGRAMS = ("/usr/sbin/saslauthd", "/usr/sbin/saslpasswd2")


def needed(cls):
    """Class decorator: skip the tests, with the reason, where Cyrus SASL's programs are not installed."""
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    return unittest.skipIf(missing, "not installed: %s (Debian package sasl2-bin)" % ", ".join(missing))(cls)


def make_sasldb(folder, users):
    """A database of (name, realm, password); its path."""
    path = os.path.join(folder, "sasldb2")
    for name, realm, password in users:
        subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-f", path, "-u", realm, name],
                       input=password.encode(), check=True, timeout=60)
    os.chmod(path, 0o644)
    return path


def scram_sha1(client, user="user", password="secret"):
    """RFC 5802 by an SMTP client: the last reply. Fails when the server does not prove that it knows the password."""
    first = "n=%s,r=fyko+d2lbbFgONRv9qkxdawL" % user
    reply = client.cmd("AUTH SCRAM-SHA-1 " + base64.b64encode(("n,," + first).encode()).decode())
    if reply.code != 334:
        return reply
    server = base64.b64decode(reply.text).decode()
    fields = dict(field.split("=", 1) for field in server.split(","))
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))

    def mac(key, text):
        return hmac.new(key, text.encode() if isinstance(text, str) else text, hashlib.sha1).digest()

    bare = "c=biws,r=" + fields["r"]
    told = ",".join((first, server, bare))
    key = mac(salted, "Client Key")
    proof = bytes(a ^ b for a, b in zip(key, mac(hashlib.sha1(key).digest(), told)))
    reply = client.cmd(base64.b64encode(("%s,p=%s" % (bare, base64.b64encode(proof).decode())).encode()).decode())
    if reply.code != 334:
        return reply
    wanted = "v=" + base64.b64encode(mac(mac(salted, "Server Key"), told)).decode()
    if base64.b64decode(reply.text).decode() != wanted:
        raise AssertionError("the server does not know the password: %r" % reply.text)
    return client.cmd("")


class Imap:
    """As much of an IMAP server as saslauthd -a rimap asks: LOGIN, for the users in a dict."""

    def __init__(self, users):
        self.users, self.logins = users, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            client.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            for line in client.makefile("r", encoding="latin-1"):
                tag, verb, *words = [w.strip('"') for w in line.split()]
                if verb.upper() == "LOGIN":
                    self.logins.append(words[0])
                    good = len(words) == 2 and self.users.get(words[0]) == words[1]
                    client.sendall(("%s %s\r\n" % (tag, "OK done" if good else "NO wrong")).encode())
                    return
                client.sendall((tag + " OK\r\n").encode())

    def close(self):
        self.listener.close()


# a mount of its own over /etc, where the users are, seen by nobody else: $1 is a folder of ours, the rest the command
PRIVATE_ETC = """mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" && cp -p "$1.users/"* "$1/upper" &&
mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" overlay /etc && shift && exec "$@"
"""


class Saslauthd:
    """saslauthd; its socket is FOLDER/mux. KIND: rimap asks an Imap of ours, sasldb reads /etc/sasldb2, pam the
    system's users: for these two, which want root, it has an /etc of its own."""

    def __init__(self, folder, users, kind="rimap"):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.imap = Imap(users) if kind == "rimap" else None
        self.folder, self.process, self.kind, self.etc = folder, None, kind, tempfile.mkdtemp(prefix="mta-sa-", dir="/tmp")
        os.mkdir(self.etc + ".users")
        if kind == "sasldb":
            os.chmod(make_sasldb(self.etc + ".users", [(name, "", word) for name, word in users.items()]), 0o600)
        if kind == "pam":
            self.make_users(users)
        self.start()

    def make_users(self, users):
        for name in ("passwd", "shadow"):
            shutil.copy2("/etc/" + name, self.etc + ".users/")
        for number, (name, word) in enumerate(users.items()):
            secret = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=word, capture_output=True, text=True,
                                    check=True).stdout.strip()
            for file, line in (("passwd", "%s:x:%d:65534::/nonexistent:/usr/sbin/nologin\n" % (name, 60100 + number)),
                               ("shadow", "%s:%s:19000:0:99999:7:::\n" % (name, secret))):
                with open(os.path.join(self.etc + ".users", file), "a") as out:
                    out.write(line)

    def start(self):
        argv = ["/usr/sbin/saslauthd", "-d", "-a", self.kind, "-m", self.folder, "-n", "0"]
        if self.imap:
            argv += ["-O", "127.0.0.1/%d" % self.imap.port]
        else:
            argv = mounting(PRIVATE_ETC, self.etc, *argv)
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        until(self.answers, 30, "saslauthd's socket")

    def answers(self):
        """The socket of the one before may still be there."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(os.path.join(self.folder, "mux"))
            return True
        except OSError:
            return False

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
        self.process = None

    def close(self):
        self.stop()
        if self.imap:
            self.imap.close()
        for path in (self.etc, self.etc + ".users"):
            shutil.rmtree(path, ignore_errors=True)
