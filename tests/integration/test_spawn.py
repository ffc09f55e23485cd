"""spawn(8): policy servers over both kinds of socket, the process limit, time limits, stop and reload while a command runs."""
import os
import signal
import socket

from support.ports import free_port
from support.suite import SuiteTestCase
from support.wait import until

# a policy server on its standard input; tells on which connection a request came
POLICY = """#!/bin/sh
while read -r line; do
    case $line in
    recipient=*) to=${line#recipient=} ;;
    "") printf 'action=550 5.7.1 policy of %s says no to %s\\n\\n' "$1" "$to" ;;
    esac
done
"""
HEADER = "Subject: x\n\nx\n"


class Spawn(SuiteTestCase):
    main_cf = {"slow_time_limit": "1s", "smtpd_error_sleep_time": "0", "smtpd_policy_service_try_limit": "1",
               "smtpd_recipient_restrictions": "permit_mynetworks, reject"}

    @classmethod
    def configure(cls, suite):
        os.chmod(suite.write("etc/policy", POLICY), 0o755)
        cls.port, cls.smtp_port = free_port(), {"unix": free_port(), "inet": free_port()}
        user = "nobody" if os.geteuid() == 0 else suite.main_cf.get("mail_owner") or os.popen("id -un").read().strip()
        where = {"unix": "unix:private/policy", "inet": "inet:127.0.0.1:%d" % cls.port}
        suite.master_cf = "".join(
            "127.0.0.1:%d inet n - n - - smtpd\n -o { smtpd_recipient_restrictions = check_policy_service %s, permit }\n"
            % (port, where[kind]) for kind, port in cls.smtp_port.items())
        for name, limit, command in (
                ("policy", "0", "@etc@/policy unix"), ("echo", "-", "/bin/cat"), ("two", "2", "/bin/cat"),
                ("slow", "1", "/bin/sh -c {trap '' 15; echo started; (trap '' 15; sleep 600) & sleep 600}"),
                ("back", "1", "/bin/sh -c {sleep 0.1 & echo done}"),
                ("missing", "-", "/no/such/command"), ("status", "-", "/bin/sh -c {cat; exit 7}"),
                ("directory", "-", "/tmp")):
            suite.master_cf += "%s unix %s n n - %s spawn user=%s argv=%s\n" % (
                name, "y" if name == "policy" else "n", limit, user, command)
        suite.master_cf += "127.0.0.1:%d inet n n n - - spawn user=%s argv=@etc@/policy inet\n" % (cls.port, user)
        suite.write_config()

    def connect(self, name):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(30)
        client.connect(self.suite.path("queue/public", name))
        return client

    def say(self, client, text):
        client.sendall(text)
        got = b""
        while len(got) < len(text):
            part = client.recv(65536)
            self.assertTrue(part, self.suite.tail())
            got += part
        return got

    def test_policy_servers(self):
        for kind in ("unix", "inet"):
            with self.suite.smtp(port=self.smtp_port[kind]) as c:
                for user in ("a", "b"):
                    c.mail("x@far.test")
                    self.assert_reply(c.rcpt(user + "@localhost"), 550, "5.7.1",
                                      "policy of %s says no to %s@localhost" % (kind, user))
                    c.rset()

    def test_much_data(self):
        client = self.connect("echo")
        block = os.urandom(50000)
        for _ in range(20):
            self.assertEqual(self.say(client, block), block)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(client.recv(1), b"")

    def test_clients_beyond_the_process_limit_wait(self):
        first, second, third = (self.connect("two") for _ in range(3))
        self.assertEqual(self.say(first, b"1"), b"1")
        self.assertEqual(self.say(second, b"2"), b"2")
        third.sendall(b"3")
        third.setblocking(False)
        with self.assertRaises(BlockingIOError):
            third.recv(1)
        third.setblocking(True)
        third.settimeout(30)
        first.close()
        self.assertEqual(third.recv(1), b"3")

    def test_time_limit_ends_all_that_the_command_started(self):
        mark = self.suite.log_mark()
        client = self.connect("slow")
        self.assertEqual(client.recv(100), b"started\n")
        self.assertEqual(client.recv(100), b"")     # nobody holds the connection any more
        self.suite.wait_for_log(r"spawn\[\d+\]: warning: /bin/sh: process id \d+: command time limit exceeded", since=mark)
        again = self.connect("slow")        # and the next client is served
        self.assertEqual(again.recv(100), b"started\n")
        self.assertEqual(again.recv(100), b"")

    def test_what_a_command_leaves_behind_does_not_count(self):
        for _ in range(3):
            self.assertEqual(self.connect("back").recv(100), b"done\n")

    def test_commands_that_cannot_be_run(self):
        for name, why in (("missing", "/no/such/command: No such file or directory"), ("directory", "/tmp: Permission denied")):
            mark = self.suite.log_mark()
            self.assertEqual(self.connect(name).recv(100), b"")     # the client is told nothing
            self.suite.wait_for_log(r"spawn\[\d+\]: warning: command \S+ not started: execvp " + why, since=mark)
            self.suite.wait_for_log(r"spawn\[\d+\]: warning: command \S+ exit status 1$", since=mark)

    def test_exit_status(self):
        mark = self.suite.log_mark()
        client = self.connect("status")
        self.assertEqual(self.say(client, b"x"), b"x")
        client.close()
        self.suite.wait_for_log(r"spawn\[\d+\]: warning: command /bin/sh exit status 7$", since=mark)

    def test_client_that_goes_at_once(self):
        for _ in range(20):
            self.connect("echo").close()
        self.assertEqual(self.say(self.connect("echo"), b"still here"), b"still here")

    def test_reload_while_a_command_runs(self):
        """The command and its client go on; new clients get a new process."""
        client = self.connect("echo")
        self.assertEqual(self.say(client, b"before"), b"before")
        old = set(self.suite.processes()["spawn"])
        self.suite.reload()
        self.assertEqual(self.say(self.connect("echo"), b"new"), b"new")
        self.assertEqual(self.say(client, b"after"), b"after")
        client.close()
        until(lambda: not old & set(self.suite.processes().get("spawn", [])), 30, self.suite.tail)

    def test_killed_while_a_command_runs(self):
        """The client keeps its command, and others are served."""
        client = self.connect("echo")
        self.assertEqual(self.say(client, b"before"), b"before")
        for pid in self.suite.processes()["spawn"]:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.say(client, b"after"), b"after")
        client.close()
        self.suite.restart()        # master waits before it starts again what was killed
        self.assertEqual(self.say(self.connect("echo"), b"new"), b"new")

    def test_stop_while_a_command_runs(self):
        client = self.connect("echo")
        self.assertEqual(self.say(client, b"before"), b"before")
        self.suite.postfix("stop")
        self.assertEqual(self.say(client, b"after"), b"after")
        client.close()
        self.suite.restart()
