"""Services in the jail: chroot y in master.cf, as packages set it, and the files that `postfix` puts there."""
import filecmp
import os
import pwd
import shutil
import stat
import subprocess
import unittest

from support import config_text
from support.namespace import mounting
from support.sink import Sink
from support.suite import Suite, SuiteTestCase
from support.wait import until

FILES = ["localtime", "services", "resolv.conf", "hosts", "host.conf", "nsswitch.conf"]
OUTSIDE = {"local", "virtual", "proxymap", "postlogd"}     # these never run in the jail
USER = "nobody"
TEXT = "From: a@far.example\nSubject: %s\n\nbody\n"


def jailed_services(suite):
    """Every service of the usual master.cf, in the jail unless it cannot be there."""
    lines = ["127.0.0.1:%d inet n - y - - smtpd" % suite.port]
    for line in config_text.SERVICES.splitlines():
        fields = line.split()
        if fields[7] not in OUTSIDE and suite.product.has_daemon(fields[7]):
            fields[4] = "y"
            lines.append(" ".join(fields))
    return "\n".join(lines) + "\n"


def present():
    return [name for name in FILES if os.path.exists("/etc/" + name)]


@unittest.skipUnless(os.geteuid() == 0, "needs root: chroot(2)")
class Mail(SuiteTestCase):
    main_cf = {"transport_maps": "inline:{gone.example=error:gone}"}

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        suite.master_cf = jailed_services(suite)
        suite.set(relayhost="[localhost]:%d" % cls.sink.port)   # a name, looked up in the jail

    def send(self, sender, recipient, subject):
        with self.suite.smtp() as client:
            self.assert_reply(client.mail(sender), 250)
            self.assert_reply(client.rcpt(recipient), 250)
            self.assert_reply(client.data(TEXT % subject), 250)

    def test_the_clients_name(self):
        mark = self.suite.log_mark()
        with self.suite.smtp():
            self.suite.wait_for_log(r"smtpd\[\d+\]: connect from localhost\[127\.0\.0\.1\]", since=mark)

    def test_local_recipients_by_default(self):
        maps = self.suite.run("postconf", "-h", "local_recipient_maps").stdout
        self.assertEqual(maps, "proxy:unix:passwd.byname $alias_maps\n")
        with self.suite.smtp() as client:
            self.assert_reply(client.mail("a@far.example"), 250)
            self.assert_reply(client.rcpt(USER + "@localhost"), 250, "2.1.5")
            self.assert_reply(client.rcpt("no-such-user@localhost"), 550, "5.1.1", "User unknown in local recipient table")

    def test_mailbox(self):
        self.send("a@far.example", USER + "@localhost", "to the mailbox")
        until(lambda: "\nSubject: to the mailbox\n" in self.suite.mailbox(USER), 30, self.suite.tail)

    def test_relay(self):
        self.send("a@far.example", "relayed@far.example", "to the relay")
        until(lambda: self.received("relayed@far.example"), 30, self.suite.tail)
        self.assertIn("Subject: to the relay\n", self.received("relayed@far.example")[0].text)

    def received(self, recipient):
        return [m for m in self.sink.messages if recipient in m.recipients]

    def test_bounce(self):
        mark = self.suite.log_mark()
        self.sink.reply("RCPT", lambda session, line: "550 5.1.1 no such" if "refused" in line else None)
        self.send(USER + "@localhost", "refused@far.example", "to be refused")
        self.suite.wait_for_log(r"sender non-delivery notification", since=mark)
        until(lambda: "refused@far.example>: host localhost[127.0.0.1] said: 550 5.1.1 no such"
              in " ".join(self.suite.mailbox(USER).split()), 30, self.suite.tail)

    def test_submitted_mail(self):
        self.suite.sendmail(["-f", "a@far.example", USER], TEXT % "by pickup")
        until(lambda: "\nSubject: by pickup\n" in self.suite.mailbox(USER), 30, self.suite.tail)

    def in_wrong_place(self):
        """Processes whose root directory or user is not what master.cf says."""
        suite, owner = self.suite, pwd.getpwnam("postfix").pw_uid
        wrong = []
        for program, pids in suite.processes().items():
            jailed = program not in OUTSIDE | {"master"}
            for pid in pids:
                try:
                    place = os.readlink("/proc/%d/root" % pid), os.stat("/proc/%d" % pid).st_uid
                except FileNotFoundError:
                    continue                # ended meanwhile
                if jailed and place != (suite.queue_directory, owner) or not jailed and place[0] != "/":
                    wrong.append((program, pid, place))
        return wrong

    def test_processes_are_in_the_jail(self):
        suite = self.suite
        self.sink.reply("RCPT", lambda session, line: "550 5.1.1 no such" if "refused" in line else None)
        suite.sendmail(["-f", USER + "@localhost", USER, "everywhere@far.example", "refused@far.example",
                        "x@gone.example"], TEXT % "everywhere")
        with suite.smtp() as client:
            self.assert_reply(client.mail("a@far.example"), 250)
            self.assert_reply(client.rcpt(USER + "@localhost"), 250)
            wanted = {"pickup", "cleanup", "qmgr", "bounce", "smtp", "smtpd", "error", "local"}
            until(lambda: wanted <= set(suite.processes()), 30, suite.describe_pids)
            # a process that has just been started is on its way there
            until(lambda: not self.in_wrong_place(), 30, lambda: str(self.in_wrong_place()))


