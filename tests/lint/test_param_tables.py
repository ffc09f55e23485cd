"""Every parameter is one row: no name is declared by two programs, and what a program declares is
no longer listed as unbuilt."""
import glob
import os
import re
import unittest

SOURCE = os.environ.get("MTA_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
UNBUILT = "tools/postconf/unbuilt_params.def"
ROW = re.compile(r"^\s*PARAM\((\w+),\s*_?(\w+),", re.MULTILINE)
KINDS = {"TEXT", "RAW", "BOOL", "INT", "TIME"}


def tables():
    for pattern in ("*/*_params.def", "lib/*/*_params.def", "tools/*/*_params.def"):
        for path in glob.glob(os.path.join(SOURCE, pattern)):
            name = os.path.relpath(path, SOURCE)
            if not name.startswith("build"):
                with open(path, encoding="utf-8") as file:
                    yield name, ROW.findall(file.read())


class ParamTables(unittest.TestCase):
    def test_every_name_has_one_owner(self):
        owner, faults = {}, []
        for table, rows in sorted(tables()):
            for kind, name in rows:
                self.assertIn(kind, KINDS, f"{table}: {name}")
                if table == UNBUILT:
                    continue
                if name in owner:
                    faults.append(f"{name}: {owner[name]} and {table}")
                owner[name] = table
        self.assertEqual(faults, [])
        self.assertIn("myhostname", owner)

    def test_unbuilt_names_are_unbuilt(self):
        found = dict(tables())
        built = {name for table, rows in found.items() if table != UNBUILT for _, name in rows}
        stale = [name for _, name in found[UNBUILT] if name in built]
        self.assertEqual(stale, [], f"delete these rows from {UNBUILT}")

    def test_unbuilt_names_are_listed_once(self):
        names = [name for _, name in dict(tables())[UNBUILT]]
        self.assertEqual(sorted(set(names)), sorted(names))


if __name__ == "__main__":
    unittest.main()
