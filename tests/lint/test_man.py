"""Man pages hold what the programs do: a page for each, the options they take, names that exist."""
import glob
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
MAN = os.path.join(SOURCE, "docs", "man")

# the arguments of getopt(3): the texts among them name the options
OPTION_STRING = re.compile(r'getopt(?:_long)?\(([^;)]*)\)')
# -S and the options of master's own are for services, which people do not start
SERVICES_WITH_OPTIONS = {"master"}


def load_filler():
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("params_to_man", os.path.join(MAN, "params_to_man.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages():
    return sorted(glob.glob(os.path.join(MAN, "*.[158]")))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def programs():
    """(name, section, folder) of everything that is installed, other names of a program included."""
    found = []
    for path in glob.glob(os.path.join(SOURCE, "*/CMakeLists.txt")) + \
            glob.glob(os.path.join(SOURCE, "tools/*/CMakeLists.txt")):
        folder = os.path.dirname(path)
        if os.path.relpath(folder, SOURCE).startswith("build"):
            continue
        for kind, name, rest in re.findall(r"^\s*mta_(service|tool)\((\S+)([^)]*)\)", read(path), re.MULTILINE):
            if not os.path.exists(os.path.join(folder, name + ".c")):
                continue
            alias = re.search(r"\bALIAS((?: +[a-z0-9-]+)+)", rest)
            for each in [name] + (alias[1].split() if alias else []):
                found.append((each, "8" if kind == "service" else "1", folder))
    return found


def page_of(name, section):
    """The text of a page; a link is followed."""
    text = read(os.path.join(MAN, "%s.%s" % (name, section)))
    link = re.match(r"\.so man\d/(\S+)", text)
    return read(os.path.join(MAN, link[1])) if link else text


def options_taken(folder):
    letters = set()
    for path in glob.glob(os.path.join(folder, "*.c")):
        for call in OPTION_STRING.findall(read(path)):
            for text in re.findall(r'"([^"]*)"', call):
                letters.update(c for c in text if c not in ":+")
    return letters


def options_told(page):
    """Letters behind the dashes of tags: the lines after .TP in a section that tells of options."""
    letters = set()
    for tag in re.findall(r"^\.TP.*\n(\.B.*|\.I.*)$", page, re.MULTILINE):
        letters.update(re.findall(r'(?:^|[\s"])\\-([A-Za-z0-9#])', re.sub(r"\\f.", " ", tag)))
    return letters


class Man(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.filler = load_filler()
        cls.params = cls.filler.param_tables.parameters(SOURCE)

    def test_every_program_has_a_page(self):
        missing = ["%s(%s)" % (name, section) for name, section, _ in programs()
                   if not os.path.exists(os.path.join(MAN, "%s.%s" % (name, section)))]
        self.assertGreater(len(programs()), 10)
        self.assertEqual(missing, [])

    def test_links_lead_somewhere(self):
        names = {os.path.basename(p) for p in pages()}
        bad = []
        for path in pages():
            text = read(path)
            link = re.match(r"\.so man\d/(\S+)", text)
            seen = text.partition(".SH SEE ALSO")[2]
            wanted = [link[1]] if link else ["%s.%s" % (n.replace("\\-", "-"), s) for n, s in
                                             re.findall(r"^\.BR (\S+) \((\d)\)", seen, re.MULTILINE)]
            bad += ["%s: %s" % (os.path.basename(path), w) for w in wanted
                    if w not in names and w[-1] in "158"]
        self.assertEqual(bad, [])

    def test_options(self):
        faults = []
        for name, section, folder in programs():
            if section == "8" and name not in SERVICES_WITH_OPTIONS:
                continue
            taken = options_taken(folder)
            told = options_told(page_of(name, section)) if section == "1" or taken else set()
            faults += ["%s: -%s is taken and not told" % (name, c) for c in sorted(taken - told)]
            faults += ["%s: -%s is told and not taken" % (name, c) for c in sorted(told - taken)]
        self.assertEqual(faults, [])

    # words of other programs, and of formats that the code puts together
    OTHER_WORDS = re.compile(r"^(?:no_new_privs|(?:failure|delay|success|verify)_template)$")

    def test_names(self):
        """What looks like a parameter is one, or a word of the code."""
        code = self.filler.param_tables.Code(SOURCE)
        words = {word for text in code.files.values() for word in re.findall(r"\w+", text)}
        for path in glob.glob(os.path.join(SOURCE, "lib/map/**/*_rows.def"), recursive=True):
            words |= set(re.findall(r"PARAM\(\w+, +(\w+)", read(path)))     # settings of a table
        faults = []
        known = set(self.params) | set(self.filler.param_tables.old_names(SOURCE)) | words | {os.path.basename(p).rsplit(".", 1)[0] for p in pages()}
        for path in pages():
            text = self.filler.DIRECTIVE.sub("", read(path))
            text = re.sub(r"\\f.|\\\(\w\w|\\.", " ", text)
            for word in re.findall(r"(?<![\w$/.])[a-z]\w*_\w*[a-z0-9](?![\w/])", text):
                if word not in known and not self.OTHER_WORDS.match(word):
                    faults.append("%s: %s" % (os.path.basename(path), word))
        self.assertEqual(faults, [])

    def test_words(self):
        """Words of tables of the code are in the page that explains them, before what is not built."""
        tables = [
            ("header_checks.5", "cleanup/cleanup_checks.c", r'^ *\{"([A-Z]+)",'),
            ("access.5", "smtpd/smtpd_restrict_access.c", r'^ *\{"([A-Z_]+)",'),
            ("smtpd.8", "smtpd/smtpd_restrictions.c", r'^ *\{"([a-z_]+)", +(?! |UNBUILT)'),
            ("smtpd.8", "smtpd/smtpd_ehlo.c", r'^ *\{"([A-Z0-9]+)", .*true\}'),
            ("postmap.1", "lib/map/map_*.c", r'\.type = "([a-z]+)", *\.'),
            ("postmap.1", "lib/map/map_*.c", r'^ *\.type = "([a-z]+)",\s*\.'),
            ("postfix.1", "tools/postfix/postfix.c", r'^ *\{"([a-z-]+)", postfix_'),
        ]
        faults = []
        for page, sources, pattern in tables:
            built = re.sub(r"\\f.", " ", read(os.path.join(MAN, page)).partition(".SH NOT BUILT YET")[0])
            built = built.replace("\\-", "-")
            words = [w for source in glob.glob(os.path.join(SOURCE, sources))
                     for w in re.findall(pattern, read(source), re.MULTILINE)]
            self.assertGreater(len(words), 3, sources)
            faults += ["%s: %s" % (page, w) for w in words if not re.search(r"(?<!\w)%s(?!\w)" % w, built)]
        self.assertEqual(faults, [])
        unbuilt = re.findall(r'^ *\{"([a-z_]+)", *UNBUILT',
                             read(os.path.join(SOURCE, "smtpd/smtpd_restrictions.c")), re.MULTILINE)
        restrictions = read(os.path.join(MAN, "smtpd.8")).partition(".SH RESTRICTIONS")[2].partition(".SH LOG")[0]
        self.assertEqual([w for w in unbuilt if re.search(r"\b%s\b" % w, restrictions)], [])

    def test_parameters_of_programs(self):
        """What a program's own files read of the common parameters is in its page."""
        faults = []
        for name, section, folder in programs():
            code = "".join(read(p) for p in glob.glob(os.path.join(folder, "*.c")))
            page = page_of(name, section)
            told = {w for names in re.findall(r'^\.\\" @parameter ([^@]*)@$', page, re.MULTILINE) for w in names.split()}
            used = {w.lstrip("_") for w in re.findall(r'(?<!")(?<!/)\bcommon_params\.(?!h")(\w+)', code)}
            faults += ["%s.%s: %s" % (name, section, w) for w in sorted(used - told)]
        self.assertEqual(faults, [])

    def test_sections(self):
        """A page says of a daemon what it may do, and of a command how it ends."""
        faults = []
        for name, section, _ in programs():
            needed = [".SH SECURITY"] if section == "8" else [".SH EXIT STATUS"]
            faults += ["%s.%s: %s" % (name, section, w) for w in [".SH SEE ALSO", ".SH DESCRIPTION"] + needed
                       if w not in page_of(name, section)]
        self.assertEqual(faults, [])

    def test_pages_parse(self):
        tool = shutil.which("groff")
        if not tool:
            self.skipTest("groff is not installed")
        faults = []
        with tempfile.TemporaryDirectory() as folder:
            self.fill(folder)
            for path in sorted(glob.glob(os.path.join(folder, "*"))):
                if read(path).startswith(".so "):
                    continue
                done = subprocess.run([tool, "-man", "-Tutf8", "-ww", "-z", path],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                # lines that cannot be filled nicely are no fault of the page
                faults += [line for line in done.stdout.decode(errors="replace").splitlines()
                           if "can't break line" not in line and "cannot adjust line" not in line]
        self.assertEqual(faults, [])

    def test_pages_are_filled(self):
        with tempfile.TemporaryDirectory() as folder:
            self.fill(folder)
            text = read(os.path.join(folder, "postconf.5"))
            built, _, unbuilt = text.partition(".SH NOT BUILT YET")
            for part, is_built in ((built, True), (unbuilt, False)):
                listed = set(re.findall(r"^\.B (\w+)$", part, re.MULTILINE))
                for name, row in self.params.items():
                    self.assertEqual(name in listed, row["built"] == is_built, name)
            for path in glob.glob(os.path.join(folder, "*")):
                self.assertNotRegex(read(path), self.filler.DIRECTIVE)

    def fill(self, folder):
        for page in pages():
            with open(os.path.join(folder, os.path.basename(page)), "w", encoding="utf-8") as file:
                file.write(self.filler.fill(read(page), self.params, SOURCE))

    def test_sees_faults(self):
        self.assertEqual(options_told('.TP 16\n.BI \\-c " dir" "\\fR, \\fP" \\-f " x"\ntext\n.TP\n.B \\-4 \\-6\n'),
                         {"c", "f", "4", "6"})
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "x.c"), "w", encoding="utf-8") as file:
                file.write('getopt(argc, argv,\n is_a ? "+ab:" : "c");\nlog("usage -z");\n')
            self.assertEqual(options_taken(folder), set("abc"))
        with self.assertRaises(SystemExit):
            self.filler.fill('.\\" @parameter no_such_parameter@\n', self.params, SOURCE)


if __name__ == "__main__":
    unittest.main()
