"""conf/completion: each command that people type, with the options it takes and no other."""
import glob
import os
import re
import unittest

from . import test_man

SOURCE = test_man.SOURCE
# postdrop is for programs
NOT_TYPED = {"postdrop"}
# another name, whose options come first where getopt(3) is called, and the program's own after them
ALIASES = {"postalias": "postmap", "qmqp-source": "smtp-source", "qmqp-sink": "smtp-sink"}


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as file:
        return file.read()


class Completion(unittest.TestCase):
    def setUp(self):
        text = read("conf/completion/valija.bash")
        self.told = dict(re.findall(r"^ +\[([a-z-]+)\]='([^']+)'$", text, re.MULTILINE))
        self.links = re.search(r"foreach\(command ([^)]*)\)", read("conf/CMakeLists.txt"))[1].split()

    def test_options(self):
        folders = {os.path.basename(d): d for d in glob.glob(os.path.join(SOURCE, "tools/*"))}
        for command, letters in self.told.items():
            folder = folders.get(command, folders.get(ALIASES.get(command)))
            calls = re.findall(r'getopt(?:_long)?\([^;)]*?"\+?([^"]*)"(?:\s*:\s*"([^"]*)")?',
                               "".join(test_man.read(p) for p in
                                       glob.glob(folder + "/*.c")))
            self.assertEqual(len(calls), 1, command)
            taken = calls[0][0] if command in ALIASES else calls[0][1] or calls[0][0]
            self.assertEqual(letters, taken, command)

    def test_commands(self):
        commands = {name for name, section, _ in test_man.programs() if section == "1"} | {"mailq", "newaliases"}
        self.assertEqual(set(self.links), commands - NOT_TYPED)
        self.assertEqual(set(self.told) | {"mailq", "newaliases"}, set(self.links))

    def test_words(self):
        text = read("conf/completion/valija.bash")
        for source, pattern, name in [
                ("tools/postfix/postfix.c", r'^ +\{"([a-z-]+)", postfix_', "_valija_commands"),
                ("tools/postfix/postfix_install.c", r'\{"([a-z-]+)", [a-z_]+\}', "_valija_steps")]:
            told = re.search(r"^%s='([^']*)'" % name, text, re.MULTILINE)[1].split()
            self.assertEqual(sorted(told), sorted(re.findall(pattern, read(source), re.MULTILINE)), name)


if __name__ == "__main__":
    unittest.main()
