"""Every parameter is one row, in the table of the program that reads it or among those that nothing reads yet, and
says what tests/facts/parameters.tsv says of it."""
import csv
import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "lib/config"))
import param_tables  # noqa: E402

FACTS = os.path.join(SOURCE, "tests/facts/parameters.tsv")
UNBUILT_LIST = os.path.join(SOURCE, "tests/facts/unbuilt_params.txt")
RELEASE = re.compile(r"^(?:|valija|[1-3]\.\d+)$")
# tables of these are read whole, whatever becomes of the values
SHOWN_ONLY = "tools/postconf/postconf_params.def"


def facts():
    with open(FACTS, encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


class ParamTables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found = param_tables.parameters(SOURCE)     # stops at a name that is there twice
        cls.facts = facts()

    def test_rows_are_well_formed(self):
        faults = []
        for row in list(self.found.values()) + param_tables.patterns(SOURCE):
            name = "%s: %s" % (row["table"], row["name"])
            self.assertIn(row["kind"], param_tables.KINDS, name)
            self.assertRegex(row["since"], RELEASE, name)
            if len(row["purpose"]) < 5 or row["purpose"].endswith("."):
                faults.append(name + ": " + row["purpose"])
            if row["table"].startswith(param_tables.UNBUILT) and not row["subject"]:
                faults.append(name + ": no SUBJECT above it")
        self.assertEqual(faults, [])
        self.assertIn("myhostname", self.found)

    def test_what_is_declared_is_read(self):
        """A row that no code reads belongs to lib/config/unbuilt/."""
        referred = param_tables.values_refer_to(self.found) | param_tables.FOR_PEOPLE
        idle = [name for name, row in self.found.items() if row["built"] and not row["readers"] and not row["pointless"]
                and name not in referred and row["table"] != SHOWN_ONLY]
        self.assertEqual(idle, [])

    def test_unbuilt_is_unread(self):
        code, refused = param_tables.Code(SOURCE), param_tables.refused(SOURCE)
        read = ["%s: read by %s" % (name, ", ".join(sorted(code.readers(name))))
                for name, row in self.found.items()
                if not row["built"] and name not in refused and code.readers(name)]
        self.assertEqual(read, [], "move these rows to the tables of those programs")
        self.assertEqual(sorted(set(refused) - set(self.found)), [])

    def test_pointless_is_unread(self):
        code = param_tables.Code(SOURCE)
        pointless = [name for name, row in self.found.items() if row["pointless"]]
        self.assertEqual([name for name in pointless if code.readers(name)], [])
        self.assertIn("qmgr_fudge_factor", pointless)

    def test_unbuilt_list_only_shrinks(self):
        """No name joins those that are known and without effect; one that is built leaves the list."""
        with open(UNBUILT_LIST, encoding="utf-8") as file:
            listed = file.read().split()
        unbuilt = {name for name, row in self.found.items() if not row["built"]}
        self.assertEqual(sorted(unbuilt - set(listed)), [], "a new parameter comes with its code")
        self.assertEqual(sorted(set(listed) - unbuilt), [], "run tools/postconf/prune_unbuilt.py")
        self.assertEqual(listed, sorted(set(listed)))
        self.assertLessEqual(len(listed), 465)

    def test_rows_say_what_the_facts_say(self):
        faults = []
        rows = dict(self.found)
        rows.update({"*" + row["name"]: row for row in param_tables.patterns(SOURCE)})
        for fact in self.facts:
            row = rows.pop(fact["name"], None)
            if not row:
                if fact["status"] != "old":
                    faults.append(fact["name"] + ": no row")
                continue
            default = fact["ours"] or fact["default"]
            if default not in (row["default"], "(computed)"):
                faults.append("%s: default %r, not %r" % (fact["name"], row["default"], default))
            for column in ("kind", "since"):
                if row[column] != fact[column]:
                    faults.append("%s: %s %s, not %s" % (fact["name"], column, row[column], fact[column]))
            if (row["min"], row["max"]) != (int(fact["least"]), int(fact["most"])):
                faults.append("%s: limits %d %d, not %s %s" % (fact["name"], row["min"], row["max"], fact["least"],
                                                              fact["most"]))
        self.assertEqual(faults, [])
        self.assertEqual(sorted(rows), [], "add these to tests/facts/parameters.tsv")

    def test_facts_give_reasons(self):
        self.assertGreater(len(self.facts), 950)
        self.assertEqual([f["name"] for f in self.facts if (f["oracle"] or f["ours"]) and not f["why"]], [])

    def test_old_names(self):
        old = param_tables.old_names(SOURCE)
        told = {f["name"]: f["instead"].replace("(nothing)", "") for f in self.facts if f["instead"]}
        self.assertEqual(old, told)
        self.assertEqual(list(old), sorted(old))        # known_params.c searches it
        self.assertEqual([name for name in (f["name"] for f in self.facts if f["status"] == "old") if name not in old],
                         [])
        # what to write instead is there, and does not go away itself; reject_rbl_client is a restriction
        self.assertEqual([i for i in old.values() if i and (i in old or i not in self.found)], ["reject_rbl_client"])

    def test_words(self):
        words = param_tables.table_of_pairs(SOURCE, "lib/config/param_words.def", "WORDS")
        faults = []
        for name, text in words.items():
            row = self.found.get(name)
            if not row or row["kind"] != "TEXT":
                faults.append("%s: no row of kind TEXT" % name)
                continue
            allowed = re.sub(r"\(.*?\)", "", text).split()
            if "$" in row["default"] or "(" in text:
                continue
            faults += ["%s: default %s" % (name, word) for word in re.split(r"[\s,]+", row["default"])
                       if word and word not in allowed]
        self.assertEqual(faults, [])
        self.assertGreater(len(words), 50)

    def test_sees_faults(self):
        with tempfile.TemporaryDirectory() as top:
            def write(path, text):
                os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
                with open(os.path.join(top, path), "w", encoding="utf-8") as file:
                    file.write(text)
            write("lib/config/common_params.def", 'PARAM(INT, one, "1", 0, 0, "", "an x")\n')
            write("lib/config/deprecated_names.def", "")
            write("lib/config/param_words.def", "")
            write("lib/config/unbuilt/x.def", 'SUBJECT("later")\nPARAM(TEXT, two, "$one" "", 0, 0, "3.1", "an y")\n'
                  "REFUSED(three)\n")
            write("p/p_params.def", 'PARAM(BOOL, three, "no", 0, 0, "", "a z")\nPARAM(RAW, p_end, "", 0, 0, "", "w")\n')
            write("p/CMakeLists.txt", "mta_service(p USES config)\n")
            write("p/p.c", '#include "mail/q.h"\nif (p_params.three) { /* one */ }\n')
            write("lib/mail/q.h", "")
            write("lib/mail/q_more.c", 'get("%s_end"); common_params.one;\n')
            found = param_tables.parameters(top)
            self.assertEqual(found["one"]["readers"], ["p"])
            self.assertEqual(found["p_end"]["readers"], ["p"])
            self.assertEqual(found["two"]["subject"], "later")
            self.assertEqual((found["two"]["default"], found["two"]["readers"]), ("$one", []))
            self.assertFalse(found["three"]["built"])
            write("tests/facts/unbuilt_params.txt", "three\ntwo\n")
            with open(os.path.join(top, "p/p_params.def"), "a", encoding="utf-8") as file:
                file.write('PARAM(TEXT, two, "$one", 0, 0, "3.1", "an y")\n')
            done = subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "tools/postconf/prune_unbuilt.py"), top],
                                  stdout=subprocess.PIPE, check=True, text=True)
            self.assertEqual(done.stdout, "1 rows deleted; 1 names are unbuilt\n")
            self.assertEqual(param_tables.read(top, "lib/config/unbuilt/x.def"), 'SUBJECT("later")\nREFUSED(three)\n')
            self.assertEqual(param_tables.read(top, "tests/facts/unbuilt_params.txt"), "three\n")
            write("p/p_params.def", 'PARAM(BOOL, one, "no", 0, 0, "", "again")\n')
            with self.assertRaises(SystemExit):
                param_tables.parameters(top)
            write("p/p_params.def", 'PARAM(BOOL, four, "no", 0, 0, "no release column")\n')
            with self.assertRaises(SystemExit):
                param_tables.parameters(top)


if __name__ == "__main__":
    unittest.main()
