#!/usr/bin/env python3
"""The restrictions of smtpd as rows WORD(name, kind), so that postlint cannot know others.

    postlint_words.py SMTPD_RESTRICTIONS_C OUTPUT
"""
import re
import sys

ROW = re.compile(r'^ *\{"([a-z_]+)", *([A-Z_]+),', re.MULTILINE)


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        table = file.read().partition("restrictions[] = {")[2].partition("\n};")[0]
    found = ROW.findall(table)
    if len(found) < 10 or len(found) != table.count('{"'):
        raise SystemExit("%s: %d rows, %d understood" % (source, table.count('{"'), len(found)))
    with open(target, "w", encoding="utf-8") as file:
        file.write("".join("WORD(%s, %s)\n" % row for row in found))


if __name__ == "__main__":
    main()
