"""Every C file is laid out as clang-format lays it out."""
import os
import shutil
import subprocess
import unittest

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def c_files():
    """Tracked and new C files; what .gitignore names is left out."""
    listing = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], cwd=SOURCE, stdout=subprocess.PIPE)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
    else:                               # an exported tree
        names = [os.path.relpath(os.path.join(where, n), SOURCE)
                 for where, _, files in os.walk(SOURCE) for n in files if "/build" not in where]
    return sorted(n for n in names if n.endswith((".c", ".h")) and os.path.exists(os.path.join(SOURCE, n)))


class Format(unittest.TestCase):
    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_layout(self):
        files = c_files()
        self.assertGreater(len(files), 10)
        done = subprocess.run(["clang-format", "--dry-run", "--Werror"] + files, cwd=SOURCE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        faults = [line for line in done.stdout.decode(errors="replace").splitlines() if "error:" in line]
        self.assertEqual(done.returncode, 0, "\n".join(faults[:50]) + "\nclang-format -i does it")

    def test_length(self):
        """A file near 600 lines is two features."""
        long = []
        for name in c_files():
            with open(os.path.join(SOURCE, name), encoding="utf-8") as f:
                count = sum(1 for _ in f)
            if count > 600:
                long.append("%s: %d lines" % (name, count))
        self.assertEqual(long, [])


if __name__ == "__main__":
    unittest.main()
