#!/usr/bin/env python3
"""Delete from unbuilt_params.def the parameters that a program declares by now."""
import glob
import os
import re

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
UNBUILT = os.path.join(TOP, "tools", "postconf", "unbuilt_params.def")
ROW = re.compile(r"^PARAM\(\w+,\s*_?(\w+),", re.MULTILINE)


def main():
    built = set()
    for pattern in ("*/*_params.def", "lib/*/*_params.def", "tools/*/*_params.def"):
        for path in glob.glob(os.path.join(TOP, pattern)):
            if not os.path.samefile(path, UNBUILT):
                with open(path, encoding="utf-8") as file:
                    built.update(ROW.findall(file.read()))
    with open(UNBUILT, encoding="utf-8") as file:
        parts = re.split(r"^(?=PARAM\(|// clang-format on)", file.read(), flags=re.MULTILINE)
    kept = [p for p in parts if not ROW.match(p) or ROW.match(p).group(1) not in built]
    with open(UNBUILT, "w", encoding="utf-8") as file:
        file.write("".join(kept))
    print(f"{len(parts) - len(kept)} rows deleted")


if __name__ == "__main__":
    main()
