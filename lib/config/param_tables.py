#!/usr/bin/env python3
"""Read the parameter tables of the source tree, and find out which programs read which row.

    param_tables.py SOURCE_TREE OUTPUT_FOLDER      writes the three .inc files of known_params.c

The manual pages, the lint tests and prune_unbuilt.py use the functions.
"""
import glob
import os
import re
import sys

COMMON = "lib/config/common_params.def"
UNBUILT = "lib/config/unbuilt/"
PATTERNS = ("*/*_params.def", "lib/*/*_params.def", "tools/*/*_params.def", UNBUILT + "*.def")
KINDS = {"TEXT", "RAW", "BOOL", "INT", "TIME"}

STRINGS = r'(?:"(?:[^"\\]|\\.)*"\s*)+'
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
ROW = re.compile(r"""(?P<macro>PARAM|PATTERN)\(\s*(?P<kind>[A-Z]+)\s*,(?:\s*(?P<owner>transport|command)\s*,)?
                     \s*(?P<name>\w+)\s*, \s*(?P<default>%s),
                     \s*(?P<min>-?\d+)\s*,\s*(?P<max>-?\d+)\s*,\s*"(?P<since>[^"]*)"\s*,
                     \s*(?P<purpose>%s)\)""" % (STRINGS, STRINGS), re.VERBOSE)
