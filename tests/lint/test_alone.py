"""The project stands alone: nothing in it refers to a machine, a person's home, or unfinished work."""
import os
import re
import subprocess
import unittest

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
THIS = "tests/lint/test_alone.py"

RULES = [
    ("a path of some machine", re.compile(r"/(?:home/[a-z]|root/|Users/|work/)")),
    ("a path outside the project", re.compile(r"(?:\.\./)+(?:shared|reference|oracle|bench)/|\.\./\.\./\.\./")),
    ("unfinished work", re.compile(r"\b(?:TODO|FIXME|XXX)\b")),
]
# words that the rules must not see: a message of the product, a test's pattern
ALLOWED = re.compile(r"/root/(?:usr|etc)|XXXX")
BINARY = (".db", ".cdb", ".mdb", ".png", ".gz")


def files():
    listing = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], cwd=SOURCE, stdout=subprocess.PIPE)
    names = listing.stdout.decode().split("\0") if listing.returncode == 0 else []
    return [n for n in names if n and n != THIS and "/corpus/" not in n and not n.endswith(BINARY)
            and os.path.isfile(os.path.join(SOURCE, n))]


def faults_of(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        seen = ALLOWED.sub("", line)
        for what, pattern in RULES:
            if pattern.search(seen):
                yield "%s:%d: %s: %s" % (name, number, what, line.strip()[:100])


class Alone(unittest.TestCase):
    def test_files(self):
        names = files()
        if not names:
            self.skipTest("not a git checkout")
        faults = []
        for name in names:
            with open(os.path.join(SOURCE, name), encoding="utf-8", errors="replace") as f:
                faults += faults_of(name, f.read())
        self.assertEqual(faults, [])

    def test_sees_faults(self):
        for line in ("/home/somebody/src", "see ../shared/x", "/* TODO: more */", "cd /root/x"):
            self.assertEqual(len(list(faults_of("x", line))), 1, line)
        self.assertEqual(list(faults_of("x", "$dir/root/usr/sbin and name.XXXXXX")), [])


if __name__ == "__main__":
    unittest.main()
