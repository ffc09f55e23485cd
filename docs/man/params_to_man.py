#!/usr/bin/env python3
"""Fill in what manual pages say of parameters, from the tables that the programs themselves are built from.

    params_to_man.py SOURCE_TREE OUTPUT_FOLDER PAGE...

A page may hold these lines, which are comments to roff:

    .\\" @parameters qmgr@       the rows of qmgr/qmgr_params.def
    .\\" @parameter name ...@    these rows, of whatever table
    .\\" @all@                   every parameter that does something
    .\\" @patterns@              those named after a service of master.cf
    .\\" @unbuilt@               those that have no effect yet, by the part they come with
    .\\" @old@                   names that are going away
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib/config"))
import param_tables  # noqa: E402

DIRECTIVE = re.compile(r'^\.\\" @(\w+)((?: \w+)*)@$', re.MULTILINE)
KINDS = {"INT": "number", "TIME": "time", "BOOL": "yes or no"}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MANY = 6    # names of more programs than these say little


def roff(text):
    """TEXT as it is, in roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("`", "\\(ga")
    return "\\&" + text if text[:1] in (".", "'") else text


def unit(row):
    """What a plain number means: the unit of the default."""
    last = row["default"][-1:]
    return UNITS.get(last if last.isalpha() else "s", "seconds")


def limits(row):
    least, most = row["min"], row["max"]
    if row["kind"] in ("TEXT", "RAW"):
        if least == most == 0:
            return "text"
        if most:
            return "text of %s bytes" % ("%d to %d" % (least, most) if least != most else most)
        return "text, not empty" if least == 1 else "text of at least %d bytes" % least
    text = KINDS[row["kind"]]
    if row["kind"] == "TIME":
        text += " in " + unit(row)
    of = "s" if row["kind"] == "TIME" else ""
    if most:
        text += ", %d%s to %d%s" % (least, of, most, of)
    elif least:
        text += ", at least %d%s" % (least, of)
    return text


def since(row):
    return {"": "", "valija": " Not known to Postfix."}.get(row["since"], " Since %s." % row["since"])


def about(row):
    """Kind, words, default and release, without the name."""
    default = roff(row["default"]) if row["default"] else "empty"
    words = " Accepted: %s." % roff(row["words"].replace(" ", ", ")) if row.get("words") else ""
    return "(%s).%s%s\n.br\nDefault: %s\n" % (limits(row), words, since(row), default)


def entry(row):
    if not row["built"]:
        default = roff(row["default"]) if row["default"] else "empty"
        return ".TP\n.B %s\nNot built yet: %s. Default: %s\n" % (row["name"], roff(row["purpose"]), default)
    old = ""
    if row["instead"] is not None:
        old = "Old name%s.\n" % (", now \\fB%s\\fR" % row["instead"] if row["instead"] else "; going away")
    readers = "Has no effect: %s.\n" % roff(row["pointless"]) if row["pointless"] else ""
    if row["readers"] and len(row["readers"]) <= MANY:
        readers = "Read by %s.\n" % ", ".join(row["readers"])
    return ".TP\n.B %s\n%s %s%s%s" % (row["name"], roff(row["purpose"]), about(row), old,
                                      ".br\n" + readers if readers else "")


def some(found, names):
    for name in names:
        if name not in found:
            raise SystemExit("unknown parameter: %s" % name)
    return "".join(entry(found[name]) for name in names)


def service_patterns(top):
    return "".join(".TP\n.I %s\\fB%s\n%s%s %s" % (row["pattern"], row["name"], roff(row["purpose"]),
                                                  "" if not row["subject"] else " (not built yet)", about(row))
                   for row in param_tables.patterns(top))


def unbuilt(found):
    subjects = {}
    for name in sorted(found):
        if not found[name]["built"]:
            subjects.setdefault(found[name]["subject"], []).append(name)
    out = ""
    for subject in sorted(subjects, key=str.lower):
        out += ".SS %s\n" % roff(subject)
        for name in subjects[subject]:
            out += ".TP\n.B %s\n%s %s" % (name, roff(found[name]["purpose"]), about(found[name]))
    return out


def old(top, found):
    out = ""
    for name, instead in sorted(param_tables.old_names(top).items()):
        if name not in found:
            out += ".TP\n.B %s\n%s\n" % (name, "now \\fB%s\\fR" % instead if instead else "nothing takes its place")
    return out


def fill(page, found, top):
    """The text of PAGE with its directives carried out."""
    def run(match):
        what, names = match[1], match[2].split()
        if what == "all":
            return some(found, sorted(n for n in found if found[n]["built"])).rstrip("\n")
        if what == "patterns":
            return service_patterns(top).rstrip("\n")
        if what == "unbuilt":
            return unbuilt(found).rstrip("\n")
        if what == "old":
            return old(top, found).rstrip("\n")
        if what == "parameter":
            return some(found, names).rstrip("\n")
        if what == "parameters":
            tables_of = [os.path.join(n, n + "_params.def") for n in names]
            return some(found, [n for n in found if found[n]["table"] in tables_of]).rstrip("\n")
        raise SystemExit("unknown directive: %s" % match[0])
    # a name that is broken in two is neither found nor copied
    page = re.sub(r"^(\.TH .*)$", r"\1\n.nh\n.ad l", page, count=1, flags=re.MULTILINE)
    return DIRECTIVE.sub(run, page)


def main():
    top, folder = sys.argv[1:3]
    found = param_tables.parameters(top)
    os.makedirs(folder, exist_ok=True)
    for path in sys.argv[3:]:
        with open(path, encoding="utf-8") as file:
            page = fill(file.read(), found, top)
        with open(os.path.join(folder, os.path.basename(path)), "w", encoding="utf-8") as file:
            file.write(page)


if __name__ == "__main__":
    main()
