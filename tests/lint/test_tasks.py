"""docs/tasks/ and their twins in docs/es/: the same headings, code and facts; every setting and command exists."""
import json
import os
import re
import subprocess
import tempfile
import unittest

from support.pages import DOCS, SOURCE, blocks, read
from support.product import staged

OURS = re.compile(r"^(?:post\w+|mailq|newaliases|sendmail)$")
# of a few lines of main.cf postlint can judge these: names, values, restriction lists
JUDGED = re.compile(r"V0[015]\d")


def pages(folder):
    return sorted(name for name in os.listdir(os.path.join(DOCS, folder)) if name.endswith(".md"))


def headings(text):
    return [len(mark) for mark in re.findall(r"(?m)^(#+) ", re.sub(r"(?ms)^```.*?^```$", "", text))]


def manual_of(command):
    text = read("man", command + ".1")
    return text if not text.startswith(".so ") else read("man", os.path.basename(text[4:].strip()))


def settings(text, code=""):
    """main.cf with all that a page sets; where it sets a thing twice, as CODE has it."""
    lines = "".join(blocks(text, "main.cf") + [code]).splitlines()
    return "".join("%s = %s\n" % pair for pair in dict(line.split(" = ", 1) for line in lines).items())


TASKS = {name: read("tasks", name) for name in pages("tasks")}


class Twins(unittest.TestCase):
    def test_same_in_both_languages(self):
        twins = {}
        for name in pages("es"):
            found = re.search(r"\A# .+\n\n\(\[English\]\(\.\./tasks/(\S+)\)\)\n", read("es", name))
            if found:
                self.assertNotIn(found.group(1), twins)
                twins[found.group(1)] = name
        self.assertEqual(sorted(twins), sorted(TASKS))
        for english, spanish in twins.items():
            with self.subTest(english):
                other = read("es", spanish)
                self.assertEqual(headings(other), headings(TASKS[english]))
                self.assertEqual(blocks(other), blocks(TASKS[english]))
                self.assertEqual(len(re.findall(r"(?m)^```", other)), 2 * len(blocks(other)))
                self.assertIn("(es/%s)" % spanish, read("README.md"))
                self.assertIn("(tasks/%s)" % english, read("README.md"))

    def test_links_lead_somewhere(self):
        for folder in ("tasks", "es"):
            for name in pages(folder):
                for target in re.findall(r"\]\(([^)#:]+)\)", read(folder, name)):
                    with self.subTest((folder, name, target)):
                        self.assertTrue(os.path.exists(os.path.join(DOCS, folder, target)))

    def test_manual_pages_exist(self):
        for name, text in TASKS.items():
            for page, section in re.findall(r"\b([a-z_-]+)\((\d)\)", text):
                with self.subTest((name, page)):
                    self.assertTrue(os.path.exists(os.path.join(DOCS, "man", "%s.%s" % (page, section))))


class Facts(unittest.TestCase):
    def setUp(self):
        self.product = staged()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.etc = folder.name

    def write(self, main, master):
        for name, text in (("main.cf", "compatibility_level = 3.11\n" + main), ("master.cf", master)):
            with open(os.path.join(self.etc, name), "w", encoding="utf-8") as file:
                file.write(text)

    def run_tool(self, path, *args):
        return subprocess.run([path, "-c", self.etc, *args], capture_output=True, text=True, timeout=60)

    def test_settings_are_known(self):
        for name, text in TASKS.items():
            master = "smtp unix - - n - - smtp\n" + "".join(blocks(text, "master.cf"))
            for code in blocks(text, "main.cf") or [""]:
                with self.subTest((name, code)):
                    for line in code.splitlines():
                        self.assertRegex(line, r"^[\w-]+ = \S")
                    self.write(settings(text, code), master)
                    done = self.run_tool(self.product.command("postconf"), "-n")
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    done = self.run_tool(self.product.daemon("postlint"), "-j")
                    findings = [json.loads(line) for line in done.stdout.splitlines()]
                    self.assertEqual([f for f in findings if JUDGED.match(f["id"]) and f["severity"] != "note"], [])

    def test_pages_and_their_examples_agree(self):
        """What a page sets first is what its example has; later on it tells of other ways."""
        compared = 0
        for name, text in TASKS.items():
            example = re.search(r"\(\.\./\.\./examples/([a-z-]+)\)", text)
            if not example:
                continue
            with open(os.path.join(SOURCE, "examples", example.group(1), "main.cf"), encoding="utf-8") as file:
                there = re.sub(r"\n[ \t]+", " ", file.read())
            shown = {}
            for parameter, value in re.findall(r"(?m)^(\S+) = (.*)$", "".join(blocks(text, "main.cf"))):
                shown.setdefault(parameter, value)
            for parameter, value in re.findall(r"(?m)^(\S+) = (.*)$", there):
                if parameter in shown:
                    compared += 1
                    self.assertEqual(shown[parameter], value, (name, parameter))
            with open(os.path.join(SOURCE, "examples", example.group(1), "master.cf"), encoding="utf-8") as file:
                services = file.read()
            for code in blocks(text, "master.cf"):
                if not code.startswith("spamassassin"):
                    self.assertIn(code, services)
        self.assertGreater(compared, 30)

    def test_services_are_whole(self):
        for name, text in TASKS.items():
            for code in blocks(text, "master.cf"):
                with self.subTest((name, code)):
                    self.write(settings(text), code)
                    for option in ("-M", "-P"):
                        done = self.run_tool(self.product.command("postconf"), option)
                        undone = [line for line in done.stderr.splitlines() if "unused parameter" not in line]
                        self.assertEqual((done.returncode, undone), (0, []))

    def test_defaults_of_the_tuning_page(self):
        self.write("", "smtp unix - - n - - smtp\n")
        for code in blocks(TASKS["tuning.md"], "main.cf"):
            if "slow_" in code:         # the page says that these are none
                continue
            for parameter, value in re.findall(r"(?m)^(\S+) = (.*)$", code):
                done = self.run_tool(self.product.command("postconf"), "-d", "-x", "-h", parameter)
                self.assertEqual(done.stdout.strip(), value, parameter)

    def test_commands_and_options_exist(self):
        seen = 0
        for name, text in TASKS.items():
            for line in "".join(blocks(text, "sh")).splitlines():
                for command in re.split(r" \| | && ", line):
                    words = command.split()
                    if not OURS.match(words[0]):
                        continue
                    seen += 1
                    with self.subTest((name, command)):
                        self.assertTrue(os.path.exists(self.product.command(words[0])))
                        manual = manual_of(words[0]).replace("\\-", "-").replace("\\fB", "")
                        for letter in "".join(w[1:] for w in words[1:] if re.match(r"-[a-zA-Z]+$", w) and w != "-bv"):
                            self.assertRegex(manual, r"-[a-zA-Z]*%s" % letter)
                        if words[0] == "postfix":
                            self.assertRegex(manual, r"(?m)\b%s\b" % words[1])
        self.assertGreater(seen, 30)


if __name__ == "__main__":
    unittest.main()
