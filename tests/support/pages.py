"""The pages of docs/tasks/: their blocks of code, for tests that hold them against the programs and that do what they say.

    page = Page("dkim.md", {"example.org": "example.net"})      as it would be for another domain
    page.code("SPF", "main.cf")                                 the text of the block of that kind below that heading
"""
import os
import re

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
DOCS = os.path.join(SOURCE, "docs")


def read(*names):
    with open(os.path.join(DOCS, *names), encoding="utf-8") as file:
        return file.read()


def blocks(text, kind=None):
    """(kind, code) of each; with KIND the code of those only."""
    found = re.findall(r"(?ms)^```(\S+)\n(.*?)^```$", text)
    return found if kind is None else [code for label, code in found if label == kind]


class Page:
    def __init__(self, name, words=None):
        """WORDS: what stands for which words of the page."""
        text = read("tasks", name)
        for before, after in (words or {}).items():
            assert before in text, (name, before)
            text = text.replace(before, after)
        # a line "# ..." in code is no heading
        parts = re.split(r"(?m)^#+ (.+)\n", re.sub(r"(?m)^```\S+\n(?:.*\n)*?```$", lambda m: m.group().replace("\n#", "\n\0#"), text))
        self.sections = {heading: part.replace("\0", "") for heading, part in zip(parts[1::2], parts[2::2])}

    def blocks(self, heading):
        return blocks(self.sections[heading])

    def code(self, heading, kind):
        found, = blocks(self.sections[heading], kind)
        return found
