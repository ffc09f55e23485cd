"""postconf: what it asks other parts of the suite for."""

import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import unittest

from support.product import staged
from support.shim import build_shim
from support.suite import SuiteTestCase

TEMPLATE = """failure_template = <<EOF
Charset: us-ascii
From: Somebody <x@y.test>
Subject: It did not work
Postmaster-Subject: Copy

This is $myhostname, sorry.
EOF
"""


class Lists(SuiteTestCase):
    def test_map_types_are_those_that_open(self):
        types = self.suite.run("postconf", "-m").stdout.split()
        self.assertEqual(types, sorted(types))
        self.assertIn("hash", types)
        for name in types:
            done = self.suite.run("postmap", "-q", "x", name + ":/nonexistent", check=False)
            self.assertNotIn("unsupported", done.stderr)

    def test_sasl_types_are_those_that_are_built(self):
        self.assertEqual(self.suite.run("postconf", "-a").stdout, "cyrus\ndovecot\n")
        self.assertEqual(self.suite.run("postconf", "-A").stdout, "cyrus\n")

    def test_unknown_option(self):
        done = self.suite.run("postconf", "-W", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("usage", done.stderr)


class Templates(SuiteTestCase):
    main_cf = {"bounce_template_file": "@etc@/bounce.cf", "myhostname": "mx.y.test"}

    @classmethod
    def configure(cls, suite):
        suite.write("etc/bounce.cf", TEMPLATE)
        suite.write("other.cf", TEMPLATE.replace("sorry", "indeed"))

    def show(self, *args, **how):
        return self.suite.run("postconf", *args, **how).stdout

    def test_texts(self):
        expanded, written = self.show("-b"), self.show("-t")
        self.assertIn("This is mx.y.test, sorry.\n", expanded)
        self.assertNotIn("Subject: ", expanded)
        self.assertIn("Subject: It did not work\n", written)
        self.assertIn("This is $myhostname, sorry.\n", written)
        self.assertIn("delay_template = <<EOF\n", written)

    def test_other_files(self):
        self.assertIn("mx.y.test, indeed.\n", self.show("-b", "other.cf"))  # the caller's directory
        self.assertNotIn("It did not work", self.show("-t", ""))
        self.assertIn("Undelivered Mail Returned to Sender", self.show("-t", ""))
        done = self.suite.run("postconf", "-b", "a", "b", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("at most one template file", done.stderr)
        self.assertNotIn("This is the mail system", self.show("-b", "/nonexistent", check=False))


class Explain(SuiteTestCase):
    main_cf = {"relay_domains": "$mine", "mine": "a.test,\n  b.test", "relayhosts": "x",
               "smtp_recipient_limit": "3", "smtpd_sasl_auth_enable": "yes", "fallback_relay": "x.test"}

    def explain(self, *names):
        """Labels and texts of one parameter, foldings undone."""
        done = self.suite.run("postconf", "-E", *names, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = re.sub(r"\n {15}", "", done.stdout)
        lines = text.splitlines()
        self.assertEqual(lines[0], names[-1])
        return dict((line[4:15].strip(), line[16:]) for line in lines[1:])

    def line_of(self, name, file="main.cf"):
        with open(self.suite.path("etc/" + file), encoding="utf-8") as text:
            return [n for n, line in enumerate(text, 1) if re.match(r"\s*" + name, line)][-1]

    def test_default(self):
        told = self.explain("smtpd_timeout")
        self.assertEqual(told["default"], "${stress?{10}:{300}}s")
        self.assertEqual((told["value"], told["that is"]), ("the default", "300s"))
        self.assertEqual((told["since"], told["read by"]), ("2.0 or before", "smtpd"))
        self.assertTrue(told["type"].startswith("time: "), told)
        self.assertTrue(told["type"].endswith("in seconds; at least 1s"), told)
        self.assertNotIn("from", told)

    def test_setting(self):
        told = self.explain("relay_domains")
        self.assertEqual((told["value"], told["that is"]), ("$mine", "a.test, b.test"))
        self.assertTrue(told["from"].endswith("/main.cf, line %d" % self.line_of("relay_domains")), told)
        self.assertIn("smtpd", told["read by"].split(", "))

    def test_users_own(self):
        told = self.explain("mine")
        self.assertIn("other values refer to it", told["is"])
        self.assertEqual(told["value"], "a.test, b.test")

    def test_override(self):
        told = self.explain("-o", "relayhost=[x.test]", "relayhost")
        self.assertEqual((told["value"], told["from"]), ("[x.test]", "option -o of this command"))

    def test_service_of_master_cf(self):
        with open(self.suite.path("etc/master.cf"), "a", encoding="utf-8") as file:
            file.write("\n# more\nother unix - - n - - smtp\n  -o smtp_helo_name=x.test\n")
        told = self.explain("smtp_helo_name")
        self.assertRegex(told["but"], r"^other/unix has x\.test: -o in .*/master\.cf, line %d$" %
                         self.line_of("other unix", "master.cf"))
        told = self.explain("other_recipient_limit")
        self.assertIn("of the service other", told["is"])
        self.assertNotIn("does not have", told["is"])
        self.assertIn("which master.cf does not have", self.explain("absent_recipient_limit")["is"])

    def test_pattern(self):
        told = self.explain("smtp_recipient_limit")
        self.assertEqual((told["default"], told["value"]), ("$default_recipient_limit", "3"))
        self.assertEqual(told["read by"], "qmgr")

    def test_words_limits_and_releases(self):
        self.assertEqual(self.explain("inet_protocols")["accepted"], "all, ipv4, ipv6")
        self.assertEqual(self.explain("unverified_sender_defer_code")["type"], "number; 200 to 499")
        self.assertEqual(self.explain("smtpd_helo_required")["type"], "yes or no")
        self.assertEqual(self.explain("valija_version")["since"], "not a parameter of Postfix")
        self.assertEqual(self.explain("smtputf8_enable")["since"], "3.0")

    def test_not_built_and_going_away(self):
        told = self.explain("smtpd_sasl_auth_enable")
        if "nothing yet" in told["read by"]:
            self.assertIn("SASL", told["read by"])
        self.assertEqual(self.explain("fallback_relay")["going away"], "yes; write smtp_fallback_relay instead")
        self.assertEqual(self.explain("smtpd_tls_dh512_param_file")["going away"], "yes; nothing takes its place")

    def test_unknown(self):
        done = self.suite.run("postconf", "-E", "mydestinatoin", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("warning: mydestinatoin: unknown parameter\n", done.stderr)
        self.assertIn("warning: did you mean mydestination?\n", done.stderr)

    def seen_at_terminal(self, *args):
        """What postconf writes to standard error when that is a terminal."""
        master, slave = os.openpty()
        with os.fdopen(master, "rb", buffering=0) as terminal:
            subprocess.run([self.suite.product.command("postconf"), *args], env=self.suite.env, stderr=slave,
                           stdout=subprocess.DEVNULL, check=True)
            os.close(slave)
            text = b""
            try:
                while True:
                    piece = terminal.read(4096)
                    if not piece:
                        break
                    text += piece
            except OSError:                 # EIO: nobody has the other end open
                pass
        return text.decode().replace("\r\n", "\n")

    def test_hints_are_for_people(self):
        unknown, unused = "warning: relayhots: unknown parameter\n", "unused parameter: relayhosts=x\n"
        hint = r".*: warning: did you mean relayhost\?\n"
        self.assertRegex(self.seen_at_terminal("relayhots"), unknown + hint)
        self.assertRegex(self.seen_at_terminal("-n"), unused + hint)
        for args, line in ((["relayhots"], unknown), (["-n"], unused)):
            done = self.suite.run("postconf", *args, check=False)
            self.assertIn(line, done.stderr)
            self.assertNotIn("did you mean", done.stderr)
        self.assertEqual(self.seen_at_terminal("-q", "-n"), "")

    def test_what_is_no_name(self):
        with open(self.suite.path("etc/main.cf"), encoding="utf-8") as file:
            before = file.read()
        for text in ("", "=", "a=b", "$(x)", "x" * 5000, "-", "_", "_time_limit", ".."):
            done = self.suite.run("postconf", "-E", "--", text, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), text)
            self.assertIn("warning: %s: unknown parameter\n" % text, done.stderr)
        with open(self.suite.path("etc/main.cf"), encoding="utf-8") as file:
            self.assertEqual(file.read(), before)

    def test_all(self):
        done = self.suite.run("postconf", "-E")
        shown = re.findall(r"^\S+$", done.stdout, re.MULTILINE)
        self.assertEqual(shown, [line.partition(" =")[0] for line in
                                 self.suite.run("postconf", "-q", "-H").stdout.splitlines()])
        self.assertEqual(done.stdout.count("    read by     "), done.stdout.count("    default     "))

    def test_other_options(self):
        for option in ("-x", "-j", "-h", "-H"):
            done = self.suite.run("postconf", "-E", option, "relayhost", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), option)
        self.assertEqual(self.suite.run("postconf", "-E", "-M", "relayhost", check=False).returncode, 1)
        self.assertEqual(self.suite.run("postconf", "-E", "-d", "relayhost", check=False).returncode, 1)


class Edits(unittest.TestCase):
    """What an edit leaves behind, whatever happens to it."""
    MAIN = "# head\nmyhostname = a.test\nmail_name = old\n" + "# filler\n" * 5000
    MASTER = "# head\nsmtp inet n - n - - smtpd\nlocal unix - n n - - local\n" + "# filler\n" * 5000
    EDITS = (("main.cf", ("-e", "mail_name=new", "relayhost=x")), ("main.cf", ("-X", "mail_name")),
             ("main.cf", ("-#", "mail_name")), ("master.cf", ("-Fe", "smtp/inet/chroot=y")),
             ("master.cf", ("-Me", "x/unix=x unix - - n - - smtp")), ("master.cf", ("-M#", "local/unix")),
             ("master.cf", ("-MX", "local/unix")), ("master.cf", ("-Pe", "smtp/inet/mail_name=x")))

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="test_postconf.")
        self.addCleanup(holder.cleanup)
        self.dir = holder.name
        self.reset()

    def reset(self):
        for name in os.listdir(self.dir):
            os.unlink(os.path.join(self.dir, name))
        for name, text in (("main.cf", self.MAIN), ("master.cf", self.MASTER)):
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def postconf(self, *args, preload=None, kill_at=None, limit=None):
        env = dict(os.environ, LC_ALL="C")
        if preload:
            env.update(LD_PRELOAD=preload, KILL_AT=kill_at, ASAN_OPTIONS="verify_asan_link_order=0")
        limits = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
        return subprocess.run([staged().command("postconf"), "-c", self.dir, *args], env=env, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limits)

    def edited(self, name, args):
        self.reset()
        before = self.read(name)
        self.assertEqual(self.postconf(*args).returncode, 0)
        after = self.read(name)
        self.assertTrue(after != before)
        self.assertEqual(after.count("# filler\n"), 5000)
        return before, after

    def test_killed_at_any_call(self):
        shim = build_shim(self.addCleanup, "killshim")
        for name, args in self.EDITS:
            before, after = self.edited(name, args)
            for call in ("ftruncate", "fchown", "write", "fchmod", "fsync", "rename"):
                for when in ("before", "after"):
                    with self.subTest(args=args, call=call, when=when):
                        self.reset()
                        done = self.postconf(*args, preload=shim, kill_at=f"{call}:1:{when}")
                        self.assertEqual(done.returncode, -signal.SIGKILL)
                        whole = after if (call, when) == ("rename", "after") else before
                        self.assertTrue(self.read(name) == whole)
            with self.subTest(args=args, then="the next edit"):
                self.reset()
                self.postconf(*args, preload=shim, kill_at="rename:1:before")
                self.assertEqual(self.postconf(*args).returncode, 0)
                self.assertTrue(self.read(name) == after)
                self.assertEqual(sorted(os.listdir(self.dir)), ["main.cf", "master.cf"])

    def test_call_that_fails(self):
        shim = build_shim(self.addCleanup, "killshim")
        for name, args in self.EDITS:
            before, _ = self.edited(name, args)
            # not rename: the shim lets it happen and only says that it failed
            for call in ("ftruncate", "fchown", "write", "fchmod", "fsync"):
                with self.subTest(args=args, call=call):
                    self.reset()
                    done = self.postconf(*args, preload=shim, kill_at=f"{call}:1:fail")
                    self.assertEqual(done.returncode, 1)
                    self.assertIn("fatal: ", done.stderr)
                    self.assertTrue(self.read(name) == before)
                    self.assertEqual(sorted(os.listdir(self.dir)), ["main.cf", "master.cf"])

    def test_no_room(self):
        for limit in (1, 4096, len(self.MAIN) - 1):
            with self.subTest(limit=limit):
                self.reset()
                done = self.postconf("-e", "mail_name=new", limit=limit)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(self.read("main.cf") == self.MAIN)

    def test_parallel_edits_all_count(self):
        names = [f"name_{i}" for i in range(12)]
        command = [staged().command("postconf"), "-c", self.dir, "-e"]
        running = [subprocess.Popen(command + [f"{name}=x"]) for name in names]
        running += [subprocess.Popen(command[:-1] + ["-Me", f"{name}/unix={name} unix - - n - - smtp"])
                    for name in names]
        for process in running:
            self.assertEqual(process.wait(60), 0)
        for name in names:
            self.assertIn(f"\n{name} = x\n", self.read("main.cf"))
            self.assertIn(f"\n{name} ", self.read("master.cf"))

    def test_order_of_new_settings(self):
        self.assertEqual(self.postconf("-e", "zz=1", "aa=2", "mail_name=3", "mm=4").returncode, 0)
        self.assertTrue(self.read("main.cf").endswith("\nzz = 1\naa = 2\nmm = 4\n"))

    def test_owner_and_mode_stay_and_a_link_becomes_a_file(self):
        path = os.path.join(self.dir, "main.cf")
        os.chmod(path, 0o604)
        self.assertEqual(self.postconf("-e", "mail_name=x").returncode, 0)
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o604)
        os.rename(path, path + ".real")
        os.symlink("main.cf.real", path)
        self.assertEqual(self.postconf("-e", "mail_name=y").returncode, 0)
        self.assertFalse(os.path.islink(path))
        self.assertIn("mail_name = y\n", self.read("main.cf"))
        self.assertIn("mail_name = x\n", self.read("main.cf.real"))

    def test_no_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        os.chmod(self.dir, 0o555)
        self.addCleanup(os.chmod, self.dir, 0o755)
        done = self.postconf("-e", "mail_name=x")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Permission denied", done.stderr)

    def test_an_entry_that_cannot_be_read_again_is_not_written(self):
        for args in (("-Fe", "smtp/inet/chroot="), ("-Fe", "smtp/inet/command="),
                     ("-Me", "x/unix=x unix - - n - - smtp {a"), ("-Me", "x/unix=x unix - - n - -")):
            with self.subTest(args=args):
                self.assertEqual(self.postconf(*args).returncode, 1)
                self.assertTrue(self.read("master.cf") == self.MASTER)


