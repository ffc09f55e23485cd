"""A command at a terminal: what it prints is waited for before anything is typed.

    with Terminal(host.command("telnet localhost 25")) as at:
        at.expect("220 .*")
        at.type("QUIT")
        at.ends()
"""
import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

from .wait import until

TIMEOUT = 60


def _own_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    def __init__(self, command):
        self.far, near = pty.openpty()
        modes = termios.tcgetattr(near)
        modes[1] &= ~termios.OPOST      # lines end with LF, not CR LF
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(near, termios.TCSANOW, modes)
        self.process = subprocess.Popen(command, stdin=near, stdout=near, stderr=near, start_new_session=True,
                                        preexec_fn=_own_terminal)
        os.close(near)
        self.unread = self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.far)

    def _more(self, deadline):
        """Read what is there; False at the end of the terminal."""
        ready, _, _ = select.select([self.far], [], [], max(0, deadline - time.monotonic()))
        assert ready, "nothing more after:\n" + self.seen
        try:
            data = os.read(self.far, 65536)
        except OSError:                 # EIO: nobody has the other end any more
            data = b""
        text = data.decode("utf-8", "replace").replace("\r", "")
        self.unread += text
        self.seen += text
        return bool(data)

    def expect(self, pattern):
        """Wait for PATTERN, a regular expression for lines; the match."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = re.search(pattern, self.unread, re.MULTILINE)
            if found:
                self.unread = self.unread[found.end():]
                return found
            assert self._more(deadline), "%r was to come after:\n%s" % (pattern, self.seen)

    def type(self, *lines):
        for line in lines:
            os.write(self.far, line.encode() + b"\n")

    def secret(self, line):
        """Type LINE where getpass(3) asks: what comes before it has set the terminal back is lost."""
        self.type(line)
        until(lambda: termios.tcgetattr(self.far)[3] & termios.ISIG, TIMEOUT, "the password is read")

    def ends(self):
        """Wait until the command has ended; its exit status."""
        deadline = time.monotonic() + TIMEOUT
        while self._more(deadline):
            pass
        return self.process.wait(TIMEOUT)
