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


def _own_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    timeout = 60        # seconds, for each wait

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
        assert self._wait(max(0, deadline - time.monotonic())), "nothing more after:\n" + self.seen
        return self._read()

    def _wait(self, seconds):
        return select.select([self.far], [], [], seconds)[0]

    def _read(self):
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
        deadline = time.monotonic() + self.timeout
        while True:
            found = re.search(pattern, self.unread, re.MULTILINE)
            if found:
                self.unread = self.unread[found.end():]
                return found
            assert self._more(deadline), "%r was to come after:\n%s" % (pattern, self.seen)

    def type(self, *lines):
        for line in lines:
            os.write(self.far, line.encode() + b"\n")

    def press(self, keys):
        """Type KEYS where no line is asked for; nothing when nobody reads any more."""
        try:
            os.write(self.far, keys.encode())
        except OSError:
            pass

    def read(self, seconds):
        """What comes in SECONDS, or at once when something is there."""
        if self._wait(seconds):
            self._read()

    def runs(self):
        return self.process.poll() is None

    def secret(self, line):
        """Type LINE where getpass(3) asks: what comes before it has set the terminal back is lost."""
        self.type(line)
        until(lambda: termios.tcgetattr(self.far)[3] & termios.ISIG, self.timeout, "the password is read")

    def ends(self):
        """Wait until the command has ended; its exit status."""
        deadline = time.monotonic() + self.timeout
        while self._more(deadline):
            pass
        return self.process.wait(self.timeout)