class Json(unittest.TestCase):
    def test_every_kind(self):
        with tempfile.TemporaryDirectory(prefix="test_postconf.") as etc:
            with open(os.path.join(etc, "main.cf"), "w") as f:
                f.write('mail_name = a "b"\\c\n   d\tñ\nrelayhost =\n')
            with open(os.path.join(etc, "master.cf"), "w") as f:
                f.write("smtp inet n - n - - smtpd -o { mail_name = x  y }\n")
            wanted = {
                ("-nj", "mail_name", "relayhost"): {"mail_name": 'a "b"\\c d ñ', "relayhost": ""},
                ("-Mj",): {"smtp/inet": "smtp       inet  n       -       n       -       -       "
                                        "smtpd -o {mail_name=x  y}"},
                ("-Mfj", "smtp"): {"smtp/inet": "smtp       inet  n       -       n       -       -       "
                                                "smtpd -o {mail_name=x  y}"},
                ("-Fj", "smtp/inet/command"): {"smtp/inet/command": "smtpd -o {mail_name=x  y}"},
                ("-Pj",): {"smtp/inet/mail_name": "x y"},
            }
            for args, result in wanted.items():
                with self.subTest(args=args):
                    done = subprocess.run([staged().command("postconf"), "-c", etc, *args], timeout=60,
                                          stdout=subprocess.PIPE, text=True, encoding="utf-8")
                    found = {}
                    for line in done.stdout.splitlines():
                        found.update(json.loads(line))
                    self.assertEqual(found, result)


