"""postconf -d of the oracle and of ours: the same names and defaults, but for what tests/facts/parameters.tsv
explains."""

import csv
import os
import subprocess
import tempfile
import unittest

from support import oracle, product

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

MASTER_CF = """smtp inet n - n - - smtpd
relay unix - - n - - smtp
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
local unix - n n - - local
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
uucp unix - n n - - pipe
  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)
policy unix - n n - 0 spawn
  user=nobody argv=/bin/true
"""


def defaults(where, folder):
    """What postconf -d prints of the services in FOLDER/master.cf: values by name."""
    done = subprocess.run([where.command("postconf"), "-c", folder, "-d"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True, text=True)
    return dict((part.strip() for part in line.split("=", 1)) for line in done.stdout.splitlines())


@oracle.needed
class Defaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(SOURCE, "tests/facts/parameters.tsv"), encoding="utf-8") as file:
            cls.facts = {row["name"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("main.cf", "compatibility_level = 3.6\n"), ("master.cf", MASTER_CF)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            cls.theirs = defaults(oracle.product(), folder)
            cls.ours = defaults(product.staged(), folder)

    def test_both_were_read(self):
        self.assertGreater(len(self.theirs), 900)
        self.assertGreater(len(self.ours), 900)
        self.assertIn("uucp_time_limit", self.theirs)

    def test_names(self):
        faults = []
        for name in sorted(set(self.ours) ^ set(self.theirs)):
            fact = self.facts.get(name)
            if name in self.ours and not (fact and fact["oracle"] == "(absent)" and fact["why"]):
                faults.append("the oracle does not know %s" % name)
            if name in self.theirs and not (fact and fact["status"] == "old" and fact["why"]):
                faults.append("we do not know %s" % name)
        self.assertEqual(faults, [])

    def test_defaults(self):
        faults = []
        for name in sorted(set(self.ours) & set(self.theirs)):
            fact = self.facts.get(name, {"default": "", "ours": "", "oracle": "", "why": ""})
            if fact["default"] == "(computed)" and fact["why"] and name != "process_name":
                continue                                  # of the host or the process
            expected = fact["oracle"] or fact["default"] if fact["why"] else self.ours[name]
            if self.theirs[name] != expected.replace("(empty)", ""):
                faults.append("%s: oracle %r, ours %r" % (name, self.theirs[name], self.ours[name]))
        self.assertEqual(faults, [])

    def test_differences_are_real(self):
        """A reason that explains nothing any more is deleted."""
        same = [name for name, fact in self.facts.items() if fact["oracle"] and fact["status"] == "listed" and
                name in self.theirs and name in self.ours and self.theirs[name] == self.ours[name]]
        self.assertEqual(same, [])


if __name__ == "__main__":
    unittest.main()
