"""The language of main.cf and master.cf, through the commands of both products.

A value is looked at as postconf -xh prints it; what a daemon or command says of a bad value, by
postmap, which reads the same parameters. Where Postfix warns of the details and then ends with
"macro processing error", we end with one line that has both.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import oracle, product as products
from support.namespace import mounting

BASE = """one = 1
empty =
via = <$one>
via_empty = $empty
level = 3.6
myhostname = h.example
mydomain = example
mail_owner = postfix
compatibility_level = 3.6
"""

VALUES = """plain|$one.$(one).${one}|$via|$$one$$|[$none]|[$one_x-]|${ one }$( one )|\\$one|"$one"
${one?yes}${one:no}|${none?yes}${none:no}|${empty?yes}${empty:no}|${via_empty?yes}|${one?y:n}
${one?{y}:{n}}${none?{y}:{n}}|${none? {y} : {n} }.|$(one?{y}:n)|[${one?{ y }}]|[${one? y }]|${one?${via}}
${one?{${via}}:{x}}|${one ?{x} :{y} }|${one?(a)}|${one?{{a}}}|[${none:{{a}}}]|${one?y}:n}|${one??}|${one?:}
${{a}=={a}}|[${{a} != {a}}]|${{a} == {a} ? {x} : {y}}|${{a} == {b} ? {x} : {y}}|${{a} == {b} : {y}}
[${{a} == {a} ? y : z}]|${{10} > {9}?num}${{010} == {10}?same}|${{a10} > {a9}?{gt}:{le}}|${{-1} < {-2}?{lt}:{ge}}
${{1} < { 2}?{lt}:{ge}}|${{ 1} == {1}?{eq}:{ne}}|${{} < {a}?{lt}:{ge}}|${{} == {0}?{eq}:{ne}}
${{$level} <level {3.10} ? {old} : {new}}|${{$level} < {3.10} ? {old} : {new}}|${{3.5} ==level {3.5.0}?{eq}:{ne}}
${{3.5}<level{3.5}?{lt}:{ge}}|${{3.5} <=level {3.5}?{le}:{gt}}|${{3.5} !=level {3.5}?{ne}:{eq}}
${{ +3.6} ==level {3.6}?{eq}:{ne}}|${{8796093022207} >level {3.1023.1023}?{gt}:{le}}|${ {a} == {a}?{x}:{y}}
${{(} == {(}?{)}:{x}}|${one?{}:{}}.|$(one?$(one?$(one)))|[${:x}${?y}${ : z}]|$mydomain|$one}{$one}|caf\u00e9 $one\u00e9"""

MISTAKES = """a$|$-|$ one|${}|$()|x${one|x$(one|$(one}|${a-b}|${one x}|${${one}}|${one?{y}z}|${one?{y}:{n}x}
${one?{y:n}|${none:{x}:{y}}|${{a} {a}?x}|${{a} = {a}?x}|${{a} == a?x}|${{a} == {a} x}|${{a} === {a}?x}
${{a} <> {a}?x}|${{1} < level {1}?x}|${{1} <levels {1}?x}|${{1}==Level{1}}|${{a} == }|${{a}}|${{a}|${{a == {a}?x}
${{x} <level {3}?x}|${{} <level {3}?x}|${{3.} <level {3}?x}|${{3..1} <level {3}?x}|${{-3} <level {3}?x}
${{3.6.1.2} <level {3}?x}|${{3.1024} <level {3}?x}|${{8796093022208} <level {3}?x}|$(one?{)})|${one.x}|$$$"""

FILES = {
    "continued": "readme_directory = a\n # c\n b\n# c\n\n  \n\tc\n",
    "value on the next line": "readme_directory=\n  a\n  b\n",
    "carriage returns": "readme_directory = a\r\n b\r\n\r\n# z\r\n c\r\nfoo = 1\r\n",
    "no line end": "readme_directory = a\n b",
    "hash": "readme_directory = a # b\n",
    "quotes and braces": 'readme_directory = "a b" { c\\\n',
    "two signs": "readme_directory == x = y\n",
    "odd names": "a-b = 1\n$x = 2\n:z = 3\nreadme_directory = [$a]\n",
    "other case": "README_DIRECTORY=z\nreadme_directory=a\n",
    "bytes": b"# \x01 \xff\nreadme_directory = a\xe9b\n",
    "no sign": "foo\n",
    "no sign, two words": "foo bar\n baz\n",
    "name of two words": "foo bar = x\n",
    "no name": "= x\n",
}

# a row of master.cf each; "|" is a line end
SERVICES = """a unix - - n - - smtp|a unix - - n - - smtp -o a=b -v|a unix - - n - - smtp -oa=b
a unix - - n - - smtp -o { a = b c }|a unix - - n - - smtp -o{ a = b c }|a unix - - n - - smtp -o {a=b}
a unix - - n - - smtp -o { a b = c }|a unix - - n - - smtp -o { = b }|a unix - - n - - smtp -o {}|a unix - - n - - smtp {b
a unix - - n - - smtp {b}c|a unix - - n - - smtp b{c d}|a unix - - n - - smtp -o|a unix - - n - - smtp -o a = b
a unix - - n - -|a foo - - n - - smtp|a unix q - n - - smtp|a unix Y - n - - smtp|a unix - q n - - smtp|a unix - - Q - - smtp
a unix - - n 10? - smtp|a unix - - n 0? - smtp|a unix - - n -? - smtp|a unix - - n ? - smtp|a unix - - n -5 - smtp
a unix - - n +5 - smtp|a unix - - n - -5 smtp|a unix - - n - 0 smtp|a unix - - n - x smtp|a inet - - n - - smtp
a inet y - n - - smtp|a pass n - n - - smtp|a fifo - - n - - smtp|a unix-dgram - - n - - smtp|a tcp - - n - - smtp"""
BLANK = "# x\n a unix - -\n - - -\n\nb unix - - n - - smtp\n # c\n  -o c=d\n\t-o e=f\n"

ENVIRONMENTS = ["A B", "A=x, B", "{A = x y} B", "{ A=x }", "{A=}", "A=b=c", "A={x y}", "{A = {x} }",
                "A=$one", "{A= a, b}", "A=1 A=2", "{}", "{A}", "", "A = x", "=x", "{=x}", "{A B=c}", "{A=x",
                "{A = x}y"]


def split(text):
    return [item for line in text.split("\n") for item in line.split("|")]


class Side:
    """One product and its configuration directory."""

    def __init__(self, product, directory):
        self.product, self.dir = product, os.path.join(directory, product.label)
        os.makedirs(self.dir)
        os.mkdir(self.dir + "/queue")
        self.env = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"}
        self.write("master.cf", "smtp unix - - n - - smtp\n")

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (1e9, 1e9))      # both products wait for files that were just written

    def main_cf(self, text):
        own = BASE + "queue_directory = %s/queue\n" % self.dir
        if self.product.shlib_directory:
            own += "shlib_directory = %s\nmeta_directory = %s\n" % (self.product.shlib_directory, self.dir)
        self.write("main.cf", own.encode() + (text if isinstance(text, bytes) else text.encode()))

    def run(self, name, *args, **env):
        done = subprocess.run([self.product.command(name), "-c", self.dir, *args], env=dict(self.env, **env),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        out, errors = (text.decode("utf-8", "surrogateescape").replace(self.dir, "DIR")
                       for text in (done.stdout, done.stderr))
        return done.returncode, out, re.sub(r"(?m)^\S*/(post\w+: )", r"\1", errors)

    def complaint(self, name, *args):
        """(status, the last words of the fatal line, what was warned of)"""
        status, _, errors = self.run(name, *args)
        lines = errors.splitlines()
        return status, lines


@oracle.needed
class Language(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="test_configuration.")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.chmod(cls.dir, 0o755)
        cls.ours = Side(products.staged(), cls.dir)
        cls.theirs = Side(oracle.product(), cls.dir)

    def both(self):
        return self.ours, self.theirs

    def each(self, cases, look):
        """[(case, ours, theirs)], each from LOOK(side, case) with a fresh Side.

        Postfix waits a second before it ends with an error: not one after the other."""
        jobs = [(product, case) for case in cases for product in (products.staged(), oracle.product())]

        def run(job):
            product, case = job
            directory = tempfile.mkdtemp(dir=self.dir)
            os.chmod(directory, 0o755)
            return look(Side(product, directory), case)
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(run, jobs))
        return list(zip(cases, got[::2], got[1::2]))

    def test_values(self):
        cases = split(VALUES)
        got = []
        for side in self.both():
            side.main_cf("readme_directory = %s\n" % " @@ ".join(cases))
            status, out, errors = side.run("postconf", "-xh", "readme_directory")
            self.assertEqual(status, 0, errors)
            got.append(out.rstrip("\n").split(" @@ "))
        self.assertEqual(len(got[0]), len(cases))
        for case, ours, theirs in zip(cases, *got):
            with self.subTest(value=case):
                self.assertEqual(ours, theirs)

    def test_mistakes(self):
        def look(side, case):
            side.main_cf("parent_domain_matches_subdomains = %s\n" % case)
            return side.complaint("postmap", "-q", "x", "static:x")
        for case, (our_status, ours), (their_status, theirs) in self.each(split(MISTAKES), look):
            with self.subTest(value=case):
                self.assertEqual((our_status, their_status), (1, 1))
                self.assertEqual(theirs[-1], "postmap: fatal: dictionary mail_dict: macro processing error")
                self.assertEqual(len(ours), 1, ours)
                self.assertTrue(ours[0].startswith(theirs[-1] + ": parent_domain_matches_subdomains: "), ours)
                self.assertRegex(ours[0], r" \(DIR/main\.cf, line \d+\)$")
                self.assertIn(theirs[0].replace("postmap: warning: ", ""), ours[0])

    def test_endless_values(self):
        for text in ("parent_domain_matches_subdomains = $a\na = $b\nb = x$a\n",
                     "parent_domain_matches_subdomains = $v1\n"
                     + "".join("v%d = $v%d\n" % (i, i + 1) for i in range(1, 102))):
            for side in self.both():
                side.main_cf(text)
                status, lines = side.complaint("postmap", "-q", "x", "static:x")
                self.assertEqual(status, 1)
                self.assertIn("unreasonable macro call nesting", lines[0])
                if side is self.ours:
                    self.assertRegex(lines[0], r"\((\.\.\. -> )?(\$\w+ -> )+\$\w+\)")

    def test_bad_values(self):
        """Postfix's words, then where they stand and what would do."""
        cases = {
            "max_use = xyz": "a whole number", "max_use = 0": "a whole number", "max_use =": "a whole number",
            "swap_bangpath = maybe": "yes or no", "swap_bangpath =": "yes or no",
            "max_idle = 1y": "a number and s, m, h, d or w", "max_idle = 0": "a number and s, m, h, d or w",
            "myorigin =": None, "compatibility_level = abc": "a release such as",
            "compatibility_level =": "a release such as",
        }
        def look(side, setting):
            side.main_cf("\n%s\n" % setting)
            return side.complaint("postmap", "-q", "x", "static:x")
        for setting, (our_status, ours), (their_status, theirs) in self.each(list(cases), look):
            with self.subTest(setting=setting):
                # theirs may not look at a parameter that this command has no use for
                self.assertEqual(our_status, 1)
                fatal = [line for line in ours if "fatal" in line][0]
                if their_status:
                    self.assertTrue(fatal.startswith(theirs[-1]), (fatal, theirs))
                self.assertIn("(DIR/main.cf, line ", fatal)
                if cases[setting]:
                    self.assertIn("; wanted: " + cases[setting], fatal)

    def test_lines_of_main_cf(self):
        def look(side, what):
            side.main_cf(FILES[what])
            value = side.run("postconf", "-xh", "readme_directory")[:2]
            status, lines = side.complaint("postmap", "-q", "x", "static:x")
            # main.cf of the oracle is longer
            return value, status, [re.sub(r"line \d+", "line N", line) for line in lines]
        for what, ours, theirs in self.each(list(FILES), look):
            with self.subTest(file=what):
                self.assertEqual(ours, theirs)

    def test_doubled_names(self):
        got = []
        for side in self.both():
            side.main_cf("readme_directory = a\nreadme_directory = b\n c\n\nreadme_directory = d\n")
            got.append([re.sub(r"line \d+", "line N", line) for line in side.complaint("postmap", "-q", "x", "static:x")[1]])
        self.assertEqual(*got)
        self.assertEqual(len(got[0]), 2)

    def test_bytes_that_do_not_belong(self):
        for text, words in ((b"foo = a\0b\n", "NUL byte: not a text"),
                            ("foo = 1\n".encode("utf-16-le"), "NUL byte: not a text")):
            self.ours.main_cf(text)
            status, lines = self.ours.complaint("postmap", "-q", "x", "static:x")
            self.assertEqual(status, 1)
            self.assertRegex(lines[0], r"fatal: DIR/main\.cf, line \d+: " + words)
        self.ours.write("main.cf", b"\xef\xbb\xbf# comment\nfoo = a\x1bb\n")
        status, lines = self.ours.complaint("postmap", "-q", "x", "static:x")
        self.assertEqual(status, 0, lines)
        self.assertEqual([line.split(", ", 1)[1] for line in lines],
                         ["line 1: byte order mark ignored",
                          "line 2: control character 0x1b in the value of foo"])

    def test_services(self):
        """Which rows are fine; words about those that are not differ from command to command."""
        def look(side, row):
            side.write("master.cf", row + "\n")
            return self.master(side)
        for row, ours, theirs in self.each(split(SERVICES), look):
            with self.subTest(row=row):
                self.assertEqual(ours[0], theirs[0], (ours, theirs))
                if ours[0]:
                    self.assertIn("DIR/master.cf: line 1: ", ours[1])

    def test_first_line_of_master_cf(self):
        self.ours.main_cf("")
        self.ours.write("master.cf", BLANK)
        status, log = self.master(self.ours)
        self.assertEqual(status, 0)
        self.assertIn('warning: DIR/master.cf: logical line must not start with whitespace: " a unix - - - - -"',
                      log)

    def master(self, side):
        """(0 or 1, its log) of a master that ends by itself after a second."""
        for name in ("queue", "data"):
            shutil.rmtree(os.path.join(side.dir, name), ignore_errors=True)
        for name in ("queue/pid", "queue/public", "queue/private", "data"):
            os.makedirs(os.path.join(side.dir, name))
            shutil.chown(os.path.join(side.dir, name), "postfix" if name != "queue/pid" else "root")
        log = os.path.join(side.dir, "maillog")
        side.main_cf("data_directory = %s/data\nmaillog_file = %s\nmaillog_file_prefixes = %s\n"
                     "inet_interfaces = 127.0.0.1\ndaemon_directory = %s\n"
                     "import_environment = MAIL_CONFIG ASAN_OPTIONS=detect_leaks=0\n"
                     % (side.dir, log, side.dir, side.product.daemons))
        if os.path.exists(log):
            os.unlink(log)
        done = subprocess.run([side.product.daemon("master"), "-c", side.dir, "-d", "-e", "1"], env=side.env,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        text = ""
        if os.path.exists(log):
            with open(log, encoding="utf-8") as f:
                text = f.read().replace(side.dir, "DIR")
        return done.returncode, text

    def test_environment(self):
        def look(side, value):
            side.write("lock", "")      # its own: nobody waits for another
            side.main_cf("import_environment = %s\n" % value)
            status, out, errors = side.run("postlock", os.path.join(side.dir, "lock"), "/usr/bin/env", A="old a", B="old b")
            # by some calls of 3.7 the error does not name the parameter
            return (status, sorted(out.replace(side.dir, "DIR").splitlines()),
                    re.sub(r"(update_env|import_environment): ", "", errors))
        for value, ours, theirs in self.each(ENVIRONMENTS, look):
            with self.subTest(import_environment=value):
                self.assertEqual(ours, theirs)


@oracle.needed
class Directories(unittest.TestCase):
    """Commands with more rights than their caller take no configuration from him."""
    AS_NOBODY = 'mount --bind "$1" /etc && shift && exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"'

    def run_as_nobody(self, root, directory, name, by_option):
        path = os.path.join(root, name)
        env = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"}
        args = ["-p"] if name == "postqueue" else ["-r"]
        if by_option:
            args = ["-c", directory] + args
        else:
            env["MAIL_CONFIG"] = directory
        # what is in /etc/postfix matters, and not every machine has one
        done = subprocess.run(mounting(self.AS_NOBODY, self.etc, path, *args), env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        lines = [line for line in done.stderr.splitlines() if line.startswith("post")]
        return done.returncode, done.stdout, lines

    def test_unlisted_directory(self):
        holder = tempfile.mkdtemp(prefix="test_configuration.")
        self.addCleanup(shutil.rmtree, holder)
        os.chmod(holder, 0o755)
        for label, product in (("ours", products.staged()), ("theirs", oracle.product())):
            os.mkdir(os.path.join(holder, label))
            for name in ("postqueue", "postdrop"):
                copy = shutil.copy(product.command(name), os.path.join(holder, label))
                shutil.chown(copy, "root", "postdrop")
                os.chmod(copy, 0o2755)
        self.etc = os.path.join(holder, "etc")
        shutil.copytree("/etc", self.etc, symlinks=True, ignore=shutil.ignore_patterns("postfix", "*shadow*"))
        os.mkdir(os.path.join(self.etc, "postfix"))
        for name in ("main.cf", "etc/postfix/main.cf"):
            with open(os.path.join(holder, name), "w", encoding="ascii") as f:
                f.write(BASE)
        libraries = oracle.product().shlib_directory
        for name in ("postqueue", "postdrop"):
            for directory in (holder, "/nonexistent", "relative"):
                for by_option in (True, False):
                    with self.subTest(command=name, directory=directory, by_option=by_option):
                        ours, theirs = (self.run_as_nobody(os.path.join(holder, label), directory, name, by_option)
                                        for label in ("ours", "theirs"))
                        self.assertEqual(ours[2], theirs[2], libraries)
                        self.assertIn("unauthorized configuration directory name: " + directory, ours[2][0])
                        self.assertNotEqual(theirs[0], 0)


if __name__ == "__main__":
    unittest.main()
