"""docs/lint.md explains every finding that postlint can make, with its severity, and no other."""
import os
import re
import unittest

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
FOLDER = os.path.join(SOURCE, "tools", "postlint")


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as file:
        return file.read()


def declared():
    return dict(re.findall(r"^FINDING\((V\d{3}), (\w+), ", read("tools/postlint/postlint_findings.def"), re.MULTILINE))


class Findings(unittest.TestCase):
    def test_each_is_explained(self):
        told = re.findall(r"^\| (V\d{3}) \| (\w+) \| [^|]{20,} \| [^|]+ \|$", read("docs/lint.md"), re.MULTILINE)
        self.assertEqual(dict(told), {name: severity.lower() for name, severity in declared().items()})
        self.assertEqual(len(told), len(dict(told)), "an id is there twice")

    def test_rows_are_whole(self):
        self.assertEqual(len(re.findall(r"^\| V\d", read("docs/lint.md"), re.MULTILINE)), len(declared()))

    def test_each_is_found_somewhere(self):
        code = "".join(read("tools/postlint", name) for name in sorted(os.listdir(FOLDER))
                       if name.endswith((".c", "_rules.def")))
        used = set(re.findall(r"LINT_(V\d{3})|RULE\((V\d{3}),", code))
        self.assertEqual({a or b for a, b in used}, set(declared()))

    def test_each_has_a_test(self):
        tested = set(re.findall(r"V\d{3}", read("tests/integration/test_check_findings.py")))
        self.assertEqual(set(declared()) - tested, set())


if __name__ == "__main__":
    unittest.main()
