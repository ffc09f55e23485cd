"""Edits with which postconf of Postfix 3.7 loses settings, or dies: what it does, and what ours does (decision 0094).

A row that 3.7 no longer bears out fails the test, as ours does.
"""
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

STAGE = os.environ.get("MTA_STAGE")
ORACLE = os.environ.get("MTA_ORACLE")
CRASHES = "signal 11"  # or Postfix's text of the file
REFUSES = "exit status 1"
SMTPD = "smtp inet n - y - - smtpd\n"
ENTRY = "p          unix  -       n       n       -       -       pipe"

# file, its text, command, what 3.7 makes of it, what ours makes of it
EDITS = (
    # the last line has no line end: 3.7 makes one setting of two
    ("main.cf", "mail_name = x", "-e mydomain=y", "mail_name = xmydomain = y\n", "mail_name = x\nmydomain = y\n"),
    ("main.cf", "mail_name = x\n  b", "-e mydomain=y", "mail_name = x\n  bmydomain = y\n",
     "mail_name = x\n  b\nmydomain = y\n"),
    ("main.cf", "mail_name = x\n# end", "-e mydomain=y", "mail_name = x\n# endmydomain = y\n",
     "mail_name = x\n# end\nmydomain = y\n"),
    ("main.cf", "mail_name = x\n  ", "-e mydomain=y", "mail_name = x\n  mydomain = y\n",
     "mail_name = x\n  \nmydomain = y\n"),
    ("master.cf", "local unix - n n - - local", "-Me 'a/unix=a unix - - n - - smtp'",
     "local unix - n n - - locala          unix  -       -       n       -       -       smtp\n",
     "local unix - n n - - local\na          unix  -       -       n       -       -       smtp\n"),
    # an argument of a command is lost, or becomes two
    ("master.cf", "p unix - n n - - pipe argv=/x {} y\n", "-Pe p/unix/x=y",
     ENTRY + "\n    -o x=y\n    argv=/x  y\n", ENTRY + "\n    -o x=y\n    argv=/x {} y\n"),
    ("master.cf", "p unix - n n - - pipe -o x=y argv=/x {} y\n", "-PX p/unix/x",
     ENTRY + " argv=/x  y\n", ENTRY + " argv=/x {} y\n"),
    ("master.cf", "p unix - n n - - pipe {a b} c\n", "-Pe p/unix/x=y",
     ENTRY + "\n    -o x=y\n    a b c\n", ENTRY + "\n    -o x=y\n    {a b} c\n"),
    ("master.cf", "p unix - n n - - pipe x {{a}}\n", "-Fe p/unix/chroot=y",
     ENTRY.replace("n       n", "n       y") + " x {a}\n", ENTRY.replace("n       n", "n       y") + " x {{a}}\n"),
    # the entry cannot be read again
    ("master.cf", SMTPD, "-Fe smtp/inet/chroot=",
     "smtp       inet  n       -               -       -       smtpd\n", REFUSES),
    ("master.cf", SMTPD, "-Fe 'smtp/inet/command=smtpd -o {'",
     "smtp       inet  n       -       y       -       -       smtpd\n    -o \n", SMTPD),
    # 3.7 dies
    ("master.cf", SMTPD, "-Fe smtp/inet/command=", CRASHES, REFUSES),
    ("main.cf", "# x\nmail_name = x\n  more\nmydomain = y\n", "-X mail_name mail_name", CRASHES,
     "# x\nmydomain = y\n"),
)


def outcome(root, name, text, command):
    """The text of the file after COMMAND, or how the command ended; then the file has to be as it was."""
    with tempfile.TemporaryDirectory(prefix="postconf.") as etc:
        path = pathlib.Path(etc, name)
        pathlib.Path(etc, "main.cf").write_text("")
        pathlib.Path(etc, "master.cf").write_text("")
        path.write_text(text)
        done = subprocess.run([f"{root}/usr/sbin/postconf", "-c", etc, *shlex.split(command)], timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env={"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"})
        if done.returncode == 0:
            return path.read_text()
        assert path.read_text() == text, done
        return f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"


@unittest.skipUnless(STAGE, "MTA_STAGE is not set: nothing of ours is installed")
class PostconfKeepsSettings(unittest.TestCase):
    maxDiff = None

    def test_ours(self):
        for name, text, command, _, ours in EDITS:
            with self.subTest(text=text, command=command):
                self.assertEqual(outcome(STAGE, name, text, command), ours)

    @unittest.skipUnless(ORACLE, "MTA_ORACLE is not set: no reference to compare with")
    def test_postfix(self):
        for name, text, command, theirs, _ in EDITS:
            with self.subTest(text=text, command=command):
                self.assertEqual(outcome(f"{ORACLE}/root", name, text, command), theirs)


if __name__ == "__main__":
    unittest.main()
