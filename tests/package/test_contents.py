"""What is in the packages: names that Debian's Postfix has, relations, lintian."""
import glob
import os
import re
import subprocess
import unittest


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def files(deb):
    return {line.split()[5].lstrip("."): line for line in output("dpkg", "-c", deb).splitlines()}


class Contents(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.packages = os.environ.get("MTA_PACKAGES", "/nonexistent")
        found = glob.glob(os.path.join(cls.packages, "valija_*.deb"))
        if not found:
            raise unittest.SkipTest("MTA_PACKAGES names no packages (packaging/build makes them)")
        cls.deb, = found
        cls.files = files(cls.deb)

    def test_names_of_debians_package(self):
        theirs = glob.glob(os.path.join(os.environ.get("MTA_ORACLE", "/nonexistent"), "deb", "postfix_*.deb"))
        if not theirs:
            self.skipTest("MTA_ORACLE has no package to compare with")
        wanted = re.compile(r"^/(usr/s?bin|usr/lib/postfix/sbin|usr/lib/networkd-dispatcher|etc|lib/systemd)/.*[^/]$")
        missing = {name for name in files(theirs[0]) if wanted.match(name)} - self.files.keys()
        # helpers of Postfix's own maintainer scripts, in the place of settings
        missing -= {"/etc/postfix/post-install", "/etc/postfix/postfix-script"}
        self.assertEqual(missing, set())

    # how Postfix is built, and tables that no Debian has had for long
    NO_PAGE = {"makedefs.1", "nisplus_table.5"}

    def test_manual_pages_of_debians_package(self):
        theirs = glob.glob(os.path.join(os.environ.get("MTA_ORACLE", "/nonexistent"), "deb", "postfix_*.deb"))
        if not theirs:
            self.skipTest("MTA_ORACLE has no package to compare with")
        ours = set()
        for deb in glob.glob(os.path.join(self.packages, "valija*.deb")):
            ours |= set(files(deb))
        page = re.compile(r"^/usr/share/man/man\d/(.*)\.gz$")
        missing = {page.match(name)[1] for name in files(theirs[0]) if page.match(name)} \
            - {page.match(name)[1] for name in ours if page.match(name)}
        self.assertEqual(missing, self.NO_PAGE)

    def test_every_command_has_a_manual_page(self):
        pages = {os.path.basename(name).split(".")[0] for name in self.files if "/man/man" in name}
        commands = {os.path.basename(name) for name in self.files if re.match(r"^/usr/s?bin/[^/]+$", name)}
        self.assertEqual(commands - pages, set())

    def test_owners_and_modes(self):
        for name, line in self.files.items():
            self.assertIn(" root/root ", line, name)
            self.assertRegex(line, r"^(l|[-d]rw[x-]r-[x-]r-[x-]) ?", name)

    def test_debug_symbols_are_apart(self):
        self.assertTrue(glob.glob(os.path.join(self.packages, "valija-dbgsym_*.deb")))
        self.assertFalse([name for name in self.files if "/usr/lib/debug" in name])

    def test_table_types_are_apart(self):
        self.assertFalse([name for name in self.files if name.endswith(".so")])
        for kind in ("cdb", "ldap", "lmdb", "mongodb", "mysql", "pgsql", "redis", "sqlite"):
            deb, = glob.glob(os.path.join(self.packages, "valija-%s_*.deb" % kind))
            self.assertIn("/usr/lib/postfix/postfix-%s.so" % kind, files(deb))

    def test_relations(self):
        provides = output("dpkg-deb", "-f", self.deb, "Provides")
        self.assertRegex(provides, r"\bmail-transport-agent\b")
        self.assertRegex(provides, r"\bpostfix \(= 3\.11\.\d+\)")
        for field in ("Conflicts", "Replaces"):
            self.assertRegex(output("dpkg-deb", "-f", self.deb, field), r"mail-transport-agent.*\bpostfix\b")

    def test_lintian(self):
        debs = [deb for deb in glob.glob(os.path.join(self.packages, "*.deb")) if "dbgsym" not in deb]
        said = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0"] + debs, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout
        self.assertEqual([line for line in said.splitlines() if re.match(r"E:", line)], [])
