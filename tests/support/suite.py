"""Suite: one private, running instance; SuiteTestCase: tests that share one.

The instance lives in a directory of its own, listens on random ports of 127.0.0.1, and runs as
the user who runs the tests (or as `postfix` when that is root). tests/README shows its use.
"""
import grp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from . import config_text, product as products, valgrind as valgrinds
from .namespace import mounting
from .ports import free_port
from .smtp import SmtpClient
from .wait import TimedOut, until

END = 60        # seconds for the last process to go
END_OF_LOG = r"postlog\[\d+\]: end of log$"
# Postfix compares a new file's time with a clock that lags up to a tick behind it: what it says then is no outcome.
CLOCK_TICK = re.compile(r"(?m)^.*: warning: (?:file system clock is \d+ seconds ahead of local clock"
                        r"|resetting file time stamps - this hurts performance)\r?\n")
RESOLVER_SCRIPT = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


class Suite:
    resolver_options = "timeout:1 attempts:2"

    def __init__(self, main_cf=None, master_cf="", product=None, resolver=None, valgrind=False, place=None):
        """RESOLVER: address of a DNS server on port 53 (support.dns) for the daemons; needs root.

        PLACE: where its directory is made; the usual one for temporary files.

        VALGRIND: run the daemons under it (support.valgrind)."""
        self.product = product or products.staged()
        self.dir = tempfile.mkdtemp(prefix="mta-%s-" % self.product.label, dir=place)
        os.chmod(self.dir, 0o755)
        self.etc = self.path("etc")
        self.queue_directory = self.path("queue")
        self.log_path = self.path("maillog")
        self.port = free_port()
        self.main_cf = dict(main_cf or {})
        self.master_cf = master_cf
        self.resolver = resolver
        self.search = None      # domains of resolv.conf to look for short names in
        self.env = dict(os.environ, MAIL_CONFIG=self.etc, LC_ALL="C")
        self.valgrind = valgrind or valgrinds.wanted()
        if self.valgrind:       # which knows neither seccomp nor Landlock, and says so in its report
            self.main_cf.setdefault("service_confinement", "no")
        self._create()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    # Configuration

    def _create(self):
        for name in ("etc", "queue", "data", "mail", "sanitizer"):
            os.mkdir(self.path(name))
        if self.valgrind:
            self.product = valgrinds.wrapped(self.product, self.path("valgrind"), self.path("sanitizer"))
        for name in ("mail", "sanitizer"):
            os.chmod(self.path(name), 0o1777)
        if os.geteuid() == 0:
            shutil.chown(self.path("data"), "postfix")
            self._set_privilege_bits()
        for name in ("postfix-files", "dynamicmaps.cf"):
            source = os.path.join(self.product.etc, name)
            source = self.product.dynamicmaps if name == "dynamicmaps.cf" else source
            if os.path.exists(source):
                shutil.copy(source, self.etc)
        self.write("etc/aliases", "")
        self.write_config()

    def _set_privilege_bits(self):
        """What installing as root would have done, so that other users can submit mail."""
        gid = grp.getgrnam("postdrop").gr_gid
        for name in ("postdrop", "postqueue"):
            path = self.product.command(name)
            if not os.path.exists(path):
                continue
            status = os.stat(path)
            if status.st_gid != gid or not status.st_mode & 0o2000:
                os.chown(path, -1, gid)
                os.chmod(path, 0o2755)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def write_config(self):
        """Write main.cf and master.cf from self.main_cf and self.master_cf."""
        settings = {k: self.expand(v) for k, v in self.main_cf.items()}
        self.write("etc/main.cf", config_text.main_cf(self.product, self.dir, settings))
        self.write("etc/master.cf", config_text.master_cf(self.product, self.port,
                                                          self.expand(self.master_cf)))

    def expand(self, text):
        """@dir@ and @etc@ in settings stand for this instance's directories."""
        if text is None:
            return None
        return str(text).replace("@dir@", self.dir).replace("@etc@", self.etc)

    def set(self, **settings):
        """Change main.cf; reload() or restart() makes a running instance see it."""
        self.main_cf.update(settings)
        self.write_config()

    def make_map(self, name, text, kind="hash", command="postmap"):
        """Write etc/NAME and index it; returns kind:path for use in main.cf."""
        spec = "%s:%s" % (kind, self.write("etc/" + name, text))
        self.run(command, spec)
        return spec

    def make_aliases(self, text):
        return self.make_map("aliases", text, command="postalias")

    # Commands

    def run(self, name, *args, stdin=b"", check=True, timeout=60, user=None):
        """Run one of the product's commands; CompletedProcess with text output."""
        argv = [self.product.command(name)] + [str(a) for a in args]
        stdin = stdin.encode("utf-8") if isinstance(stdin, str) else stdin
        done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.env, timeout=timeout, user=user, cwd=self.dir)
        done.stdout = done.stdout.decode("utf-8", "surrogateescape")
        done.stderr = CLOCK_TICK.sub("", done.stderr.decode("utf-8", "surrogateescape"))
        if check and done.returncode != 0:
            raise AssertionError("%s: exit status %d\n%s%s" % (" ".join(argv), done.returncode,
                                                               done.stdout, done.stderr))
        return done

    def postfix(self, *args, check=True):
        """postfix(1); its output goes to a file because the daemons inherit it."""
        argv = [self.product.command("postfix"), "-c", self.etc] + list(args)
        if self.resolver and args[0] == "start":
            search = "search %s\n" % self.search if self.search else ""
            self.write("resolv.conf", "nameserver %s\noptions %s\n%s" % (self.resolver, self.resolver_options, search))
            argv = mounting(RESOLVER_SCRIPT, self.path("resolv.conf"), *argv)
        with open(self.path("postfix.out"), "w") as out:
            code = subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=out, timeout=120, cwd=self.dir).returncode
        if check and code != 0:
            raise AssertionError("postfix %s: exit status %d\n%s\n%s"
                                 % (" ".join(args), code, self._read("postfix.out"), self.tail()))
        return code

    def start(self):
        mark = self.log_mark()
        self.postfix("start")
        self.wait_for_log(r"postfix/master\[\d+\]: daemon started", since=mark)
        return self

    def stop(self):
        """Stop in order; what does not stop is killed, and that is a failure."""
        if self.master_pid():
            self.postfix("stop", check=False)
        left = []
        try:
            until(lambda: not self.pids(), END, "end of all processes")
        except TimedOut:
            left = self.describe_pids()
            self.kill()
        if left:
            raise AssertionError("still running after postfix stop: %s\n%s" % (left, self.tail()))

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        mark = self.log_mark()
        self.postfix("reload")
        self.wait_for_log(r"postfix/master\[\d+\]: reload", since=mark)

    def abort(self):
        """postfix abort: end everything at once, in the middle of deliveries too."""
        self.postfix("abort", check=False)
        until(lambda: not self.pids(), END, "end of all processes")

    def kill(self):
        """SIGKILL for every process, as a power cut would."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        until(lambda: not self.pids(), END, "end of all processes")

    def close(self):
        """Stop, look for sanitizer reports, remove the directory (MTA_KEEP=1 keeps it)."""
        try:
            self.stop()
            reports = self.sanitizer_reports()
            if reports:
                raise AssertionError("sanitizer report:\n" + reports)
        finally:
            if os.environ.get("MTA_KEEP"):
                print("kept: " + self.dir, file=sys.stderr)
            else:
                shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # Processes

    def master_pid(self):
        try:
            pid = int(self._read("queue/pid/master.pid"))
            os.kill(pid, 0)
        except (ValueError, ProcessLookupError):
            return None
        return pid if pid in self.pids() else None

    def pids(self):
        """Every live process of this instance: its working directory is the queue directory."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                if os.readlink("/proc/%s/cwd" % name) == self.queue_directory:
                    found.append(int(name))
            except OSError:
                pass            # gone, or a zombie, or somebody else's
        return found

    def processes(self):
        """{program name: [pid, ...]}"""
        out = {}
        for pid in self.pids():
            try:
                with open("/proc/%d/comm" % pid) as f:
                    out.setdefault(f.read().strip(), []).append(pid)
            except OSError:
                pass
        return out

    def describe_pids(self):
        return ", ".join("%s%s" % item for item in sorted(self.processes().items()))

    def sanitizer_reports(self):
        names = sorted(os.listdir(self.path("sanitizer")))
        return "\n".join(self._read("sanitizer/" + n) for n in names).strip()  # valgrind's may be blank

    # The log

    def _read(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="surrogateescape") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log_lines(self, since=0):
        """Complete log lines after the position SINCE (log_mark())."""
        text = self._read("maillog").encode("utf-8", "surrogateescape")[since:]
        lines = CLOCK_TICK.sub("", text.decode("utf-8", "surrogateescape")).split("\n")
        return lines[:-1]

    def log_mark(self):
        """The end of the log as it is now."""
        try:
            return os.path.getsize(self.log_path)
        except FileNotFoundError:
            return 0

    def wait_for_log(self, regex, timeout=30, since=0):
        """Wait for a log line; returns its match object."""
        pattern = re.compile(regex)

        def look():
            for line in self.log_lines(since):
                found = pattern.search(line)
                if found:
                    return found
            return None
        return until(look, timeout, lambda: "log line %r\n%s" % (regex, self.tail()))

    def count_log(self, regex, since=0):
        return sum(1 for line in self.log_lines(since) if re.search(regex, line))

    def wait_for_count(self, regex, count, since=0, timeout=30):
        """Wait for COUNT log lines; one more is a failure."""
        until(lambda: self.count_log(regex, since) >= count, timeout,
              lambda: "%d log lines %r; there are %d\n%s" % (count, regex, self.count_log(regex, since), self.tail()))
        found = self.count_log(regex, since)
        if found != count:
            raise AssertionError("%d log lines %r instead of %d\n%s" % (found, regex, count, self.tail()))

    def sync_log(self):
        """All that was logged before is in the log: postlogd(8) writes lines as they come."""
        mark = self.log_mark()
        self.run("postlog", "end of log")
        self.wait_for_log(END_OF_LOG, since=mark)

    def tail(self, count=60):
        lines = self.log_lines()
        return "--- end of %s\n%s\n---" % (self.log_path, "\n".join(lines[-count:]))

    # Mail in and out

    def smtp(self, ehlo="client.test", port=None, timeout=30):
        """A session past the greeting and EHLO; ehlo=None stops after the greeting."""
        client = SmtpClient(("127.0.0.1", port or self.port), timeout)
        client.greeting()
        if ehlo:
            client.ehlo(ehlo)
        return client

    def sendmail(self, args, text, check=True, user=None):
        return self.run("sendmail", *args, stdin=text, check=check, user=user)

    def postqueue(self, *args):
        """What `postqueue -p` (or other options) prints."""
        return self.run("postqueue", "-c", self.etc, *(args or ("-p",))).stdout

    def queue(self):
        """The queue as postqueue -j describes it: a list of dicts."""
        return [json.loads(line) for line in self.postqueue("-j").splitlines()]

    def flush(self):
        self.postqueue("-f")

    def wait_queue_empty(self, timeout=30):
        until(lambda: not self.queue_files(), timeout,
              lambda: "empty queue; still there: %s\n%s" % (self.queue_files(), self.tail()))

    def queue_files(self, *names):
        """Paths of queue files, by default of those that still want delivery: each of them, also when it goes from
        incoming to active to deferred and back while we look (and may have more than one path then)."""
        found = {}
        for name in names or ("maildrop", "incoming", "active", "deferred", "incoming", "active"):
            for where, _, files in os.walk(os.path.join(self.queue_directory, name)):
                found.update((os.path.join(where, f), None) for f in files)
        return list(found)

    def queue_ids(self, *names):
        """Those of queue_files()."""
        return {os.path.basename(path) for path in self.queue_files(*names)}

    def wait_deferred(self, *queue_ids):
        """A delivery's line comes before its queue file goes back from active to deferred; the path there."""
        paths = [os.path.join(self.queue_directory, "deferred", name[0], name) for name in queue_ids]
        until(lambda: all(os.path.exists(path) for path in paths), 30, lambda: "%s in deferred\n%s" % (queue_ids, self.tail()))
        return paths[0]

    def mailbox(self, user):
        """Text of a user's mbox file below mail_spool_directory."""
        return self._read("mail/" + user)


