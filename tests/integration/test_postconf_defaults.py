"""postconf -d: every name and default that tests/facts/parameters.tsv lists, and no other."""

import csv
import os

from support.suite import SuiteTestCase

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def facts():
    with open(os.path.join(SOURCE, "tests/facts/parameters.tsv"), encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def split(line):
    """Name and value; an empty value has no blank before it."""
    name, _, value = line.partition(" =")
    return name, value[1:]


class Defaults(SuiteTestCase):
    def test_names_and_defaults(self):
        lines = self.suite.run("postconf", "-C", "builtin", "-d").stdout.splitlines()
        shown = dict(split(line) for line in lines)
        # SERVICE_destination_..._limit of services that are in master.cf are of another class
        services = dict(split(line) for line in
                        self.suite.run("postconf", "-C", "service", "-d").stdout.splitlines())
        wanted = {f["name"]: f for f in facts() if f["status"] == "listed"}
        self.assertEqual(sorted(set(wanted) - set(shown) - set(services)), [])
        self.assertEqual(sorted(set(shown) - set(wanted)), [])
        for name, fact in wanted.items():
            if fact["default"] != "(computed)":
                self.assertEqual(shown.get(name, services.get(name)), fact["ours"] or fact["default"], name)

    def test_names_of_services(self):
        shown = self.suite.run("postconf", "-C", "service", "-d").stdout.splitlines()
        for fact in facts():
            if fact["status"] != "pattern" or fact["name"] == "*_time_limit":
                continue
            self.assertIn("error%s = %s" % (fact["name"][1:], fact["default"]), shown)
