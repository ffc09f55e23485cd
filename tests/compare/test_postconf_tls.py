"""postconf -T, whose answers come from the TLS library."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase


@oracle.needed
class TlsLibrary(ComparisonTestCase):
    def test_modes(self):
        for mode in ("run-version", "public-key-algorithms", "Run-Version", "other", ""):
            with self.subTest(mode):
                self.compare_command("postconf", "-T", mode)

    def test_version_of_the_build(self):
        self.assertRegex(self.ours.run("postconf", "-T", "compile-version").stdout, r"^OpenSSL 3\.\d")


if __name__ == "__main__":
    unittest.main()
