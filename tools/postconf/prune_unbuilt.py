#!/usr/bin/env python3
"""Delete from lib/config/unbuilt/ the parameters that a program declares by now, and bring
tests/facts/unbuilt_params.txt up to date.

    prune_unbuilt.py [SOURCE_TREE]
"""
import glob
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "lib/config"))
import param_tables  # noqa: E402

NAME = re.compile(r"^PARAM\(\w+,\s*_?(\w+),")
NEXT = re.compile(r"^(?=PARAM\(|PATTERN\(|REFUSED\(|SUBJECT\(|// clang-format on|\n)", re.MULTILINE)
EMPTY = re.compile(r'^SUBJECT\("[^"]*"\)\n+(?=SUBJECT|// clang-format on)', re.MULTILINE)


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else TOP
    names = os.path.join(top, "tests/facts/unbuilt_params.txt")
    built, unbuilt, gone = set(), set(param_tables.refused(top)), 0
    for path in param_tables.table_paths(top):
        if not path.startswith(param_tables.UNBUILT):
            built.update(row["name"] for row in param_tables.rows_of(top, path))
    for path in sorted(glob.glob(os.path.join(top, param_tables.UNBUILT, "*.def"))):
        with open(path, encoding="utf-8") as file:
            parts = NEXT.split(file.read())
        kept = [p for p in parts if not NAME.match(p) or NAME.match(p)[1] not in built]
        gone += len(parts) - len(kept)
        text = EMPTY.sub("", "".join(kept))
        if "SUBJECT(" not in text:
            os.unlink(path)
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        unbuilt.update(NAME.match(p)[1] for p in kept if NAME.match(p))
    with open(names, encoding="utf-8") as file:
        listed = file.read().split()
    with open(names, "w", encoding="utf-8") as file:
        file.write("".join(name + "\n" for name in listed if name in unbuilt))
    print("%d rows deleted; %d names are unbuilt" % (gone, len(unbuilt)))


if __name__ == "__main__":
    main()
