"""Plugins and the programs that load them: what a program offers gets in the way of no library."""
import glob
import os
import re
import subprocess
import unittest

STAGE = os.environ["MTA_STAGE"]
# the compiler's own, the same everywhere
COMMON = re.compile(r"^(_|__|asan|lsan|ubsan|__asan|environ$|std(in|out|err)$|opt(arg|ind|err|opt)$)")


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def defined(path):
    return {line.split()[-1].split("@")[0] for line in output("nm", "-D", "--defined-only", path).splitlines()}


class Plugins(unittest.TestCase):
    def setUp(self):
        self.plugins = glob.glob(os.path.join(STAGE, "usr/lib/postfix/postfix-*.so"))
        self.assertTrue(self.plugins)
        self.offered = {name for name in defined(os.path.join(STAGE, "usr/sbin/postmap"))
                        if not COMMON.match(name)}

    def test_programs_offer_what_plugins_need(self):
        for plugin in self.plugins:
            with self.subTest(plugin=plugin):
                missing = [line for line in
                           subprocess.run(["ldd", "-r", plugin], capture_output=True, text=True,
                                          check=False).stdout.splitlines() if "undefined symbol" in line]
                names = {re.search(r"undefined symbol: (\w+)", line).group(1) for line in missing}
                self.assertEqual({n for n in names - self.offered if not COMMON.match(n)}, set())

    def test_no_name_of_ours_is_one_of_a_library(self):
        """The program's symbol would be taken for the library's own."""
        for plugin in self.plugins:
            libraries = re.findall(r"=> (/\S+)", output("ldd", plugin))
            for library in libraries:
                if not re.search(r"/lib(asan|ubsan|lsan|c|m|gcc_s|stdc\+\+)\.so", library):
                    with self.subTest(plugin=plugin, library=library):
                        self.assertEqual(defined(library) & self.offered, set())
            self.assertEqual(defined(plugin) & self.offered, set())


if __name__ == "__main__":
    unittest.main()