class Directories(unittest.TestCase):
    """-c comes before MAIL_CONFIG; the file's own config_directory is only shown."""

    def test_which_main_cf(self):
        with tempfile.TemporaryDirectory(prefix="test_postconf.") as top:
            for name in ("one", "two"):
                os.mkdir(os.path.join(top, name))
                with open(os.path.join(top, name, "main.cf"), "w") as f:
                    f.write(f"mail_name = {name}\nmulti_instance_directories = {top}/two\n")
                open(os.path.join(top, name, "master.cf"), "w").close()
            program = staged().command("postconf")

            def run(*args, **env):
                return subprocess.run([program, *args], env=dict(os.environ, **env), timeout=60,
                                      stdout=subprocess.PIPE, text=True).stdout

            one, two = os.path.join(top, "one"), os.path.join(top, "two")
            self.assertEqual(run("-h", "mail_name", MAIL_CONFIG=one), "one\n")
            self.assertEqual(run("-c", two, "-h", "mail_name", MAIL_CONFIG=one), "two\n")
            self.assertEqual(run("-h", "config_directory", MAIL_CONFIG=one), one + "\n")
            self.assertEqual(run("-c", two, "-hn", "config_directory", MAIL_CONFIG=one), two + "\n")
            run("-c", two, "-e", "mail_name=three", MAIL_CONFIG=one)
            self.assertEqual(run("-h", "mail_name", MAIL_CONFIG=two), "three\n")
            self.assertEqual(run("-h", "mail_name", MAIL_CONFIG=one), "one\n")