class SuiteTestCase(unittest.TestCase):
    """Tests that share one running instance, made from the class attributes."""
    main_cf = {}
    master_cf = ""
    aliases = ""
    maps = {}           # {name: text}: etc/NAME, indexed as hash:@etc@/NAME
    resolver = None
    valgrind = False
    suite = None

    @classmethod
    def product(cls):
        return products.staged()

    @classmethod
    def configure(cls, suite):
        """For what class attributes cannot say; runs before the start."""

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite(cls.main_cf, cls.master_cf, cls.product(), cls.resolver, cls.valgrind)
        try:
            cls.suite.make_aliases(cls.aliases)
            for name, text in cls.maps.items():
                cls.suite.make_map(name, text)
            cls.configure(cls.suite)
            cls.suite.start()
        except BaseException:
            cls.suite.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.suite.close()

    def run(self, result=None):
        """A failed test shows the end of the log."""
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.suite:
            print("\n%s:\n%s" % (self.id(), self.suite.tail()), file=sys.stderr)
        return outcome

    def assert_reply(self, reply, code, enhanced=None, text=None):
        """TEXT has to be part of the reply's text."""
        self.assertEqual(reply.code, code, reply.lines)
        if enhanced is not None:
            self.assertEqual(reply.enhanced, enhanced, reply.lines)
        if text is not None:
            self.assertIn(text, reply.text, reply.lines)
