"""The completion functions of bash, run as bash would run them."""
import os
import shutil
import subprocess
import unittest

from support.suite import Suite, SuiteTestCase

# bash splits words at = and : as well
SCRIPT = r"""
source "$1"; shift
mapfile -t COMP_WORDS < <(printf '%s\n' "$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE="${COMP_WORDS[*]}"
compopt() { :; }
_valija "${COMP_WORDS[0]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def complete(suite, *words, script=SCRIPT):
    """What is offered for the last word."""
    path = os.path.join(suite.product.root, "usr/share/bash-completion/completions", words[0])
    argv = [suite.product.command(words[0])] + list(words[1:])
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", path] + argv, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=suite.env, cwd=suite.dir, timeout=60)
    if done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout.decode().split()


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Words(SuiteTestCase):
    main_cf = {"defer_transports": "smtp", "my_own_list": "x.test", "relay_domains": "$my_own_list",
               "relay_recipient_maps": "static:x"}

    def complete(self, *words):
        return complete(self.suite, *words)

    def test_rows(self):
        for words, offered in [
                (("postfix", "rel"), "reload"),
                (("postfix", "-"), "-c -D -v"),
                (("postfix", "check", "--"), "--json --notes"),
                (("postfix", "post-install", "create"), "create-missing"),
                (("postconf", "relay_recipient_m"), "relay_recipient_maps"),
                (("postconf", "my_own"), "my_own_list"),
                (("postconf", "-e", "relay_recipient_m"), "relay_recipient_maps="),
                (("postconf", "-n", "relay_do"), "relay_domains"),
                (("postconf", "-n", "smtpd_recipient_li"), ""),
                (("postconf", "-M", "cleanup"), "cleanup/unix"),
                (("postconf", "-C", "b"), "builtin"),
                (("postconf", "-m", ""), ""),
                (("postqueue", "-"), "-c -f -i -j -p -s -v"),
                (("postmap", "pc"), "pcre:"),
                (("postlog", "-p", "w"), "warn"),
                (("postkick", "pri"), "private"),
                (("postkick", "private", "clean"), "cleanup"),
                (("postsuper", "-s", "def"), "deferred"),
                (("postlock", "-l", "f"), "flock fcntl"),
                (("sendmail", "roo"), "root"),
                (("mailq", "-q"), "-q"),
                (("newaliases", ""), "")]:
            with self.subTest(words):
                self.assertEqual(self.complete(*words), offered.split())

    def test_every_parameter(self):
        names = self.suite.run("postconf", "-H").stdout.split()
        self.assertEqual(self.complete("postconf", ""), names)
        self.assertGreater(len(names), 500)

    def test_files(self):
        self.suite.write("tables/access", "")
        self.suite.write("tables/aliases", "")
        self.assertEqual(self.complete("postmap", "hash", ":", "tables/acc"), ["tables/access"])
        self.assertEqual(self.complete("postcat", "tables/al"), ["tables/aliases"])
        self.assertEqual(self.complete("postfix", "-c", "tab"), ["tables"])

    def test_configuration_directory(self):
        """Names of another instance, by -c."""
        other = Suite({"another_list": "y.test", "relay_domains": "$another_list"})
        self.addCleanup(other.close)
        self.assertEqual(self.complete("postconf", "-c", other.etc, "another"), ["another_list"])
        self.assertEqual(self.complete("postconf", "another"), [])

    def test_queue_ids(self):
        self.suite.sendmail(["u@far.test"], "Subject: a\n\n")
        self.suite.sendmail(["v@far.test"], "Subject: b\n\n")
        for user in "uv":
            self.suite.wait_for_log(r"to=<%s@far\.test>.*status=deferred" % user)
        ids = sorted(self.suite.queue_ids())
        self.suite.wait_deferred(*ids)
        self.assertEqual(len(ids), 2)
        self.assertEqual(sorted(self.complete("postcat", "-q", "")), sorted(ids))
        self.assertEqual(sorted(self.complete("postqueue", "-i", "")), sorted(ids))
        self.suite.run("postsuper", "-h", ids[0])
        self.assertEqual(self.complete("postsuper", "-H", ""), ["ALL", "-", ids[0]])
        self.assertEqual(self.complete("postsuper", "-h", ""), ["ALL", "-", ids[1]])
        self.assertEqual(self.complete("postsuper", "-d", ids[1][:-1]), [ids[1]])
        self.suite.run("postsuper", "-d", "ALL")

    def test_names_are_kept_for_a_minute(self):
        """Two questions, one run of postconf."""
        runs = self.suite.path("runs")
        script = SCRIPT.replace("_valija \"", "_valija_run() { echo run >> %s; echo biff bounce; }\n_valija \"" % runs, 1)
        script += script[script.index('_valija "$'):]
        self.assertEqual(complete(self.suite, "postconf", "b", script=script), ["biff", "bounce"] * 2)
        with open(runs) as file:
            self.assertEqual(file.read(), "run\n")

    def test_words_of_others_are_not_run(self):
        """What a file of another user holds is neither expanded nor offered."""
        folder = self.suite.path("hostile")
        os.mkdir(folder)
        mark = self.suite.path("mark")
        name = "a`id>%s`" % mark
        shutil.copy(self.suite.path("etc/master.cf"), folder)
        with open(os.path.join(folder, "main.cf"), "w") as file:
            file.write("%s = 1\nabacus = 1\nrelay_domains = $abacus\nsmtpd_restriction_classes = %s\n" % (name, name))
        shown = subprocess.run([self.suite.product.command("postconf"), "-c", folder, "-H"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.suite.env)
        self.assertIn(name, shown.stdout.decode())
        self.assertEqual([w for w in self.complete("postconf", "-c", folder, "a") if w.startswith(("a`", "aba"))],
                         ["abacus"])
        self.assertFalse(os.path.exists(mark))

    def test_each_command_is_bound(self):
        folder = os.path.join(self.suite.product.root, "usr/share/bash-completion/completions")
        for name in os.listdir(folder):
            if name == "valija":
                continue
            done = subprocess.run(["bash", "--norc", "-c", 'source "$1"; complete -p "$2"', "bash",
                                   os.path.join(folder, name), name], stdout=subprocess.PIPE)
            self.assertEqual(done.stdout.decode().split(), ["complete", "-F", "_valija", name])


if __name__ == "__main__":
    unittest.main()
