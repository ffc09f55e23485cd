"""master(8), postfix(1) and postlogd(8): services on demand, limits, throttling, reload, wake-ups.

The services are support/fake_service.py, so that nothing but master is tried here.
"""
import fcntl
import grp
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import unittest

from support import fake_service
from support.ports import free_port
from support.suite import Suite
from support.wait import until

POSTLOG = "postlog unix-dgram n - n - 1 postlogd\n"


class FakeSuite(Suite):
    """An instance with a master.cf of its own; `fake` is the program of all services in it."""

    def _create(self):
        super()._create()
        os.mkdir(self.path("libexec"))
        for name in os.listdir(self.product.daemons):
            os.symlink(os.path.join(self.product.daemons, name), self.path("libexec", name))
        with open(fake_service.__file__) as f:
            program = self.write("libexec/fake", "#!%s -B\n%s" % (sys.executable, f.read()))
        os.chmod(program, 0o755)

    def write_config(self):
        self.main_cf["daemon_directory"] = "@dir@/libexec"
        super().write_config()
        self.write("etc/master.cf", POSTLOG + self.expand(self.master_cf))

    def change(self, master_cf):
        self.master_cf = master_cf
        self.write_config()

    def events(self, name):
        """What the processes of a service reported: [(event, pid, text)]"""
        out = []
        for line in self._read("mail/" + name).splitlines():
            event, pid, text = (line + "  ").split(" ", 2)
            out.append((event, int(pid), text.strip()))
        return out

    def wait_event(self, name, event, text=None, count=1):
        def look():
            found = [e for e in self.events(name)
                     if e[0] == event and (text is None or e[2] == text)]
            return found if len(found) >= count else None
        return until(look, 60, lambda: "%d x %s %s of %s in %s\n%s" % (
            count, event, text, name, self.events(name), self.tail()))

    def connect(self, path, text=""):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path("queue", path))
        client.sendall(text.encode())
        return client


def service(name, kind="unix", private="n", wakeup="-", limit="-", **settings):
    words = "".join(" %s=%s" % item for item in settings.items())
    return "%s %s %s n n %s %s fake report=@dir@/mail/%s%s\n" % (
        name, kind, private, wakeup, limit, re.sub(r"\W", "_", name), words)


class MasterCase(unittest.TestCase):
    def suite(self, master_cf="", start=True, **main_cf):
        suite = FakeSuite(main_cf, master_cf)
        self.addCleanup(suite.close)
        return suite.start() if start else suite


