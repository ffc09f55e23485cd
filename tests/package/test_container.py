"""What packaging/container/Containerfile makes, in a tree in the place of a container: in the foreground, log on
standard output, as root and as a user without any right."""
import os
import re
import shutil
import unittest

from support import wait
from support.debian import Debian

SOURCE = os.path.join(os.environ.get("MTA_SOURCE", "."), "packaging", "container")


class Container(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Debian()
        cls.addClassCleanup(cls.host.close)
        with open(os.path.join(SOURCE, "Containerfile")) as f:
            recipe = f.read()
        answers = re.search(r"echo '(valija postfix/[^']*)' \| debconf-set-selections", recipe).group(1)
        cls.host.run("debconf-set-selections", stdin=answers + "\n")
        cls.host.install("valija")
        cls.host.run(re.search(r"&& (mkdir -m \S+ \S+)", recipe).group(1))
        source, target = re.search(r"(?m)^COPY ((?:packaging/container/\w+ )+)(\S+)", recipe).groups()
        for name in source.split():
            copy = shutil.copy(os.path.join(SOURCE, os.path.basename(name)), cls.host.path(target))
            os.chmod(copy, 0o755)

    def log(self):
        return self.host.read("/tmp/log") if self.host.exists("/tmp/log") else ""  # not begun

    def check(self, user, etc, mailbox):
        as_user = ["", "su %s -c " % user][bool(user)]

        def run(command):
            return self.host.run(as_user + ("'%s'" % command if user else command), check=False)

        self.host.run("rm -f /tmp/log /tmp/pid")
        run("(MYHOSTNAME=mx.x.test /usr/lib/postfix/start >/tmp/log 2>&1 & echo $! >/tmp/pid)")
        wait.until(lambda: "daemon started" in self.log(), 60, self.log)
        wait.until(lambda: run("/usr/lib/postfix/health; echo $?") == "0\n", 60, self.log)
        self.host.run("echo text | MAIL_CONFIG=%s sendmail usuario@mx.x.test" % etc)
        wait.until(lambda: re.search(r"to=<usuario@mx\.x\.test>.* status=sent", self.log()), 60, self.log)
        self.assertIn("text", self.host.read(mailbox))
        # TERM ends it, as the engine does; then the health command sees that
        run("kill $(cat /tmp/pid)")
        wait.until(lambda: "terminating on signal 15" in self.log(), 60, self.log)
        wait.until(lambda: run("/usr/lib/postfix/health; echo $?").strip() != "0", 60, "the port is closed")

    def test_as_root(self):
        self.check("", "/etc/postfix", "/var/mail/usuario")

    def test_as_a_user(self):
        self.check("usuario", "/var/lib/valija-user/etc", "/var/lib/valija-user/mail/usuario")
