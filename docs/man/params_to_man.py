#!/usr/bin/env python3
"""Fill in what manual pages say of parameters, from the tables that the programs themselves are built from.

    params_to_man.py SOURCE_TREE OUTPUT_FOLDER PAGE...

A page may hold these lines, which are comments to roff:

    .\\" @parameters qmgr@       the rows of qmgr/qmgr_params.def
    .\\" @parameter name ...@    these rows, of whatever table
    .\\" @all@                   every parameter
    .\\" @unbuilt@               names of those that have no effect yet, by subject

A parameter that a table declares but that no code reads counts as not built: what a page says of a
setting is what the setting does.
"""
import glob
import os
import re
import sys

ROW = re.compile(r"""PARAM\(\s*(?P<kind>[A-Z]+)\s*,\s*(?P<name>\w+)\s*,
                     \s*(?P<default>(?:"(?:[^"\\]|\\.)*"\s*)+),
                     \s*(?P<min>-?\d+)\s*,\s*(?P<max>-?\d+)\s*,\s*"(?P<purpose>(?:[^"\\]|\\.)*)"\s*\)""",
                 re.VERBOSE)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
WORD = re.compile(r"\w+")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
UNBUILT = os.path.join("tools", "postconf", "unbuilt_params.def")
COMMON = os.path.join("lib", "config", "common_params.def")
PATTERNS = ("*/*_params.def", "lib/*/*_params.def", "tools/*/*_params.def")
DEPRECATED = os.path.join("tools", "postconf", "deprecated_names.def")
DIRECTIVE = re.compile(r'^\.\\" @(\w+)((?: \w+)*)@$', re.MULTILINE)
# for people and packages that run postconf: nothing but their value matters
SHOWN = {
    "html_directory": "where HTML pages would be", "mail_release_date": "", "mailq_path": "where mailq is",
    "manpage_directory": "where manual pages are", "newaliases_path": "where newaliases is",
    "readme_directory": "where README files would be", "sample_directory": "where sample files would be",
    "sendmail_path": "where sendmail is", "shlib_directory": "", "valija_version": "",
}
# qmgr reads these for every transport, under a name that it puts together
OF_TRANSPORTS = [
    (re.compile(r"(\w+)_destination_concurrency_limit$"), "parallel deliveries to one destination"),
    (re.compile(r"(\w+)_destination_recipient_limit$"), "recipients of one delivery"),
]
# read only to say that they are not supported
REFUSED = {"smtpd_milters", "non_smtpd_milters", "confirm_delay_cleared"}
KINDS = {"INT": "number", "TIME": "time", "BOOL": "yes/no"}


def unescape(text):
    return re.sub(r"\\(.)", r"\1", text)


def rows_of(top, path):
    """The rows of one table, in its order."""
    with open(os.path.join(top, path), encoding="utf-8") as file:
        text = COMMENT.sub("", file.read())
    found = [{"kind": m["kind"], "name": m["name"].lstrip("_"),
              "default": unescape("".join(STRING.findall(m["default"]))), "purpose": unescape(m["purpose"]),
              "min": int(m["min"]), "max": int(m["max"])} for m in ROW.finditer(text)]
    if len(found) != text.count("PARAM("):
        raise SystemExit("%s: %d rows, but %d were understood" % (path, text.count("PARAM("), len(found)))
    return found


def tables(top):
    """Paths of all tables, relative to TOP: common first, unbuilt last."""
    paths = {os.path.relpath(p, top) for pattern in PATTERNS for p in glob.glob(os.path.join(top, pattern))}
    paths = sorted(p for p in paths if not p.startswith("build") and p not in (COMMON, UNBUILT))
    return [COMMON] + paths + [UNBUILT]


def code_files(top):
    """Paths and texts of the programs and the library; postconf, which only shows values, is not among them."""
    for pattern in ("*/*.[ch]", "lib/*/*.[ch]", "tools/*/*.[ch]"):
        for path in glob.glob(os.path.join(top, pattern)):
            name = os.path.relpath(path, top)
            if name.startswith(("build", "tests", os.path.join("tools", "postconf"))):
                continue
            if "unbuilt" in os.path.basename(name):     # tables of settings that are refused
                continue
            with open(path, encoding="utf-8") as file:
                yield name, COMMENT.sub("", file.read())