SUBJECT = re.compile(r'^SUBJECT\("([^"]+)"\)', re.MULTILINE)
POINTLESS = re.compile(r'^POINTLESS\("([^"]+)"\)', re.MULTILINE)
REFUSED = re.compile(r"^REFUSED\((\w+)\)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
WORD = re.compile(r"\w+")
MADE_NAME = re.compile(r'"%s(_\w+)"')      # a name that is put together from a program's and this
# these show or check all of them
LOOKERS = {"postconf", "postlint"}
# nothing but their value matters, to people, packages and other values
FOR_PEOPLE = {"mail_release_date", "shlib_directory", "valija_version"}


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return file.read()


def unescape(text):
    return re.sub(r"\\(.)", r"\1", text)


def table_paths(top):
    """Paths of all tables, relative to TOP: common first, unbuilt last."""
    found = {os.path.relpath(p, top) for pattern in PATTERNS for p in glob.glob(os.path.join(top, pattern))}
    found = {p for p in found if not p.startswith("build")}
    return sorted(found, key=lambda p: (p.startswith(UNBUILT), p != COMMON, p))


def rows_of(top, path):
    """The rows of one table, in its order."""
    text = COMMENT.sub("", read(top, path))
    subjects = [(m.start(), m[1]) for m in SUBJECT.finditer(text)]
    reasons = [(m.start(), m[1]) for m in POINTLESS.finditer(text)]
    found = []
    for m in ROW.finditer(text):
        subject = [s for at, s in subjects if at < m.start()]
        reason = [s for at, s in reasons if at < m.start()]
        found.append({"table": path, "pattern": m["owner"], "kind": m["kind"],
                      "name": m["name"].lstrip("_") if m["macro"] == "PARAM" else "_" + m["name"],
                      "default": unescape("".join(STRING.findall(m["default"]))),
                      "min": int(m["min"]), "max": int(m["max"]), "since": m["since"],
                      "purpose": unescape("".join(STRING.findall(m["purpose"]))),
                      "subject": subject[-1] if subject else None,
                      "pointless": reason[-1] if reason else None})
    count = len(re.findall(r"^(?:PARAM|PATTERN)\(", text, re.MULTILINE))
    if len(found) != count:
        raise SystemExit("%s: %d rows, but %d were understood" % (path, count, len(found)))
    return found


def refused(top):
    """What programs read only to say that they cannot do it: names and their subjects."""
    found = {}
    for path in table_paths(top):
        if not path.startswith(UNBUILT):
            continue
        text = COMMENT.sub("", read(top, path))
        for m in REFUSED.finditer(text):
            found[m[1]] = [s[1] for s in SUBJECT.finditer(text) if s.start() < m.start()][-1]
    return found


def table_of_pairs(top, path, macro):
    return dict(re.findall(r'^%s\((\w+), "([^"]*)"' % macro, read(top, path), re.MULTILINE))


class Code:
    """The programs, and the words of the code that each is made of.

    A file of lib/ belongs to a program that includes its header, directly or not; what has no header of its own
    belongs to the one it includes first or is named after. That is a little more than the linker takes.
    """

    def __init__(self, top):
        self.files = {}
        for pattern in ("*/*.[ch]", "lib/*/*.[ch]", "tools/*/*.[ch]"):
            for path in glob.glob(os.path.join(top, pattern)):
                name = os.path.relpath(path, top)
                if not name.startswith(("build", "tests")):
                    self.files[name] = COMMENT.sub("", read(top, name))
        self.behind = {}                    # header: files of lib/ that come with it
        for name in self.files:
            if name.startswith("lib/") and name.endswith(".c"):
                self.behind.setdefault(self._header_of(name), set()).add(name)
        self.programs = {}
        for path in glob.glob(os.path.join(top, "*/CMakeLists.txt")) + \
                glob.glob(os.path.join(top, "tools/*/CMakeLists.txt")):
            folder = os.path.relpath(os.path.dirname(path), top)
            for name in re.findall(r"^\s*mta_(?:service|tool)\((\S+)", read(top, os.path.relpath(path, top)), re.M):
                if name not in LOOKERS and not folder.startswith("build"):
                    self.programs[name] = folder
        self.words = {name: self._words(folder) for name, folder in self.programs.items()}

    def _header_of(self, path):
        folder, base = os.path.split(path[:-2])
        while base:
            if "%s/%s.h" % (folder, base) in self.files:
                return "%s/%s.h" % (folder, base)
            base = base.rpartition("_")[0]
        first = INCLUDE.search(self.files[path])
        return "lib/" + first[1] if first else path

    def _resolve(self, name, included):
        for path in (included, "lib/" + included, "tools/" + included, os.path.join(os.path.dirname(name), included)):
            if path in self.files:
                return path
        return None

    def _words(self, folder):
        todo = [f for f in self.files if os.path.dirname(f) == folder]
        done, words = set(), set()
        while todo:
            name = todo.pop()
            if name in done:
                continue
            done.add(name)
            # what lists settings that are refused does not make them work
            if "unbuilt" not in os.path.basename(name):
                words.update(WORD.findall(self.files[name]))
                words.update("%s" + m for m in MADE_NAME.findall(self.files[name]))
            todo += [p for p in map(lambda i, n=name: self._resolve(n, i), INCLUDE.findall(self.files[name])) if p]
            todo += self.behind.get(name, ())
        return words

    def readers(self, name):
        """Programs that read the parameter."""
        found = set()
        for program, words in self.words.items():
            if name in words or "_" + name in words:
                found.add(program)
            elif name.startswith(program + "_") and "%s" + name[len(program):] in words:
                found.add(program)
        return found


def is_like(pattern, name):
    return pattern["pattern"] == "transport" and name.endswith(pattern["name"])


def patterns(top):
    return [row for path in table_paths(top) for row in rows_of(top, path) if row["pattern"]]


def parameters(top):
    """All rows by name. Added to each: readers (sorted names of programs), built, words, instead. Those that have
    nothing to set here (pointless: the reason) count as built."""
    code, no = Code(top), refused(top)
    words, old = table_of_pairs(top, "lib/config/param_words.def", "WORDS"), old_names(top)
    rows = [row for path in table_paths(top) for row in rows_of(top, path)]
    made = [row for row in rows if row["pattern"]]
    found = {}
    for row in rows:
        name = row["name"]
        if row["pattern"]:
            continue
        if name in found:
            raise SystemExit("%s is in %s and in %s" % (name, found[name]["table"], row["table"]))
        found[name] = row
        readers = code.readers(name)
        if row["table"] == "smtp/lmtp_params.def":      # it fills the structure of smtp_params.def
            readers = {"lmtp"}
        if any(is_like(pattern, name) for pattern in made):
            readers.add("qmgr")
        row["subject"] = row["subject"] or no.get(name)
        row["built"] = row["subject"] is None
        row["readers"] = sorted(readers) if row["built"] else []
        row["words"], row["instead"] = words.get(name), old.get(name)
    return found


def old_names(top):
    return table_of_pairs(top, "lib/config/deprecated_names.def", "DEPRECATED")


def values_refer_to(found):
    """Names that the defaults of built rows, and of what these refer to, are made of."""
    names, todo = set(), [name for name in found if found[name]["built"]]
    while todo:
        for word in re.findall(r"\$[{(]?\{?\$?(\w+)", found[todo.pop()]["default"]):
            if word in found and word not in names:
                names.add(word)
                todo.append(word)
    return names


def c_text(text):
    return "NULL" if text is None else '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def write_if_changed(path, text):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    top, folder = sys.argv[1:]
    found, tables = parameters(top), table_paths(top)
    os.makedirs(folder, exist_ok=True)
    include = '#include "%s"\n'
    named = [path[len("lib/"):] if path.startswith("lib/") else path for path in tables]
    write_if_changed(os.path.join(folder, "known_tables.inc"),
                     "".join(include % n for n, p in zip(named, tables)
                             if any(not row["pattern"] for row in rows_of(top, p))))
    write_if_changed(os.path.join(folder, "known_patterns.inc"),
                     "".join(include % n for n, p in zip(named, tables)
                             if any(row["pattern"] for row in rows_of(top, p))))
    write_if_changed(os.path.join(folder, "known_facts.inc"), "".join(
        "FACTS(%s, %s, %s, %s, %s)\n" % (c_text(n), c_text(found[n]["subject"]), c_text(found[n]["pointless"]),
                                         c_text(" ".join(found[n]["readers"])), c_text(found[n]["words"])) for n in sorted(found)))


if __name__ == "__main__":
    main()
