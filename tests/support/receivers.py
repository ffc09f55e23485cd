"""Programs that real mail systems hand mail to, each started in a directory of its own and ended by its pid.

    @needed("/usr/sbin/clamd clamav-daemon", ...)        skip a class where a program is not installed
    with DovecotMail({...}) as dovecot: ...              LMTP, IMAP and dovecot-lda
    with ClamSmtp(reinject_port) as filter: ...          clamsmtpd with clamd and a signature of its own
    with Spamd() as spamd: ...                           SpamAssassin without the network
"""
import imaplib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import unittest

from .ports import free_port, listens
from .wait import until

CLASSIC = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def needed(*programs):
    """PROGRAMS: "path package"."""
    missing = [p for p in (program.split() for program in programs) if not os.path.exists(p[0])]
    reason = "not installed: " + ", ".join("%s (Debian package %s)" % tuple(p) for p in missing)

    def decorate(cls):
        return unittest.skip(reason)(cls) if missing else \
            unittest.skipIf(os.geteuid() != 0, "needs root, to run programs as other users")(cls)
    return decorate


def ids(user):
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


class Partner:
    """A directory and the processes that were started in it."""

    def __init__(self, owner="root"):
        self.dir = tempfile.mkdtemp(prefix="mta-receiver-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        shutil.chown(self.dir, owner)
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def folder(self, name, owner, mode=0o755):
        os.makedirs(self.path(name), exist_ok=True)
        shutil.chown(self.path(name), *ids(owner))
        os.chmod(self.path(name), mode)
        return self.path(name)

    def spawn(self, argv, ready, **options):
        """Start ARGV in the foreground and wait until READY()."""
        with open(self.path("output"), "ab") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.dir, **options)
        self.processes.append(process)

        def is_ready():
            if process.poll() is not None:
                raise AssertionError("%s ended: %s" % (argv[0], self.said()))
            return ready()
        until(is_ready, 120, lambda: "%s to start: %s" % (argv[0], self.said()))

    def said(self):
        text = ""
        for name in ("output", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    text += f.read()[-3000:]
        return text

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/log
instance_name = {dir}
protocols = imap lmtp
ssl = no
listen = 127.0.0.1
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = dovecot
default_login_user = dovenull
auth_username_format = %n
mail_location = maildir:~/Maildir
mbox_write_locks = fcntl dotlock
lda_mailbox_autocreate = yes
recipient_delimiter = +
hostname = dovecot.test
postmaster_address = postmaster@dovecot.test
sendmail_path = /bin/false
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {dir}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""


class DovecotMail(Partner):
    """USERS: {name: (system user, mail location or None for a Maildir in a home of its own)}; passwords are "secret"."""

    def __init__(self, users):
        super().__init__()
        self.imap_port, self.lmtp_port = free_port(), free_port()
        self.lmtp = self.path("lmtp")
        rows = []
        for name, (owner, location) in users.items():
            home = self.folder("home-" + name, owner)
            extra = "userdb_mail=" + location if location else ""
            rows.append("%s:{PLAIN}secret:%d:%d::%s::%s\n" % (name, *ids(owner), home, extra))
        self.write("users", "".join(rows))
        self.write("log", "", 0o666)        # dovecot-lda writes to it, too
        self.conf = self.write("conf", DOVECOT.format(dir=self.dir, imap_port=self.imap_port, lmtp_port=self.lmtp_port))

    def start(self):
        self.spawn(["/usr/sbin/dovecot", "-F", "-c", self.conf],
                   lambda: listens(self.imap_port) and listens(self.lmtp_port) and os.path.exists(self.lmtp))

    def mail(self, user, folder="INBOX"):
        """The messages in FOLDER as IMAP shows them: bytes with LF line ends."""
        session = imaplib.IMAP4("127.0.0.1", self.imap_port)
        try:
            session.login(user, "secret")
            status, _ = session.select(folder, readonly=True)
            if status != "OK":
                return []
            numbers = session.search(None, "ALL")[1][0].split()
            return [session.fetch(n, "(BODY.PEEK[])")[1][0][1].replace(b"\r\n", b"\n") for n in numbers]
        finally:
            session.logout()


class Spamd(Partner):
    def __init__(self):
        super().__init__("nobody")
        self.port = free_port()

    def start(self):
        self.write("init.pre", "".join("loadplugin Mail::SpamAssassin::Plugin::%s\n" % name
                                       for name in ("Check", "BodyEval", "HeaderEval", "MIMEEval", "HTMLEval")))
        self.write("local.cf", "use_bayes 0\nreport_safe 0\ndns_available no\n")
        self.spawn(["/usr/sbin/spamd", "-L", "-x", "-u", "nobody", "-i", "127.0.0.1", "-p", str(self.port), "-m", "2",
                    "--siteconfigpath", self.dir, "--syslog", self.path("log"), "-H", self.dir], lambda: listens(self.port))


class ClamSmtp(Partner):
    """A filter that passes mail on to the port REINJECT and throws away what holds EICAR's test string."""

    def __init__(self, reinject):
        super().__init__("clamsmtp")
        self.port, self.reinject = free_port(), reinject
        self.socket = self.path("clamd.sock")

    def start(self):
        # a signature of our own: the name for a hash of bytes (nothing is downloaded)
        self.folder("db", "clamav")
        self.write("db/test.ndb", "Eicar-Test-Signature:0:*:" + CLASSIC.hex() + "\n")
        self.write("clamd.conf", "LocalSocket %s\nLocalSocketMode 666\nDatabaseDirectory %s\nForeground yes\nLogFile %s\n"
                   "OfficialDatabaseOnly no\nTemporaryDirectory %s\n" % (self.socket, self.path("db"), self.path("clamd.log"),
                                                                         self.folder("tmp", "clamsmtp", 0o777)))
        self.spawn(["/usr/sbin/clamd", "-c", self.path("clamd.conf")], lambda: os.path.exists(self.socket))
        self.write("clamsmtpd.conf", "OutAddress: 127.0.0.1:%d\nListen: 127.0.0.1:%d\nClamAddress: %s\nTempDirectory: %s\n"
                   "Header: X-Virus-Scanned: ClamAV using ClamSMTP\nAction: drop\nXClient: off\n"
                   % (self.reinject, self.port, self.socket, self.path("tmp")))
        self.start_filter()

    def start_filter(self):
        self.spawn(["/usr/sbin/clamsmtpd", "-d", "3", "-f", self.path("clamsmtpd.conf")], lambda: listens(self.port))