@unittest.skipUnless(os.geteuid() == 0, "needs root: chroot(2)")
class Files(unittest.TestCase):
    def suite(self, jailed=True):
        suite = Suite()
        self.addCleanup(suite.close)
        if jailed:
            suite.master_cf = jailed_services(suite)
            suite.write_config()
        return suite

    def jail(self, suite, *names):
        return os.path.join(suite.queue_directory, "etc", *names)

    def assert_copied(self, suite):
        self.assertEqual(sorted(os.listdir(self.jail(suite))), sorted(present()))
        for name in present():
            path = self.jail(suite, name)
            status = os.lstat(path)
            self.assertTrue(filecmp.cmp(path, "/etc/" + name, shallow=False), name)
            self.assertEqual((status.st_mode, status.st_uid, status.st_gid), (stat.S_IFREG | 0o644, 0, 0), name)

    def test_start_copies(self):
        suite = self.suite()
        mark = suite.log_mark()
        suite.start()
        self.assert_copied(suite)
        status = os.stat(self.jail(suite))
        self.assertEqual((status.st_mode, status.st_uid, status.st_gid), (stat.S_IFDIR | 0o755, 0, 0))
        self.assertEqual(suite.count_log(r"differ$|cannot update|is not copied", since=mark), 0)

    def test_start_foreground_and_quick_start_copy(self):
        suite = self.suite()
        suite.start()
        suite.stop()
        shutil.rmtree(self.jail(suite))
        suite.postfix("quick-start")
        self.assert_copied(suite)
        suite.stop()
        shutil.rmtree(self.jail(suite))
        mark = suite.log_mark()
        foreground = subprocess.Popen([suite.product.command("postfix"), "-c", suite.etc, "start-fg"],
                                      env=suite.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        suite.wait_for_log(r"postfix/master\[\d+\]: daemon started", since=mark)
        self.assert_copied(suite)
        suite.stop()
        self.assertEqual(foreground.wait(60), 0)

    def test_reload_replaces_what_differs_only(self):
        suite = self.suite()
        suite.start()
        before = {name: os.stat(self.jail(suite, name)).st_ino for name in present()}
        with open(self.jail(suite, "hosts"), "a") as file:
            file.write("127.0.0.2 stale\n")
        os.chmod(self.jail(suite, "nsswitch.conf"), 0o600)
        suite.reload()
        self.assert_copied(suite)
        after = {name: os.stat(self.jail(suite, name)).st_ino for name in present()}
        self.assertEqual({name for name in before if before[name] != after[name]}, {"hosts", "nsswitch.conf"})

    def test_check_names_what_differs_and_changes_nothing(self):
        suite = self.suite()
        suite.start()
        with open(self.jail(suite, "hosts"), "a") as file:
            file.write("127.0.0.2 stale\n")
        suite.make_aliases("")
        mark = suite.log_mark()
        suite.postfix("check")
        suite.wait_for_log(r"warning: %s and /etc/hosts differ$" % self.jail(suite, "hosts"), since=mark)
        suite.sync_log()
        suite.wait_for_count(r"differ$", 1, since=mark)
        self.assertFalse(filecmp.cmp(self.jail(suite, "hosts"), "/etc/hosts", shallow=False))

    def test_no_jail_no_files(self):
        suite = self.suite(jailed=False)
        suite.start()
        suite.reload()
        self.assertFalse(os.path.exists(self.jail(suite)))

    def test_default_at_old_compatibility_level(self):
        suite = self.suite(jailed=False)
        suite.master_cf = "discard unix - - - - - discard\n"
        suite.write_config()
        suite.start()
        self.assertFalse(os.path.exists(self.jail(suite)))
        suite.set(compatibility_level="0")
        suite.reload()
        self.assert_copied(suite)

    def test_links_in_the_jail_are_not_followed(self):
        suite = self.suite()
        os.mkdir(self.jail(suite))
        victim = suite.write("victim", "precious\n")
        for name in ("hosts", ".postfix-copy"):
            os.symlink(victim, self.jail(suite, name))
        suite.start()
        self.assert_copied(suite)
        with open(victim) as file:
            self.assertEqual(file.read(), "precious\n")

    def test_link_in_place_of_the_directory(self):
        suite = self.suite()
        os.mkdir(suite.path("elsewhere"))
        os.symlink(suite.path("elsewhere"), self.jail(suite))
        suite.start()
        suite.wait_for_log(r"warning: cannot update the files of the jail in %s: open: " % self.jail(suite))
        self.assertEqual(os.listdir(suite.path("elsewhere")), [])

    def test_directory_in_place_of_a_file(self):
        suite = self.suite()
        os.makedirs(self.jail(suite, "hosts"))
        suite.start()
        suite.wait_for_log(r"warning: cannot update %s: rename: Is a directory$" % self.jail(suite, "hosts"))
        self.assertTrue(os.path.exists(self.jail(suite, "nsswitch.conf")))
        self.assertNotIn(".postfix-copy", os.listdir(self.jail(suite)))

    def test_source_is_too_large_or_no_file(self):
        suite = self.suite()
        suite.start()
        large = suite.write("large", "#" * (1024 * 1024 + 1))
        for source, reason in ((large, "larger than 1048576 bytes"), ("/dev/null", "not a regular file")):
            mark = suite.log_mark()
            subprocess.run(mounting('mount --bind "$1" /etc/hosts && shift && exec "$@"', source,
                                    suite.product.command("postfix"), "-c", suite.etc, "reload"),
                           env=suite.env, check=True, stdin=subprocess.DEVNULL, timeout=60)
            suite.wait_for_log(r"warning: /etc/hosts is not copied to %s: %s$"
                               % (self.jail(suite, "hosts"), reason), since=mark)
            self.assert_copied(suite)


if __name__ == "__main__":
    unittest.main()
