"""Dovecot's authentication service, the real one, in a directory of its own; no mail is served.

    dovecot = Dovecot({"user": "secret"}, socket=path)      started and ready
    dovecot.inet                                            inet:127.0.0.1:port, for smtpd_sasl_path
    dovecot.close()                                         ended by its pid
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from .ports import free_port
from .wait import until

PROGRAM = "/usr/sbin/dovecot"
CONF = """\
base_dir = {dir}/run
log_path = {dir}/log
instance_name = {dir}
protocols =
ssl = no
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
  inet_listener {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


def needed(cls):
    """Class decorator: skip the tests, with the reason, where Dovecot cannot run."""
    if not shutil.which(PROGRAM):
        return unittest.skip("not installed: dovecot (Debian package dovecot-core)")(cls)
    return unittest.skipIf(os.geteuid() != 0, "Dovecot's master runs as root")(cls)


class Dovecot:
    def __init__(self, users, socket=None, mechanisms="plain login cram-md5 scram-sha-1 scram-sha-256"):
        self.dir = tempfile.mkdtemp(prefix="mta-dc-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        self.socket = socket or os.path.join(self.dir, "auth")
        self.inet = "inet:127.0.0.1:%d" % self.port
        self.process = None
        self.write("users", "".join("%s:{PLAIN}%s\n" % user for user in users.items()))
        self.write("conf", CONF.format(dir=self.dir, mechanisms=mechanisms, socket=self.socket, port=self.port))
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(os.path.join(self.dir, name), 0o644)

    def log(self):
        try:
            with open(os.path.join(self.dir, "log"), errors="replace") as log:
                return log.read()[-4000:]
        except FileNotFoundError:
            return ""

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "-F", "-c", os.path.join(self.dir, "conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.dir)
        until(self.answers, 60, lambda: "Dovecot to start\n" + self.log())

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("Dovecot ended: %s\n%s" % (self.process.stderr.read(), self.log()))
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                return sock.recv(1000).startswith(b"VERSION")
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        if self.process:
            self.process.stderr.close()
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
