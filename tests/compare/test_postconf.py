"""postconf against the oracle: output, warnings, exit status, and files after edits, byte for byte.

configs/CASE/ holds a main.cf and a master.cf (one may be missing) and, in `commands`, more command lines
for that case; a line is cut into words as a shell would. Every case is shown with SHOWS and with one of
MORE_SHOWS; a command that edits works on a copy.

What differs between 3.7 and 3.11 stands in DIFFERENT, with its reason. An entry that no longer differs fails
the test. Edits with which 3.7 loses settings are in test_postconf_keeps.py.
"""
import collections
import concurrent.futures
import difflib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

STAGE = os.environ.get("MTA_STAGE")
ORACLE = os.environ.get("MTA_ORACLE")
CONFIGS = pathlib.Path(__file__).parent / "configs"
FILES = ("main.cf", "master.cf")
WORKERS = 24  # a fatal error of the oracle sleeps a second

SHOWS = ("-n", "-nxf", "-Mf", "-F", "-Px", "-C user")
MORE_SHOWS = ("-nf", "-nh", "-nH", "-M", "-Mx", "-P", "-Pf", "-C service -H")

NAMES = "there are other parameters in 3.11"
DIFFERENT = (
    # case, command, reason
    ("edit-options-together", "-z|-c|-C|-o|-T", "-H, -j and -q came after 3.7, and the usage text says -C"),
    ("edit-options-together", "-H", NAMES),
    ("expand-defaults-refer", "-df proxy_read_maps|-xf proxy_read_maps", "the default is longer in 3.11"),
    ("expand-config-and-queue", "-nxf", "mail_version is that of the release"),
    ("user-table-mysql|user-table-pgsql", "-n|-nxf|-C user|-C user -n",
     "the tables have more parameters in 3.11"),
    ("syntax-deprecated-aliases", "-C user", "names on their way out are built in since 3.9, for the warning"),
)
# Lines of standard error that only one of the two has, or has with other words.
ONLY_OURS = (
    (re.compile(rb'support for parameter ".*" will be removed'), "since 3.9"),
    (re.compile(rb"warning: did you mean "), "ours: the nearest names"),
)
# What 3.7 says about the addresses of the host with -v.
ONLY_THEIRS = re.compile(rb"postconf: (been_here|inet_addr_local|mynetworks_core|name_mask): ")
REWORDED = (
    # 3.7 says it at each level, of the text around the name
    (re.compile(rb"(unreasonable macro call nesting:).*"), rb"\1"),
)

Result = collections.namedtuple("Result", "status stdout stderr files")


def diagnostics(text):
    """In sorted order: the oracle walks through hash tables with a random seed."""
    lines = set()
    found = []
    for line in text.splitlines():
        if ONLY_THEIRS.match(line) or any(pattern.search(line) for pattern, _ in ONLY_OURS):
            continue
        for pattern, words in REWORDED:
            line = pattern.sub(words, line)
        if b"macro call nesting" in line and line in lines:
            continue
        lines.add(line)
        found.append(line)
    return sorted(found)


def is_edit(words):
    return any("=" in w for w in words) or any(set(w) & set("eX#") for w in words if w.startswith("-"))


def run(program, case, words):
    with tempfile.TemporaryDirectory(prefix="postconf.") as holder:
        etc = os.path.join(holder, "etc")
        if is_edit(words):
            shutil.copytree(case, etc)
        else:
            os.symlink(case, etc)
        done = subprocess.run(["postconf", "-c", "etc", *words], executable=program, cwd=holder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0"})
        files = {}
        for name in FILES:
            path = os.path.join(etc, name)
            if os.path.exists(path):
                with open(path, "rb") as f:
                    files[name] = f.read()
        return Result(done.returncode, done.stdout, diagnostics(done.stderr), files), os.listdir(etc)


def read_commands(case):
    """Quoted text may go on in the next line."""
    path = case / "commands"
    commands, text = [], ""
    for line in path.read_text().splitlines() if path.exists() else ():
        text += line
        try:
            shlex.split(text)
        except ValueError:
            text += "\n"
            continue
        commands.append(text)
        text = ""
    return commands


def reason_to_differ(case, command):
    plain = " ".join(shlex.split(command))
    for name, pattern, reason in DIFFERENT:
        if re.fullmatch(name, case) and re.fullmatch(pattern, plain):
            return reason
    return None


def describe(theirs, ours):
    lines = []
    for what in ("status", "stdout", "stderr"):
        a, b = getattr(theirs, what), getattr(ours, what)
        if a != b:
            lines += difference(what, a, b)
    for name in FILES:
        if theirs.files.get(name) != ours.files.get(name):
            lines += difference(name, theirs.files.get(name, b""), ours.files.get(name, b""))
    return "\n".join(lines)


def difference(what, theirs, ours):
    def text(value):
        if isinstance(value, list):
            return [repr(line) for line in value]
        return [repr(line) for line in value.splitlines(True)] if isinstance(value, bytes) else [repr(value)]
    return [f"  {what}"] + ["    " + line for line in
                            difflib.unified_diff(text(theirs), text(ours), "oracle", "ours", "", "", 0, "")]


@unittest.skipUnless(STAGE, "MTA_STAGE is not set: nothing of ours is installed")
@unittest.skipUnless(ORACLE, "MTA_ORACLE is not set: no reference to compare with")
class PostconfLikeTheOracle(unittest.TestCase):
    maxDiff = None

    @staticmethod
    def jobs():
        for number, case in enumerate(sorted(CONFIGS.iterdir())):
            shows = SHOWS + (MORE_SHOWS[number % len(MORE_SHOWS)],)
            for command in dict.fromkeys([*shows, *read_commands(case)]):
                yield case, command

    @staticmethod
    def compare(job):
        case, command = job
        words = shlex.split(command)
        theirs, _ = run(f"{ORACLE}/root/usr/sbin/postconf", case, words)
        ours, left = run(f"{STAGE}/usr/sbin/postconf", case, words)
        reason = reason_to_differ(case.name, command)
        title = f"{case.name}: postconf {command}"
        if set(left) - set(os.listdir(case)) - set(FILES):
            return f"{title}\n  left over: {left}"
        if theirs == ours:
            return f"{title}\n  is the same, though listed as: {reason}" if reason else None
        return None if reason else f"{title}\n{describe(theirs, ours)}"

    def test_corpus(self):
        self.assertGreater(len(list(CONFIGS.iterdir())), 150)
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            faults = [fault for fault in pool.map(self.compare, self.jobs()) if fault]
        self.assertEqual(faults, [], f"{len(faults)} differences:\n" + "\n".join(faults[:40]))

    def test_table_types(self):
        found = [subprocess.run([f"{root}/usr/sbin/postconf", "-c", CONFIGS / "tutorial-null-client", "-m"], text=True,
                                capture_output=True, check=True).stdout.split() for root in (STAGE, f"{ORACLE}/root")]
        ours, theirs = map(set, found)
        # types of Debian's plugins are listed where the oracle's dynamicmaps.cf is, and ours wherever they lie
        self.assertEqual(theirs - ours, {"nis"})    # no library of Debian's is kept for it


if __name__ == "__main__":
    unittest.main()