class Control(MasterCase):
    def test_start_status_stop(self):
        suite = self.suite(service("a"), start=False)
        for command in ("status", "stop", "abort", "reload"):
            self.assertEqual(suite.postfix(command, check=False), 1, command)
        suite.start()
        self.assertEqual(suite.postfix("status"), 0)
        self.assertEqual(suite.postfix("start", check=False), 1)
        suite.wait_for_log(r"postfix-script\[\d+\]: fatal: the Postfix mail system is already running")
        pid = suite.master_pid()
        self.assertEqual(suite._read("queue/pid/master.pid"), "%32d\n" % pid)
        self.assertEqual(suite._read("data/master.lock"), "%32d\n" % pid)
        suite.wait_for_log(r"the Postfix mail system is running: PID: %d$" % pid)
        suite.stop()
        suite.wait_for_log(r"postfix/master\[%d\]: terminating on signal 15" % pid)
        self.assertEqual(suite.postfix("status", check=False), 1)

    def test_unknown_command(self):
        suite = self.suite(start=False)
        self.assertEqual(suite.postfix("bogus", check=False), 1)
        suite.wait_for_log(r"fatal: unknown command: 'bogus'\. Usage: postfix start ")

    def test_only_one_master(self):
        suite = self.suite(service("a"))
        master = suite.product.daemon("master")
        second = subprocess.run([master, "-c", suite.etc], env=suite.env, timeout=30)
        self.assertNotEqual(second.returncode, 0)
        suite.wait_for_log(r"fatal: open lock file .*/pid/master\.pid: unable to set exclusive lock: "
                           r"Resource temporarily unavailable")
        test = subprocess.run([master, "-t", "-c", suite.etc], env=suite.env, timeout=30)
        self.assertEqual(test.returncode, 1)
        suite.stop()
        test = subprocess.run([master, "-t", "-c", suite.etc], env=suite.env, timeout=30)
        self.assertEqual(test.returncode, 0)

    def test_port_in_use_fails_the_start(self):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        suite = self.suite(service("127.0.0.1:%d" % port, "inet"), start=False)
        self.assertEqual(suite.postfix("start", check=False), 1)
        suite.wait_for_log(r"fatal: bind 127\.0\.0\.1 port %d: Address already in use" % port)
        suite.wait_for_log(r"fatal: mail system startup failed")

    def test_check_creates_and_repairs_directories(self):
        suite = Suite()     # a configuration without mistakes
        self.addCleanup(suite.close)
        suite.make_aliases("")
        self.assertEqual(suite.postfix("check"), 0)
        modes = {name: os.stat(suite.path("queue", name)).st_mode & 0o7777
                 for name in os.listdir(suite.path("queue"))}
        self.assertEqual(modes["active"], 0o700)
        self.assertEqual(modes["maildrop"], 0o1730)
        self.assertEqual(modes["public"], 0o2710)
        self.assertEqual(modes["pid"], 0o755)
        os.chmod(suite.path("queue/active"), 0o755)
        os.rmdir(suite.path("queue/hold"))
        suite.postfix("check")
        self.assertEqual(os.stat(suite.path("queue/active")).st_mode & 0o7777, 0o700)
        self.assertTrue(os.path.isdir(suite.path("queue/hold")))
        os.rmdir(suite.path("queue/hold"))
        suite.write("queue/hold", "")
        self.assertEqual(suite.postfix("check", check=False), 1)
        suite.wait_for_log(r"fatal: unable to create missing queue directories")

    def test_start_fg_logs_to_stdout(self):
        suite = self.suite(service("a", limit="1"), start=False, maillog_file="/dev/stdout",
                           maillog_file_prefixes="/dev/stdout")
        with open(suite.log_path, "w") as out:
            fg = subprocess.Popen([suite.product.command("postfix"), "-c", suite.etc, "start-fg"],
                                  env=suite.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        suite.wait_for_log(r"postfix/master\[%d\]: daemon started" % fg.pid)
        suite.run("postlog", "seen on stdout")
        suite.wait_for_log(r"postfix/postlog\[\d+\]: seen on stdout")
        suite.postfix("stop")
        self.assertEqual(fg.wait(60), 0)

    def test_start_fg_as_leader_of_its_group(self):
        suite = self.suite(service("a"), start=False)
        fg = subprocess.Popen([suite.product.command("postfix"), "-c", suite.etc, "start-fg"],
                              env=suite.env, start_new_session=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        suite.wait_for_log(r"postfix/master\[%d\]: daemon started" % fg.pid)
        fg.send_signal(signal.SIGINT)
        suite.wait_for_log(r"terminating on signal 2")
        self.assertEqual(fg.wait(60), 0)

    def test_upgrade_configuration(self):
        suite = self.suite(service("a"), start=False)
        before = suite._read("etc/master.cf")
        suite.postfix("upgrade-configuration")
        suite.wait_for_log(r"editing master\.cf: adding missing entry for flush service")
        after = suite._read("etc/master.cf")
        self.assertTrue(after.startswith(before))
        self.assertIn("proxywrite unix", after)
        self.assertEqual(after.count("postlog"), before.count("postlog"))
        suite.postfix("upgrade-configuration")
        self.assertEqual(suite._read("etc/master.cf"), after)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_set_permissions(self):
        suite = self.suite(start=False)
        target = suite.write("files/one", "")
        tree = os.path.dirname(suite.write("files/tree/two", ""))
        link = suite.path("files/tree/link")
        os.symlink("/etc/hostname", link)
        owner = os.stat("/etc/hostname").st_uid
        suite.write("etc/postfix-files", "%s:f:root:$setgid_group:2755:u\n%s:d:$mail_owner:-:700:ucr\n"
                    "no/man1/x.1:f:root:-:644:u\n/nonexistent/x:f:root:-:644:u\n" % (target, tree))
        suite.postfix("set-permissions")
        mail = pwd.getpwnam("postfix")
        status = os.stat(target)
        self.assertEqual((status.st_uid, status.st_gid, status.st_mode & 0o7777),
                         (0, grp.getgrnam("postdrop").gr_gid, 0o2755))
        self.assertEqual(os.stat(tree).st_mode & 0o7777, 0o700)
        self.assertEqual(os.stat(os.path.join(tree, "two")).st_uid, mail.pw_uid)
        self.assertEqual(os.stat("/etc/hostname").st_uid, owner)

    def test_abort(self):
        suite = self.suite(service("a"))
        client = suite.connect("public/a", "x")
        self.addCleanup(client.close)
        suite.wait_event("a", "client")
        suite.abort()
        self.assertEqual(suite.pids(), [])

    def test_logrotate(self):
        suite = self.suite(service("a"), maillog_file_compressor="true")
        suite.run("postlog", "before")
        suite.wait_for_log("before")
        suite.postfix("logrotate")
        suite.run("postlog", "after")
        suite.wait_for_log("after")
        old = [n for n in os.listdir(suite.dir) if re.fullmatch(r"maillog\.\d{8}-\d{6}", n)]
        self.assertEqual(len(old), 1)
        self.assertIn("before", suite._read(old[0]))
        self.assertNotIn("before", suite._read("maillog"))


class Processes(MasterCase):
    def test_started_on_demand_and_shared(self):
        suite = self.suite(service("a"))
        self.assertEqual(suite.events("a"), [])
        clients = [suite.connect("public/a", "one"), suite.connect("public/a", "two")]
        suite.wait_event("a", "client", "one")
        suite.wait_event("a", "client", "two")
        starts = [e for e in suite.events("a") if e[0] == "start"]
        self.assertEqual(len(starts), 1)
        self.assertIn("-n a -t unix -s 1 -m 100", starts[0][2])
        for client in clients:
            client.close()

    def test_limit_of_processes(self):
        port = free_port()
        suite = self.suite(service("127.0.0.1:%d" % port, "inet", limit="2", room="1"))
        name = "127_0_0_1_%d" % port
        clients = []
        for text in ("c1", "c2"):
            clients.append(socket.create_connection(("127.0.0.1", port)))
            clients[-1].sendall(text.encode())
            suite.wait_event(name, "client", text)
        third = socket.create_connection(("127.0.0.1", port))
        third.sendall(b"c3")
        suite.wait_for_log(r"warning: service \"127\.0\.0\.1:%d\" \(127\.0\.0\.1:%d\) has reached "
                           r"its process limit \"2\"" % (port, port))
        self.assertEqual(len(suite.wait_event(name, "start")), 2)
        self.assertEqual([e for e in suite.events(name) if e[2] == "c3"], [])
        clients[0].close()
        served = suite.wait_event(name, "client", "c3")[0][1]
        self.assertEqual(len(suite.wait_event(name, "start")), 2)
        # under stress the next process is told so
        os.kill(served, signal.SIGKILL)
        with socket.create_connection(("127.0.0.1", port)) as fourth:
            fourth.sendall(b"c4")
            suite.wait_event(name, "client", "c4")
        starts = [e[2] for e in suite.events(name) if e[0] == "start"]
        self.assertIn("-o stress= ", starts[0])
        self.assertIn("-o stress=yes ", starts[2])
        clients[1].close()
        third.close()

    def test_failing_start_is_throttled(self):
        suite = self.suite(service("bad", fail="7") + service("good"), service_throttle_time="2s")
        client = suite.connect("public/bad")
        self.addCleanup(client.close)
        suite.wait_for_log(r"warning: process .*/fake pid \d+ exit status 7")
        suite.wait_for_log(r"warning: .*/fake: bad command startup -- throttling")
        suite.connect("public/good", "x").close()
        suite.wait_event("good", "client", "x")
        starts = suite.wait_event("bad", "start", count=2)     # after the pause it is tried again
        begun = [float(text.rpartition("at=")[2]) for _, _, text in starts]
        self.assertGreater(begun[1] - begun[0], 2)
        until(lambda: suite.count_log("bad command startup") == len(suite.events("bad")), 60, suite.tail)

    def test_missing_program_hurts_nobody_else(self):
        suite = self.suite("none unix n n n - - nosuch\n" + service("good"))
        client = suite.connect("public/none")
        self.addCleanup(client.close)
        suite.wait_for_log(r"fatal: exec .*/libexec/nosuch: No such file or directory")
        suite.wait_for_log(r"warning: process .*/nosuch pid \d+ exit status 1")
        suite.wait_for_log(r"nosuch: bad command startup -- throttling")
        suite.connect("public/good", "x").close()
        suite.wait_event("good", "client", "x")

    def test_killed_process_is_replaced_at_once(self):
        suite = self.suite(service("a", crash="die"))
        for n in range(1, 4):
            suite.connect("public/a", "die").close()
            suite.wait_for_count(r"warning: process .*/fake pid \d+ killed by signal 9", n)
        suite.connect("public/a", "live").close()
        suite.wait_event("a", "client", "live")
        self.assertEqual(suite.count_log("throttling"), 0)

    def test_crash_loop_ends_in_a_pause(self):
        suite = self.suite(service("a", crash="die"))
        for n in range(1, 11):
            suite.connect("public/a", "die").close()
            suite.wait_for_count("killed by signal 9", n)
        suite.wait_for_log(r"throttling")

    def test_processes_notice_the_death_of_master(self):
        suite = self.suite(service("a"))
        client = suite.connect("public/a", "x")
        suite.wait_event("a", "client")
        os.kill(suite.master_pid(), signal.SIGKILL)
        suite.wait_event("a", "retire", "master is gone")
        client.sendall(b"still here")
        suite.wait_event("a", "client", "still here")
        client.close()
        suite.wait_event("a", "end")
        until(lambda: not suite.pids(), 60, "end of all processes")
        suite.start()
        suite.connect("public/a", "again").close()
        suite.wait_event("a", "client", "again")

    def test_environment_is_clean(self):
        suite = self.suite(service("a"), start=False)
        suite.env["EVIL"] = "1"
        suite.start()
        client = suite.connect("public/a", "x")
        pid = suite.wait_event("a", "client")[0][1]
        with open("/proc/%d/environ" % pid) as f:
            names = dict(item.split("=", 1) for item in f.read().split("\0") if "=" in item)
        client.close()
        self.assertNotIn("EVIL", names)
        self.assertEqual(names["MAIL_CONFIG"], suite.etc)

    def test_descriptors_of_a_service(self):
        suite = self.suite(service("a"))
        client = suite.connect("public/a", "x")
        pid = suite.wait_event("a", "client")[0][1]
        # 6: the client; the report's file is closed a moment later
        until(lambda: len(os.listdir("/proc/%d/fd" % pid)) == 7, 30, "seven descriptors")
        fds = {int(n): os.readlink("/proc/%d/fd/%s" % (pid, n))
               for n in os.listdir("/proc/%d/fd" % pid)}
        client.close()
        self.assertEqual([fds[n] for n in (0, 1, 2, 4)], ["/dev/null"] * 4)
        self.assertTrue(fds[3].startswith("socket:") and fds[5].startswith("socket:"))
        self.assertEqual(sorted(fds), [0, 1, 2, 3, 4, 5, 6])


class Endpoints(MasterCase):
    def test_types_and_modes(self):
        suite = self.suite(service("u") + service("p", private="y") + service("f", "fifo") +
                           service("d", "unix-dgram") + service("x", "pass"))
        for path in ("public/u", "private/p", "public/f", "public/d", "public/x"):
            mode = os.stat(suite.path("queue", path)).st_mode & 0o777
            self.assertEqual(mode, 0o666, path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
            datagram.connect(suite.path("queue/public/d"))
            datagram.send(b"x")
        suite.wait_event("d", "start")

    def test_disabled_services(self):
        suite = self.suite(service("a") + service("b"), master_service_disable="a/unix")
        self.assertFalse(os.path.exists(suite.path("queue/public/a")))
        self.assertTrue(os.path.exists(suite.path("queue/public/b")))

    def test_last_of_two_entries_counts(self):
        suite = self.suite(service("a", room="7") + service("a", room="8"))
        suite.wait_for_log(r"warning: duplicate master\.cf entry for service \"a\" \(unix\) -- using "
                           r"the last entry")
        suite.connect("public/a", "x").close()
        self.assertIn("room=8", suite.wait_event("a", "start")[0][2])

    def test_inet_interfaces_and_port_names(self):
        port = free_port()
        suite = self.suite(service("mine", "inet"), inet_interfaces="127.0.0.1, 127.0.0.2",
                           known_tcp_ports="mine=%d" % port)
        for host in ("127.0.0.1", "127.0.0.2"):
            with socket.create_connection((host, port)) as client:
                client.sendall(host.encode())
                suite.wait_event("mine", "client", host)
        self.assertIn("-s 2 ", suite.wait_event("mine", "start")[0][2])


class Wakeups(MasterCase):
    def test_at_start_and_at_intervals(self):
        suite = self.suite(service("a", wakeup="1") + service("f", "fifo", wakeup="1"))
        suite.wait_event("a", "client", "W", count=2)
        suite.wait_event("f", "client", "W", count=2)

    def test_only_when_used(self):
        suite = self.suite(service("idle", wakeup="1?") + service("used", wakeup="1?") +
                           service("clock", wakeup="1"))
        suite.connect("public/used", "x").close()
        suite.wait_event("used", "client", "W")
        suite.wait_event("clock", "client", "W", count=3)
        self.assertEqual(suite.events("idle"), [])

    def test_after_a_process_that_left_work(self):
        """Who has a wake-up time is woken when it was killed, and when it says that work is left."""
        suite = self.suite(service("a", wakeup="1000", crash="die", heir="go") +
                           service("b", crash="die", heir="go"))
        suite.wait_event("a", "client", "W")
        for count, text in ((2, "die"), (3, "go")):
            suite.connect("public/b", text).close()
            suite.connect("public/a", text).close()
            suite.wait_event("a", "client", "W", count=count)
        self.assertEqual([e for e in suite.events("b") if e[2] == "W"], [])

    def test_postkick(self):
        suite = self.suite(service("a"))
        done = suite.run("postkick", "public", "nosuch", "W", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("warning: unable to look up public/nosuch: No such file or directory",
                      done.stderr)
        self.assertIn("Cannot contact class public service nosuch - perhaps the mail system is down",
                      done.stderr)
        suite.run("postkick", "public", "a", "DW")
        suite.wait_event("a", "client", "DW")


class Reload(MasterCase):
    def test_sessions_go_on_and_sockets_stay(self):
        port = free_port()
        inet = service("127.0.0.1:%d" % port, "inet")
        suite = self.suite(service("a") + inet)
        client = suite.connect("public/a", "before")
        old = suite.wait_event("a", "client", "before")[0][1]
        inode = os.stat(suite.path("queue/public/a")).st_ino
        suite.reload()
        suite.wait_event("a", "retire")
        self.assertEqual(os.stat(suite.path("queue/public/a")).st_ino, inode)
        client.sendall(b"during")
        suite.wait_event("a", "client", "during")
        suite.connect("public/a", "new").close()
        self.assertNotEqual(suite.wait_event("a", "client", "new")[0][1], old)
        client.close()
        suite.wait_event("a", "end")

    def test_only_one_of_a_kind_at_a_time(self):
        suite = self.suite(service("a", limit="1"))
        client = suite.connect("public/a", "before")
        suite.wait_event("a", "client", "before")
        suite.reload()
        suite.wait_event("a", "retire")
        other = suite.connect("public/a", "after")
        self.assertEqual(len(suite.wait_event("a", "start")), 1)
        client.close()
        suite.wait_event("a", "client", "after")
        events = [e[0] for e in suite.events("a")]
        self.assertLess(events.index("end"), len(events) - 1 - events[::-1].index("start"))
        other.close()

    def test_services_come_go_and_change(self):
        suite = self.suite(service("stays", limit="5") + service("goes"))
        client = suite.connect("public/goes", "x")
        self.addCleanup(client.close)
        suite.wait_event("goes", "client")
        suite.change(service("stays", limit="6") + service("comes"))
        suite.reload()
        until(lambda: os.listdir(suite.path("queue/public")).count("comes") and not os.path.exists(suite.path(
            "queue/public/goes")), 60, "one socket in the place of the other")
        suite.connect("public/comes", "x").close()
        suite.wait_event("comes", "client", "x")
        suite.connect("public/stays", "x").close()
        self.assertIn("-m 6", suite.wait_event("stays", "start")[0][2])
        pid = suite.wait_event("goes", "start")[0][1]
        until(lambda: pid not in suite.pids(), 60, "end of a removed service's process")

    def test_interfaces_change(self):
        port = free_port()
        suite = self.suite(service("mine", "inet"), known_tcp_ports="mine=%d" % port)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))
        # a process with a session goes on, and has the old address's descriptor
        old = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(old.close)
        old.sendall(b"old")
        suite.wait_event("mine", "client", "old")
        suite.set(inet_interfaces="all")
        suite.reload()

        def connected():            # the reload is announced before it is done
            try:
                return socket.create_connection(("127.0.0.2", port))
            except ConnectionRefusedError:
                return None
        with until(connected, 60, "a listener on the new address") as client:
            client.sendall(b"x")
            suite.wait_event("mine", "client", "x")

    def test_bad_configuration_changes_nothing(self):
        suite = self.suite(service("a"))
        suite.write("etc/master.cf", "what is this\n")
        suite.postfix("reload")
        suite.wait_for_log(r"error: .*master\.cf.*: the old master\.cf stays in use")
        suite.write("etc/main.cf", suite._read("etc/main.cf") + "default_process_limit = many\n")
        mark = suite.log_mark()
        os.kill(suite.master_pid(), signal.SIGHUP)
        suite.wait_for_log(r"error: .*default_process_limit.*: the old configuration stays in use",
                           since=mark)
        suite.connect("public/a", "x").close()
        suite.wait_event("a", "client", "x")
        suite.write_config()            # or stopping would not work


class Locking(MasterCase):
    def test_postlock(self):
        suite = self.suite(start=False, deliver_lock_attempts="2", deliver_lock_delay="1s")
        folder = suite.path("mail", "folder")
        listing = suite.run("postlock", folder, "ls", folder + ".lock").stdout
        self.assertEqual(listing.strip(), folder + ".lock")
        self.assertFalse(os.path.exists(folder + ".lock"))
        for status, args in ((1, (folder, "false")), (75, ("-l", "bogus", folder, "true")),
                             (1, (folder, "/nonexistent")), (75, (folder,)),
                             (75, (suite.path("none", "folder"), "true"))):
            done = suite.run("postlock", *args, check=False)
            self.assertEqual(done.returncode, status, args)
        suite.write("mail/folder.lock", "")
        self.assertEqual(suite.run("postlock", folder, "true", check=False).returncode, 75)

    def test_postlock_gives_way(self):
        """To a mail reader, which locks the file and then wants the lock file."""
        suite = self.suite(start=False, deliver_lock_attempts="60", deliver_lock_delay="1s")
        folder = suite.write("mail/folder", "")
        os.utime(suite.path("mail"), (0, 0))
        with open(folder, "r+b") as reader:
            fcntl.lockf(reader, fcntl.LOCK_EX)
            with subprocess.Popen([suite.product.command("postlock"), folder, "touch", folder + ".done"], env=suite.env) as process:
                self.addCleanup(process.kill)
                until(lambda: os.stat(suite.path("mail")).st_mtime != 0, 20, "an attempt, which makes a lock file")
                until(lambda: self.creates(folder + ".lock"), 20, "the lock file")
                self.assertFalse(os.path.exists(folder + ".done"))
                fcntl.lockf(reader, fcntl.LOCK_UN)
                os.unlink(folder + ".lock")
                self.assertEqual(process.wait(60), 0)
        self.assertEqual(sorted(os.listdir(suite.path("mail"))), ["folder", "folder.done"])

    @staticmethod
    def creates(path):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            return True
        except FileExistsError:
            return False


class Log(MasterCase):
    def test_postlog(self):
        suite = self.suite(service("a"))
        suite.run("postlog", "-t", "my/tag", "-p", "warn", "two", "words")
        suite.wait_for_log(r"^\w{3} [ \d]\d \d\d:\d\d:\d\d mail my/tag\[\d+\]: warning: two words$")
        suite.run("postlog", stdin="first\nsecond\x01\n")
        suite.wait_for_log(r"postfix/postlog\[\d+\]: first$")
        suite.wait_for_log(r"postfix/postlog\[\d+\]: second\?$")
        self.assertEqual(suite.run("postlog", "-p", "bogus", "x", check=False).returncode, 1)

    def test_postlog_while_down(self):
        suite = self.suite(start=False, maillog_file_permissions="0640")
        suite.run("postlog", "nobody listens")
        suite.wait_for_log(r"nobody listens")
        self.assertEqual(os.stat(suite.log_path).st_mode & 0o777, 0o640)

    def test_file_elsewhere_is_refused(self):
        suite = self.suite(start=False, maillog_file_prefixes="/nowhere")
        self.assertEqual(suite.postfix("start", check=False), 1)

    def test_foreign_datagrams_become_clean_lines(self):
        suite = self.suite(service("a"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(suite.path("queue/public/postlog"))
            sender.send(b"a line without an end")
            sender.send(b"one\ntwo\x1b[m\n")
        suite.wait_for_log(r"^two\?\[m$")
        lines = suite.log_lines()
        self.assertIn("a line without an end", lines)
        self.assertIn("one", lines)


if __name__ == "__main__":
    unittest.main()