def words_of_code(top):
    """Every word of code that is part of some program: of lib/ what nobody includes does not count."""
    files = dict(code_files(top))
    includes = {}
    for name, text in files.items():
        for header in INCLUDE.findall(text):
            includes.setdefault(header, set()).add(os.path.splitext(name)[0])
    words = set()
    for name, text in files.items():
        base = os.path.splitext(name)[0]
        header = os.path.relpath(base, "lib") + ".h"
        if name.startswith("lib") and base + ".h" in files and not includes.get(header, set()) - {base}:
            continue
        words.update(WORD.findall(text))
    return words


def is_read(row, words):
    name = row["name"]
    if name in words or "_" + name in words:
        return True
    if name.startswith("lmtp_"):    # lmtp_params.def fills the structure of smtp_params.def
        twin = name[len("lmtp_"):].replace("lhlo", "helo" if "keyword" not in name else "ehlo")
        return "smtp_" + twin in words
    return False


def is_built(row, words):
    """Does its setting do something? The purpose of rows that need not be declared is filled in."""
    name = row["name"]
    if name in REFUSED:
        return False
    of_transports = [text for pattern, text in OF_TRANSPORTS if pattern.match(name)]
    if name in SHOWN or of_transports:
        if row["table"] == UNBUILT:
            row["purpose"] = SHOWN.get(name) or of_transports[0]
        return True
    return row["table"] != UNBUILT and is_read(row, words)


def parameters(top):
    """All rows by name, the first of each name, with where it comes from and whether it is built."""
    words = words_of_code(top)
    found = {}
    for path in tables(top):
        for row in rows_of(top, path):
            if row["name"] not in found:
                row["table"] = path
                found[row["name"]] = row
    built = {name for name, row in found.items() if is_built(row, words)}
    # what only other values refer to is read through them
    while True:
        more = {word for name in built for word in re.findall(r"\$[{(]?(\w+)", found[name]["default"])}
        more = {name for name in more & set(found) if found[name]["table"] != UNBUILT} - built
        if not more:
            break
        built |= more
    for name, row in found.items():
        row["built"] = name in built
    with open(os.path.join(top, DEPRECATED), encoding="utf-8") as file:
        for name, instead in re.findall(r'^DEPRECATED\((\w+), "(\w*)"', file.read(), re.MULTILINE):
            if name in found:
                found[name]["instead"] = instead
    return found


def roff(text):
    """TEXT as it is, in roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("`", "\\(ga")
    return "\\&" + text if text[:1] in (".", "'") else text


def limits(row):
    if row["kind"] not in ("INT", "TIME") or (row["min"], row["max"]) == (0, 0):
        return ""
    if row["max"] > 0:
        return ", %d to %d" % (row["min"], row["max"])
    return ", at least %d" % row["min"]


def entry(row):
    default = roff(row["default"]) if row["default"] else "empty"
    if not row["built"]:
        return ".TP\n.B %s\nNot built yet. Default: %s\n" % (row["name"], default)
    kind = KINDS.get(row["kind"])
    note = " (%s%s)" % (kind, limits(row)) if kind else ""
    old = ""
    if "instead" in row:
        old = " Old name%s." % (", now \\fB%s\\fR" % row["instead"] if row["instead"] else "; going away")
    return ".TP\n.B %s\n%s%s.%s Default: %s\n" % (row["name"], roff(row["purpose"]), note, old, default)


def some(found, names):
    for name in names:
        if name not in found:
            raise SystemExit("unknown parameter: %s" % name)
    return "".join(entry(found[name]) for name in names)


def unbuilt(found):
    subjects = {}
    for name in sorted(found):
        row = found[name]
        if not row["built"]:
            subject = row["purpose"] if row["table"] == UNBUILT else "named by a program, read by none"
            subjects.setdefault(subject, []).append(name)
    order = sorted(subjects, key=lambda s: (s.startswith("named"), s.lower()))
    return "".join(".TP\n.B %s\n%s.\n" % (roff(s), ", ".join(subjects[s])) for s in order)


def fill(page, found):
    """The text of PAGE with its directives carried out."""
    def run(match):
        what, names = match[1], match[2].split()
        if what == "all":
            return some(found, sorted(n for n in found if found[n]["built"])).rstrip("\n")
        if what == "unbuilt":
            return unbuilt(found).rstrip("\n")
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
    found = parameters(top)
    os.makedirs(folder, exist_ok=True)
    for path in sys.argv[3:]:
        with open(path, encoding="utf-8") as file:
            page = fill(file.read(), found)
        with open(os.path.join(folder, os.path.basename(path)), "w", encoding="utf-8") as file:
            file.write(page)


if __name__ == "__main__":
    main()
